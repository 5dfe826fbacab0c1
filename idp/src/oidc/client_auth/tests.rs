#![expect(clippy::unwrap_used, reason = "tests")]

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;
use crate::{entropy::Entropy, oidc::metadata};

const NOW: i64 = 1_800_000_000;

struct Rp {
    pair: EcdsaKeyPair,
    client: Arc<Client>,
}

fn seal() -> Seal {
    Seal::new(&[3; 32], Entropy::system()).unwrap()
}

fn config() -> Config {
    Config::parse("issuer = 'https://id.example'\ndata_dir = 'd'", "test", std::collections::BTreeMap::new()).unwrap()
}

fn jwk(pair: &EcdsaKeyPair) -> Value {
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    json!({ "kty": "EC", "crv": "P-256", "kid": "1", "x": BASE64_URL_SAFE_NO_PAD.encode(x), "y": BASE64_URL_SAFE_NO_PAD.encode(y) })
}

fn client(method: &str, secret: Option<&str>, keys: &[Value]) -> Arc<Client> {
    let metadata = json!({
        "client_id": "shop", "redirect_uris": ["https://shop.example/cb"],
        "token_endpoint_auth_method": method, "jwks": { "keys": keys },
    });
    Arc::new(metadata::read(&metadata, secret.map(|secret| hash_secret(&seal(), secret))).unwrap())
}

fn rp() -> Rp {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let client = client("private_key_jwt", None, &[jwk(&pair)]);
    Rp { pair, client }
}

fn good() -> Value {
    json!({ "iss": "shop", "sub": "shop", "aud": "https://id.example", "exp": NOW + 60, "iat": NOW, "jti": "j" })
}

impl Rp {
    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(header), part(claims));
        let signature = self.pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    fn with(&self, changes: &Value) -> bool {
        let mut claims = good();
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        self.accepts(&self.sign(&json!({ "alg": "ES256", "kid": "1" }), &claims))
    }

    fn without(&self, claim: &str) -> bool {
        let mut claims = good();
        claims.as_object_mut().unwrap().remove(claim);
        self.accepts(&self.sign(&json!({ "alg": "ES256", "kid": "1" }), &claims))
    }

    fn accepts(&self, text: &str) -> bool {
        assertion(&seal(), &config(), NOW, &self.client, text).is_ok()
    }
}

#[test]
fn a_good_assertion_is_accepted_for_each_of_our_names() {
    let rp = rp();
    for aud in [
        json!("https://id.example"),
        json!("https://id.example/token"),
        json!("https://id.example/par"),
        json!(["https://id.example"]),
        json!(["https://id.example", "https://id.example/token"]),
    ] {
        assert!(rp.with(&json!({ "aud": aud })), "{aud}");
    }
    assert!(rp.with(&json!({ "exp": 1_800_000_060.5 })), "NumericDate may have a fraction (RFC 7519 §2)");
    assert!(rp.without("iat"));
}

#[test]
fn wrong_claims_are_refused() {
    let rp = rp();
    for bad in [
        json!({ "iss": "other" }),
        json!({ "sub": "other" }),
        json!({ "aud": "https://evil.example" }),
        json!({ "aud": ["https://id.example", "https://evil.example"] }),
        json!({ "aud": [] }),
        json!({ "aud": "https://id.example/" }),
        json!({ "exp": NOW - 31 }),
        json!({ "exp": NOW + 3600 }),
        json!({ "nbf": NOW + 3600 }),
        json!({ "iat": NOW + 3600 }),
        json!({ "jti": "" }),
        json!({ "jti": "j".repeat(257) }),
    ] {
        assert!(!rp.with(&bad), "{bad}");
    }
    for missing in ["iss", "sub", "aud", "exp", "jti"] {
        assert!(!rp.without(missing), "{missing}");
    }
}

#[test]
fn a_claim_of_the_wrong_json_type_is_not_an_absent_claim() {
    let rp = rp();
    for claim in ["exp", "nbf", "iat"] {
        for value in [json!("1800000060"), json!(null), json!([NOW]), json!({}), json!(true)] {
            assert!(!rp.with(&json!({ claim: value })), "{claim} {value}");
        }
    }
    for value in [json!(1), json!(null), json!(["shop"])] {
        for claim in ["iss", "sub", "jti"] {
            assert!(!rp.with(&json!({ claim: value })), "{claim} {value}");
        }
    }
    assert!(!rp.with(&json!({ "aud": 1 })));
}

#[test]
fn the_algorithm_is_the_keys_and_the_key_is_the_registered_one() {
    let rp = rp();
    let signed = |header: Value| rp.accepts(&rp.sign(&header, &good()));
    assert!(signed(json!({ "alg": "ES256" })));
    assert!(!signed(json!({ "alg": "none" })));
    assert!(!signed(json!({ "alg": "RS256" })));
    assert!(!signed(json!({ "alg": "HS256" })));
    assert!(!signed(json!({ "alg": "es256" })));
    assert!(!signed(json!({ "alg": "ES256", "crit": ["exp"], "exp": 1 })));
    assert!(!signed(json!({ "alg": "ES256", "kid": "2" })));
    assert!(!signed(json!({ "alg": "ES256", "typ": "at+jwt" })));

    let thief = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let embedded = json!({ "alg": "ES256", "kid": "1", "jwk": jwk(&thief) });
    let thief = Rp { pair: thief, client: rp.client.clone() };
    assert!(!rp.accepts(&thief.sign(&embedded, &good())), "a key in the header (CVE-2018-0114)");

    // The public key as an HMAC secret (CVE-2015-9235).
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&json!({ "alg": "HS256", "kid": "1" })), part(&good()));
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, rp.pair.public_key().as_ref()), text.as_bytes());
    assert!(!rp.accepts(&format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac))));

    let unsigned = format!("{}.{}.", part(&json!({ "alg": "none" })), part(&good()));
    assert!(!rp.accepts(&unsigned));
    let zero = rp.sign(&json!({ "alg": "ES256" }), &good());
    let zero = format!("{}.{}", zero.rsplit_once('.').unwrap().0, BASE64_URL_SAFE_NO_PAD.encode([0; 64]));
    assert!(!rp.accepts(&zero), "r = s = 0 (CVE-2022-21449)");
    for malformed in ["", ".", "..", "a.b.c", "a.b.c.d"] {
        assert!(!rp.accepts(malformed), "{malformed}");
    }
}

#[test]
fn the_same_jti_of_two_clients_is_two_things_and_of_one_client_one() {
    let rp = rp();
    let text = rp.sign(&json!({ "alg": "ES256" }), &good());
    let spent = |client: &Client| assertion(&seal(), &config(), NOW, client, &text).map(|spent| spent.hash);
    assert_eq!(spent(&rp.client).unwrap(), spent(&rp.client).unwrap());
}

fn judged(client: &Arc<Client>, authorization: Option<&str>, form: &str) -> Result<(), ErrorCode> {
    let params = Params::parse(form.as_bytes()).unwrap();
    let headers = authorization.map(|value| (header::AUTHORIZATION, value.parse().unwrap())).into_iter().collect();
    let claimed = Claimed::read(&headers, &params).map_err(|error| error.code)?;
    let known = (claimed.client_id() == client.client_id).then(|| client.clone());
    judge(&seal(), &config(), NOW, &claimed, known).map(drop).map_err(|error| error.code)
}

fn basic_header(id: &str, secret: &str) -> String {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret))))
}

#[test]
fn a_secret_is_accepted_by_the_registered_method_only() {
    const SECRET: &str = "p:a ss+wörd&=%";
    let refused = Err(ErrorCode::InvalidClient);
    let header = basic_header("shop", SECRET);
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("client_id", "shop"), ("client_secret", SECRET)])
        .finish();

    let by_basic = client("client_secret_basic", Some(SECRET), &[]);
    assert_eq!(judged(&by_basic, Some(&header), ""), Ok(()));
    assert_eq!(judged(&by_basic, Some(&header), "client_id=shop"), Ok(()));
    assert_eq!(judged(&by_basic, Some(&header), "client_id=other"), refused);
    assert_eq!(judged(&by_basic, None, &form), refused, "post");
    assert_eq!(judged(&by_basic, None, "client_id=shop"), refused, "none");
    assert_eq!(judged(&by_basic, Some(&basic_header("shop", "wrong")), ""), refused);
    assert_eq!(judged(&by_basic, Some(&basic_header("other", SECRET)), ""), refused, "unknown client");
    for malformed in ["Basic", "Basic !", "Bearer x", "Basic c2hvcA=="] {
        assert_eq!(judged(&by_basic, Some(malformed), ""), refused, "{malformed}");
    }

    let by_post = client("client_secret_post", Some(SECRET), &[]);
    assert_eq!(judged(&by_post, None, &form), Ok(()));
    assert_eq!(judged(&by_post, Some(&header), ""), refused, "basic");
}

#[test]
fn two_methods_at_once_are_refused() {
    let client = client("client_secret_basic", Some("s"), &[]);
    let header = basic_header("shop", "s");
    let refused = Err(ErrorCode::InvalidRequest);
    assert_eq!(judged(&client, Some(&header), "client_id=shop&client_secret=s"), refused);
    assert_eq!(judged(&client, Some(&header), "client_assertion=x"), refused);
    assert_eq!(judged(&client, None, "client_id=shop&client_secret=s&client_assertion=x"), refused);
}

#[test]
fn a_public_client_brings_its_id_and_nothing_else() {
    let client = client("none", None, &[]);
    assert_eq!(judged(&client, None, "client_id=shop"), Ok(()));
    assert_eq!(judged(&client, None, ""), Err(ErrorCode::InvalidClient));
    assert_eq!(judged(&client, None, "client_id=shop&client_secret=x"), Err(ErrorCode::InvalidClient));
}
