//! Which question an address is asked.
//!
//! One of the list is shown in the language of the page. A question in somebody's own words is not shown but named: only
//! its owner could have written it, so it would tell that the address is known, and anybody could read it. An address
//! without a question is asked one that people really have, as often as they have it, and always the same.

use serde_json::json;

use super::Sought;
use crate::{
    account::form::QUESTIONS, app::App, counted::Counted, error::Internal, login, pages::LOCALES, store::account,
};

/// The text that asks for the answer to a question of the person's own.
const OWN: &str = "recover_own_question";

/// How many accounts have which question. One lives in `App`.
#[derive(Debug, Default)]
pub struct Questions(Counted<Vec<(i64, i64)>>);

/// The key of the text that asks. The counts are looked at for everybody, so that all take alike.
pub(super) async fn question_for(app: &App, sought: &Sought) -> Result<String, Internal> {
    let counts = app.questions.0.get(app.clock.now(), |_| true, count(app)).await?;
    let theirs = sought.account.as_ref().map(|account| account.security_question.as_str());
    let place = if let Some(question) = theirs.filter(|question| !question.is_empty()) {
        place_of(app, question)
    } else {
        let drawn = app.seal.derive(&[b"recovery question", sought.email.as_bytes()]);
        login::draw(&counts, &drawn).and_then(|place| usize::try_from(place).ok()).unwrap_or(0)
    };
    Ok(QUESTIONS.get(place).map_or_else(|| OWN.to_owned(), |id| format!("question_{id}")))
}

/// Place in the list; behind its end for a question of the person's own.
fn place_of(app: &App, question: &str) -> usize {
    let is_it = |id: &&str| LOCALES.iter().any(|locale| text(app, locale, id) == question);
    QUESTIONS.iter().position(is_it).unwrap_or(QUESTIONS.len())
}

fn text(app: &App, locale: &str, id: &str) -> String {
    app.pages.text(locale, &format!("question_{id}"), &json!({}))
}

/// Places and how many accounts have what stands there, in their order.
async fn count(app: &App) -> Result<Vec<(i64, i64)>, Internal> {
    let all: Vec<String> =
        QUESTIONS.iter().flat_map(|id| LOCALES.iter().map(move |locale| text(app, locale, id))).collect();
    let (each, having) = account::questions(app.db.read(), &all).await?;
    let listed = |place: usize| {
        let is_there = |question: &str| place_of(app, question) == place;
        each.iter().filter(|(question, _)| is_there(question)).map(|(_, accounts)| accounts).sum::<i64>()
    };
    let mut counts: Vec<i64> = (0..QUESTIONS.len()).map(listed).collect();
    counts.push(having - counts.iter().sum::<i64>());
    Ok((0_i64..).zip(counts).collect())
}
