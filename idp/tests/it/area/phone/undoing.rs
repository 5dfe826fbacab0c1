//! "This was not me": the number comes back, and whoever changed it is out.

use enum_idp::clock::{DAY, MINUTE, SECOND};

use super::{
    super::{account, adds_texts, enrolments, was_somewhere},
    ANN, NEW, changes, is_still, number_of, provider, provider_with, times, undoing_link,
};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::{is_refused, is_refused_on_a_page, text},
    },
};

on_both_databases! {
    the_link_puts_the_number_back_and_ends_what_was_set_up_with_the_other,
    opening_it_changes_nothing_and_it_works_once_and_not_for_ever,
    whoever_took_the_account_cannot_undo_the_undoing,
    what_waits_for_a_code_is_void_as_well,
}

async fn the_link_puts_the_number_back_and_ends_what_was_set_up_with_the_other(database: Database) {
    let provider = provider(database).await;
    let mut thief = provider.member(ANN).await;
    let tokens = thief.logs_in_at(&provider.sites.site).await;
    provider.has_also(ANN, "ann@example.org").await;
    changes(&provider, &mut thief, NEW).await;
    adds_texts(&provider, ANN).await;
    // Any of the addresses has it.
    let link = undoing_link(&provider, "ann@example.org", 1).await;
    assert_eq!(link, undoing_link(&provider, ANN, 1).await);
    was_somewhere(&provider, ANN).await;
    let mut owner = provider.stranger();
    owner.opens(&link).await.presses("restore").await;
    assert!(owner.sees("restored"), "{}", owner.what_is_shown());
    is_still(&provider, ANN).await;
    let row = account(&provider, ANN).await;
    assert_eq!((row.places.as_str(), row.places_until), ("", None), "places that the thief was at count no more");
    for email in [ANN, "ann@example.org"] {
        provider
            .mail
            .wait_for(email, 1, |letter| letter.text.contains("again, codes by text message have ended"))
            .await;
    }
    thief.person.opens("/account").await;
    assert!(!thief.person.sees("account-email"), "{}", thief.person.what_is_shown());
    let refused = provider.sites.site.refreshes(&text(&tokens, "refresh_token")).await;
    is_refused(&refused, "invalid_grant");
    assert!(enrolments(&provider, ANN).await.iter().all(|row| row.factor != "sms"));
    assert_eq!(times(&provider, "phone_restored ok").await, 1);
    // Whoever still has a method cannot take the number again at once.
    thief.enters("/account/phone").await.confirms().await;
    assert!(thief.person.sees("settles") && !thief.person.sees("new-phone"), "{}", thief.person.what_is_shown());
}

async fn opening_it_changes_nothing_and_it_works_once_and_not_for_ever(database: Database) {
    let provider = provider_with(database, "[account]\nphone_cooldown_hours = 0\n").await;
    let mut ann = provider.member(ANN).await;
    changes(&provider, &mut ann, NEW).await;
    let link = undoing_link(&provider, ANN, 1).await;
    let mut owner = provider.stranger();
    owner.opens(&link).await;
    assert!(owner.sees("restore") && !owner.page.html.contains(NEW), "{}", owner.what_is_shown());
    assert_eq!(number_of(&provider, ANN).await, NEW);
    let mut twice = owner.clone();
    owner.presses("restore").await;
    twice.presses("restore").await;
    is_refused_on_a_page(&twice);
    owner.opens(&link).await;
    is_refused_on_a_page(&owner);
    owner.opens(&format!("{link}x")).await;
    is_refused_on_a_page(&owner);
    assert_eq!(times(&provider, "phone_restored ok").await, 1);
    provider.waits(MINUTE);
    changes(&provider, &mut ann, NEW).await;
    let link = undoing_link(&provider, ANN, 2).await;
    owner.opens(&link).await;
    provider.waits(7 * DAY);
    owner.presses("restore").await;
    is_refused_on_a_page(&owner);
    assert_eq!(number_of(&provider, ANN).await, NEW);
}

async fn whoever_took_the_account_cannot_undo_the_undoing(database: Database) {
    let provider = provider_with(database, "[account]\nphone_cooldown_hours = 0\n").await;
    let mut thief = provider.member(ANN).await;
    changes(&provider, &mut thief, NEW).await;
    let of_owner = undoing_link(&provider, ANN, 1).await;
    provider.waits(MINUTE);
    changes(&provider, &mut thief, "+447400111222").await;
    let of_thief = undoing_link(&provider, ANN, 2).await;
    assert_ne!(of_owner, of_thief);
    provider.stranger().opens(&of_owner).await.presses("restore").await;
    is_still(&provider, ANN).await;
    thief.person.opens(&of_thief).await;
    is_refused_on_a_page(&thief.person);
    is_still(&provider, ANN).await;
}

async fn what_waits_for_a_code_is_void_as_well(database: Database) {
    let provider = provider_with(database, "[account]\nphone_cooldown_hours = 0\n").await;
    let mut thief = provider.member(ANN).await;
    changes(&provider, &mut thief, NEW).await;
    provider.waits(MINUTE);
    super::is_free_to_change(&mut thief).await;
    super::asks_for(&mut thief.person, "+447400111222").await;
    let code = super::code(&provider, "+447400111222", 1).await;
    let link = undoing_link(&provider, ANN, 1).await;
    provider.stranger().opens(&link).await.presses("restore").await;
    provider.waits(SECOND);
    super::is_free_to_change(&mut thief).await;
    let token = super::super::hidden(&thief.person, "send", "token");
    thief.person.posts("/account/phone/confirm", &[("token", &token), ("code", &code)]).await;
    assert!(thief.person.complaint().is_some(), "{}", thief.person.what_is_shown());
    assert!(account(&provider, ANN).await.phone != "+447400111222");
}
