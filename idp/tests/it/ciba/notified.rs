//! `ping` (CIBA Core 1.0 §10.2): the client is told that there is an answer, at its own address and nowhere else.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use enum_idp::{clock::SECOND, store::outbox};
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::ANN;
use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::{GENEROUS, Provider, is_refused, text},
        sites::{CIBA, PURSE, Proof, Site, payment},
    },
};

on_both_databases! {
    a_client_is_told_of_an_approval_and_fetches_it,
    a_client_is_told_of_a_refusal,
    a_client_that_fails_is_told_again,
    a_private_address_is_not_called_unless_it_is_allowed,
    a_redirect_is_not_followed,
    without_a_token_nothing_is_asked,
    what_was_sent_is_kept_by_nobody,
}

const TOKEN: &str = "8d67dc78-7faa-4d41-aabd-67707b374255";
const ALLOWED: &str = "[backchannel]\nprivate_endpoints = true\n";

/// A call that came in: its authorization and its body.
type Call = (String, Value);

/// A client's own server.
#[derive(Clone)]
struct Listening {
    calls: Arc<Mutex<Vec<Call>>>,
    /// What it answers, the next first; 204 after that.
    answers: Arc<Mutex<Vec<StatusCode>>>,
    endpoint: String,
}

impl Listening {
    async fn starts() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/ping", listener.local_addr().unwrap());
        let listening = Self { calls: Arc::default(), answers: Arc::default(), endpoint };
        let routes = Router::new().route("/ping", post(take)).route("/elsewhere", post(take));
        let served = routes.with_state(listening.clone());
        tokio::spawn(async move { axum::serve(listener, served).await });
        listening
    }

    async fn calls(&self, count: usize) -> Vec<Call> {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        loop {
            let calls = self.calls.lock().unwrap().clone();
            if calls.len() >= count {
                return calls;
            }
            assert!(tokio::time::Instant::now() < deadline, "{count} calls were expected: {calls:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn take(State(listening): State<Listening>, headers: HeaderMap, body: String) -> Response {
    let authorization = headers[header::AUTHORIZATION].to_str().unwrap().to_owned();
    assert_eq!(headers[header::CONTENT_TYPE], "application/json");
    listening.calls.lock().unwrap().push((authorization, serde_json::from_str(&body).unwrap()));
    let mut answers = listening.answers.lock().unwrap();
    let status = if answers.is_empty() { StatusCode::NO_CONTENT } else { answers.remove(0) };
    (status, [(header::LOCATION, "/elsewhere")]).into_response()
}

/// A shop that is told.
async fn opens(provider: &Provider, endpoint: &str) -> Site {
    let more = json!({
        "grant_types": ["authorization_code", CIBA], "backchannel_token_delivery_mode": "ping",
        "backchannel_client_notification_endpoint": endpoint,
    });
    let site = provider.sites.site.another("kiosk", Proof::Post, more);
    let (seal, entropy) = (&provider.app.seal, &provider.app.entropy);
    provider.app.clients.add(site.registration(), seal, entropy).await.unwrap();
    site
}

async fn asks(site: &Site) -> String {
    let details = payment(1050).to_string();
    let more = [("authorization_details", details.as_str()), ("client_notification_token", TOKEN)];
    text(&site.asks_behind(ANN, &more).await.expect(200), "auth_req_id")
}

/// How the one call stands in the outbox.
async fn call_in_the_outbox(provider: &Provider) -> outbox::Model {
    let rows = outbox::Entity::find().all(provider.app.db.read()).await.unwrap();
    rows.into_iter().find(|row| row.channel == "call").expect("a call")
}

/// Waits until the one call was tried so often and is not under way.
async fn tried(provider: &Provider, attempts: i32) -> outbox::Model {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let row = call_in_the_outbox(provider).await;
        if row.attempts >= attempts && row.state != "sending" {
            return row;
        }
        assert!(tokio::time::Instant::now() < deadline, "{row:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn a_client_is_told_of_an_approval_and_fetches_it(database: Database) {
    let provider = Provider::starts_with(database, &format!("{GENEROUS}{ALLOWED}")).await;
    let (mut ann, listening) = (provider.member(ANN).await, Listening::starts().await);
    let kiosk = opens(&provider, &listening.endpoint).await;
    let id = asks(&kiosk).await;
    ann.approves(PURSE, 1050).await;
    let calls = listening.calls(1).await;
    assert_eq!(calls, [(format!("Bearer {TOKEN}"), json!({ "auth_req_id": id }))]);
    kiosk.fetches(&id).await.expect(200);
    assert_eq!(tried(&provider, 1).await.state, "sent");
}

async fn a_client_is_told_of_a_refusal(database: Database) {
    let provider = Provider::starts_with(database, &format!("{GENEROUS}{ALLOWED}")).await;
    let (mut ann, listening) = (provider.member(ANN).await, Listening::starts().await);
    let kiosk = opens(&provider, &listening.endpoint).await;
    let id = asks(&kiosk).await;
    ann.enters("/account/requests").await.person.presses("decline-1").await;
    assert_eq!(listening.calls(1).await[0].1, json!({ "auth_req_id": id }));
    is_refused(&kiosk.fetches(&id).await, "access_denied");
}

async fn a_client_that_fails_is_told_again(database: Database) {
    let provider = Provider::starts_with(database, &format!("{GENEROUS}{ALLOWED}")).await;
    let (mut ann, listening) = (provider.member(ANN).await, Listening::starts().await);
    listening.answers.lock().unwrap().push(StatusCode::BAD_GATEWAY);
    let kiosk = opens(&provider, &listening.endpoint).await;
    let id = asks(&kiosk).await;
    ann.approves(PURSE, 1050).await;
    assert_eq!(tried(&provider, 1).await.state, "waiting");
    provider.waits(30 * SECOND);
    provider.app.courier.wake();
    assert_eq!(listening.calls(2).await[1].1, json!({ "auth_req_id": id }));
    assert_eq!(tried(&provider, 2).await.state, "sent");
}

async fn a_private_address_is_not_called_unless_it_is_allowed(database: Database) {
    let provider = Provider::starts(database).await;
    let (mut ann, listening) = (provider.member(ANN).await, Listening::starts().await);
    let kiosk = opens(&provider, &listening.endpoint).await;
    let id = asks(&kiosk).await;
    ann.approves(PURSE, 1050).await;
    let row = tried(&provider, 1).await;
    assert_eq!(row.state, "given_up");
    assert!(row.last_error.as_deref().unwrap().contains("not public"), "{row:?}");
    assert!(listening.calls.lock().unwrap().is_empty());
    // It can still ask by itself.
    kiosk.fetches(&id).await.expect(200);
}

async fn a_redirect_is_not_followed(database: Database) {
    let provider = Provider::starts_with(database, &format!("{GENEROUS}{ALLOWED}")).await;
    let (mut ann, listening) = (provider.member(ANN).await, Listening::starts().await);
    listening.answers.lock().unwrap().push(StatusCode::TEMPORARY_REDIRECT);
    let kiosk = opens(&provider, &listening.endpoint).await;
    asks(&kiosk).await;
    ann.approves(PURSE, 1050).await;
    assert_eq!(tried(&provider, 1).await.state, "given_up");
    assert_eq!(listening.calls(1).await.len(), 1);
}

async fn without_a_token_nothing_is_asked(database: Database) {
    let provider = Provider::starts(database).await;
    provider.member(ANN).await;
    let kiosk = opens(&provider, "https://kiosk.example/ping").await;
    for changes in [&[][..], &[("client_notification_token", "two words")], &[("client_notification_token", "\u{1}")]] {
        is_refused(&kiosk.asks_behind(ANN, changes).await, "invalid_request");
    }
}

async fn what_was_sent_is_kept_by_nobody(database: Database) {
    let provider = Provider::starts_with(database, &format!("{GENEROUS}{ALLOWED}")).await;
    let (mut ann, listening) = (provider.member(ANN).await, Listening::starts().await);
    let kiosk = opens(&provider, &listening.endpoint).await;
    let id = asks(&kiosk).await;
    let rows = enum_idp::store::backchannel::Entity::find().all(provider.app.db.read()).await.unwrap();
    let kept = format!("{rows:?}");
    assert!(!kept.contains(&id) && !kept.contains(TOKEN) && !kept.contains("W4SCT") && !kept.contains(PURSE), "{kept}");
    ann.approves(PURSE, 1050).await;
    listening.calls(1).await;
    let row = tried(&provider, 1).await;
    assert!(row.sealed.is_empty(), "{row:?}");
}
