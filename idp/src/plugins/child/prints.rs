//! What a plugin's process writes to its standard error, such as the text of a panic: a little of it goes to the log.

use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::ChildStderr;
use std::thread;

use crate::plugins::services::one_line;

/// Lines of one process that are logged; the rest is read, so that the process does not block, and thrown away.
const LINES: usize = 20;
/// Longest piece that counts as a line, in bytes.
const PIECE: u64 = 1000;

/// Logs from a thread of its own, which ends with the process.
pub(super) fn follow(plugin: PathBuf, from: ChildStderr) -> io::Result<()> {
    let log = move |line: &str| tracing::warn!(plugin = %plugin.display(), "its process printed: {line}");
    let read = move || drop(first_lines(BufReader::new(from), log));
    thread::Builder::new().name("plugin:prints".to_owned()).spawn(read).map(drop)
}

/// # Errors
/// When it cannot read on.
fn first_lines(mut from: impl BufRead, log: impl Fn(&str)) -> io::Result<u64> {
    for _ in 0..LINES {
        let mut piece = Vec::new();
        if from.by_ref().take(PIECE).read_until(b'\n', &mut piece)? == 0 {
            return Ok(0);
        }
        log(one_line(&String::from_utf8_lossy(&piece)).trim_end());
    }
    io::copy(&mut from, &mut io::sink())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::cell::RefCell;

    use super::*;

    fn logged(text: &[u8]) -> (Vec<String>, u64) {
        let lines = RefCell::new(Vec::new());
        let rest = first_lines(text, |line| lines.borrow_mut().push(line.to_owned())).unwrap();
        (lines.into_inner(), rest)
    }

    #[test]
    fn lines_are_cleaned_and_the_last_needs_no_end() {
        let (lines, rest) = logged(b"one\r\n\x1b[2Jtwo \xff\nthree");
        assert_eq!(lines, ["one", " [2Jtwo \u{fffd}", "three"]);
        assert_eq!(rest, 0);
    }

    #[test]
    fn a_flood_is_read_to_its_end_and_little_of_it_is_kept() {
        let (lines, rest) = logged(&b"again\n".repeat(1000));
        assert_eq!(lines, ["again"; LINES]);
        assert_eq!(rest, 6 * (1000 - LINES as u64));
        let (lines, rest) = logged(&b"x".repeat(100_000));
        assert!(lines.len() == LINES && lines.iter().all(|line| line.len() == 1000));
        assert_eq!(rest, 80_000);
    }
}
