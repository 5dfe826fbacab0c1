//! One whole activation and a payment, computed independently: what a pad in another language must reproduce.
#![expect(clippy::unwrap_used, reason = "tests")]

use cipherpad_core::{
    activation::{PadStart, ServerStart},
    challenge::Digits,
    code::ActivationCode,
    keys::Secret,
    payment::Amount,
    question::{Question, Suites},
    verify::STEP_SECONDS,
};
use serde_json::{Value, json};

#[test]
fn an_activation_goes_as_published() {
    let vector: Value = serde_json::from_str(include_str!("vectors/activation.json")).unwrap();
    let text = |field: &str| vector[field].as_str().unwrap().to_owned();
    let secret = |field: &str| *serde_json::from_value::<Secret>(vector[field].clone()).unwrap().expose();
    let now = vector["unix_seconds"].as_u64().unwrap();

    let code: ActivationCode = text("code").parse().unwrap();
    assert_eq!(code.grouped(), text("code"));
    assert_eq!(*code.psk().expose(), secret("psk"));

    let start = PadStart::new(&code, secret("pad_secret"));
    assert_eq!(json!(start.hello()), json!({ "pad_key": vector["pad_key"] }));

    let server = ServerStart {
        psk: code.psk(),
        account: text("account"),
        issuer: text("issuer"),
        epoch: vector["epoch"].as_u64().unwrap(),
        suites: Suites::for_digits(Digits::Eight).unwrap(),
    };
    let (offer, pending) = server.accept(&start.hello(), &secret("server_random")).unwrap();
    let offered = json!(offer);
    for field in ["server_key", "qr_key", "challenge", "account", "issuer", "epoch"] {
        assert_eq!(offered[field], vector[field], "{field}");
    }
    assert_eq!(offered["mac"], vector["server_mac"]);

    let (finish, done) = start.receive(offer).unwrap().finish(now).unwrap();
    assert_eq!(json!(finish), json!({ "mac": vector["pad_mac"], "answer": vector["answer"] }));
    assert_eq!(*done.keys.root().expose(), secret("key"));
    assert!(pending.complete(&finish, now).is_ok());

    let payment = &vector["payment"];
    let question = Question::Payment {
        challenge: done.offer.challenge.clone(),
        payee: serde_json::from_value(payment["payee"].clone()).unwrap(),
        amount: serde_json::from_value::<Amount>(payment["amount"].clone()).unwrap(),
    };
    let answer = question.answer(&done.offer.suites, &done.keys, done.counter, now / STEP_SECONDS).unwrap();
    assert_eq!(
        json!({ "counter": done.counter, "answer": answer }),
        json!({ "counter": payment["counter"], "answer": payment["answer"] })
    );
}
