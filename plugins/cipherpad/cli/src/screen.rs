//! What the person sees.

use std::io::{self, IsTerminal, Write};

/// A line for the person, on standard error.
pub(crate) fn say(line: &str) -> io::Result<()> {
    writeln!(io::stderr().lock(), "{}", printable(line))
}

/// The answer, alone on standard output.
pub(crate) fn answer(digits: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{digits}")?;
    out.flush()
}

/// Whether somebody can be asked.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal()
}

/// Asks a yes-or-no question; anything but a clear yes is a no.
pub(crate) fn agrees(question: &str) -> io::Result<bool> {
    write!(io::stderr().lock(), "{} [y/N] ", printable(question))?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Names of sites come from outside: control characters and marks of direction could forge what the terminal shows.
fn printable(text: &str) -> String {
    let forging = |c: char| {
        c.is_control() || matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if forging(c) { '\u{FFFD}' } else { c }).collect()
}
