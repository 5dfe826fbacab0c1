//! Methods: renamed, switched off and on, removed and added; one way in always stays.

use enum_idp::{clock::MINUTE, store::enrolment};

use super::{ANN, EVE, adds_mail_codes, code_in, enrolments, hidden, proves_by_mail, provider, provider_with};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::{Member, Provider, Written},
    },
};

on_both_databases! {
    a_method_is_renamed_and_every_address_told,
    a_method_that_is_off_lets_nobody_in_until_it_is_on,
    what_would_be_one_too_many_is_not_switched_on,
    a_removed_method_is_gone,
    the_last_way_in_stays,
    of_two_that_take_the_last_two_ways_in_one_is_refused,
    a_method_that_no_plugin_serves_is_no_way_in,
    nobody_touches_the_methods_of_others,
    a_method_is_added_with_the_pages_that_enrol,
    names_are_bounded_and_escaped,
}

/// Ann with a pad and codes by e-mail, on the page of methods and free to change them.
async fn ann(provider: &Provider) -> Member {
    let mut ann = provider.member(ANN).await;
    adds_mail_codes(provider, ANN).await;
    ann.enters("/account/methods").await.confirms().await;
    ann
}

async fn status(provider: &Provider, factor: &str) -> Option<String> {
    enrolments(provider, ANN).await.into_iter().find(|row| row.factor == factor).map(|row| row.status)
}

async fn a_method_is_renamed_and_every_address_told(database: Database) {
    let provider = provider(database).await;
    let mut ann = ann(&provider).await;
    ann.person.types("label-1", "Old phone").presses("rename-1").await;
    assert!(ann.person.sees("notice") && ann.person.page.html.contains("Old phone"), "{}", ann.person.what_is_shown());
    let told = provider
        .mail
        .wait_for(ANN, 1, |letter| letter.text.contains("Old phone") || letter.text.contains("renamed"))
        .await;
    assert!(told[0].text.contains("127.0.0.1") && told[0].text.contains("/account"), "{told:?}");
    assert!(provider.log_of(ANN).await.contains(&"method_renamed ok".to_owned()));
}

async fn a_method_that_is_off_lets_nobody_in_until_it_is_on(database: Database) {
    let provider = provider(database).await;
    let mut ann = ann(&provider).await;
    ann.person.presses("off-2").await;
    assert!(ann.person.sees("on-2") && ann.person.sees("last-way"), "{}", ann.person.what_is_shown());
    assert_eq!(status(&provider, "email").await.unwrap(), "off");
    let mut person = provider.stranger();
    person.opens("/account").await.types("email", ANN).presses("continue").await;
    assert!(person.sees("challenge") && !person.sees("factor-email"), "{}", person.what_is_shown());
    ann.person.presses("on-2").await;
    assert_eq!(status(&provider, "email").await.unwrap(), "active");
    let mut person = provider.stranger();
    person.opens("/account").await;
    proves_by_mail(&provider, &mut person, ANN, 1).await;
    assert!(person.sees("account-email"), "{}", person.what_is_shown());
}

async fn what_would_be_one_too_many_is_not_switched_on(database: Database) {
    let provider = provider(database).await;
    let mut ann = ann(&provider).await;
    ann.person.presses("off-2").await;
    let mut taken = enrolments(&provider, ANN).await.into_iter().find(|row| row.factor == "email").unwrap();
    "its place".clone_into(&mut taken.id);
    "active".clone_into(&mut taken.status);
    let write = provider.app.db.write(move |tx| Box::pin(async move { enrolment::add(tx, taken).await }));
    write.await.unwrap();
    ann.person.presses("on-2").await;
    assert!(ann.person.complaint().is_some_and(|text| text.contains("as many")), "{}", ann.person.what_is_shown());
    let active =
        enrolments(&provider, ANN).await.into_iter().filter(|row| row.factor == "email" && row.status == "active");
    assert_eq!(active.count(), 1);
}

async fn a_removed_method_is_gone(database: Database) {
    let provider = provider(database).await;
    let mut ann = ann(&provider).await;
    let id = hidden(&ann.person, "remove-2", "id");
    let token = hidden(&ann.person, "remove-2", "token");
    ann.person.presses("remove-2").await;
    assert!(ann.person.sees("notice") && !ann.person.sees("rename-2"), "{}", ann.person.what_is_shown());
    assert_eq!(status(&provider, "email").await, None);
    for path in ["on", "off", "remove", "rename"] {
        let fields = [("token", token.as_str()), ("id", id.as_str()), ("label", "x")];
        ann.person.posts(&format!("/account/methods/{path}"), &fields).await;
        assert!(ann.person.complaint().is_some(), "{path}: {}", ann.person.what_is_shown());
    }
    assert_eq!(status(&provider, "email").await, None, "it came back");
}

async fn the_last_way_in_stays(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    ann.enters("/account/methods").await.confirms().await;
    assert!(ann.person.sees("last-way") && !ann.person.sees("remove-1"), "{}", ann.person.what_is_shown());
    let (token, id) = (hidden(&ann.person, "rename-1", "token"), hidden(&ann.person, "rename-1", "id"));
    for path in ["off", "remove"] {
        ann.person.posts(&format!("/account/methods/{path}"), &[("token", &token), ("id", &id)]).await;
        assert!(
            ann.person.complaint().is_some_and(|text| text.contains("only way in")),
            "{}",
            ann.person.what_is_shown()
        );
    }
    assert_eq!(status(&provider, "cipherpad").await.unwrap(), "active");
    let log = provider.log_of(ANN).await;
    assert!(!log.iter().any(|line| line.starts_with("method_")), "{log:?}");
}

async fn of_two_that_take_the_last_two_ways_in_one_is_refused(database: Database) {
    let provider = provider(database).await;
    let ann = ann(&provider).await;
    let token = hidden(&ann.person, "remove-1", "token");
    let ids = [hidden(&ann.person, "remove-1", "id"), hidden(&ann.person, "remove-2", "id")];
    for round in 0..8 {
        let (mut one, mut two) = (ann.person.clone(), ann.person.clone());
        let (fields_one, fields_two) =
            ([("token", token.as_str()), ("id", &ids[0])], [("token", token.as_str()), ("id", &ids[1])]);
        tokio::join!(one.posts("/account/methods/off", &fields_one), two.posts("/account/methods/off", &fields_two));
        let rows = enrolments(&provider, ANN).await;
        let active = rows.iter().filter(|row| row.status == "active").count();
        assert_eq!(active, 1, "round {round}: {rows:?}\n{}\n{}", one.what_is_shown(), two.what_is_shown());
        let off = rows.iter().find(|row| row.status == "off").unwrap().id.clone();
        ann.person.clone().posts("/account/methods/on", &[("token", &token), ("id", &off)]).await;
    }
}

async fn a_method_that_no_plugin_serves_is_no_way_in(database: Database) {
    let provider = provider(database).await;
    let mut ann = ann(&provider).await;
    assert!(ann.person.sees("off-1"), "{}", ann.person.what_is_shown());
    // Codes by e-mail are not offered any more.
    let provider = provider.restarts_as(Written::default()).await;
    ann.enters("/account/methods").await.confirms().await;
    assert_eq!(enrolments(&provider, ANN).await.len(), 2);
    assert!(ann.person.sees("last-way") && !ann.person.sees("off-1"), "{}", ann.person.what_is_shown());
}

async fn nobody_touches_the_methods_of_others(database: Database) {
    let provider = provider(database).await;
    let ann = ann(&provider).await;
    let id = hidden(&ann.person, "remove-2", "id");
    let mut eve = provider.member(EVE).await;
    eve.enters("/account/methods").await.confirms().await;
    let token = hidden(&eve.person, "rename-1", "token");
    let before = enrolments(&provider, ANN).await;
    for path in ["rename", "off", "on", "remove"] {
        let fields = [("token", token.as_str()), ("id", id.as_str()), ("label", "Eve was here")];
        eve.person.posts(&format!("/account/methods/{path}"), &fields).await;
        assert!(eve.person.complaint().is_some(), "{path}: {}", eve.person.what_is_shown());
    }
    assert_eq!(enrolments(&provider, ANN).await, before);
}

async fn a_method_is_added_with_the_pages_that_enrol(database: Database) {
    let provider = provider_with(database, "").await;
    let mut ann = provider.member(ANN).await;
    ann.enters("/account/methods").await.confirms().await;
    ann.person.presses("add-email").await;
    let letters = provider.mail.wait_for(ANN, 1, |letter| code_in(letter).is_some()).await;
    ann.person.types("answer", &code_in(&letters[0]).unwrap()).presses("continue").await;
    assert!(ann.person.sees("activated"), "{}", ann.person.what_is_shown());
    ann.person.opens("/account/methods").await;
    assert!(ann.person.sees("remove-2"), "{}", ann.person.what_is_shown());
    provider.waits(5 * MINUTE);
    let token = hidden(&ann.person, "remove-2", "token");
    ann.person.posts("/account/methods/add", &[("token", &token), ("factor", "email")]).await;
    assert!(ann.person.sees("challenge"), "a stale proof begins nothing: {}", ann.person.what_is_shown());
}

async fn names_are_bounded_and_escaped(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    ann.enters("/account/methods").await.confirms().await;
    let (token, id) = (hidden(&ann.person, "rename-1", "token"), hidden(&ann.person, "rename-1", "id"));
    let before = enrolments(&provider, ANN).await;
    for label in ["", "  ", "a\nb", &"a".repeat(61)] {
        ann.person.posts("/account/methods/rename", &[("token", &token), ("id", &id), ("label", label)]).await;
        assert!(ann.person.complaint().is_some(), "{label:?}: {}", ann.person.what_is_shown());
    }
    assert_eq!(enrolments(&provider, ANN).await, before);
    ann.person
        .posts("/account/methods/rename", &[("token", &token), ("id", &id), ("label", "<script>alert(1)</script>")])
        .await;
    assert!(ann.person.sees("notice") && !ann.person.page.html.contains("<script>"), "{}", ann.person.what_is_shown());
}
