#![expect(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeMap, path::Path};

use super::{worker::Line, *};
use crate::{
    clock::{Hand, SECOND},
    store::{Db, outbox},
};

struct World {
    dir: tempfile::TempDir,
    courier: Courier,
    db: Db,
    seal: Arc<Seal>,
    hand: Hand,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (clock, hand) = Clock::by_hand(1_800_000_000_000);
        let text = format!(
            "issuer = 'http://localhost:8080'\ndata_dir = '{0}'\n[mail]\nurl = 'file:{0}/out'\n[sms]\nurl = 'file:{0}/out'\n\
             [backchannel]\nprivate_endpoints = true",
            dir.path().display()
        );
        let config = Config::parse(&text, "test.toml", BTreeMap::new()).unwrap();
        let courier = Courier::new(&config, clock, Entropy::system()).unwrap();
        let db = Db::open(&crate::store::embedded_url(dir.path())).await.unwrap();
        let seal = Arc::new(Seal::new(&[7; 32], Entropy::system()).unwrap());
        Self { dir, courier, db, seal, hand }
    }

    fn out(&self) -> std::path::PathBuf {
        self.dir.path().join("out")
    }

    async fn queue(&self, effect: &str) {
        self.queue_to(effect, Channel::Sms, "+84912345678").await;
    }

    async fn queue_to(&self, effect: &str, channel: Channel, to: &str) {
        let message = Message {
            effect: effect.to_owned(),
            channel,
            to: to.to_owned(),
            subject: String::new(),
            text: "код 123".to_owned(),
            html: None,
        };
        let (courier, seal) = (self.courier.clone(), self.seal.clone());
        self.db.write(move |tx| Box::pin(async move { courier.queue_in(tx, &seal, message).await })).await.unwrap();
    }

    async fn row(&self) -> outbox::Model {
        use sea_orm::EntityTrait;
        outbox::Entity::find().one(self.db.read()).await.unwrap().unwrap()
    }
}

fn files(dir: &Path) -> Vec<serde_json::Value> {
    let mut names: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert!(names.iter().all(|name| name.extension().is_some_and(|end| end == "json")), "{names:?}");
    names.iter().map(|name| serde_json::from_slice(&std::fs::read(name).unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn a_message_is_sent_once_per_effect_and_forgotten() {
    let world = World::new().await;
    world.queue("a").await;
    world.queue("a").await;
    world.queue("b").await;
    assert_eq!(world.courier.send_due(Line::Letters, &world.db, &world.seal).await.unwrap(), None);
    let sent = files(&world.out());
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0]["to"], "+84912345678");
    assert_eq!(sent[0]["text"], "код 123");
    assert_eq!(sent[0]["channel"], "sms");
    let row = world.row().await;
    assert_eq!((row.state.as_str(), row.attempts, row.sealed.len()), ("sent", 1, 0));
}

#[tokio::test]
async fn a_transaction_that_fails_sends_nothing() {
    let world = World::new().await;
    let (courier, seal) = (world.courier.clone(), world.seal.clone());
    let failed: Result<(), Internal> = world
        .db
        .write(move |tx| {
            Box::pin(async move {
                let message = Message {
                    effect: "x".into(),
                    channel: Channel::Mail,
                    to: "a@b.example".into(),
                    subject: "s".into(),
                    text: "t".into(),
                    html: None,
                };
                courier.queue_in(tx, &seal, message).await?;
                Err(Internal::Other("changed my mind".into()))
            })
        })
        .await;
    assert!(failed.is_err());
    world.courier.send_due(Line::Letters, &world.db, &world.seal).await.unwrap();
    assert!(files(&world.out()).is_empty());
}

#[tokio::test]
async fn a_failed_attempt_waits_and_comes_again() {
    let world = World::new().await;
    world.queue("a").await;
    std::fs::remove_dir(world.out()).unwrap();
    let next = world.courier.send_due(Line::Letters, &world.db, &world.seal).await.unwrap().unwrap();
    let row = world.row().await;
    assert_eq!((row.state.as_str(), row.attempts), ("waiting", 1));
    assert!(row.last_error.unwrap().contains("writing failed"));
    assert!((10 * SECOND..13 * SECOND).contains(&(next - 1_800_000_000_000)));
    std::fs::create_dir(world.out()).unwrap();
    world.courier.send_due(Line::Letters, &world.db, &world.seal).await.unwrap();
    assert!(files(&world.out()).is_empty(), "not before it is due");
    world.hand.advance(13 * SECOND);
    world.courier.send_due(Line::Letters, &world.db, &world.seal).await.unwrap();
    assert_eq!(files(&world.out()).len(), 1);
}

#[tokio::test]
async fn a_message_that_never_goes_out_is_given_up_after_a_day_and_its_content_forgotten() {
    let world = World::new().await;
    world.queue("a").await;
    std::fs::remove_dir(world.out()).unwrap();
    let mut rounds = 0;
    while let Some(next) = world.courier.send_due(Line::Letters, &world.db, &world.seal).await.unwrap() {
        world.hand.advance(next - world.courier.clock.now());
        rounds += 1;
        assert!(rounds < 100);
    }
    let row = world.row().await;
    assert_eq!((row.state.as_str(), row.attempts, row.sealed.len()), ("given_up", backoff::ATTEMPTS, 0));
    assert!(row.last_error.is_some());
}

#[tokio::test]
async fn of_two_workers_one_sends_and_a_lost_attempt_is_repeated_after_its_lease() {
    let world = World::new().await;
    world.queue("a").await;
    let due = outbox::due(world.db.read(), &["sms"], world.courier.clock.now(), 10).await.unwrap();
    let lost_at = world.courier.clock.now() + backoff::LEASE;
    let mut taken = Vec::new();
    for _ in 0..2 {
        let message = due[0].clone();
        let won =
            world.db.write(move |tx| Box::pin(async move { outbox::take(tx, &message, lost_at).await })).await.unwrap();
        taken.push(won);
    }
    assert_eq!(taken, [true, false], "both saw it waiting, one has it");
    world.courier.send_due(Line::Letters, &world.db, &world.seal).await.unwrap();
    assert!(files(&world.out()).is_empty(), "whoever has it may still be sending");
    world.hand.advance(backoff::LEASE);
    world.courier.send_due(Line::Letters, &world.db, &world.seal).await.unwrap();
    assert_eq!(files(&world.out()).len(), 1);
    assert_eq!(world.row().await.attempts, 2);
}

#[tokio::test]
async fn a_relying_party_that_never_answers_holds_up_no_mail() {
    let world = World::new().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/ping", silent.local_addr().unwrap());
    for number in 0..10 {
        world.queue_to(&format!("ping:{number}"), Channel::Call, &endpoint).await;
    }
    let (courier, db, seal) = (world.courier.clone(), world.db.clone(), world.seal.clone());
    let calling = tokio::spawn(async move { courier.send_due(Line::Calls, &db, &seal).await });
    let held = silent.accept().await.unwrap();
    world.queue("a").await;
    assert_eq!(world.courier.send_due(Line::Letters, &world.db, &world.seal).await.unwrap(), None);
    assert_eq!(files(&world.out()).len(), 1);
    // Nor does it hold up itself for ever: it is called again later.
    assert!(calling.await.unwrap().unwrap().is_some());
    drop(held);
}

#[tokio::test]
async fn the_running_worker_wakes_sends_and_stops() {
    let world = World::new().await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let worker = tokio::spawn(world.courier.clone().run(world.db.clone(), world.seal.clone(), async {
        drop(stopped.await);
    }));
    world.queue("a").await;
    world.courier.wake();
    while files_or_none(&world.out()) == 0 {
        tokio::task::yield_now().await;
    }
    stop.send(()).unwrap();
    worker.await.unwrap();
}

fn files_or_none(dir: &Path) -> usize {
    let done = |entry: &std::fs::DirEntry| entry.path().extension().is_some_and(|end| end == "json");
    std::fs::read_dir(dir).unwrap().filter(|entry| done(entry.as_ref().unwrap())).count()
}

#[test]
fn transports_that_do_not_exist_are_named() {
    let mail = |url: &str| crate::config::Mail { url: url.to_owned(), ..crate::config::Mail::default() };
    assert!(transport::mail(&mail("pigeon:home")).unwrap_err().to_string().contains("pigeon"));
    assert!(transport::mail(&mail("file:")).unwrap_err().to_string().contains("directory"));
    let sms = gateway::settings::Sms { url: "pigeon://home".to_owned(), ..gateway::settings::Sms::default() };
    let told = Gateways::new(&sms, String::new(), Clock::system()).unwrap_err().to_string();
    assert!(told.contains("sms.url") && told.contains("pigeon"), "{told}");
}
