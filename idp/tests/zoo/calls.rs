//! Plugins that misbehave in a call: each fails by itself, and its neighbour goes on.
//!
//! | what it does | in a thread | in a process |
//! | --- | --- | --- |
//! | panics | `Panicked` | the same |
//! | returns an unknown status, invalid UTF-8, two replies, 100 MB | `Malformed` | the same |
//! | null slices, many parts | fine | the same |
//! | passes with an `amr` that it was not granted | clipped | the same |
//! | hangs | `Late`, the thread is lost and replaced | `Late`, the process is killed and replaced |
//! | aborts, segfaults, exits, overflows its stack, eats memory | ends the server: not tried | `Died`, and is replaced |
//! | connects, reads and writes files, forks, looks at the environment | works | refused |
//!
//! The last two lines are in `apart`.

use std::fs;
use std::time::{Duration, Instant};

use enum_idp::plugins::{CallError, Isolation, Plugins};
use plugin_api::message::{Approved, Decoy, Facts, MapDetails, MappedDetails, Purpose, Step};
use plugin_api::testing::context;
use serde_json::{Value, json};

use crate::den::{Den, ROOMS, asks, example, inspected, pair, pinned, tell, within};

fn malformed(result: Result<Step, CallError>) -> String {
    match result {
        Err(CallError::Malformed(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_plugin_in_c_works() {
    for room in ROOMS {
        let den = Den::new();
        let (beast, lamb) = pair(&den, room, |_| ());
        assert_eq!(tell(&beast, "behave").await, Ok(asks()));
        assert_eq!(tell(&lamb, "behave").await, Ok(asks()));
        assert_eq!(beast.text("ru-RU", "name"), Some("Beast"));
        assert_eq!(beast.text("fr", "name"), Some("Beast"));
        assert_eq!(beast.text("en", "none"), None);
        assert_eq!(beast.page("ask.html"), Some("<p>?</p>"));
    }
}

#[tokio::test]
async fn a_reply_in_many_parts_and_null_slices_are_fine() {
    for room in ROOMS {
        let den = Den::new();
        let (beast, _) = pair(&den, room, |_| ());
        assert_eq!(tell(&beast, "in parts").await, Ok(asks()));
        assert_eq!(tell(&beast, "null slices").await, Ok(asks()));
    }
}

/// Each is a plugin of its own, since three faults would end in quarantine.
#[tokio::test]
async fn replies_that_break_the_contract() {
    for room in ROOMS {
        for (word, why) in [
            ("status 77", "it returned the status 77, which has no meaning"),
            ("status -1", "it returned the status -1, which has no meaning"),
            ("huge", "its reply is longer than 1048576 bytes"),
            ("not utf-8", "its reply is not JSON"),
            ("not json", "its reply is not JSON"),
            ("silent", "its reply is not JSON"),
            ("twice", "its reply is not JSON"),
            ("not a step", "its reply does not have the expected shape"),
            ("foreign page", "it asks for the page `other.html`, which it did not bring"),
            ("somebody else's", "its pass names an enrolment that it was not handed"),
            ("foreign text", "an effect names the text `none`, which it did not bring"),
        ] {
            let den = Den::new();
            let (beast, lamb) = pair(&den, room, |_| ());
            let said = malformed(tell(&beast, word).await);
            assert!(said.starts_with(why), "{word}: {said}");
            assert_eq!(tell(&lamb, "behave").await, Ok(asks()), "{word}");
            assert_eq!(tell(&beast, "behave").await, Ok(asks()), "{word}");
        }
    }
}

#[tokio::test]
async fn errors_in_good_order_are_no_faults() {
    for room in ROOMS {
        let den = Den::new();
        let (beast, _) = pair(&den, room, |_| ());
        for _ in 0..3 {
            assert_eq!(tell(&beast, "error").await, Err(CallError::Failed("out of ink".to_owned())));
            assert_eq!(tell(&beast, "mumble").await, Err(CallError::Failed("\u{fffd}\u{fffd}".to_owned())));
            assert_eq!(tell(&beast, "deny").await, Err(CallError::Denied("not on a Sunday".to_owned())));
            assert_eq!(tell(&beast, "unknown").await, Err(CallError::Unsupported));
        }
        let decoy = beast.decoy(&Decoy { cx: context(Purpose::Authorize) }).await;
        assert_eq!(decoy, Ok(None), "it does not know the method: the host uses its default");
        assert_eq!(tell(&beast, "behave").await, Ok(asks()));
    }
}

#[tokio::test]
async fn a_pass_is_clipped_to_what_the_manifest_declares() {
    for room in ROOMS {
        let den = Den::new();
        let (beast, _) = pair(&den, room, |_| ());
        assert_eq!(tell(&beast, "boast").await, Ok(Step::pass(Facts::amr(&["otp"]))));
    }
}

#[tokio::test]
async fn a_plugin_can_log_and_nothing_else() {
    for room in ROOMS {
        let den = Den::new();
        let (beast, _) = pair(&den, room, |_| ());
        assert_eq!(tell(&beast, "log").await, Ok(Step::wrong()));
    }
}

#[tokio::test]
async fn threads_of_a_plugin_reach_the_host_while_it_listens_and_disturb_nobody_when_it_does_not() {
    for room in ROOMS {
        let den = Den::new();
        let (beast, _) = pair(&den, room, |config| config.threads = 1);
        assert_eq!(tell(&beast, "sideways").await, Ok(Step::wrong()));
        assert_eq!(tell(&beast, "chat").await, Ok(Step::wrong()));
        for _ in 0..500 {
            assert_eq!(tell(&beast, "behave").await, Ok(asks()));
        }
    }
}

#[tokio::test]
async fn a_hanging_plugin_is_given_up_replaced_and_then_left_alone() {
    let den = Den::new();
    let (beast, lamb) = pair(&den, Isolation::Thread, |config| (config.threads, config.deadline_ms) = (1, 200));
    for _ in 0..2 {
        let (hung, neighbour) = tokio::join!(tell(&beast, "hang"), tell(&lamb, "behave"));
        assert_eq!(hung, Err(CallError::Late));
        assert_eq!(neighbour, Ok(asks()));
    }
    // One thread and one replacement are gone: there is nobody left to ask.
    assert_eq!(tell(&beast, "behave").await, Err(CallError::Quarantined));
    assert_eq!(tell(&lamb, "behave").await, Ok(asks()));
}

#[tokio::test]
async fn a_replacement_serves_after_a_hang() {
    let den = Den::new();
    let (beast, _) = pair(&den, Isolation::Thread, |config| (config.threads, config.deadline_ms) = (1, 200));
    assert_eq!(tell(&beast, "hang").await, Err(CallError::Late));
    assert_eq!(tell(&beast, "behave").await, Ok(asks()));
}

#[tokio::test]
async fn a_call_whose_caller_went_away_is_watched_all_the_same() {
    for room in ROOMS {
        let den = Den::new();
        let (beast, _) = pair(&den, room, |config| (config.threads, config.deadline_ms) = (1, 200));
        let gone = tokio::time::timeout(Duration::from_millis(20), tell(&beast, "hang")).await;
        assert!(gone.is_err());
        let patience = Instant::now() + Duration::from_secs(5);
        while tell(&beast, "behave").await != Ok(asks()) {
            assert!(Instant::now() < patience, "the thread was never replaced");
        }
    }
}

#[tokio::test]
async fn threads_that_come_back_late_serve_again() {
    let den = Den::new();
    let (beast, _) = pair(&den, Isolation::Thread, |config| (config.threads, config.deadline_ms) = (1, 100));
    assert_eq!(tell(&beast, "dawdle").await, Err(CallError::Late));
    assert_eq!(tell(&beast, "dawdle").await, Err(CallError::Late));
    let patience = Instant::now() + Duration::from_secs(5);
    while tell(&beast, "behave").await != Ok(asks()) {
        assert!(Instant::now() < patience, "no thread came back");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_full_queue_is_busy_at_once() {
    for room in ROOMS {
        let den = Den::new();
        let (beast, lamb) = pair(&den, room, |config| (config.threads, config.queue) = (1, 1));
        let calls: Vec<_> = (0..10)
            .map(|_| {
                let beast = beast.clone();
                tokio::spawn(async move { (tell(&beast, "dawdle").await, Instant::now()) })
            })
            .collect();
        assert_eq!(tell(&lamb, "behave").await, Ok(asks()));
        let (mut served, mut refused) = (Vec::new(), Vec::new());
        for call in calls {
            match call.await.unwrap() {
                (Ok(_), when) => served.push(when),
                (Err(CallError::Busy), when) => refused.push(when),
                other => panic!("{other:?}"),
            }
        }
        assert!((1..=3).contains(&served.len()), "{}", served.len());
        assert!(refused.iter().max() < served.iter().min(), "those that were refused did not wait");
        assert_eq!(tell(&beast, "behave").await, Ok(asks()), "being in demand is no fault");
    }
}

#[tokio::test]
async fn a_call_that_waits_too_long_is_busy_and_no_fault() {
    for room in ROOMS {
        let den = Den::new();
        let (beast, _) = pair(&den, room, |config| (config.threads, config.deadline_ms) = (1, 200));
        let (hung, waited) = tokio::join!(tell(&beast, "hang"), tell(&beast, "behave"));
        assert_eq!(hung, Err(CallError::Late));
        // It waited while the other hung; then either its patience ended or the replacement took it.
        assert!(waited == Err(CallError::Busy) || waited == Ok(asks()), "{waited:?}");
        assert_eq!(tell(&beast, "behave").await, Ok(asks()));
    }
}

#[tokio::test]
async fn three_faults_end_in_quarantine() {
    for room in ROOMS {
        let den = Den::new();
        let (beast, lamb) = pair(&den, room, |_| ());
        for _ in 0..3 {
            assert_eq!(tell(&beast, "panicked").await, Err(CallError::Panicked));
        }
        let quarantined = tell(&beast, "behave").await;
        assert_eq!(quarantined, Err(CallError::Quarantined));
        assert!(quarantined.unwrap_err().is_temporary());
        assert_eq!(tell(&lamb, "behave").await, Ok(asks()));
    }
}

#[tokio::test]
async fn a_panic_stays_inside_the_plugin() {
    for room in ROOMS {
        let den = Den::new();
        let plugins = Plugins::load(
            &[within(room, pinned(&example("panics"))), within(room, inspected(&den.lamb()))],
            &den.private(),
        )
        .unwrap();
        let (panics, lamb) = (plugins.factor("panics").unwrap(), plugins.factor("lamb").unwrap());
        assert_eq!(tell(&panics, "panic").await, Err(CallError::Panicked));
        assert_eq!(tell(&lamb, "behave").await, Ok(asks()));
        assert_eq!(tell(&panics, "behave").await, Ok(Step::ask("ask.html", json!({}), Value::Null)));
        assert_eq!(tell(&panics, "panic twice").await, Err(CallError::Panicked));
        // Its end panics as well; the process must survive that too.
        drop((panics, plugins));
        assert_eq!(tell(&lamb, "behave").await, Ok(asks()));
    }
}

#[tokio::test]
async fn overwriting_the_file_of_a_running_plugin_does_nothing() {
    for room in ROOMS {
        let den = Den::new();
        let path = den.lamb();
        let plugins = Plugins::load(&[within(room, inspected(&path))], &den.private()).unwrap();
        let lamb = plugins.factor("lamb").unwrap();
        fs::write(&path, b"overwritten in place, as `cp` does").unwrap();
        assert_eq!(tell(&lamb, "behave").await, Ok(asks()));
    }
}

#[tokio::test]
async fn two_servers_can_share_a_folder_for_copies() {
    let den = Den::new();
    let config = inspected(&den.lamb());
    let first = Plugins::load(std::slice::from_ref(&config), &den.private()).unwrap().factor("lamb").unwrap();
    let second = Plugins::load(&[config], &den.private()).unwrap().factor("lamb").unwrap();
    assert_eq!(tell(&first, "behave").await, Ok(asks()));
    assert_eq!(tell(&second, "behave").await, Ok(asks()));
}

#[tokio::test]
async fn plugins_are_found_by_purpose() {
    let den = Den::new();
    let plugins = Plugins::load(&[inspected(&den.beast(&[])), inspected(&den.lamb())], &den.private()).unwrap();
    let ids = |purpose| plugins.factors_for(purpose).iter().map(|f| f.id().to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(Purpose::Authorize), ["beast", "lamb"], "in the order of the configuration");
    assert_eq!(ids(Purpose::Payment), Vec::<String>::new());
    assert!(plugins.services().is_empty() && plugins.service_for("sale").is_none());
    assert!(plugins.factor("wolf").is_none());
    assert!(Plugins::none().factors().is_empty());
}

#[tokio::test]
async fn a_service_is_found_by_type_and_held_to_its_schema() {
    let den = Den::new();
    let plugins = Plugins::load(&[inspected(&example("till"))], &den.private()).unwrap();
    assert_eq!(plugins.details_types(), ["sale"]);
    let till = plugins.service_for("sale").unwrap();
    let sale = |purse: &str| json!({ "type": "sale", "purse": purse, "cents": 1250 });

    assert_eq!(till.validate(&sale("Z123456789012")), Ok(()));
    let negative = till.validate(&json!({ "type": "sale", "purse": "Z123456789012", "cents": -31 })).unwrap_err();
    assert!(negative.starts_with("/cents: ") && !negative.contains("31"), "{negative}");
    assert_eq!(till.validate(&json!({ "type": "gift" })).unwrap_err(), "/type: is not one of this service");
    assert_eq!(till.validate(&json!([])).unwrap_err(), "/type: must be a string");

    let map = |details| MapDetails { details, site: context(Purpose::Payment).site };
    let mapped = till.map_details(&map(sale("Z123456789012"))).await.unwrap();
    let MappedDetails::Transaction { transaction } = mapped else { panic!("{mapped:?}") };
    assert_eq!((transaction.amount_minor, transaction.payee_name.as_str()), (1250, "Corner Shop"));
    for _ in 0..4 {
        let refused = till.map_details(&map(sale("Z12\n"))).await;
        let reason = "payee_account must be a capital letter and 12 digits".to_owned();
        assert_eq!(refused, Ok(MappedDetails::Refused { reason }), "the plugin does not look, and its host does");
    }

    let details = sale("Z123456789012");
    let approved = Approved { details: details.clone(), transaction, confirmation: "conf_1".to_owned() };
    assert_eq!(till.approved(&approved).await, Ok(details));
}
