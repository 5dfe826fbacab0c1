#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use super::*;
use crate::{
    bot,
    clock::{Clock, HOUR, Hand},
    config::Config,
    entropy::Entropy,
    store::outbox,
};

pub(super) struct World {
    pub(super) app: Arc<App>,
    pub(super) hand: Hand,
    _dir: tempfile::TempDir,
}

impl World {
    /// A provider without plugins, whose clock stands still.
    pub(super) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let text = format!(
            "issuer = 'http://localhost:8080'\ndata_dir = '{0}'\n[mail]\nurl = 'file:{0}/out'\n[sms]\nurl = 'file:{0}/out'",
            dir.path().display()
        );
        let config = Config::parse(&text, "test.toml", BTreeMap::new()).unwrap();
        let (clock, hand) = Clock::by_hand(1_800_000_000_000);
        let app = crate::serve::build_with(config, clock, Entropy::system()).await.unwrap();
        Self { app, hand, _dir: dir }
    }

    async fn new_account(&self, email: &str) -> Result<Created, CreateError> {
        let new = NewAccount { email: email.to_owned(), phone: "+84 912 345 678".to_owned(), ..NewAccount::default() };
        create_by_admin(&self.app, new).await
    }
}

/// The sum in the words of an English question.
fn solve(question: &str) -> u8 {
    let words = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    let number = |word: &str| words.iter().position(|known| word.trim_end_matches('?') == *known);
    question.split(' ').filter_map(number).map(|at| u8::try_from(at).unwrap() + 2).sum()
}

fn parts(shown: &bot::Shown) -> (String, String) {
    let value = serde_json::to_value(shown).unwrap();
    (value["sealed"].as_str().unwrap().to_owned(), value["question"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_bot_check_is_solved_once() {
    let world = World::new().await;
    for _ in 0..20 {
        let (sealed, question) = parts(&bot::ask(&world.app, "en").unwrap());
        let answer = format!(" {} ", solve(&question));
        assert!(bot::is_solved(&world.app, &sealed, &answer).await.unwrap(), "{question} {answer}");
        assert!(!bot::is_solved(&world.app, &sealed, &answer).await.unwrap(), "replayed");
    }
}

#[tokio::test]
async fn a_bot_check_cannot_be_guessed_kept_or_made_up() {
    let world = World::new().await;
    let (sealed, question) = parts(&bot::ask(&world.app, "en").unwrap());
    let right = solve(&question).to_string();
    assert!(!bot::is_solved(&world.app, &sealed, "1").await.unwrap());
    assert!(!bot::is_solved(&world.app, &sealed, &right).await.unwrap(), "one try a sum");
    let (sealed, question) = parts(&bot::ask(&world.app, "en").unwrap());
    world.hand.advance(HOUR);
    assert!(!bot::is_solved(&world.app, &sealed, &solve(&question).to_string()).await.unwrap(), "too old");
    assert!(!bot::is_solved(&world.app, "AAAA", "4").await.unwrap());
    assert!(!bot::is_solved(&world.app, "", "").await.unwrap());
}

#[tokio::test]
async fn a_sum_that_was_not_judged_is_asked_again_in_any_language() {
    let world = World::new().await;
    let first = bot::ask(&world.app, "en").unwrap();
    let (sealed, question) = parts(&first);
    let (again, russian) = parts(&bot::ask_again(&world.app, "ru", &sealed).unwrap());
    assert_eq!(sealed, again);
    assert!(russian.contains("плюс"));
    assert_ne!(question, russian);
    world.hand.advance(HOUR);
    let (fresh, _) = parts(&bot::ask_again(&world.app, "en", &sealed).unwrap());
    assert_ne!(fresh, sealed);
}

#[tokio::test]
async fn an_email_belongs_to_one_account_and_a_number_to_several() {
    let world = World::new().await;
    let created = world.new_account("Anna@Example.com").await.unwrap();
    assert_eq!(created.begun.code, None);
    assert!(
        matches!(world.new_account("anna@example.com").await, Err(CreateError::Taken(email)) if email == "anna@example.com")
    );
    world.new_account("boris@example.com").await.unwrap();
    let whole = crate::store::log::verify(world.app.db.read(), &world.app.seal, &created.account_id).await.unwrap();
    assert_eq!(whole, crate::store::log::Verdict::Whole { entries: 1 });
    assert_eq!(outbox::next_due(world.app.db.read(), &["mail", "sms", "call"]).await.unwrap(), None, "nothing is sent");
}

#[tokio::test]
async fn an_administrator_is_told_what_is_wrong() {
    let world = World::new().await;
    let told = |new: NewAccount| async { create_by_admin(&world.app, new).await.unwrap_err().to_string() };
    let good = NewAccount { email: "a@b.example".into(), phone: "+84912345678".into(), ..NewAccount::default() };
    assert!(told(NewAccount { email: "a".into(), ..good.clone() }).await.contains("name@example.com"));
    assert!(told(NewAccount { phone: "0912".into(), ..good.clone() }).await.contains("country code"));
    assert!(told(NewAccount { activate: true, ..good }).await.contains("plugins.enabled"));
}
