//! Where the PIN comes from: the option, the environment, the terminal.

use std::env;

use cipherpad_core::pin::{Pin, PinError, PinPolicy};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::screen;

const VARIABLE: &str = "ENUM_PAD_PIN";

/// Why there is no PIN.
#[derive(Debug, Error)]
pub(crate) enum PinProblem {
    #[error(transparent)]
    Pin(#[from] PinError),
    #[error("this pad has a PIN, and there is no terminal to ask for it: give --pin or set {VARIABLE}")]
    NobodyToAsk,
    #[error("the two PINs differ: start again")]
    Differ,
    #[error("the terminal failed while the PIN was typed: {0}")]
    Terminal(#[from] std::io::Error),
}

/// The PIN of an activated pad. Whether it is right, only the server can find out.
pub(crate) fn typed(option: Option<String>) -> Result<Pin, PinProblem> {
    let text = match given(option) {
        Some(text) => text,
        None if screen::can_ask() => ask("PIN: ")?,
        None => return Err(PinProblem::NobodyToAsk),
    };
    Ok(Pin::typed(&text)?)
}

/// A new PIN, or `None` where nobody can be asked for one.
pub(crate) fn chosen(option: Option<String>, policy: PinPolicy) -> Result<Option<Pin>, PinProblem> {
    let text = match given(option) {
        Some(text) => text,
        None if screen::can_ask() => ask_twice()?,
        None => return Ok(None),
    };
    Ok(Some(Pin::choose(&text, policy)?))
}

fn given(option: Option<String>) -> Option<Zeroizing<String>> {
    option.or_else(|| env::var(VARIABLE).ok().filter(|pin| !pin.is_empty())).map(Zeroizing::new)
}

fn ask_twice() -> Result<Zeroizing<String>, PinProblem> {
    let first = ask("Choose a PIN of at least 6 digits (or start again with --no-pin): ")?;
    let second = ask("The same PIN again: ")?;
    if *first == *second { Ok(first) } else { Err(PinProblem::Differ) }
}

fn ask(prompt: &str) -> Result<Zeroizing<String>, PinProblem> {
    Ok(Zeroizing::new(rpassword::prompt_password(prompt)?))
}
