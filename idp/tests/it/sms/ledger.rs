//! The ledger adds up, whatever comes twice or at once, and can be taken out and checked.

use std::collections::BTreeMap;

use enum_idp::store::fee::{self, Kind, Line};
use sea_orm::ConnectionTrait;
use serde_json::Value;
use tokio::task::JoinSet;

use super::{ANN, asked_to_pay, code, ledger, member, provider, shown_the_fee};
use crate::{
    codes::{answers, is_in},
    on_both_databases,
    support::{database::Database, program::Program, provider::Provider},
};

on_both_databases! {
    it_adds_up_under_load_and_replays,
    nothing_is_taken_back_that_was_not_charged,
    it_is_exported_and_checked_from_outside,
}

const PEOPLE: usize = 6;

async fn settles(provider: &Provider, effect: &str, kind: Kind) {
    let (effect, now) = (effect.to_owned(), provider.app.clock.now());
    let settled = provider.app.db.write(move |tx| Box::pin(async move { fee::settle(tx, &effect, kind, now).await }));
    settled.await.unwrap();
}

/// Waits until the courier has settled all of them.
async fn settled(provider: &Provider, count: usize) -> Vec<Line> {
    for _ in 0..4000 {
        let lines = ledger(provider).await;
        if lines.len() == count && lines.iter().all(|line| line.status() != "pending") {
            return lines;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("not all settled: {:?}", ledger(provider).await)
}

fn sums(lines: &[Line]) -> BTreeMap<(String, String), i64> {
    let mut sums = BTreeMap::new();
    for line in lines {
        *sums.entry((line.account_id.clone(), line.currency.clone())).or_default() += line.owed_minor();
    }
    sums
}

async fn it_adds_up_under_load_and_replays(database: Database) {
    let provider = std::sync::Arc::new(provider(database).await);
    let mut people = JoinSet::new();
    for number in 0..PEOPLE {
        let provider = provider.clone();
        people.spawn(async move {
            let email = format!("p{number}@example.com");
            member(&provider, &email, "en").await;
            let (person, _) = shown_the_fee(&provider, &email, 1050).await;
            let mut tabs = JoinSet::new();
            for _ in 0..3 {
                let mut tab = person.clone();
                tabs.spawn(async move {
                    tab.presses("accept").await;
                    tab
                });
            }
            let mut tab = tabs.join_all().await.remove(0);
            // The enrolling code was handed over by hand, so this is the only message.
            answers(&mut tab, &code(&provider, &email, 1).await).await;
            is_in(&tab);
        });
    }
    while let Some(done) = people.join_next().await {
        done.unwrap();
    }
    let lines = settled(&provider, PEOPLE).await;
    assert!(lines.iter().all(|line| line.status() == "charged" && line.fault().is_none()), "{lines:?}");
    assert_eq!((sums(&lines).len(), sums(&lines).values().all(|owed| *owed == 5)), (PEOPLE, true));

    // Fates come twice and at once; of every other message it is reported that it never arrived.
    let mut fates = JoinSet::new();
    for (index, line) in lines.iter().enumerate() {
        let mut kinds = vec![Kind::Charged, Kind::Charged, Kind::Void];
        if index % 2 == 0 {
            kinds.extend([Kind::Reversed, Kind::Reversed, Kind::Reversed]);
        }
        for kind in kinds {
            let (provider, effect) = (provider.clone(), line.effect.clone());
            fates.spawn(async move { settles(&provider, &effect, kind).await });
        }
    }
    while let Some(done) = fates.join_next().await {
        done.unwrap();
    }
    let after = ledger(&provider).await;
    for (index, line) in after.iter().enumerate() {
        let (status, owed) = if index % 2 == 0 { ("reversed", 0) } else { ("charged", 5) };
        assert_eq!((line.status(), line.owed_minor(), line.fault()), (status, owed, None), "{line:?}");
    }
    assert_eq!(sums(&after).values().sum::<i64>(), 5 * i64::try_from(PEOPLE / 2).unwrap());
}

async fn nothing_is_taken_back_that_was_not_charged(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN, "en").await;
    asked_to_pay(&provider, ANN, 1050).await;
    let effect = settled(&provider, 1).await[0].effect.clone();
    let row = |kind: &str| format!("UPDATE fee_entry SET kind = '{kind}', amount_minor = 0 WHERE step = 1");
    provider.app.db.read().execute_unprepared(&row("void")).await.unwrap();
    settles(&provider, &effect, Kind::Reversed).await;
    assert_eq!(ledger(&provider).await[0].reversed_at, None);
    // A message without a charge is nobody's.
    settles(&provider, "challenge:none", Kind::Charged).await;
    assert_eq!(ledger(&provider).await.len(), 1);
}

async fn it_is_exported_and_checked_from_outside(database: Database) {
    let provider = provider(database).await;
    for email in [ANN, "bob@example.com"] {
        member(&provider, email, "en").await;
        asked_to_pay(&provider, email, 1050).await;
    }
    settled(&provider, 2).await;
    let program = Program { config: provider.dir.join("enum.toml") };
    std::fs::write(&program.config, provider.configuration()).unwrap();
    let lines = |text: &str| text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
    let all = lines(&program.succeeds(&["fees", "export"]));
    assert_eq!(all.len(), 2);
    let hers = lines(&program.succeeds(&["fees", "list", "--email", ANN]));
    assert_eq!((&hers[0]["amount"], &hers[0]["status"]), (&"0.05".into(), &"charged".into()));
    assert_eq!((hers.len(), &hers[1]["owed"], &hers[1]["currency"]), (2, &"0.05".into(), &"WMZ".into()));
    assert!(program.succeeds(&["fees", "export", "--until", "2020-01-01"]).is_empty());
    let verified = program.succeeds(&["fees", "verify", "--since", "2020-01-01"]);
    assert!(verified.contains("\"charges\":2") && verified.contains("\"faults\":0"), "{verified}");
    for (change, fault) in
        [("UPDATE fee_entry SET amount_minor = 4", "another amount"), ("DELETE FROM fee_entry", "not charged")]
    {
        provider.app.db.read().execute_unprepared(change).await.unwrap();
        let ended = program.runs(&["fees", "verify"]);
        assert!(!ended.success && ended.stdout.contains(fault), "{change}: {ended:?}");
    }
}
