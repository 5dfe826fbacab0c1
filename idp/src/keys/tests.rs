#![expect(clippy::unwrap_used, reason = "tests")]

use aws_lc_rs::hmac;
use tempfile::TempDir;

use super::*;
use crate::{clock::Hand, entropy::Entropy, store::embedded_url};

struct Node {
    keys: Keys,
    seal: Seal,
    hand: Hand,
    dir: TempDir,
}

fn seal() -> Seal {
    Seal::new(&[5; 32], Entropy::system()).unwrap()
}

async fn node() -> Node {
    let dir = tempfile::tempdir().unwrap();
    let (clock, hand) = Clock::by_hand(1_800_000_000_000);
    let db = Db::open(&embedded_url(dir.path())).await.unwrap();
    let keys = Keys::load(db, &seal(), clock).await.unwrap();
    Node { keys, seal: seal(), hand, dir }
}

fn claims() -> Value {
    json!({ "iss": "https://id.example", "n": 7 })
}

#[tokio::test]
async fn both_algorithms_sign_and_the_published_keys_verify() {
    let node = node().await;
    let jwks: Value = serde_json::from_slice(&node.keys.jwks().body).unwrap();
    for alg in SIGNING {
        let text = node.keys.sign(alg, "at+jwt", &claims()).unwrap();
        assert_eq!(node.keys.verify::<Value>(&text, &["at+jwt"]).unwrap(), claims());
        let token = Unverified::parse(&text).unwrap();
        let kid = token.header.kid.clone().unwrap();
        let jwk = jwks["keys"].as_array().unwrap().iter().find(|jwk| jwk["kid"] == kid.as_str()).unwrap();
        assert_eq!((jwk["alg"].as_str().unwrap(), &jwk["use"]), (alg.name(), &json!("sig")));
        assert!(jwk.get("d").is_none(), "only the public part");
        assert_eq!(token.verify::<Value>(&PublicKey::from_jwk(jwk, None).unwrap()).unwrap(), claims());
    }
    assert!(node.keys.sign(Alg::Ps256, "JWT", &claims()).is_err());
}

#[tokio::test]
async fn the_keys_are_the_same_after_a_restart_and_sealed_at_rest() {
    let Node { keys, dir, .. } = node().await;
    let (text, jwks) = (keys.sign(Alg::Rs256, "JWT", &claims()).unwrap(), keys.jwks().etag);
    drop(keys);
    let db = Db::open(&embedded_url(dir.path())).await.unwrap();
    let again = Keys::load(db.clone(), &seal(), Clock::system()).await.unwrap();
    assert_eq!(again.jwks().etag, jwks);
    assert!(again.verify::<Value>(&text, &["JWT"]).is_ok());
    let other = Seal::new(&[6; 32], Entropy::system()).unwrap();
    assert!(Keys::load(db, &other, Clock::system()).await.is_err(), "another master key");
}

#[tokio::test]
async fn a_rotated_key_goes_on_verifying_and_signs_no_more() {
    let node = node().await;
    let old = node.keys.sign(Alg::Es256, "JWT", &claims()).unwrap();
    node.hand.advance(1);
    let kid = node.keys.rotate(Alg::Es256, &node.seal).await.unwrap();
    let new = node.keys.sign(Alg::Es256, "JWT", &claims()).unwrap();
    assert_eq!(Unverified::parse(&new).unwrap().header.kid.as_deref(), Some(kid.as_str()));
    assert!(node.keys.verify::<Value>(&old, &["JWT"]).is_ok());
    assert!(node.keys.verify::<Value>(&new, &["JWT"]).is_ok());
    let states: Vec<_> = node.keys.list().await.unwrap().into_iter().map(|key| (key.alg, key.state)).collect();
    let count =
        |alg: &str, state: &str| states.iter().filter(|known| **known == (alg.to_owned(), state.to_owned())).count();
    assert_eq!((count("ES256", "active"), count("ES256", "retired"), count("RS256", "active")), (1, 1, 1));
}

#[tokio::test]
async fn another_nodes_rotation_is_noticed_by_its_unknown_kid() {
    let here = node().await;
    let db = Db::open(&embedded_url(here.dir.path())).await.unwrap();
    let there = Keys::load(db, &seal(), Clock::system()).await.unwrap();
    there.rotate(Alg::Es256, &seal()).await.unwrap();
    let text = there.sign(Alg::Es256, "JWT", &claims()).unwrap();
    let verdict = || here.keys.verify_fresh::<Value>(&here.seal, &text, &["JWT"]);
    assert_eq!(verdict().await.unwrap(), Err(JwsError::UnknownKey), "not at every unknown kid");
    here.hand.advance(LOOK_AGAIN);
    assert_eq!(verdict().await.unwrap().unwrap(), claims());
}

#[tokio::test]
async fn only_our_own_tokens_of_the_right_kind_verify() {
    let node = node().await;
    let text = node.keys.sign(Alg::Es256, "JWT", &claims()).unwrap();
    let refused = |text: &str| node.keys.verify::<Value>(text, &["JWT"]).unwrap_err();
    assert_eq!(node.keys.verify::<Value>(&text, &["at+jwt"]).unwrap_err(), JwsError::Header("typ"), "another slot");

    let kid = Unverified::parse(&text).unwrap().header.kid.unwrap();
    let (_, rest) = text.split_once('.').unwrap();
    let forged = |header: Value| format!("{}.{rest}", BASE64_URL_SAFE_NO_PAD.encode(header.to_string()));
    for alg in ["none", "HS256", "RS256", "ES384", ""] {
        let header = json!({ "alg": alg, "kid": kid, "typ": "JWT" });
        assert_eq!(refused(&forged(header)), JwsError::Header("alg is not the key's"), "{alg}");
    }
    assert_eq!(refused(&forged(json!({ "alg": "ES256", "typ": "JWT" }))), JwsError::UnknownKey);
    assert_eq!(refused(&forged(json!({ "alg": "ES256", "kid": "x", "typ": "JWT" }))), JwsError::UnknownKey);

    let jwks: Value = serde_json::from_slice(&node.keys.jwks().body).unwrap();
    let secret = hmac::Key::new(hmac::HMAC_SHA256, jwks["keys"][0].to_string().as_bytes());
    let unsigned = forged(json!({ "alg": "HS256", "kid": kid, "typ": "JWT" }));
    let signed = unsigned.rsplit_once('.').unwrap().0;
    let mac = BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(&secret, signed.as_bytes()));
    assert!(matches!(refused(&format!("{signed}.{mac}")), JwsError::Header(_)), "the public key as a secret");

    for at in 0..text.len() {
        let mut altered = text.clone().into_bytes();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).unwrap();
        assert!(node.keys.verify::<Value>(&altered, &["JWT"]).is_err(), "byte {at}");
    }
}
