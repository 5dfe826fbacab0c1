//! Any of an account's fingers signs in, and nothing else does.

use enum_idp::{account::unenrol_one_by_admin, clock::MINUTE};
use fingerprint_key::Manner;

use super::{
    ANN, BOB, FACTOR, adds, allowed, answers, asked, fingers, goes, honest, is_in, is_not_in, member, provider,
    signs_in,
};
use crate::{
    on_both_databases,
    support::{database::Database, provider::text, sites::payload},
};

on_both_databases! {
    a_finger_signs_in_and_the_website_learns_how,
    any_of_several_fingers_signs_in_and_only_that_one_was_used,
    a_finger_that_was_removed_signs_nobody_in,
    another_accounts_finger_signs_nobody_in,
    an_answer_works_once_and_for_its_own_visit,
    what_was_signed_elsewhere_or_by_nobody_is_wrong,
}

async fn a_finger_signs_in_and_the_website_learns_how(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    let site = &provider.sites.own;
    let visit = site.sends(&[]);
    let mut ann = goes(&provider, &visit, ANN).await;
    assert_eq!(allowed(&ann), [thumb.id()]);
    answers(&mut ann, &mut thumb, &honest(&provider)).await;
    let tokens = site.redeems(&visit, &ann.brings_back()["code"]).await.expect(200);
    let told = payload(&text(&tokens, "id_token"));
    assert_eq!(told["acr"], "phr");
    assert_eq!(told["amr"], serde_json::json!(["hwk", "user", "mfa"]));
    assert_eq!(provider.log_of(ANN).await.last().unwrap(), "login ok");
}

async fn any_of_several_fingers_signs_in_and_only_that_one_was_used(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    let mut ring = adds(&provider, ANN, "Ring finger").await;
    let before = fingers(&provider, ANN).await;
    assert_eq!(before.iter().map(|row| row.label.as_str()).collect::<Vec<_>>(), ["Left thumb", "Ring finger"]);
    provider.waits(MINUTE);
    is_in(&signs_in(&provider, ANN, &mut ring).await);
    let after = fingers(&provider, ANN).await;
    // The oldest has the challenge number, and the one that answered its own counter.
    assert_eq!(after[0].challenge_number, before[0].challenge_number + 1);
    assert_eq!((after[0].last_used_at, after[1].last_used_at), (None, Some(provider.clock.now())));
    assert_eq!(after[1].challenge_number, before[1].challenge_number);
    let counter = |row: &enum_idp::store::enrolment::Model| {
        row.state(&provider.app.seal).unwrap()["credential"]["counter"].clone()
    };
    assert_eq!((counter(&after[0]), counter(&after[1])), (0.into(), 1.into()));
    is_in(&signs_in(&provider, ANN, &mut thumb).await);
    is_in(&signs_in(&provider, ANN, &mut ring).await);
}

async fn a_finger_that_was_removed_signs_nobody_in(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    let mut ring = adds(&provider, ANN, "Ring finger").await;
    let mut ann = asked(&provider, ANN).await;
    let [_, second] = fingers(&provider, ANN).await.try_into().unwrap();
    unenrol_one_by_admin(&provider.app, ANN, FACTOR, &second.id).await.unwrap();
    answers(&mut ann, &mut ring, &honest(&provider)).await;
    is_not_in(&ann);
    assert_eq!(allowed(&asked(&provider, ANN).await), [thumb.id()]);
    is_in(&signs_in(&provider, ANN, &mut thumb).await);
    // Also the oldest can go: the next leads.
    let mut index = adds(&provider, ANN, "Index").await;
    let [first, _] = fingers(&provider, ANN).await.try_into().unwrap();
    unenrol_one_by_admin(&provider.app, ANN, FACTOR, &first.id).await.unwrap();
    is_in(&signs_in(&provider, ANN, &mut index).await);
}

async fn another_accounts_finger_signs_nobody_in(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN).await;
    let mut his = member(&provider, BOB).await;
    let ann = signs_in(&provider, ANN, &mut his).await;
    is_not_in(&ann);
    is_in(&signs_in(&provider, BOB, &mut his).await);
}

async fn an_answer_works_once_and_for_its_own_visit(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    let mut ann = asked(&provider, ANN).await;
    let mut again = ann.clone();
    let mut other = asked(&provider, ANN).await;
    let answer = thumb.get(&super::options(&ann), &honest(&provider)).unwrap();
    ann.types("credential", &answer).presses("continue").await;
    is_in(&ann);
    for replay in [&mut again, &mut other] {
        replay.types("credential", &answer).presses("continue").await;
        is_not_in(replay);
    }
}

async fn what_was_signed_elsewhere_or_by_nobody_is_wrong(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    let manners = [
        Manner::at("https://evil.example"),
        Manner { rp_id: Some("evil.example".to_owned()), ..honest(&provider) },
        Manner { verified: false, ..honest(&provider) },
    ];
    for manner in manners {
        let mut person = asked(&provider, ANN).await;
        answers(&mut person, &mut thumb, &manner).await;
        is_not_in(&person);
        assert_eq!(provider.log_of(ANN).await.last().unwrap(), "login wrong", "{manner:?}");
        is_in(&signs_in(&provider, ANN, &mut thumb).await);
    }
}
