#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use sea_orm::EntityTrait;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{report::Arrival, *};
use crate::{
    clock::Hand,
    config::Config,
    courier::{Channel, Message},
    store::{Db, outbox, sms_part},
};

/// A gateway over HTTP that always answers alike, and counts.
struct Stub {
    port: u16,
    asked: Arc<AtomicUsize>,
}

impl Stub {
    async fn answering(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, asked) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
        let count = asked.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                answer(stream, status).await;
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { port, asked }
    }

    fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::SeqCst)
    }
}

/// Reads a whole request first, else the answer is lost to a reset.
async fn answer(mut stream: TcpStream, status: u16) {
    let mut request = Vec::new();
    while !request.ends_with(b"\"end\"}") {
        if stream.read_buf(&mut request).await.unwrap() == 0 {
            return;
        }
    }
    let reply = format!("HTTP/1.1 {status} Said\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(reply.as_bytes()).await.unwrap();
}

fn gateways(stubs: &[&Stub], more: &str, clock: Clock) -> Gateways {
    let tables: Vec<String> = stubs
        .iter()
        .map(|stub| format!("{{ url = 'http://127.0.0.1:{}/', body = {{ a = '{{text}}', z = 'end' }} }}", stub.port))
        .collect();
    let text =
        format!("issuer = 'http://localhost:8080'\ndata_dir = 'd'\n[sms]\n{more}\ngateways = [{}]", tables.join(", "));
    let config = Config::parse(&text, "test.toml", BTreeMap::new()).unwrap();
    Gateways::new(&config.sms, config.url("/sms/delivery/"), clock).unwrap()
}

fn parcel() -> Parcel {
    let message = Message {
        effect: "e".into(),
        channel: Channel::Sms,
        to: "+84912345678".into(),
        subject: String::new(),
        text: "code 123".into(),
        html: None,
    };
    Parcel { id: "00ff".into(), created_at: 0, delivery_token: "t".into(), message }
}

fn clock() -> (Clock, Hand) {
    Clock::by_hand(1_800_000_000_000)
}

#[tokio::test]
async fn the_next_gateway_gets_it_only_when_this_one_certainly_has_not() {
    enum Then {
        Taken,
        Next,
        GivenUp,
    }
    for (status, then) in [
        (200, Then::Taken),
        (202, Then::Taken),
        (302, Then::Next),
        (401, Then::Next),
        (403, Then::Next),
        (429, Then::Next),
        (503, Then::Next),
        (400, Then::GivenUp),
        (422, Then::GivenUp),
        (500, Then::GivenUp),
        (502, Then::GivenUp),
        (504, Then::GivenUp),
    ] {
        let (first, second) = (Stub::answering(status).await, Stub::answering(200).await);
        let result = gateways(&[&first, &second], "", clock().0).send(&parcel()).await;
        let asked = (first.asked(), second.asked());
        match then {
            Then::Taken => assert!(result.is_ok() && asked == (1, 0), "{status}: {result:?} {asked:?}"),
            Then::Next => assert!(result.is_ok() && asked == (1, 1), "{status}: {result:?} {asked:?}"),
            Then::GivenUp => {
                assert!(matches!(result, Err(SendError::Permanent(_))) && asked == (1, 0), "{status}: {result:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_refused_number_goes_on_to_the_next_gateway_where_that_is_set() {
    let (first, second) = (Stub::answering(400).await, Stub::answering(200).await);
    let set = gateways(&[&first, &second], "next_when_refused = true", clock().0);
    assert!(set.send(&parcel()).await.is_ok());
    let both = gateways(&[&first, &Stub::answering(503).await], "next_when_refused = true", clock().0);
    assert!(matches!(both.send(&parcel()).await, Err(SendError::Permanent(_))), "nobody could take it, one never will");
}

#[tokio::test]
async fn a_gateway_that_fails_again_and_again_rests_and_is_tried_again() {
    let (first, second) = (Stub::answering(503).await, Stub::answering(200).await);
    let (clock, hand) = clock();
    let both = gateways(&[&first, &second], "", clock);
    for _ in 0..5 {
        assert_eq!(both.send(&parcel()).await.unwrap().gateway, format!("http://127.0.0.1:{}", second.port));
    }
    assert_eq!((first.asked(), second.asked()), (3, 5), "after three failures it is left alone");
    hand.advance(30 * SECOND);
    both.send(&parcel()).await.unwrap();
    assert_eq!(first.asked(), 1, "after its rest it is tried once more");
}

#[tokio::test]
async fn when_all_rest_all_are_tried() {
    let only = Stub::answering(503).await;
    let set = gateways(&[&only], "", clock().0);
    for _ in 0..5 {
        assert!(matches!(set.send(&parcel()).await, Err(SendError::Temporary(_))));
    }
    assert_eq!(only.asked(), 5);
}

#[tokio::test]
async fn neither_number_nor_text_nor_token_is_in_what_is_told() {
    let stub = Stub::answering(503).await;
    let told = format!("{:?}", gateways(&[&stub], "", clock().0).send(&parcel()).await);
    assert!(told.contains("503"), "{told}");
    for secret in ["84912345678", "code 123", "delivery"] {
        assert!(!told.contains(secret), "{told}");
    }
}

struct Reported {
    _dir: tempfile::TempDir,
    reports: Reports,
}

impl Reported {
    /// A message of `names` that the gateway `g` took.
    async fn of(names: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&crate::store::embedded_url(dir.path())).await.unwrap();
        let row = outbox::Model {
            id: "m".into(),
            effect: "e".into(),
            channel: "sms".into(),
            state: "sending".into(),
            sealed: Vec::new(),
            attempts: 1,
            next_at: 0,
            created_at: 0,
            sent_at: None,
            last_error: None,
            gateway: None,
            parts_left: 0,
            reported_at: None,
        };
        let taken = Taken { gateway: "g".into(), names: names.iter().map(|&name| name.to_owned()).collect() };
        outbox::add(db.read(), row).await.unwrap();
        let ended = outbox::Attempt::Sent { at: 1, taken: Some(taken.clone()) };
        assert!(outbox::finish(db.read(), "m", ended).await.unwrap());
        sms_part::add(db.read(), "m", &taken, 1).await.unwrap();
        Self { _dir: dir, reports: Reports { db, clock: clock().0, counts: Counts::default() } }
    }

    async fn hears(&self, name: &str, arrival: Arrival) {
        assert!(self.reports.by_name("g", name, arrival).await.unwrap());
    }

    async fn state(&self) -> String {
        outbox::Entity::find().one(self.reports.db.read()).await.unwrap().unwrap().state
    }
}

#[tokio::test]
async fn a_message_is_delivered_when_all_parts_are_and_reports_that_come_twice_count_once() {
    let world = Reported::of(&["a", "b"]).await;
    for _ in 0..3 {
        world.hears("a", Arrival::Delivered).await;
        assert_eq!(world.state().await, "sent");
    }
    world.hears("b", Arrival::UnderWay).await;
    assert_eq!(world.state().await, "sent");
    world.hears("b", Arrival::Delivered).await;
    assert_eq!(world.state().await, "delivered");
    world.hears("b", Arrival::Undelivered).await;
    assert_eq!(world.state().await, "delivered");
}

#[tokio::test]
async fn one_part_that_never_arrives_decides_and_nothing_turns_it_back() {
    let world = Reported::of(&["a", "b"]).await;
    world.hears("b", Arrival::Undelivered).await;
    assert_eq!(world.state().await, "undelivered");
    for name in ["a", "b"] {
        world.hears(name, Arrival::Delivered).await;
    }
    assert_eq!(world.state().await, "undelivered");
}

#[tokio::test]
async fn a_gateway_reports_its_own_messages_only() {
    let world = Reported::of(&["a"]).await;
    assert!(!world.reports.by_name("another", "a", Arrival::Undelivered).await.unwrap());
    assert!(!world.reports.by_name("g", "", Arrival::Undelivered).await.unwrap());
    assert_eq!(world.state().await, "sent");
}
