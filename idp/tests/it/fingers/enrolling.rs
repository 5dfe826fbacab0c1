//! Setting up fingers by link.

use enum_idp::account::enrol_by_admin;
use fingerprint_key::{Key, Manner};

use super::{ANN, FACTOR, adds, enrols, fingers, honest, is_in, member, options, provider, signs_in};
use crate::{on_both_databases, support::database::Database};

on_both_databases! {
    a_new_finger_stands_beside_the_old_and_excludes_it,
    an_answer_of_another_site_enrols_nothing,
    of_two_links_the_newer_works,
}

async fn a_new_finger_stands_beside_the_old_and_excludes_it(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    let link = enrol_by_admin(&provider.app, ANN, Some(FACTOR)).await.unwrap().link.unwrap();
    let mut ann = provider.stranger();
    ann.opens(&link).await;
    assert!(options(&ann).contains(&thumb.id()), "{}", options(&ann));
    // Meanwhile the old one works.
    is_in(&signs_in(&provider, ANN, &mut thumb).await);
    let (mut ring, answer) = Key::create(&options(&ann), &honest(&provider)).unwrap();
    ann.types("credential", &answer).types("name", "Ring finger").presses("continue").await;
    assert!(ann.sees("activated"), "{}", ann.what_is_shown());
    for key in [&mut thumb, &mut ring] {
        is_in(&signs_in(&provider, ANN, key).await);
    }
    assert_eq!(fingers(&provider, ANN).await.len(), 2);
}

async fn an_answer_of_another_site_enrols_nothing(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN).await;
    let link = enrol_by_admin(&provider.app, ANN, Some(FACTOR)).await.unwrap().link.unwrap();
    let mut ann = provider.stranger();
    ann.opens(&link).await;
    let (_, answer) = Key::create(&options(&ann), &Manner::at("https://evil.example")).unwrap();
    ann.types("credential", &answer).presses("continue").await;
    assert!(ann.complaint().is_some() && ann.sees("webauthn"), "{}", ann.what_is_shown());
    assert_eq!(fingers(&provider, ANN).await.len(), 1);
    let (_, answer) = Key::create(&options(&ann), &honest(&provider)).unwrap();
    ann.types("credential", &answer).presses("continue").await;
    assert!(ann.sees("activated"), "{}", ann.what_is_shown());
}

async fn of_two_links_the_newer_works(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN).await;
    let old = enrol_by_admin(&provider.app, ANN, Some(FACTOR)).await.unwrap().link.unwrap();
    adds(&provider, ANN, "Ring finger").await;
    let mut ann = provider.stranger();
    ann.opens(&old).await;
    assert_eq!(ann.reply.status, 410, "{}", ann.what_is_shown());
    let new = enrol_by_admin(&provider.app, ANN, Some(FACTOR)).await.unwrap().link.unwrap();
    assert!(enrols(&provider, &new, "Index").await.1.sees("activated"));
}
