//! What holds for a typed address holds for whoever did not type one.

use enum_idp::clock::{MINUTE, SECOND};
use fingerprint_key::Manner;
use serde_json::json;

use super::{ANN, adds, arrives, arrives_at, honest, is_in, is_not_in, member, options, provider, sends, touches};
use crate::{
    fingers::{
        BOB, answers, fingers,
        levels::{self, ESSENTIAL, WEAK, adds_by, vouched},
    },
    on_both_databases,
    policy::says,
    risk::told,
    support::{database::Database, person::Person, provider::text, sites::payload},
};

on_both_databases! {
    who_is_signed_in_proves_it_anew_where_that_is_asked_for,
    somebody_else_than_the_website_expects_is_not_let_in,
    a_passkey_that_is_not_enough_leads_to_one_that_is,
    an_unusual_browser_is_asked_for_more,
    a_new_browser_is_told_of,
    the_policy_of_this_moment_counts,
    another_language_keeps_the_offer,
}

#[track_caller]
fn error(person: &Person) -> String {
    let back = person.brings_back();
    assert!(!back.contains_key("code"), "{back:?}");
    back["error"].clone()
}

async fn who_is_signed_in_proves_it_anew_where_that_is_asked_for(database: Database) {
    let provider = provider(database).await;
    let own = &provider.sites.own;
    let mut thumb = member(&provider, ANN).await;
    let mut ann = arrives(&provider).await;
    touches(&mut ann, &mut thumb, &honest(&provider)).await;
    is_in(&ann);
    for wish in [("prompt", "login"), ("max_age", "60"), ("prompt", "select_account")] {
        provider.waits(61 * SECOND);
        let visit = own.sends(&[wish]);
        ann.opens(&visit.link).await;
        assert!(ann.sees("use-passkey"), "{wish:?}: {}", ann.what_is_shown());
        touches(&mut ann, &mut thumb, &honest(&provider)).await;
        let told = own.redeems(&visit, &ann.brings_back()["code"]).await.expect(200);
        assert_eq!(payload(&text(&told, "id_token"))["auth_time"], provider.clock.seconds(), "{wish:?}");
    }
}

async fn somebody_else_than_the_website_expects_is_not_let_in(database: Database) {
    let provider = provider(database).await;
    let own = &provider.sites.own;
    let (mut anns, mut bobs) = (member(&provider, ANN).await, member(&provider, BOB).await);
    let visit = own.sends(&[]);
    let mut ann = arrives_at(&provider, &visit).await;
    touches(&mut ann, &mut anns, &honest(&provider)).await;
    let hint = text(&own.redeems(&visit, &ann.brings_back()["code"]).await.expect(200), "id_token");
    let expected = own.sends(&[("id_token_hint", &hint)]);
    let mut bob = arrives_at(&provider, &expected).await;
    touches(&mut bob, &mut bobs, &honest(&provider)).await;
    assert_eq!(error(&bob), "login_required");
    let mut ann = arrives_at(&provider, &own.sends(&[("id_token_hint", &hint)])).await;
    touches(&mut ann, &mut anns, &honest(&provider)).await;
    is_in(&ann);
}

async fn a_passkey_that_is_not_enough_leads_to_one_that_is(database: Database) {
    let provider = levels::provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    let mut hardware = adds_by(&provider, ANN, &vouched(&provider)).await;
    let mut ann = arrives_at(&provider, &provider.sites.own.sends(&[ESSENTIAL])).await;
    touches(&mut ann, &mut thumb, &honest(&provider)).await;
    is_not_in(&ann);
    assert!(ann.complaint().unwrap().contains(WEAK) && ann.sees("webauthn"), "{}", ann.what_is_shown());
    assert_eq!(provider.log_of(ANN).await.last().unwrap(), "login weak");
    assert!(fingers(&provider, ANN).await.iter().all(|row| row.failures == 0));
    // They have said who they are by that, and go on like anybody who has.
    answers(&mut ann, &mut hardware, &honest(&provider)).await;
    is_in(&ann);
    // The better one does at once.
    let mut ann = arrives_at(&provider, &provider.sites.own.sends(&[ESSENTIAL])).await;
    touches(&mut ann, &mut hardware, &honest(&provider)).await;
    is_in(&ann);
}

async fn an_unusual_browser_is_asked_for_more(database: Database) {
    let provider = levels::provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    let risk = json!({ "new_device": { "acr": "phrh" } });
    says(&provider, &json!({ "factors": { "fingerprint": { "acr": "phrh" } }, "risk": risk })).await;
    let mut home = arrives(&provider).await;
    touches(&mut home, &mut thumb, &honest(&provider)).await;
    is_in(&home);
    let mut hardware = adds_by(&provider, ANN, &vouched(&provider)).await;
    let mut away = arrives(&provider).await;
    let still = Manner { counter: Some(0), ..honest(&provider) };
    let answer = hardware.get(&options(&away), &still).unwrap();
    touches(&mut away, &mut thumb, &honest(&provider)).await;
    assert!(away.away.is_none() && away.sees("raised") && away.sees("webauthn"), "{}", away.what_is_shown());
    assert_eq!(provider.log_of(ANN).await.last().unwrap(), "login not_enough");
    // What the first page asked was answered, and opened nothing.
    sends_typed(&mut away, &answer).await;
    is_not_in(&away);
    answers(&mut away, &mut hardware, &honest(&provider)).await;
    is_in(&away);
}

async fn sends_typed(person: &mut Person, answer: &str) {
    person.types("credential", answer).presses("continue").await;
}

async fn a_new_browser_is_told_of(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    for unusual in [0, 1] {
        provider.waits(MINUTE);
        let mut ann = arrives(&provider).await;
        touches(&mut ann, &mut thumb, &honest(&provider)).await;
        is_in(&ann);
        assert_eq!(told(&provider).await, unusual);
    }
}

async fn the_policy_of_this_moment_counts(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    adds(&provider, ANN, "Ring finger").await;
    let visit = provider.sites.own.sends(&[("acr_values", "phr")]);
    let mut ann = arrives_at(&provider, &visit).await;
    let answer = thumb.get(&options(&ann), &honest(&provider)).unwrap();
    says(&provider, &json!({ "factors": { "fingerprint": { "off": true } } })).await;
    sends(&mut ann, &answer).await;
    assert!(ann.away.is_none() && ann.complaint().unwrap().contains("does not work"), "{}", ann.what_is_shown());
    assert!(ann.sees("email") && !ann.sees("use-passkey"), "{}", ann.what_is_shown());
}

async fn another_language_keeps_the_offer(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    for (language, words) in [("ru", "Войти с ключом доступа"), ("vi", "Dùng khoá truy cập")] {
        let mut ann = arrives(&provider).await;
        let here = ann.page.control("credential").unwrap().0.action.clone();
        ann.opens(&format!("{here}?lang={language}")).await;
        assert!(ann.page.html.contains(words), "{}", ann.what_is_shown());
        touches(&mut ann, &mut thumb, &honest(&provider)).await;
        is_in(&ann);
    }
}
