//! The process is killed, and the power cut, at random moments under load: nothing that was told is missing afterwards,
//! nothing single-use works twice, and no counter is lower than the tries made.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use enum_idp::store::{self, Db, embedded_url, log::Event};
use serde_json::json;
use tokio::task::JoinSet;

use super::{machine::Machine, witness::Witness};
use crate::support::sites::Sites;

/// People who log in at the same time.
const WITNESSES: usize = 6;
/// How often it dies, half of the times by `kill -9` and half by a power cut.
const DEATHS: u64 = 16;
/// No more deaths after this.
const BOUND: Duration = Duration::from_secs(50);

#[expect(clippy::print_stdout, reason = "the seed is what a failed run is repeated with")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_told_is_lost_and_nothing_happens_twice() {
    let seed = seed();
    println!("ENUM_TEST_SEED={seed} repeats this run");
    let mut random = seed;
    let mut machine = Machine::new();
    let created = machine.runs(&[
        "account",
        "create",
        "--email",
        "w{n}@example.com",
        "--phone",
        "+447400123456",
        "--activate",
        "--count",
        "6",
    ]);
    assert_eq!(created.len(), WITNESSES);
    machine.starts().await;
    let sites = Arc::new(std::mem::replace(
        &mut machine.sites,
        Sites::of(&machine.origin, "unused", &enum_idp::clock::Clock::system()),
    ));
    let mut witnesses = Vec::new();
    for account in &created {
        let (email, code) = (account["email"].as_str().unwrap(), account["code"].as_str().unwrap());
        witnesses.push(Witness::activates(&machine.origin, sites.clone(), email, code).await);
    }
    let begun = Instant::now();
    let mut deaths = 0;
    while deaths < DEATHS && begun.elapsed() < BOUND {
        let living: JoinSet<Witness> = witnesses.into_iter().map(Witness::lives).collect();
        tokio::time::sleep(Duration::from_millis(50 + next(&mut random) % 500)).await;
        if next(&mut random).is_multiple_of(2) {
            machine.is_killed().await;
        } else {
            machine.loses_power().await;
        }
        deaths += 1;
        witnesses = living.join_all().await;
        machine.starts().await;
        for witness in &mut witnesses {
            witness.testifies().await.expect("the server is up");
        }
    }
    let told: usize = witnesses.iter().map(|witness| witness.passes + witness.failures).sum();
    println!("{deaths} deaths, {told} verdicts told");
    assert!(deaths >= 4 && told > 50, "too little has happened to show anything: {deaths} deaths, {told} verdicts");
    machine.is_killed().await;
    for witness in &witnesses {
        counters_are_not_lower(&machine, witness).await;
    }
}

/// Every verdict that was told stands in the log, and in the enrolment's counter.
async fn counters_are_not_lower(machine: &Machine, witness: &Witness) {
    let verdict = machine.runs(&["account", "audit", "verify", "--email", &witness.email]);
    assert_eq!(verdict[0]["verdict"], json!("whole"), "{}: {verdict:?}", witness.email);
    let db = Db::open(&embedded_url(&machine.file("data"))).await.unwrap();
    let account = store::account::by_email(db.read(), &witness.email).await.unwrap().unwrap();
    let entries = store::log::newest(db.read(), &account.id, 1_000_000).await.unwrap();
    let events: Vec<Event> = entries.iter().map(|entry| serde_json::from_str(&entry.event).unwrap()).collect();
    let count = |result: &str| events.iter().filter(|event| event.what == "login" && event.result == result).count();
    assert!(
        count("ok") >= witness.passes,
        "{}: {} of {} passes are logged",
        witness.email,
        count("ok"),
        witness.passes
    );
    assert!(
        count("wrong") >= witness.failures,
        "{}: {} of {} failures are logged",
        witness.email,
        count("wrong"),
        witness.failures
    );
    let row = store::enrolment::of_account(db.read(), &account.id).await.unwrap().remove(0);
    let number = usize::try_from(row.challenge_number).unwrap();
    assert!(number >= witness.passes, "{}: number {number} after {} passes", witness.email, witness.passes);
}

fn seed() -> u64 {
    let given = std::env::var("ENUM_TEST_SEED").ok().map(|text| text.parse().expect("ENUM_TEST_SEED is a number"));
    given.unwrap_or_else(|| {
        let mut bytes = [0; 8];
        aws_lc_rs::rand::fill(&mut bytes).unwrap();
        u64::from_le_bytes(bytes)
    })
}

/// SplitMix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
