use super::*;
use crate::{clock::MINUTE, keys::jws::Alg};

const BYE: &str = "https://rp.example/bye";

impl World {
    fn hint(&self, aud: &str) -> String {
        let claims = json!({ "iss": "https://id.example", "sub": "ada", "aud": aud, "exp": 1 });
        self.app.keys.sign(Alg::Es256, "JWT", &claims).unwrap()
    }

    async fn logout(&self, cookie: &HeaderMap, fields: &[(&str, &str)]) -> Answer {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let response = crate::oidc::logout::get(State(self.app.clone()), cookie.clone(), RawQuery(Some(query))).await;
        Answer::of(response).await
    }

    async fn decide(&self, cookie: &HeaderMap, question: &str, decision: &str) -> Answer {
        let (mut headers, body) = form(&[("question", question), ("decision", decision)]);
        headers.extend(cookie.clone());
        Answer::of(crate::oidc::logout::post(State(self.app.clone()), headers, body).await).await
    }

    async fn is_signed_in(&self, cookie: &HeaderMap) -> bool {
        crate::login::session::current(&self.app, cookie).await.unwrap().is_some()
    }
}

fn question(answer: &Answer) -> String {
    assert!(answer.text.contains("id=\"logout-yes\""), "{}", answer.text);
    let (_, rest) = answer.text.split_once("name=\"question\"").unwrap();
    rest.split_once("value=\"").unwrap().1.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn the_person_is_asked_and_then_sent_where_the_client_is_registered() {
    let world = world().await;
    let cookie = world.session("one").await;
    let hint = world.hint("rp");
    for uri in [BYE, "https://rp.example/bye?x=1"] {
        let cookie = world.session(uri).await;
        let fields = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", uri), ("state", "s&1")];
        let asked = world.logout(&cookie, &fields).await;
        assert_eq!((asked.status, asked.location()), (StatusCode::OK, ""));
        assert!(asked.text.contains("The Site"));
        assert!(world.is_signed_in(&cookie).await, "asking ends nothing");
        let done = world.decide(&cookie, &question(&asked), "yes").await;
        assert_eq!(done.status, StatusCode::SEE_OTHER);
        assert!(done.location().starts_with(uri) && done.returned()["state"] == "s&1", "{}", done.location());
        assert!(done.header(&header::SET_COOKIE).contains("Max-Age=0"));
        assert!(!world.is_signed_in(&cookie).await);
    }
    let log = store::log::newest(world.app.db.read(), "ada", 10).await.unwrap();
    assert!(log.iter().all(|entry| entry.event.contains("logout")) && log.len() == 2);
    assert!(world.is_signed_in(&cookie).await, "another browser's session goes on");
}

#[tokio::test]
async fn without_state_the_registered_uri_is_left_as_it_is() {
    let world = world().await;
    let cookie = world.session("one").await;
    let asked = world.logout(&cookie, &[("id_token_hint", &world.hint("rp")), ("post_logout_redirect_uri", BYE)]).await;
    assert_eq!(world.decide(&cookie, &question(&asked), "yes").await.location(), BYE);
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_vouched_for() {
    let world = world().await;
    let cookie = world.session("one").await;
    let (hint, other) = (world.hint("rp"), world.hint("other"));
    let (head, tail) = hint.split_at(hint.len() - 8);
    let modified = format!("{head}{}", tail.chars().rev().collect::<String>());
    for fields in [
        vec![("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", "https://rp.example/bye?foo=bar")],
        vec![("id_token_hint", &hint), ("post_logout_redirect_uri", "https://evil.example/")],
        vec![("id_token_hint", &hint), ("post_logout_redirect_uri", REDIRECT)],
        vec![("id_token_hint", &modified), ("post_logout_redirect_uri", BYE)],
        vec![("id_token_hint", "not a token"), ("post_logout_redirect_uri", BYE)],
        vec![("id_token_hint", &other), ("post_logout_redirect_uri", BYE)],
        vec![("id_token_hint", &hint), ("client_id", "other"), ("post_logout_redirect_uri", BYE)],
        vec![("client_id", "nobody"), ("post_logout_redirect_uri", BYE)],
    ] {
        let answer = world.logout(&cookie, &fields).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::BAD_REQUEST, ""), "{fields:?}");
        assert!(world.is_signed_in(&cookie).await);
    }
}

#[tokio::test]
async fn without_a_hint_the_person_is_asked_and_goes_nowhere() {
    let world = world().await;
    for fields in [vec![], vec![("state", "s")], vec![("post_logout_redirect_uri", BYE), ("state", "s")]] {
        let cookie = world.session(&format!("{}", fields.len())).await;
        let asked = world.logout(&cookie, &fields).await;
        let done = world.decide(&cookie, &question(&asked), "yes").await;
        assert_eq!((done.status, done.location()), (StatusCode::OK, ""));
        assert!(!world.is_signed_in(&cookie).await);
    }
    let nobody = world.logout(&HeaderMap::new(), &[("post_logout_redirect_uri", BYE)]).await;
    assert_eq!((nobody.status, nobody.location()), (StatusCode::OK, ""));
}

#[tokio::test]
async fn the_question_is_answered_by_the_one_who_was_asked() {
    let world = world().await;
    let (mine, theirs) = (world.session("mine").await, world.session("theirs").await);
    let asked = question(&world.logout(&mine, &[]).await);
    for forged in [asked.as_str(), "", "AAAA"] {
        let answer = world.decide(&theirs, forged, "yes").await;
        assert_ne!(answer.status, StatusCode::SEE_OTHER);
        assert!(world.is_signed_in(&theirs).await, "another session's question");
    }
    assert_eq!(world.decide(&mine, &asked, "no").await.location(), "/");
    assert!(world.is_signed_in(&mine).await);
    world.hand.advance(10 * MINUTE);
    assert_eq!(world.decide(&mine, &asked, "yes").await.status, StatusCode::BAD_REQUEST, "too old");
    assert!(world.is_signed_in(&mine).await);
}

#[tokio::test]
async fn tokens_of_the_session_end_with_it_unless_they_were_meant_to_stay() {
    let world = world().await;
    let cookie = world.session("one").await;
    let token = async |scope: &[&str]| {
        let scope = scope.iter().map(|scope| (*scope).to_owned()).collect();
        let request = AuthorizationRequest { scope, ..World::request("rp") };
        world.redeem(&world.code_for(&request).await).await.json()["refresh_token"].as_str().unwrap().to_owned()
    };
    let (online, offline) = (token(&["openid"]).await, token(&["openid", "offline_access"]).await);
    let asked = question(&world.logout(&cookie, &[]).await);
    world.decide(&cookie, &asked, "yes").await;
    assert_eq!(world.refresh(&online).await.error(), "invalid_grant");
    assert_eq!(world.refresh(&offline).await.status, StatusCode::OK);
}
