//! Plugins in processes of their own: what would end the server ends one process, and what a thread can reach they cannot.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::process;
use std::time::{Duration, Instant};

use enum_idp::plugins::{CallError, FactorHandle, Isolation, PluginConfig, Plugins};
use plugin_api::message::{Approved, MapDetails, MappedDetails, Purpose, Step};
use plugin_api::testing::context;
use serde_json::json;

use crate::den::{Den, ROOMS, asks, example, inspected, pair, tell, within};

fn short(config: &mut PluginConfig) {
    (config.threads, config.deadline_ms) = (1, 400);
}

fn patient(config: &mut PluginConfig) {
    (config.threads, config.deadline_ms) = (1, 20_000);
}

/// Each is a plugin of its own, since three faults would end in quarantine.
#[tokio::test]
async fn what_would_end_the_server_ends_one_process() {
    for (word, how) in [
        ("abort", "signal 6"),
        ("segfault", "signal 11"),
        ("exit", "exit code 7"),
        // Rust looks whether this was the end of the stack, and aborts if it thinks so.
        ("dig", "signal 6 or signal 11"),
        // It asked for memory until there was none, and wrote to it all the same.
        ("devour", "signal 11"),
    ] {
        let den = Den::new();
        let (beast, lamb) = pair(&den, Isolation::Process, patient);
        let (died, neighbour) = tokio::join!(tell(&beast, word), tell(&lamb, "behave"));
        let Err(CallError::Died(end)) = &died else { panic!("{word}: {died:?}") };
        assert!(how.split(" or ").any(|how| how == end), "{word}: {end}");
        assert!(died.unwrap_err().is_temporary());
        assert_eq!(neighbour, Ok(asks()), "{word}");
        assert_eq!(tell(&beast, "behave").await, Ok(asks()), "{word}: another process took its place");
        assert_eq!(tell(&lamb, "behave").await, Ok(asks()), "{word}");
    }
}

#[tokio::test]
async fn what_talks_past_the_contract_is_cut_off() {
    for (word, error) in [
        (
            "forge a length",
            CallError::Malformed("it sent a frame of 4294967295 bytes, which is more than 1114112".into()),
        ),
        ("forge a kind", CallError::Malformed("it sent a frame of the unknown kind 0".into())),
        // It goes on to answer, to nobody: its process is ended from the outside.
        ("cut the line", CallError::Died("signal 9".into())),
    ] {
        let den = Den::new();
        let (beast, lamb) = pair(&den, Isolation::Process, patient);
        let said = tell(&beast, word).await;
        let died = matches!(said, Err(CallError::Died(_))) && matches!(error, CallError::Died(_));
        assert!(died || said == Err(error), "{word}: {said:?}");
        assert_eq!(tell(&beast, "behave").await, Ok(asks()), "{word}");
        assert_eq!(tell(&lamb, "behave").await, Ok(asks()), "{word}");
    }
}

#[tokio::test]
async fn a_process_that_hangs_is_killed_and_replaced_until_it_is_left_alone() {
    let den = Den::new();
    let (beast, lamb) = pair(&den, Isolation::Process, short);
    for _ in 0..2 {
        let asked = Instant::now();
        assert_eq!(tell(&beast, "hang").await, Err(CallError::Late));
        assert!(asked.elapsed() >= Duration::from_millis(400));
        assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
        assert_eq!(tell(&beast, "behave").await, Ok(asks()), "unlike a thread, a process is never lost");
    }
    assert_eq!(tell(&beast, "hang").await, Err(CallError::Late));
    assert_eq!(tell(&beast, "behave").await, Err(CallError::Quarantined));
    assert_eq!(tell(&lamb, "behave").await, Ok(asks()));
}

#[tokio::test]
async fn nothing_of_a_plugin_is_left_when_it_is_let_go() {
    let den = Den::new();
    let (beast, lamb) = pair(&den, Isolation::Process, |config| config.threads = 3);
    let copies = || {
        let all = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
        let maps = all.filter_map(|process| std::fs::read_to_string(process.join("maps")).ok());
        maps.filter(|maps| maps.contains(den.private().to_str().unwrap())).count()
    };
    assert_eq!(tell(&beast, "behave").await, Ok(asks()));
    assert!(copies() > 0);
    drop((beast, lamb));
    let patience = Instant::now() + Duration::from_secs(10);
    while copies() > 0 {
        assert!(Instant::now() < patience, "{} processes are left", copies());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn reaches(factor: &FactorHandle, what: &str) -> bool {
    match tell(factor, &format!("reach: {what}")).await {
        Ok(Step::Fail { .. }) => true,
        Ok(Step::Wrong { .. }) => false,
        other => panic!("{what}: {other:?}"),
    }
}

/// Each attempt works in a thread of the server, so that it shows something when it is refused in a process.
#[tokio::test]
async fn a_process_reaches_nothing_that_a_thread_reaches() {
    let den = Den::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let attempts = [
        format!("connect {}", listener.local_addr().unwrap().port()),
        "read /etc/passwd".to_owned(),
        "read /proc/self/environ".to_owned(),
        format!("read {}", std::env::current_exe().unwrap().display()),
        format!("create {}", den.path("out").display()),
        format!("signal {}", process::id()),
        "fork".to_owned(),
        "spawn".to_owned(),
        "environment".to_owned(),
    ];
    for room in ROOMS {
        let (beast, _) = pair(&den, room, patient);
        for attempt in &attempts {
            let reached = reaches(&beast, attempt).await;
            assert_eq!(reached, room == Isolation::Thread, "{attempt} in a {room:?}");
        }
        match room {
            Isolation::Thread => {
                listener.accept().unwrap();
                std::fs::remove_file(den.path("out")).unwrap();
            }
            Isolation::Process => {
                assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nobody connected");
                assert!(!den.path("out").exists());
            }
        }
    }
}

/// What a plugin needs to work is there: else the test above would pass with anything.
#[tokio::test]
async fn a_process_can_read_the_systems_libraries() {
    let den = Den::new();
    let (beast, _) = pair(&den, Isolation::Process, patient);
    assert!(reaches(&beast, "read /etc/ld.so.cache").await);
    assert!(reaches(&beast, "read /dev/null").await);
}

#[tokio::test]
async fn a_service_in_a_process_serves() {
    let den = Den::new();
    let till = within(Isolation::Process, inspected(&example("till")));
    let till = Plugins::load(&[till], &den.private()).unwrap().service_for("sale").unwrap();
    let details = json!({ "type": "sale", "purse": "Z123456789012", "cents": 1250 });
    let site = context(Purpose::Payment).site;
    let mapped = till.map_details(&MapDetails { details: details.clone(), site }).await.unwrap();
    let MappedDetails::Transaction { transaction } = mapped else { panic!("{mapped:?}") };
    let approved = Approved { details: details.clone(), transaction, confirmation: "conf_1".to_owned() };
    assert_eq!(till.approved(&approved).await, Ok(details));
}

/// The median of what calls of the lamb take while `others` runs.
async fn median_during(lamb: &FactorHandle, others: impl Future<Output = ()>) -> Duration {
    let mut others = std::pin::pin!(others);
    let mut times = Vec::new();
    let measured = async {
        loop {
            let asked = Instant::now();
            assert_eq!(tell(lamb, "behave").await, Ok(asks()));
            times.push(asked.elapsed());
            // Lets the others run on this thread.
            tokio::task::yield_now().await;
        }
    };
    tokio::select! { () = &mut others => (), () = measured => () }
    assert!(times.len() >= 20, "{} calls", times.len());
    times.sort_unstable();
    times[times.len() / 2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neighbours_keep_their_latency_while_a_plugin_misbehaves_until_it_is_left_alone() {
    for word in ["abort", "hang", "huge"] {
        let den = Den::new();
        let (beast, lamb) = pair(&den, Isolation::Process, short);
        assert_eq!(tell(&lamb, "behave").await, Ok(asks()));
        let alone = median_during(&lamb, tokio::time::sleep(Duration::from_millis(500))).await;
        let misbehaves = async {
            let began = Instant::now();
            let mut faults = 0;
            while tell(&beast, word).await != Err(CallError::Quarantined) {
                faults += 1;
            }
            assert_eq!(faults, 3, "{word}");
            // Goes on: in quarantine it costs nothing.
            while began.elapsed() < Duration::from_millis(500) {
                assert_eq!(tell(&beast, word).await, Err(CallError::Quarantined));
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let beside = median_during(&lamb, misbehaves).await;
        assert!(beside < alone * 10 + Duration::from_millis(1), "{word}: {beside:?} instead of {alone:?}");
    }
}
