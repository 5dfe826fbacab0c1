use super::*;
use crate::{clock::SECOND, oidc::authorize, oidc::params::Params};

const GOOD: [(&str, &str); 6] = [
    ("redirect_uri", REDIRECT),
    ("response_type", "code"),
    ("scope", "openid"),
    ("state", "pushed"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

fn me() -> String {
    basic("rp", SECRET)
}

async fn pushed(world: &World) -> String {
    let answer = world.push_as(Some(me()), &GOOD).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    assert_eq!(answer.header(&header::CACHE_CONTROL), "no-store");
    assert_eq!(answer.json()["expires_in"], 90);
    answer.json()["request_uri"].as_str().unwrap().to_owned()
}

async fn opened(world: &World, fields: &[(&str, &str)]) -> Option<AuthorizationRequest> {
    let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    authorize::validate(&world.app, &Params::parse(text.as_bytes()).unwrap()).await.ok()
}

#[tokio::test]
async fn what_was_pushed_counts_and_nothing_that_the_browser_adds() {
    let world = world().await;
    let uri = pushed(&world).await;
    assert!(uri.starts_with("urn:ietf:params:oauth:request_uri:"));
    let request = opened(
        &world,
        &[("client_id", "rp"), ("request_uri", &uri), ("state", "browser"), ("redirect_uri", "https://evil.example/")],
    )
    .await
    .unwrap();
    assert_eq!((request.state.as_deref(), request.redirect_uri.as_str()), (Some("pushed"), REDIRECT));
    assert!(request.pushed.is_some());
}

#[tokio::test]
async fn a_request_uri_is_its_clients_once_and_for_90_seconds() {
    let world = world().await;
    let uri = pushed(&world).await;
    assert!(opened(&world, &[("client_id", "other"), ("request_uri", &uri)]).await.is_none(), "another client");
    assert!(opened(&world, &[("client_id", "rp"), ("request_uri", &format!("{uri}x"))]).await.is_none());
    let hash = opened(&world, &[("client_id", "rp"), ("request_uri", &uri)]).await.unwrap().pushed.unwrap();
    let now = world.app.clock.now();
    let used = world.app.db.write(move |tx| {
        Box::pin(async move { Ok::<_, Internal>(store::pushed::using_up(&hash, now).touches(tx).await?) })
    });
    assert!(used.await.unwrap());
    assert!(opened(&world, &[("client_id", "rp"), ("request_uri", &uri)]).await.is_none(), "used");
    let uri = pushed(&world).await;
    world.hand.advance(90 * SECOND);
    assert!(opened(&world, &[("client_id", "rp"), ("request_uri", &uri)]).await.is_none(), "too old");
}

#[tokio::test]
async fn a_pushed_request_survives_a_restart() {
    let world = world().await;
    let uri = pushed(&world).await;
    let world = world.restart().await;
    assert!(opened(&world, &[("client_id", "rp"), ("request_uri", &uri)]).await.is_some());
}

#[tokio::test]
async fn a_bad_request_is_refused_when_it_is_pushed() {
    let world = world().await;
    let error = async |name: &'static str, value: &'static str| {
        let mut fields: Vec<_> = GOOD.into_iter().filter(|(known, _)| *known != name).collect();
        fields.push((name, value));
        let answer = world.push_as(Some(me()), &fields).await;
        assert!(answer.status.is_client_error(), "{}", answer.text);
        answer.error()
    };
    assert_eq!(error("request_uri", "urn:ietf:params:oauth:request_uri:x").await, "invalid_request");
    assert_eq!(error("redirect_uri", "https://evil.example/").await, "invalid_request");
    assert_eq!(error("redirect_uri", "").await, "invalid_request");
    assert_eq!(error("response_type", "token").await, "unsupported_response_type");
    assert_eq!(error("client_id", "other").await, "invalid_client");
    assert_eq!(error("authorization_details", "{}").await, "invalid_authorization_details");
    assert_eq!(error("authorization_details", r#"[{"type":"unknown"}]"#).await, "invalid_authorization_details");
    assert_eq!(world.push_as(None, &GOOD).await.error(), "invalid_client");
    assert_eq!(world.push_as(Some(basic("rp", "wrong")), &GOOD).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_assertion_pushes_once() {
    let world = world().await;
    let assertion = world.assertion("j");
    let mut fields = GOOD.to_vec();
    fields.push(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
    fields.push(("client_assertion", &assertion));
    assert_eq!(world.push_as(None, &fields).await.status, StatusCode::CREATED);
    assert_eq!(world.push_as(None, &fields).await.error(), "invalid_client");
}
