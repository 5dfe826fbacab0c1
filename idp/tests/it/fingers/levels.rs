//! A key whose maker vouches for it is worth more than another, and only such a one is.

use fingerprint_key::{Key, Maker, Manner};
use hyper::Method;
use serde_json::{Value, json};

use enum_idp::{account::enrol_by_admin, clock::SECOND};

use super::{ANN, FACTOR, adds, answers, asked, fingers, goes, honest, is_in, is_not_in, member, options};
use crate::{
    on_both_databases,
    policy::says,
    support::{
        database::Database,
        http,
        person::Person,
        provider::{Provider, Written, text},
        sites::payload,
    },
};

on_both_databases! {
    a_key_whose_maker_vouches_for_it_proves_more,
    a_weaker_key_is_not_enough_where_more_is_essential,
    the_administrator_may_say_that_it_proves_no_more,
    a_claim_beyond_the_manifest_is_worth_what_that_allows,
    changes_of_the_account_need_its_best_key,
    risk_asks_for_no_more_than_the_account_s_own_keys_prove,
    strangers_meet_with_the_same_question_whatever_is_asked_for,
}

pub(super) const ESSENTIAL: (&str, &str) = ("claims", r#"{"id_token":{"acr":{"essential":true,"value":"phrh"}}}"#);
pub(super) const WEAK: &str = "asks for more than it proves";
const ROOT: &str = include_str!("../../../../plugins/fingerprint/tests/keys/root.pem");

/// Where makers are asked for, and keys of any are taken.
pub(super) async fn provider(database: Database) -> Provider {
    let root = ROOT.trim().replace('\n', "\\n");
    let pin = format!("fingerprint_factor settings = {{ attestation = 'asked', authorities = [\"{root}\"] }}");
    let pins = vec![pin.leak() as &str, "merchant"];
    Provider::starts_as(database, Written { pins, ..Written::default() }).await
}

/// An honest key of a maker that is listed.
pub(super) fn vouched(provider: &Provider) -> Manner {
    let maker = Maker {
        model: 0xfa2b_99dc_9e39_4257_8f92_4a30_d23c_4118_u128.to_be_bytes(),
        certificate: include_bytes!("../../../../plugins/fingerprint/tests/keys/model.der").to_vec(),
        key: include_bytes!("../../../../plugins/fingerprint/tests/keys/model.p8").to_vec(),
    };
    Manner { maker: Some(maker), ..honest(provider) }
}

/// One more key of somebody, of such a manner.
pub(super) async fn adds_by(provider: &Provider, email: &str, manner: &Manner) -> Key {
    provider.waits(SECOND);
    let link = enrol_by_admin(&provider.app, email, Some(FACTOR)).await.unwrap().link.unwrap();
    let mut person = provider.stranger();
    person.opens(&link).await;
    let (key, answer) = Key::create(&options(&person), manner).unwrap();
    person.types("name", "Security key").types("credential", &answer).presses("continue").await;
    assert!(person.sees("activated"), "{}", person.what_is_shown());
    key
}

/// The level that the website is told of after a login by this key.
async fn level(provider: &Provider, more: &[(&str, &str)], key: &mut Key) -> Value {
    let visit = provider.sites.own.sends(more);
    let mut person = goes(provider, &visit, ANN).await;
    answers(&mut person, key, &honest(provider)).await;
    let tokens = provider.sites.own.redeems(&visit, &person.brings_back()["code"]).await.expect(200);
    payload(&text(&tokens, "id_token"))["acr"].clone()
}

async fn announced(provider: &Provider) -> Vec<String> {
    let place = provider.origin.join("/.well-known/openid-configuration").unwrap();
    let reply = http::send(Method::GET, &place, &[], String::new()).await;
    let document: Value = serde_json::from_str(&reply.text()).unwrap();
    serde_json::from_value(document["acr_values_supported"].clone()).unwrap()
}

async fn a_key_whose_maker_vouches_for_it_proves_more(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    let mut hardware = adds_by(&provider, ANN, &vouched(&provider)).await;
    let mut copied = adds_by(&provider, ANN, &Manner { synchronised: true, ..vouched(&provider) }).await;
    let kept: Vec<_> = fingers(&provider, ANN).await.into_iter().map(|row| row.acr).collect();
    assert_eq!(kept, [None, Some("phrh".to_owned()), None]);
    for wish in [&[][..], &[("acr_values", "phrh")], &[("acr_values", "phr")]] {
        assert_eq!(level(&provider, wish, &mut hardware).await, "phrh", "{wish:?}");
        assert_eq!(level(&provider, wish, &mut thumb).await, "phr", "{wish:?}");
    }
    assert_eq!(level(&provider, &[ESSENTIAL], &mut hardware).await, "phrh");
    let mut ann = asked(&provider, ANN).await;
    answers(&mut ann, &mut copied, &Manner { synchronised: true, ..honest(&provider) }).await;
    is_in(&ann);
}

async fn a_weaker_key_is_not_enough_where_more_is_essential(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    let mut hardware = adds_by(&provider, ANN, &vouched(&provider)).await;
    let visit = provider.sites.own.sends(&[ESSENTIAL]);
    let mut ann = goes(&provider, &visit, ANN).await;
    answers(&mut ann, &mut thumb, &honest(&provider)).await;
    is_not_in(&ann);
    assert!(ann.complaint().unwrap().contains(WEAK), "{}", ann.what_is_shown());
    assert_eq!(provider.log_of(ANN).await.last().unwrap(), "login weak");
    // It was no mistake, opened nothing, and the same page takes the better one.
    assert!(fingers(&provider, ANN).await.iter().all(|row| row.failures == 0 && row.last_used_at.is_none()));
    answers(&mut ann, &mut hardware, &honest(&provider)).await;
    is_in(&ann);
    assert_eq!(provider.log_of(ANN).await.last().unwrap(), "login ok");
}

async fn risk_asks_for_no_more_than_the_account_s_own_keys_prove(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    let risk = json!({ "new_device": { "acr": "phrh" } });
    says(&provider, &json!({ "factors": { "fingerprint": { "acr": "phrh" } }, "risk": risk })).await;
    // The first browser is not new, and the second is.
    for _ in 0..2 {
        assert_eq!(level(&provider, &[], &mut thumb).await, "phr");
    }
    let mut hardware = adds_by(&provider, ANN, &vouched(&provider)).await;
    let mut ann = asked(&provider, ANN).await;
    answers(&mut ann, &mut thumb, &honest(&provider)).await;
    assert!(ann.away.is_none(), "{:?}", ann.away);
    assert_eq!(provider.log_of(ANN).await.last().unwrap(), "login not_enough");
    answers(&mut ann, &mut hardware, &honest(&provider)).await;
    is_in(&ann);
}

async fn the_administrator_may_say_that_it_proves_no_more(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN).await;
    let mut hardware = adds_by(&provider, ANN, &vouched(&provider)).await;
    assert!(!announced(&provider).await.contains(&"phrh".to_owned()), "nobody said that there are such keys");
    says(&provider, &json!({ "factors": { "fingerprint": { "acr": "phrh" } } })).await;
    assert!(announced(&provider).await.contains(&"phrh".to_owned()));
    assert_eq!(level(&provider, &[], &mut hardware).await, "phrh");
    says(&provider, &json!({ "factors": { "fingerprint": { "acr": "phr" } } })).await;
    assert!(!announced(&provider).await.contains(&"phrh".to_owned()));
    assert_eq!(level(&provider, &[("acr_values", "phrh")], &mut hardware).await, "phr");
    let mut ann = provider.stranger();
    ann.opens(&provider.sites.own.sends(&[ESSENTIAL]).link).await.types("email", ANN).presses("continue").await;
    assert!(ann.sees("unmet-lead"), "{}", ann.what_is_shown());
}

async fn a_claim_beyond_the_manifest_is_worth_what_that_allows(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    for (claimed, worth) in [("urn:enum:acr:payment", "phr"), ("no level", "phr"), ("urn:enum:acr:1", "urn:enum:acr:1")]
    {
        let mut row = fingers(&provider, ANN).await.remove(0);
        row.acr = Some(claimed.to_owned());
        provider
            .app
            .db
            .write(move |tx| {
                let row = row.clone();
                Box::pin(async move { enum_idp::store::enrolment::saving(row).apply(tx).await })
            })
            .await
            .unwrap();
        assert_eq!(level(&provider, &[], &mut thumb).await, worth, "{claimed}");
    }
}

async fn changes_of_the_account_need_its_best_key(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    let mut hardware = adds_by(&provider, ANN, &vouched(&provider)).await;
    let mut ann = provider.stranger();
    ann.opens("/account/methods").await.types("email", ANN).presses("continue").await;
    answers(&mut ann, &mut thumb, &honest(&provider)).await;
    assert!(ann.sees("prove"), "{}", ann.what_is_shown());
    ann.presses_link("prove").await;
    proves_who(&mut ann).await;
    answers(&mut ann, &mut thumb, &honest(&provider)).await;
    assert!(ann.complaint().unwrap().contains(WEAK), "{}", ann.what_is_shown());
    answers(&mut ann, &mut hardware, &honest(&provider)).await;
    assert!(ann.sees("rename-1") && !ann.sees("prove"), "{}", ann.what_is_shown());
}

/// Gives the address where it is asked for again.
async fn proves_who(person: &mut Person) {
    if person.sees("email") && person.sees("deny") {
        person.types("email", ANN).presses("continue").await;
    }
}

async fn strangers_meet_with_the_same_question_whatever_is_asked_for(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN).await;
    adds(&provider, ANN, "Ring finger").await;
    for email in [ANN, "nobody@example.com"] {
        let person = goes(&provider, &provider.sites.own.sends(&[ESSENTIAL]), email).await;
        assert!(person.complaint().is_none(), "{}", person.what_is_shown());
    }
}
