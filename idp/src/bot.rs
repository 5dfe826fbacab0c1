//! The bot check: a small sum, written in words of the page's language. It needs no script, no picture and no third
//! party, and a screen reader reads it. It keeps simple robots out; limits keep the rest in check.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{app::App, clock::HOUR, error::Internal, store::spent};

const SLOT: &str = "bot-check";

/// A sum to be solved. Travels sealed: the page shows words, the answer comes back once.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Sum {
    a: u8,
    b: u8,
    id: String,
}

/// What the form shows.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    sealed: String,
    question: String,
}

/// A new sum.
///
/// # Errors
/// When the generator or sealing fails.
pub fn ask(app: &App, locale: &str) -> Result<Shown, Internal> {
    let [first, second] = app.entropy.bytes::<2>()?;
    let sum = Sum { a: 2 + first % 11, b: 2 + second % 11, id: app.entropy.id()? };
    let sealed = app.seal.travel(SLOT, "", app.clock.now() + HOUR, &sum)?;
    Ok(show(app, locale, &sum, sealed))
}

/// The same sum again, since it was not judged; a new one if it is too old or not ours.
///
/// # Errors
/// As [`ask`].
pub fn ask_again(app: &App, locale: &str, sealed: &str) -> Result<Shown, Internal> {
    match app.seal.open_travel::<Sum>(SLOT, "", app.clock.now(), sealed) {
        Ok(sum) => Ok(show(app, locale, &sum, sealed.to_owned())),
        Err(_) => ask(app, locale),
    }
}

fn show(app: &App, locale: &str, sum: &Sum, sealed: String) -> Shown {
    let word = |number: u8| app.pages.text(locale, &format!("number_{number}"), &json!({}));
    let question = app.pages.text(locale, "bot_question", &json!({ "a": word(sum.a), "b": word(sum.b) }));
    Shown { sealed, question }
}

/// Judges an answer. Right or wrong, the sum is spent: guessing means asking for a new one each time.
///
/// # Errors
/// When the database fails.
pub async fn is_solved(app: &App, sealed: &str, answer: &str) -> Result<bool, Internal> {
    let now = app.clock.now();
    let Ok(sum) = app.seal.open_travel::<Sum>(SLOT, "", now, sealed) else { return Ok(false) };
    let row = spent::Model { purpose: SLOT.to_owned(), hash: app.seal.hash(SLOT, &sum.id), expires_at: now + HOUR };
    let first = app
        .db
        .write(move |tx| Box::pin(async move { Ok::<_, Internal>(spent::spending(row).touches(tx).await?) }))
        .await?;
    Ok(first && answer.trim().parse() == Ok(sum.a + sum.b))
}
