//! Places that are new, or too far away: who is asked for more, and what nobody teaches the account.

use enum_idp::clock::{DAY, HOUR, MINUTE};
use hyper::StatusCode;
use serde_json::{Value, json};

use super::{ANN, ann, is_told_why, proves, proves_by_mail, signals_of_the_last, told, with_places, with_places_and};
use crate::{
    codes, on_both_databases,
    policy::says,
    support::{
        atlas::{HANOI, HANOI_TOO, NEW_YORK, NOWHERE, SAIGON},
        database::Database,
        provider::{Member, Provider},
        sites::PURSE,
    },
};

on_both_databases! {
    another_country_is_new_until_somebody_was_there,
    another_city_is_new_where_the_policy_goes_by_distance,
    nobody_travels_faster_than_the_policy_says,
    a_place_asks_for_more_and_is_not_remembered_before_that_is_proven,
    who_can_prove_no_more_is_let_in_and_told_of,
    who_can_prove_no_more_is_refused_where_the_policy_says_so,
    a_wrong_answer_makes_no_place_known,
    a_refused_answer_makes_no_place_known,
    a_payment_from_another_place_is_held_to_the_same_rules,
    a_header_that_claims_another_address_changes_nothing,
    a_trusted_proxy_says_where_somebody_is_and_nobody_else_does,
    what_the_file_does_not_list_gives_no_signal,
    without_a_file_no_place_is_new,
}

fn rule(signal: &str, rule: &Value) -> Value {
    json!({ "risk": { signal: rule, "new_device": { "notify": false } } })
}

/// Ann with both methods, who has proven herself in Hanoi.
async fn at_home(provider: &Provider) -> Member {
    let mut ann = provider.member(ANN).await;
    provider.waits(1000);
    codes::adds(provider, ANN).await;
    ann.person.moves_to(HANOI);
    proves(provider, &mut ann).await;
    ann
}

async fn another_country_is_new_until_somebody_was_there(database: Database) {
    let provider = with_places(database).await;
    says(&provider, &rule("new_place", &json!({ "notify": true }))).await;
    let mut member = provider.member(ANN).await;
    let mut count = 0;
    for (place, expected) in [
        // The first one is not new, nor is another city of its country.
        (HANOI, ""),
        (HANOI_TOO, ""),
        (SAIGON, ""),
        (NEW_YORK, "new_place"),
        (NEW_YORK, ""),
        (HANOI, ""),
        (NEW_YORK, ""),
    ] {
        provider.waits(2 * DAY);
        member.person.moves_to(place);
        proves(&provider, &mut member).await;
        count += u64::from(!expected.is_empty());
        assert_eq!(
            (signals_of_the_last(&provider).await.as_str(), told(&provider).await),
            (expected, count),
            "{place}"
        );
    }
    let letters = provider.mail.wait_for(ANN, 1, |letter| letter.subject.contains("unusual")).await;
    let text = &letters[0].text;
    assert!(text.contains("not used at this place before"), "{text}");
    assert!(text.contains("127.0.3.1 (New York, United States)"), "{text}");
    // What was not seen for long is forgotten, as browsers are.
    provider.waits(181 * DAY);
    member.person.moves_to(HANOI);
    proves(&provider, &mut member).await;
    provider.waits(2 * DAY);
    member.person.moves_to(NEW_YORK);
    proves(&provider, &mut member).await;
    assert_eq!(signals_of_the_last(&provider).await, "new_place");
}

async fn another_city_is_new_where_the_policy_goes_by_distance(database: Database) {
    let provider = with_places(database).await;
    says(&provider, &json!({ "risk": { "new_place_by": "distance", "new_place_km": 300 } })).await;
    let mut member = provider.member(ANN).await;
    for (place, expected) in [(HANOI, ""), (HANOI_TOO, ""), (SAIGON, "new_place"), (HANOI, ""), (SAIGON, "")] {
        provider.waits(DAY);
        member.person.moves_to(place);
        proves(&provider, &mut member).await;
        assert_eq!(signals_of_the_last(&provider).await, expected, "{place}");
    }
}

async fn nobody_travels_faster_than_the_policy_says(database: Database) {
    let provider = with_places(database).await;
    says(&provider, &rule("impossible_travel", &json!({ "refuse": true }))).await;
    let mut member = provider.member(ANN).await;
    member.person.moves_to(HANOI);
    proves(&provider, &mut member).await;
    // Whoever has been everywhere still cannot be there so soon.
    for (place, after, gets_in) in [
        (NEW_YORK, 15 * HOUR, true),
        (HANOI, MINUTE, false),
        (NEW_YORK, MINUTE, true),
        (HANOI, 12 * HOUR, false),
        // What was refused in between has not made the way shorter.
        (HANOI, 2 * HOUR, true),
        (NOWHERE, MINUTE, true),
        (NEW_YORK, MINUTE, false),
    ] {
        provider.waits(after);
        member.person.moves_to(place);
        member.goes(&provider.sites.own.sends(&[("prompt", "login")])).await.answers().await;
        if gets_in {
            codes::is_in(&member.person);
            assert!(!signals_of_the_last(&provider).await.contains("impossible_travel"), "{place} {after}");
        } else {
            is_told_why(&member.person, "too far from where your account was used last");
            assert_eq!(signals_of_the_last(&provider).await, "impossible_travel");
            assert_eq!(provider.log_of(ANN).await.last().map(String::as_str), Some("login refused"));
        }
    }
}

async fn a_place_asks_for_more_and_is_not_remembered_before_that_is_proven(database: Database) {
    let provider = with_places(database).await;
    let mut member = at_home(&provider).await;
    let home = ann(&provider).await.places;
    says(&provider, &rule("new_place", &json!({ "acr": "urn:enum:acr:2" }))).await;
    provider.waits(DAY);
    member.person.moves_to(NEW_YORK);
    for count in 1..=2 {
        provider.waits(MINUTE);
        // Nothing that belongs to the account shows before something is proven.
        let mut attempt = Member { person: member.person.clone(), ..member.clone() };
        attempt.goes(&provider.sites.own.sends(&[("prompt", "login")])).await;
        assert!(!attempt.person.sees("raised") && attempt.person.sees("factor-email"));
        attempt.person.presses("factor-email").await;
        let code = codes::code(&provider, ANN, count).await;
        codes::answers(&mut attempt.person, &code).await;
        is_told_why(&attempt.person, "at this place before");
        is_told_why(&attempt.person, "New York, United States");
        assert_eq!(signals_of_the_last(&provider).await, "new_place");
        assert_eq!(provider.log_of(ANN).await.last().map(String::as_str), Some("login not_enough"));
        assert_eq!(ann(&provider).await.places, home, "attempt {count} has taught the account a place");
        if count == 2 {
            attempt.answers().await;
            codes::is_in(&attempt.person);
            member = attempt;
        }
    }
    assert_eq!(signals_of_the_last(&provider).await, "new_place");
    provider.waits(MINUTE);
    proves_by_mail(&provider, &mut member.person, ANN, 3).await;
    codes::is_in(&member.person);
}

async fn who_can_prove_no_more_is_let_in_and_told_of(database: Database) {
    let provider = with_places(database).await;
    codes::member(&provider, ANN, "ru").await;
    says(&provider, &rule("new_place", &json!({ "acr": "urn:enum:acr:2" }))).await;
    let mut person = provider.stranger();
    for (count, place) in [(1, HANOI), (2, NEW_YORK), (3, HANOI)] {
        person.moves_to(place);
        proves_by_mail(&provider, &mut person, ANN, count).await;
        codes::is_in(&person);
        provider.waits(DAY);
    }
    assert_eq!(told(&provider).await, 1);
    let letters = provider.mail.wait_for(ANN, 1, |letter| letter.text.contains("В этом месте")).await;
    assert!(letters[0].text.contains("127.0.3.1 (New York, United States)"), "{}", letters[0].text);
}

async fn who_can_prove_no_more_is_refused_where_the_policy_says_so(database: Database) {
    let provider = with_places(database).await;
    codes::member(&provider, ANN, "en").await;
    let mut home = provider.stranger();
    home.moves_to(HANOI);
    proves_by_mail(&provider, &mut home, ANN, 1).await;
    codes::is_in(&home);
    says(&provider, &rule("new_place", &json!({ "acr": "urn:enum:acr:2", "otherwise": "refuse" }))).await;
    provider.waits(DAY);
    let mut thief = provider.stranger();
    thief.moves_to(NEW_YORK);
    proves_by_mail(&provider, &mut thief, ANN, 2).await;
    is_told_why(&thief, "let nobody in from a new place");
    is_told_why(&thief, "New York, United States");
    // The reason holds to the end of the visit, wherever it is gone on with, and is told of the place that it was about.
    let at = thief.page.forms[0].action.clone();
    thief.moves_to(HANOI).opens(&at).await;
    is_told_why(&thief, "New York, United States");
    thief.presses("continue").await;
    assert_eq!(thief.brings_back()["error"], "unmet_authentication_requirements");
    provider.waits(MINUTE);
    proves_by_mail(&provider, &mut home, ANN, 3).await;
    codes::is_in(&home);
}

async fn a_wrong_answer_makes_no_place_known(database: Database) {
    let provider = with_places(database).await;
    let mut member = at_home(&provider).await;
    let home = ann(&provider).await;
    member.person.moves_to(NEW_YORK);
    for _ in 0..3 {
        member.goes(&provider.sites.own.sends(&[("prompt", "login")])).await;
        member.person.presses("factor-cipherpad").await;
        member.answers_wrongly().await;
    }
    let now = ann(&provider).await;
    assert_eq!((now.places, now.places_until), (home.places, home.places_until));
    assert!(now.log_seq >= home.log_seq + 3, "nothing was attempted");
}

async fn a_refused_answer_makes_no_place_known(database: Database) {
    let provider = with_places(database).await;
    let mut member = at_home(&provider).await;
    let home = ann(&provider).await.places;
    says(&provider, &rule("new_place", &json!({ "refuse": true }))).await;
    provider.waits(DAY);
    member.person.moves_to(NEW_YORK);
    for _ in 0..2 {
        member.goes(&provider.sites.own.sends(&[("prompt", "login")])).await;
        member.person.presses("factor-cipherpad").await;
        member.answers().await;
        is_told_why(&member.person, "let nobody in from a new place");
        assert_eq!(ann(&provider).await.places, home);
        provider.waits(MINUTE);
    }
}

async fn a_payment_from_another_place_is_held_to_the_same_rules(database: Database) {
    let provider = with_places(database).await;
    let mut member = at_home(&provider).await;
    says(&provider, &rule("new_place", &json!({ "acr": "phr", "otherwise": "refuse" }))).await;
    for (place, error) in [(NEW_YORK, Some("access_denied")), (SAIGON, None)] {
        provider.waits(DAY);
        member.person.moves_to(place);
        let visit = provider.sites.shop.asks_to_pay(1050, &[]).await;
        member.goes(&visit).await.pays(PURSE, 1050).await;
        if error.is_some() {
            is_told_why(&member.person, "from a new place");
            member.person.presses("continue").await;
        }
        let back = member.person.brings_back();
        assert_eq!(back.get("error").map(String::as_str), error, "{place}");
        assert_eq!(back.contains_key("code"), error.is_none(), "{place}");
    }
}

async fn a_header_that_claims_another_address_changes_nothing(database: Database) {
    let provider = with_places(database).await;
    let mut member = at_home(&provider).await;
    says(&provider, &rule("new_place", &json!({ "refuse": true }))).await;
    let headers = ["x-forwarded-for", "x-real-ip", "true-client-ip", "cf-connecting-ip", "x-client-ip"];
    // From home, nobody is made to have been elsewhere.
    for name in headers {
        member.person.claims(name, NEW_YORK);
    }
    member.person.claims("forwarded", &format!("for={NEW_YORK}"));
    proves(&provider, &mut member).await;
    let row = ann(&provider).await;
    assert!(row.places.contains("VN") && !row.places.contains("US"), "{}", row.places);
    let newest = enum_idp::store::log::newest(provider.app.db.read(), &row.id, 1).await.unwrap();
    assert_eq!(newest[0].event().unwrap().address.as_deref(), Some(HANOI));
    // From elsewhere, nobody claims to be at home.
    provider.waits(DAY);
    let mut thief = Member { person: provider.stranger(), ..member.clone() };
    thief.person.moves_to(NEW_YORK);
    for name in headers {
        thief.person.claims(name, HANOI);
    }
    thief.person.claims("forwarded", &format!("for={HANOI}"));
    thief.goes(&provider.sites.own.sends(&[])).await;
    thief.person.presses("factor-cipherpad").await;
    thief.answers().await;
    is_told_why(&thief.person, "from a new place");
}

async fn a_trusted_proxy_says_where_somebody_is_and_nobody_else_does(database: Database) {
    let provider = with_places_and(database, "[proxy]\ntrusted = ['127.0.0.1', '127.1.0.0/16']").await;
    let mut member = provider.member(ANN).await;
    for (peer, claimed, expected) in [
        ("127.0.0.1", HANOI.to_owned(), HANOI),
        // What somebody has sent to the proxy stands before what the proxy adds.
        ("127.0.0.1", format!("{NEW_YORK}, {HANOI}"), HANOI),
        ("127.1.2.3", format!("{NEW_YORK}, {SAIGON}, 127.0.0.1"), SAIGON),
        ("127.0.0.1", "nonsense".to_owned(), "127.0.0.1"),
        (NOWHERE, HANOI.to_owned(), NOWHERE),
        (NEW_YORK, HANOI.to_owned(), NEW_YORK),
    ] {
        provider.waits(MINUTE);
        member.person = provider.stranger();
        member.person.moves_to(peer).claims("x-forwarded-for", &claimed);
        proves(&provider, &mut member).await;
        let newest = enum_idp::store::log::newest(provider.app.db.read(), &ann(&provider).await.id, 1).await.unwrap();
        assert_eq!(newest[0].event().unwrap().address.as_deref(), Some(expected), "{peer} {claimed}");
    }
    let places = ann(&provider).await.places;
    assert!(places.contains("VN") && places.contains("US"), "{places}");
}

async fn what_the_file_does_not_list_gives_no_signal(database: Database) {
    let provider = with_places(database).await;
    let mut member = at_home(&provider).await;
    let home = ann(&provider).await;
    let strict = json!({ "refuse": true });
    says(&provider, &json!({ "risk": { "new_place": strict, "impossible_travel": strict } })).await;
    member.person.moves_to(NOWHERE);
    proves(&provider, &mut member).await;
    assert_eq!(signals_of_the_last(&provider).await, "");
    let now = ann(&provider).await;
    assert_eq!((now.places, now.places_until), (home.places, home.places_until));
    member.enters("/account/log").await;
    assert_eq!(member.person.reply.status, StatusCode::OK);
    assert!(member.person.page.html.contains("127.0.9.9<") || member.person.page.html.contains("127.0.9.9 ·"));
}

async fn without_a_file_no_place_is_new(database: Database) {
    let provider = codes::provider_of_both(database).await;
    let strict = json!({ "refuse": true });
    says(&provider, &json!({ "risk": { "new_place": strict, "impossible_travel": strict } })).await;
    let mut member = provider.member(ANN).await;
    for place in [HANOI, NEW_YORK, SAIGON] {
        member.person.moves_to(place);
        proves(&provider, &mut member).await;
    }
    let row = ann(&provider).await;
    assert_eq!((row.places.as_str(), row.places_until), ("", None), "nothing is asked, and nothing is kept");
}
