//! One touch, and they are in.

use serde_json::{Value, json};

use super::{ANN, adds, arrives, arrives_at, fingers, honest, is_in, member, options, provider, touches};
use crate::{
    on_both_databases,
    support::{database::Database, provider::text, sites::payload},
};
use enum_idp::clock::MINUTE;

on_both_databases! {
    a_passkey_signs_in_and_nothing_is_typed,
    any_of_several_passkeys_signs_in_and_only_that_one_was_used,
    a_website_that_asks_for_consent_does_so,
    the_personal_area_opens,
    the_page_may_stay_open_for_a_while,
    an_address_still_does,
}

async fn a_passkey_signs_in_and_nothing_is_typed(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    let visit = provider.sites.own.sends(&[]);
    let mut ann = arrives_at(&provider, &visit).await;
    let asked: Value = serde_json::from_str(&options(&ann)).unwrap();
    assert_eq!((&asked["userVerification"], &asked["allowCredentials"]), (&json!("required"), &json!([])));
    assert!(ann.page.html.contains("autocomplete=\"username webauthn\""), "{}", ann.what_is_shown());
    touches(&mut ann, &mut thumb, &honest(&provider)).await;
    is_in(&ann);
    let tokens = provider.sites.own.redeems(&visit, &ann.brings_back()["code"]).await.expect(200);
    let told = payload(&text(&tokens, "id_token"));
    assert_eq!((&told["acr"], &told["amr"]), (&json!("phr"), &json!(["hwk", "user", "mfa"])));
    assert_eq!(provider.log_of(ANN).await.last().unwrap(), "login ok");
    let row = fingers(&provider, ANN).await.remove(0);
    assert_eq!((row.challenge_number, row.last_used_at), (1, Some(provider.clock.now())));
    assert_eq!(row.state(&provider.app.seal).unwrap()["credential"]["counter"], 1);
}

async fn any_of_several_passkeys_signs_in_and_only_that_one_was_used(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    let mut ring = adds(&provider, ANN, "Ring finger").await;
    provider.waits(MINUTE);
    for (key, used) in [(&mut ring, 1), (&mut thumb, 0)] {
        let mut ann = arrives(&provider).await;
        touches(&mut ann, key, &honest(&provider)).await;
        is_in(&ann);
        let rows = fingers(&provider, ANN).await;
        assert_eq!(rows[used].last_used_at, Some(provider.clock.now()));
        assert_eq!(rows[used].state(&provider.app.seal).unwrap()["credential"]["counter"], 1);
        if used == 1 {
            assert_eq!(rows[0].last_used_at, None);
        }
        provider.waits(MINUTE);
    }
}

async fn a_website_that_asks_for_consent_does_so(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    let mut ann = arrives_at(&provider, &provider.sites.site.sends(&[])).await;
    touches(&mut ann, &mut thumb, &honest(&provider)).await;
    assert!(ann.sees("allow"), "{}", ann.what_is_shown());
    ann.presses("allow").await;
    is_in(&ann);
}

async fn the_personal_area_opens(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    let mut ann = provider.stranger();
    ann.opens("/account/methods").await;
    touches(&mut ann, &mut thumb, &honest(&provider)).await;
    assert!(ann.at.path() == "/account/methods" && ann.page.html.contains("Left thumb"), "{}", ann.what_is_shown());
}

async fn the_page_may_stay_open_for_a_while(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    let mut ann = arrives(&provider).await;
    provider.waits(10 * MINUTE - 1);
    touches(&mut ann, &mut thumb, &honest(&provider)).await;
    is_in(&ann);
}

async fn an_address_still_does(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    let mut ann = arrives(&provider).await;
    ann.types("email", ANN).presses("continue").await;
    super::super::answers(&mut ann, &mut thumb, &honest(&provider)).await;
    is_in(&ann);
}
