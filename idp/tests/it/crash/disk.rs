//! A disk that stops taking data: whoever waits for an answer gets none, and the process ends.

use enum_idp::clock::Clock;

use super::{
    browser::{Browser, Landed},
    machine::Machine,
};
use crate::support::pad::{Pad, wrong};

/// `EX_IOERR` of sysexits.h.
const DISK_FAILED: i32 = 74;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_fsync_ends_the_process_before_a_right_answer_is_acknowledged() {
    dies_instead_of_answering(Pad::answer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_fsync_ends_the_process_before_a_wrong_answer_is_judged() {
    dies_instead_of_answering(|pad, challenge| wrong(&pad.answer(challenge))).await;
}

async fn dies_instead_of_answering(answer: fn(&mut Pad, &str) -> String) {
    let mut machine = Machine::new();
    let created =
        machine.runs(&["account", "create", "--email", "ann@example.com", "--phone", "+447400123456", "--activate"]);
    machine.starts().await;
    let code = created[0]["code"].as_str().unwrap();
    let mut pad = Pad::activate(&machine.origin, "ann@example.com", code, &Clock::system()).await;
    let mut browser = Browser::new(&machine.origin);
    let visit = machine.sites.own.sends(&[]);
    let Ok(Landed::Page(page)) = browser.opens(&visit.link).await else { panic!("no page") };
    let (form, _) = page.control("email").unwrap();
    let Ok(Landed::Page(page)) = browser.submits(form, &[("email", "ann@example.com")]).await else {
        panic!("no page")
    };
    let (form, _) = page.control("answer").unwrap();
    let text = answer(&mut pad, page.challenge.as_ref().unwrap());

    machine.disk_fails();
    let told = browser.submits(form, &[("answer", &text)]).await;
    assert!(told.is_err(), "it was told what is not on the disk: {told:?}");
    assert_eq!(machine.ends().await.code(), Some(DISK_FAILED), "{}", machine.log());
    assert!(machine.log().contains("disk failed"), "{}", machine.log());

    // On a good disk it starts again, and the log holds together.
    machine.starts().await;
    let verdict = machine.runs(&["account", "audit", "verify", "--email", "ann@example.com"]);
    assert_eq!(verdict[0]["verdict"], "whole", "{verdict:?}");
}
