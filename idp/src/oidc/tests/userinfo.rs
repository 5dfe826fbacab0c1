use super::*;
use crate::{clock::MINUTE, keys::jws::Alg};

async fn access_token(world: &World, request: &AuthorizationRequest) -> String {
    let answer = world.redeem(&world.code_for(request).await).await;
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn scopes_and_single_claims_decide_what_is_told() {
    let world = world().await;
    let told = async |scope: &[&str], claims: &[&str]| {
        let scope = scope.iter().map(|scope| (*scope).to_owned()).collect();
        let request = AuthorizationRequest { scope, claims: wished(claims, &[]), ..World::request("rp") };
        let answer = world.userinfo(&access_token(&world, &request).await).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert_eq!(answer.header(&header::CACHE_CONTROL), "no-store");
        answer.json()
    };
    assert_eq!(told(&["openid"], &[]).await, json!({ "sub": "ada" }));
    assert_eq!(
        told(&["openid", "email"], &[]).await,
        json!({ "sub": "ada", "email": "ada@example.org", "email_verified": true })
    );
    assert_eq!(told(&["openid"], &["phone_number"]).await, json!({ "sub": "ada", "phone_number": "+84901234567" }));
    let profile = told(&["openid", "profile"], &[]).await;
    assert_eq!(
        profile,
        json!({ "sub": "ada", "name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace", "locale": "en" })
    );
}

#[tokio::test]
async fn without_a_good_token_there_is_a_challenge() {
    let world = world().await;
    let none =
        Answer::of(crate::oidc::userinfo::get(State(world.app.clone()), Method::GET, HeaderMap::new()).await).await;
    assert_eq!((none.status, none.text.as_str()), (StatusCode::UNAUTHORIZED, ""));
    assert_eq!(none.header(&header::WWW_AUTHENTICATE), "Bearer realm=\"E-num\"");
    let bad = world.userinfo("x").await;
    assert_eq!((bad.status, bad.error().as_str()), (StatusCode::UNAUTHORIZED, "invalid_token"));
    assert!(bad.header(&header::WWW_AUTHENTICATE).contains("error=\"invalid_token\""));
    let by_query = world.app.clone();
    let response = crate::oidc::userinfo::get(State(by_query), Method::GET, HeaderMap::new()).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_can_be_posted_in_a_form() {
    let world = world().await;
    let token = access_token(&world, &World::request("rp")).await;
    let (headers, body) = form(&[("access_token", &token)]);
    let answer = Answer::of(crate::oidc::userinfo::post(State(world.app.clone()), headers, body).await).await;
    assert_eq!(answer.json()["sub"], "ada");
}

#[tokio::test]
async fn an_expired_forged_or_locked_out_token_is_refused() {
    let world = world().await;
    let token = access_token(&world, &World::request("rp")).await;
    let claims = claims_of(&token);
    let changed = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        world.app.keys.sign(Alg::Es256, "at+jwt", &claims).unwrap()
    };
    for (name, value) in [
        ("aud", json!("https://api.example")),
        ("iss", json!("https://evil.example")),
        ("exp", json!("never")),
        ("exp", json!(null)),
        ("grant", json!("unknown")),
    ] {
        assert_eq!(world.userinfo(&changed(name, value)).await.error(), "invalid_token", "{name}");
    }
    let as_id_token = world.app.keys.sign(Alg::Es256, "JWT", &claims).unwrap();
    assert_eq!(world.userinfo(&as_id_token).await.error(), "invalid_token", "another type");

    world.hand.advance(10 * MINUTE);
    assert_eq!(world.userinfo(&token).await.error(), "invalid_token", "expired");
    let token = access_token(&world, &World::request("rp")).await;
    assert_eq!(world.userinfo(&token).await.status, StatusCode::OK);
    world
        .app
        .db
        .write(|tx| Box::pin(async move { Ok::<_, Internal>(store::account::set_status(tx, "ada", "locked").await?) }))
        .await
        .unwrap();
    assert_eq!(world.userinfo(&token).await.error(), "invalid_token", "locked");
}
