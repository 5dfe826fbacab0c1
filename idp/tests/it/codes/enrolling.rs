//! Turning codes by e-mail on, with the mail that got lost.

use enum_idp::clock::MINUTE;

use super::{ANN, answers, asked, code, code_in, is_in, provider};
use crate::{on_both_databases, support::database::Database};

on_both_databases! {
    a_lost_mail_is_sent_again_from_the_page_that_waits_for_its_code,
}

async fn a_lost_mail_is_sent_again_from_the_page_that_waits_for_its_code(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.stranger();
    provider.applies(&mut ann, ANN).await;
    let link = provider.mailed_link(ANN, 1).await;
    ann.opens(&link).await;
    ann.chooses("factor-email").presses("continue").await;
    let first = code(&provider, ANN, 1).await;
    ann.presses("resend").await;
    assert!(ann.sees("answer") && ann.page.html.contains("wait a minute"), "{}", ann.what_is_shown());
    provider.waits(MINUTE);
    ann.presses("resend").await;
    let letters = provider.mail.wait_for(ANN, 2, |letter| code_in(letter).is_some()).await;
    let codes: Vec<_> = letters.iter().filter_map(code_in).collect();
    let second = codes.iter().find(|code| **code != first).unwrap();
    answers(&mut ann, &first).await;
    assert!(!ann.sees("activated"), "{}", ann.what_is_shown());
    answers(&mut ann, second).await;
    assert!(ann.sees("activated"), "{}", ann.what_is_shown());
    provider.waits(MINUTE);
    let mut ann = asked(&provider, ANN).await;
    answers(&mut ann, &code(&provider, ANN, 3).await).await;
    is_in(&ann);
}
