//! What the person reads on the terminal.

use std::io::{self, Write};

/// A line for the person, on standard error.
pub(crate) fn say(line: &str) -> io::Result<()> {
    writeln!(io::stderr().lock(), "{}", printable(line))
}

/// A line of a list, on standard output; tabs between its columns.
pub(crate) fn list(columns: &[&str]) -> io::Result<()> {
    let columns: Vec<String> = columns.iter().map(|column| printable(column)).collect();
    writeln!(io::stdout().lock(), "{}", columns.join("\t"))
}

/// Names of accounts come from websites: control characters and marks of direction could forge what is shown.
fn printable(text: &str) -> String {
    let forging = |c: char| {
        c.is_control() || matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if forging(c) { '\u{FFFD}' } else { c }).collect()
}
