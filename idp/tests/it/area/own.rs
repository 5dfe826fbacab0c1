//! Linked services, the profile, and all data as a file.

use enum_idp::{
    account::rights,
    clock::{HOUR, MINUTE},
    when,
};

use super::{ANN, EVE, account, provider};
use crate::{
    on_both_databases,
    support::{database::Database, provider::text, sites::PURSE},
};

on_both_databases! {
    a_website_loses_its_access_and_asks_again,
    linked_services_tell_when_they_were_used_and_what_for,
    the_profile_sets_name_language_and_time_zone,
    a_profile_that_makes_no_sense_is_refused,
    all_data_is_one_file_without_secrets,
}

async fn a_website_loses_its_access_and_asks_again(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    let site = &provider.sites.site;
    let tokens = ann.logs_in_at(site).await;
    ann.enters("/account/access").await;
    assert!(ann.person.page.html.contains("The site"), "{}", ann.person.what_is_shown());
    let mut eve = provider.member(EVE).await;
    eve.logs_in_at(&provider.sites.forum).await;
    eve.enters("/account/access").await;
    let token = super::hidden(&eve.person, "end-1", "token");
    eve.person.posts("/account/access/end", &[("token", &token), ("site", "site")]).await;
    assert!(eve.person.complaint().is_some(), "{}", eve.person.what_is_shown());
    site.asks_who(&text(&tokens, "access_token")).await.expect(200);

    ann.person.presses("end-1").await;
    assert!(ann.person.sees("notice") && !ann.person.sees("end-1"), "{}", ann.person.what_is_shown());
    assert!(site.asks_who(&text(&tokens, "access_token")).await.status.is_client_error());
    site.refreshes(&text(&tokens, "refresh_token")).await.error();
    ann.person.opens(&site.sends(&[]).link).await;
    assert!(ann.person.sees("allow"), "it was forgotten: {}", ann.person.what_is_shown());
    assert!(provider.log_of(ANN).await.contains(&"access_ended ok".to_owned()));
}

async fn linked_services_tell_when_they_were_used_and_what_for(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    let moment = || when::shown(provider.clock.now(), &jiff::tz::TimeZone::UTC);
    let first = moment();
    ann.logs_in_at(&provider.sites.site).await;
    provider.waits(HOUR);
    let paid = moment();
    for minor in [1050, 2100] {
        ann.goes(&provider.sites.shop.asks_to_pay(minor, &[]).await).await;
        ann.pays(PURSE, minor).await;
    }
    ann.goes(&provider.sites.shop.asks_to_pay(1, &[]).await).await;
    ann.person.presses("deny").await;
    let mut eve = provider.member(EVE).await;
    eve.logs_in_at(&provider.sites.forum).await;
    provider.waits(HOUR);
    ann.enters("/account/access").await;
    let html = ann.person.page.html.clone();
    let card = |name: &str| {
        let at = html.find(&format!("<strong>{name}</strong>")).unwrap_or_else(|| panic!("no {name}: {html}"));
        html[at..]
            .split("</li>\n<li class=\"card\">")
            .next()
            .unwrap()
            .split("</ul>\n<p class=\"hint\"")
            .next()
            .unwrap()
            .to_owned()
    };
    let site = card("The site");
    for part in [&format!("First use</dt><dd>{first}<"), "know that it is you", "site=site", "id=\"end-"] {
        assert!(site.contains(part), "{part}: {site}");
    }
    assert!(!site.contains("Payments approved"), "{site}");
    let shop = card("The shop");
    for part in ["Payments approved</dt><dd>2<", &format!("First use</dt><dd>{paid}<"), "holds nothing"] {
        assert!(shop.contains(part), "{part}: {shop}");
    }
    assert!(!shop.contains("id=\"end-"), "there is nothing to end: {shop}");
    assert_eq!(html.matches("class=\"card\"").count(), 2, "neither what others use, nor this page itself: {html}");
}

async fn the_profile_sets_name_language_and_time_zone(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    ann.enters("/account/profile").await;
    let token = super::hidden(&ann.person, "save", "token");
    let fields = [
        ("token", token.as_str()),
        ("first_name", "Анна"),
        ("last_name", "Ли"),
        ("language", "ru"),
        ("zone", "Asia/Ho_Chi_Minh"),
    ];
    ann.person.posts("/account/profile", &fields).await;
    assert!(
        ann.person.page.html.contains("lang=\"ru\"") && ann.person.sees("notice"),
        "{}",
        ann.person.what_is_shown()
    );
    let row = account(&provider, ANN).await;
    assert_eq!(
        (row.name().as_str(), row.locale.as_str(), row.time_zone.as_str()),
        ("Анна Ли", "ru", "Asia/Ho_Chi_Minh")
    );
    ann.person.opens("/account/log").await;
    let hour = |zone: &str| {
        let now = jiff::Timestamp::from_millisecond(provider.clock.now()).unwrap();
        now.in_tz(zone).unwrap().strftime("%Y-%m-%d %H:%M").to_string()
    };
    assert!(ann.person.page.html.contains(&hour("Asia/Ho_Chi_Minh")), "{}", ann.person.what_is_shown());
    assert_ne!(hour("Asia/Ho_Chi_Minh"), hour("UTC"));
}

async fn a_profile_that_makes_no_sense_is_refused(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    ann.enters("/account/profile").await;
    let token = super::hidden(&ann.person, "save", "token");
    let before = account(&provider, ANN).await;
    let good = [("first_name", "Ann"), ("last_name", "Lee"), ("language", "en"), ("zone", "UTC")];
    let long = "a".repeat(81);
    let wrong = [
        ("first_name", ""),
        ("last_name", long.as_str()),
        ("language", "xx"),
        ("zone", "Nowhere/Land"),
        ("zone", "../../etc/passwd"),
    ];
    for (name, value) in wrong {
        let mut fields = vec![("token", token.as_str())];
        fields.extend(good.iter().map(|(field, good)| (*field, if *field == name { value } else { *good })));
        ann.person.posts("/account/profile", &fields).await;
        assert_eq!(ann.person.reply.status, 422, "{name}={value}");
    }
    assert_eq!(account(&provider, ANN).await, before);
}

async fn all_data_is_one_file_without_secrets(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    ann.logs_in_at(&provider.sites.site).await;
    let row = account(&provider, ANN).await;
    assert!(rights::give(&provider.app, &row).await.unwrap() && rights::take(&provider.app, &row).await.unwrap());
    provider.sites.stall.asks_signed(ANN, &serde_json::json!({ "requested_expiry": 900 })).await.expect(200);
    ann.enters("/account/requests").await.person.presses("mute-1").await;
    provider.waits(6 * MINUTE);
    ann.enters("/account/data").await;
    assert!(ann.person.sees("prove") && !ann.person.sees("export"), "{}", ann.person.what_is_shown());
    ann.confirms().await.person.presses("export").await;
    let data = ann.person.reply.json();
    assert!(ann.person.reply.header("content-disposition").contains("attachment"));
    assert_eq!(data["addresses"][0]["email"], ANN);
    assert_eq!(data["account"]["last_name"], "Lee");
    let rights = &data["account"]["administrator"];
    assert!(rights["name"] == ANN && rights["since"].is_string() && rights["until"].is_string(), "{rights}");
    for list in ["methods", "sessions", "consents", "tokens", "requests", "muted", "log"] {
        assert!(!data[list].as_array().unwrap().is_empty(), "{list}");
    }
    assert_eq!(data["log"].as_array().unwrap().len() + 1, provider.log_of(ANN).await.len(), "and it is logged");
    let (text, row) = (ann.person.reply.text(), account(&provider, ANN).await);
    let session = &ann.person.cookies["enum_session"];
    for secret in [session.as_str(), "argon2", "sealed"] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert!(row.security_answer.is_empty() || !text.contains(&row.security_answer));
}
