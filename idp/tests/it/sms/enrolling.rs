//! Turning codes by text message on: the code goes to the number of the account.

use enum_idp::clock::MINUTE;

use super::{ANN, asked, code, provider};
use crate::{
    codes::{answers, is_in, wrong},
    on_both_databases,
    support::database::Database,
};

on_both_databases! {
    somebody_registers_with_codes_by_text_message,
}

async fn somebody_registers_with_codes_by_text_message(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.stranger();
    provider.applies(&mut ann, ANN).await;
    let link = provider.mailed_link(ANN, 1).await;
    ann.opens(&link).await;
    ann.chooses("factor-sms").presses("continue").await;
    let first = code(&provider, ANN, 1).await;
    answers(&mut ann, &first[1..]).await;
    assert!(ann.sees("problem"), "a slip is pointed out: {}", ann.what_is_shown());
    answers(&mut ann, &wrong(&first)).await;
    assert!(ann.sees("error") && !ann.sees("activated"), "{}", ann.what_is_shown());
    answers(&mut ann, &first).await;
    assert!(ann.sees("activated"), "{}", ann.what_is_shown());
    provider.waits(MINUTE);
    let mut ann = asked(&provider, ANN).await;
    answers(&mut ann, &code(&provider, ANN, 2).await).await;
    is_in(&ann);
}
