use tokio::task::JoinSet;

use super::*;
use crate::clock::{DAY, MINUTE};

fn text(answer: &Answer, name: &str) -> String {
    answer.json()[name].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_code_buys_tokens_that_say_what_was_proven() {
    let world = world().await;
    let answer = world.redeem(&world.code("rp").await).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.header(&header::CACHE_CONTROL), "no-store");
    assert_eq!(answer.header(&header::ACCESS_CONTROL_ALLOW_ORIGIN), "*");
    let body = answer.json();
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(600)));
    assert_eq!(body["scope"], "openid email");

    let id_token = claims_of(&text(&answer, "id_token"));
    let now = START / SECOND;
    for (name, value) in [
        ("iss", json!("https://id.example")),
        ("sub", json!("ada")),
        ("aud", json!("rp")),
        ("iat", json!(now)),
        ("auth_time", json!(now - 5)),
        ("nonce", json!("the nonce")),
        ("acr", json!("urn:enum:acr:2")),
        ("amr", json!(["otp"])),
        ("sid", json!("sid")),
    ] {
        assert_eq!(id_token[name], value, "{name}");
    }
    assert!(id_token["exp"].as_i64().unwrap() > now);
    for absent in ["email", "name", "authorization_details"] {
        assert!(id_token.get(absent).is_none(), "{absent}");
    }
    let access_token = claims_of(&text(&answer, "access_token"));
    assert_eq!((&access_token["client_id"], &access_token["scope"]), (&json!("rp"), &json!("openid email")));
}

#[tokio::test]
async fn alg_and_subject_are_those_of_the_client() {
    let world = world().await;
    let code = world.code("plain").await;
    let answer = world.token_as(Some(basic("plain", SECRET)), &redemption(&code)).await;
    let id_token = text(&answer, "id_token");
    let header: Value =
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(id_token.split('.').next().unwrap()).unwrap()).unwrap();
    assert_eq!(header["alg"], "RS256");
    let client = world.app.clients.find("plain").await.unwrap().unwrap();
    assert_eq!(claims_of(&id_token)["sub"], subject::pairwise(&world.app.seal, &client, "ada"));
    assert_ne!(claims_of(&id_token)["sub"], "ada");
    assert!(answer.json().get("refresh_token").is_none(), "not registered for it");
}

#[tokio::test]
async fn claims_wished_for_the_id_token_are_in_it() {
    let world = world().await;
    let request = AuthorizationRequest { claims: wished(&[], &["email", "name"]), ..World::request("rp") };
    let answer = world.redeem(&world.code_for(&request).await).await;
    let id_token = claims_of(&text(&answer, "id_token"));
    assert_eq!((&id_token["email"], &id_token["name"]), (&json!("ada@example.org"), &json!("Ada Lovelace")));
}

#[tokio::test]
async fn without_openid_there_is_no_id_token() {
    let world = world().await;
    let request = AuthorizationRequest { scope: vec!["email".into()], ..World::request("rp") };
    let answer = world.redeem(&world.code_for(&request).await).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.json().get("id_token").is_none());
    let userinfo = world.userinfo(&text(&answer, "access_token")).await;
    assert_eq!((userinfo.status, userinfo.error().as_str()), (StatusCode::FORBIDDEN, "insufficient_scope"));
}

#[tokio::test]
async fn a_replayed_code_kills_what_it_had_bought() {
    let world = world().await;
    let code = world.code("rp").await;
    let first = world.redeem(&code).await;
    let again = world.redeem(&code).await;
    assert_eq!((again.status, again.error().as_str()), (StatusCode::BAD_REQUEST, "invalid_grant"));
    assert_eq!(world.userinfo(&text(&first, "access_token")).await.error(), "invalid_token");
    assert_eq!(world.refresh(&text(&first, "refresh_token")).await.error(), "invalid_grant");
    let log = store::log::newest(world.app.db.read(), "ada", 10).await.unwrap();
    assert_eq!(log.len(), 1, "the owner can see it");
    assert!(log[0].event.contains("token_reuse"));
}

#[tokio::test]
async fn a_code_is_worth_nothing_to_anybody_else_and_stays_good() {
    let world = world().await;
    let code = world.code("rp").await;
    let stranger = world.token_as(Some(basic("other", "another")), &redemption(&code)).await;
    assert_eq!(stranger.error(), "invalid_grant", "another client");
    let mut fields = redemption(&code);
    fields[2].1 = "https://rp.example/cb?x=1";
    assert_eq!(world.token(&fields).await.error(), "invalid_grant", "another redirect URI");
    assert_eq!(world.token(&[fields[0], fields[1], fields[3]]).await.error(), "invalid_grant", "no redirect URI");
    fields = redemption(&code);
    fields[3].1 = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX";
    assert_eq!(world.token(&fields).await.error(), "invalid_grant", "another verifier");
    assert_eq!(world.token(&fields[..3]).await.error(), "invalid_grant", "verifier left out");
    assert_eq!(world.redeem(&code).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_verifier_without_a_challenge_is_refused() {
    let world = world().await;
    let request = AuthorizationRequest { code_challenge: None, ..World::request("rp") };
    let code = world.code_for(&request).await;
    assert_eq!(world.redeem(&code).await.error(), "invalid_grant", "challenge stripped on the way");
    assert_eq!(world.token(&redemption(&code)[..3]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_code_is_good_for_a_minute() {
    let world = world().await;
    let code = world.code("rp").await;
    world.hand.advance(MINUTE);
    assert_eq!(world.redeem(&code).await.error(), "invalid_grant");
}

fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

async fn all_at_once(world: &World, fields: Vec<(String, String)>) -> (usize, Vec<Answer>) {
    let mut tasks = JoinSet::new();
    for _ in 0..64 {
        let (app, fields) = (world.app.clone(), fields.clone());
        tasks.spawn(async move {
            let fields: Vec<(&str, &str)> =
                fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let (mut headers, body) = form(&fields);
            headers.insert(header::AUTHORIZATION, basic("rp", SECRET).parse().unwrap());
            Answer::of(crate::oidc::token::post(State(app), headers, body).await).await
        });
    }
    let answers = tasks.join_all().await;
    (answers.iter().filter(|answer| answer.status == StatusCode::OK).count(), answers)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_redemptions_at_once_one_wins() {
    let world = world().await;
    let code = world.code("rp").await;
    let (won, answers) = all_at_once(&world, owned(&redemption(&code))).await;
    assert_eq!(won, 1);
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK || answer.error() == "invalid_grant"));
    let winner = answers.iter().find(|answer| answer.status == StatusCode::OK).unwrap();
    assert_eq!(world.userinfo(&text(winner, "access_token")).await.error(), "invalid_token", "the family is revoked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_refreshes_at_once_one_wins_and_the_family_ends() {
    let world = world().await;
    let first = world.redeem(&world.code("rp").await).await;
    let token = text(&first, "refresh_token");
    let fields = owned(&[("grant_type", "refresh_token"), ("refresh_token", &token)]);
    let (won, answers) = all_at_once(&world, fields).await;
    assert_eq!(won, 1);
    let winner = answers.iter().find(|answer| answer.status == StatusCode::OK).unwrap();
    assert_eq!(world.refresh(&text(winner, "refresh_token")).await.error(), "invalid_grant");
}

#[tokio::test]
async fn a_refresh_rotates_and_a_stolen_one_ends_the_family_even_after_a_restart() {
    let world = world().await;
    let first = world.redeem(&world.code("rp").await).await;
    let second = world.refresh(&text(&first, "refresh_token")).await;
    assert_eq!(second.status, StatusCode::OK);
    assert_ne!(text(&first, "refresh_token"), text(&second, "refresh_token"));
    let id_token = claims_of(&text(&second, "id_token"));
    assert!(id_token.get("nonce").is_none());
    assert_eq!(id_token["auth_time"], START / SECOND - 5, "of the login, not of the refresh");

    let world = world.restart().await;
    assert_eq!(world.refresh(&text(&first, "refresh_token")).await.error(), "invalid_grant", "stolen");
    assert_eq!(world.refresh(&text(&second, "refresh_token")).await.error(), "invalid_grant", "its family");
    assert_eq!(world.userinfo(&text(&second, "access_token")).await.error(), "invalid_token");
}

#[tokio::test]
async fn a_family_ends_on_its_day_however_often_it_is_rotated() {
    let world = world().await;
    let mut token = text(&world.redeem(&world.code("rp").await).await, "refresh_token");
    for _ in 0..3 {
        world.hand.advance(9 * DAY);
        token = text(&world.refresh(&token).await, "refresh_token");
    }
    world.hand.advance(3 * DAY);
    assert_eq!(world.refresh(&token).await.error(), "invalid_grant");
}

#[tokio::test]
async fn a_refresh_token_is_bound_to_its_client_and_account() {
    let world = world().await;
    let token = text(&world.redeem(&world.code("rp").await).await, "refresh_token");
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
    assert_eq!(world.token_as(Some(basic("other", "another")), &fields).await.error(), "invalid_grant");
    assert_eq!(world.token_as(Some(basic("plain", SECRET)), &fields).await.error(), "unauthorized_client");
    assert_eq!(world.refresh("not a token").await.error(), "invalid_grant");
    let wider = [fields[0], fields[1], ("scope", "openid email phone")];
    assert_eq!(world.token(&wider).await.error(), "invalid_scope");
    set_status(&world, "locked").await;
    assert_eq!(world.refresh(&token).await.error(), "invalid_grant", "the account is locked");
}

#[tokio::test]
async fn an_account_locked_between_login_and_redemption_gets_no_tokens() {
    let world = world().await;
    let code = world.code("rp").await;
    set_status(&world, "locked").await;
    assert_eq!(world.redeem(&code).await.error(), "invalid_grant", "the account is locked");
    set_status(&world, "active").await;
    assert_eq!(world.redeem(&code).await.error(), "invalid_grant", "the code was used up all the same");
    text(&world.redeem(&world.code("rp").await).await, "access_token");
}

async fn set_status(world: &World, status: &'static str) {
    let written = world.app.db.write(move |tx| {
        Box::pin(async move { Ok::<_, Internal>(store::account::set_status(tx, "ada", status).await?) })
    });
    assert!(written.await.unwrap());
}

#[tokio::test]
async fn artefacts_do_not_fit_into_each_others_slots() {
    let world = world().await;
    let code = world.code("rp").await;
    assert_eq!(world.refresh(&code).await.error(), "invalid_grant");
    let tokens = world.redeem(&code).await;
    for name in ["refresh_token", "access_token", "id_token"] {
        assert_eq!(world.redeem(&text(&tokens, name)).await.error(), "invalid_grant", "{name} as a code");
    }
    for name in ["refresh_token", "id_token"] {
        assert_eq!(world.userinfo(&text(&tokens, name)).await.error(), "invalid_token", "{name} as an access token");
    }
    assert_eq!(world.refresh(&text(&tokens, "access_token")).await.error(), "invalid_grant");
}

async fn send(world: &World, fields: Vec<(String, String)>) -> Answer {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    world.token_as(None, &fields).await
}

#[tokio::test]
async fn an_assertion_works_once_even_after_a_restart() {
    let world = world().await;
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let (first, second) = (world.code("keyed").await, world.code("keyed").await);
    let assertion = world.assertion("j1");
    let with = |code: &str, assertion: &str| {
        let mut fields = owned(&redemption(code));
        fields.push(("client_assertion_type".into(), kind.into()));
        fields.push(("client_assertion".into(), assertion.into()));
        fields
    };
    assert_eq!(send(&world, with(&first, &assertion)).await.status, StatusCode::OK);
    let world = world.restart().await;
    let replay = send(&world, with(&second, &assertion)).await;
    assert_eq!((replay.status, replay.error().as_str()), (StatusCode::UNAUTHORIZED, "invalid_client"));
    let fresh = world.assertion("j2");
    assert_eq!(send(&world, with(&second, &fresh)).await.status, StatusCode::OK, "nothing else was lost");
}

#[tokio::test]
async fn bad_requests_are_told_what_is_wrong() {
    let world = world().await;
    let code = world.code("rp").await;
    assert_eq!(world.token(&[]).await.error(), "invalid_request");
    for grant in ["password", "client_credentials", "implicit"] {
        assert_eq!(world.token(&[("grant_type", grant)]).await.error(), "unsupported_grant_type", "{grant}");
    }
    assert_eq!(world.token(&[("grant_type", "authorization_code")]).await.error(), "invalid_request");
    let wrong = world.token_as(Some(basic("rp", "wrong")), &redemption(&code)).await;
    assert_eq!((wrong.status, wrong.error().as_str()), (StatusCode::UNAUTHORIZED, "invalid_client"));
    assert!(wrong.header(&header::WWW_AUTHENTICATE).starts_with("Basic"));
    let unknown = world.token_as(Some(basic("nobody", "wrong")), &redemption(&code)).await;
    assert_eq!(unknown.text, wrong.text, "an unknown client looks like a wrong secret");
    assert_eq!(world.token_as(None, &redemption(&code)).await.error(), "invalid_client");
    let headers = [(header::CONTENT_TYPE, "application/json".parse().unwrap())].into_iter().collect();
    let json = crate::oidc::token::post(State(world.app.clone()), headers, Bytes::from_static(b"{}")).await;
    assert_eq!(Answer::of(json).await.error(), "invalid_request");
    assert_eq!(world.redeem(&code).await.status, StatusCode::OK, "nothing else was lost");
}

#[tokio::test]
async fn a_public_client_redeems_with_its_verifier_alone() {
    let world = world().await;
    let code = world.code("app").await;
    let mut fields = redemption(&code).to_vec();
    fields.push(("client_id", "app"));
    assert_eq!(world.token_as(None, &fields).await.status, StatusCode::OK);
}
