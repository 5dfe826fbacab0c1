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

pub(crate) fn scan(path: &Path, text: &str, pin: Option<String>) -> Result<(), PadError> {
    let (store, pad) = open(path)?;
    let question = match qr::parse(text, digits(&pad)?)? {
        Scanned::Unsigned(question) => {
            screen::say("This code is not signed: nobody vouches for the site that shows it.")?;
            show(&question, None)?;
            question
        }
        Scanned::Signed(signed) => {
            let Vouched { origin, name, question, money, .. } =
                signed.verify(&pad.qr_key, surroundings::unix_seconds()?)?;
            screen::say(&format!("Site: {name} ({origin})"))?;
            show(&question, money.as_ref())?;
            question
        }
    };
    if screen::can_ask() && !screen::agrees(&doubt(&question))? {
        return Err(PadError::Declined);
    }
    respond(&store, pad, &question, pin)
}

/// Whoever has malware on the computer is told what to type there; so the pad asks about what it was given.
fn doubt(question: &Question) -> String {
    match question {
        Question::Login { .. } => "Are you logging in there right now?".to_owned(),
        Question::Payment { payee, .. } => format!("Who gets the money? Do you want to pay {payee}?"),
    }
}

fn show(question: &Question, money: Option<&Money>) -> Result<(), PadError> {
    let Question::Payment { payee, amount, .. } = question else {
        return Ok(screen::say("Purpose: authorization")?);
    };
    let places = money.map_or(CLASSIC_MINOR_DIGITS, |money| money.minor_digits);
    let currency = money.map_or("", |money| &money.currency);
    screen::say("Purpose: payment")?;
    screen::say(&format!("Payee: {payee}"))?;
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
