//! `answer`, `pay` and `scan`.

use std::path::Path;

use cipherpad_core::{
    challenge::{Challenge, ChallengeError, Digits},
    payment::Amount,
    qr::{self, CLASSIC_MINOR_DIGITS, Money, Scanned, Vouched},
    question::Question,
    verify::STEP_SECONDS,
};

use crate::{
    PadError, pin, screen,
    store::{Pad, Store, StoreError},
    surroundings,
};

pub(crate) fn login(path: &Path, challenge: &str, pin: Option<String>) -> Result<(), PadError> {
    let (store, pad) = open(path)?;
    let challenge = Challenge::parse(challenge, digits(&pad)?)?;
    respond(&store, pad, &Question::Login { challenge }, pin)
}

pub(crate) fn payment(
    path: &Path,
    challenge: &str,
    purse: &str,
    amount: &str,
    minor_digits: u8,
    pin: Option<String>,
) -> Result<(), PadError> {
    let (store, pad) = open(path)?;
    let question = Question::Payment {
        challenge: Challenge::parse(challenge, digits(&pad)?)?,
        payee: purse.parse()?,
        amount: Amount::parse(amount, minor_digits)?,
    };
    // Typed by the person just now: nothing to show again.
    respond(&store, pad, &question, pin)
}

/// `amount` as typed, with the digits behind its point.
pub(crate) fn operation(
    path: &Path,
    challenge: &str,
    check: &str,
    amount: (Option<&str>, u8),
    pin: Option<String>,
) -> Result<(), PadError> {
    let (store, pad) = open(path)?;
    let (amount, minor_digits) = amount;
    let question = Question::Operation {
        challenge: Challenge::parse(challenge, digits(&pad)?)?,
        check: check.parse()?,
        amount: amount.map(|amount| Amount::parse(amount, minor_digits)).transpose()?,
    };
    respond(&store, pad, &question, pin)
}

pub(crate) fn scan(path: &Path, text: &str, pin: Option<String>) -> Result<(), PadError> {
    let (store, pad) = open(path)?;
    let (question, words) = match qr::parse(text, digits(&pad)?)? {
        Scanned::Unsigned(question) => {
            screen::say("This code is not signed: nobody vouches for the site that shows it.")?;
            show(&question, None, None)?;
            (question, None)
        }
        Scanned::Signed(signed) => {
            let Vouched { origin, name, question, money, words, .. } =
                signed.verify(&pad.qr_key, surroundings::unix_seconds()?)?;
            screen::say(&site(&name, &origin))?;
            show(&question, money.as_ref(), words.as_deref())?;
            (question, words)
        }
    };
    if screen::can_ask() && !screen::agrees(&doubt(&question, words.as_deref()))? {
        return Err(PadError::Declined);
    }
    respond(&store, pad, &question, pin)
}

/// Who asks. A device has no origin.
fn site(name: &str, origin: &str) -> String {
    if origin.is_empty() { format!("Site: {name}") } else { format!("Site: {name} ({origin})") }
}

/// Whoever has malware on the computer is told what to type there; so the pad asks about what it was given.
fn doubt(question: &Question, words: Option<&str>) -> String {
    match (question, words) {
        (Question::Login { .. }, _) => "Are you logging in there right now?".to_owned(),
        (_, Some(words)) => format!("Is this what you want: {words}?"),
        (Question::Payment { payee: account, .. } | Question::Operation { check: account, .. }, None) => {
            format!("Who gets the money? Do you want to pay {account}?")
        }
    }
}

/// The number of the question is a check number where there are words, and else a purse.
fn show(question: &Question, money: Option<&Money>, words: Option<&str>) -> Result<(), PadError> {
    let (purpose, number, amount) = match question {
        Question::Login { .. } => return Ok(screen::say("Purpose: authorization")?),
        Question::Payment { payee, amount, .. } => ("payment", payee, Some(*amount)),
        Question::Operation { check, amount, .. } => ("operation", check, *amount),
    };
    screen::say(&format!("Purpose: {purpose}"))?;
    match words {
        Some(words) => {
            screen::say(&format!("What: {words}"))?;
            screen::say(&format!("Check number: {number}"))?;
        }
        None => screen::say(&format!("Payee: {number}"))?,
    }
    let Some(amount) = amount else { return Ok(()) };
    let places = money.map_or(CLASSIC_MINOR_DIGITS, |money| money.minor_digits);
    let currency = money.map_or("", |money| &money.currency);
    Ok(screen::say(format!("Amount: {} {currency}", amount.display(places)).trim_end())?)
}

fn open(path: &Path) -> Result<(Store, Pad), PadError> {
    // Ask first: a lock file beside a store that does not exist would only puzzle.
    if !path.exists() {
        return Err(StoreError::NotActivated(path.to_owned()).into());
    }
    let store = Store::open(path)?;
    let pad = store.read()?;
    Ok((store, pad))
}

fn digits(pad: &Pad) -> Result<Digits, ChallengeError> {
    pad.suites.digits().ok_or(ChallengeError::Policy)
}

/// Computes the answer, makes the counter's next value durable, then shows the answer.
fn respond(store: &Store, mut pad: Pad, question: &Question, pin: Option<String>) -> Result<(), PadError> {
    let (keys, picture) = pad.key.open(|| pin::typed(pin).map_err(PadError::from))?;
    let minute = surroundings::unix_seconds()? / STEP_SECONDS;
    let answer = question.answer(&pad.suites, &keys, pad.counter, minute)?;
    pad.counter = pad.counter.wrapping_add(1);
    store.write(&pad)?;
    if let Some(picture) = picture.filter(|_| !pad.paranoid) {
        screen::say(&format!("Picture of your PIN: {}", picture.name()))?;
    }
    Ok(screen::answer(&answer)?)
}
