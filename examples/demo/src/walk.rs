//! The main job, walked as a person would: register, activate the pad, log in to the website, pay in the shop.

use serde_json::Value;

use crate::{Failure, browser::Browser, outbox, setup::Place};

const EMAIL: &str = "nguyen.anna@example.com";
const PHONE: &str = "+84 912 345 678";
const PHONE_AS_DIALLED: &str = "+84912345678";
const PAD: &str = "walk-pad.json";

/// Walks. Each step prints what a person would see.
pub(crate) fn walk(place: &Place) -> Result<(), Failure> {
    register(place)?;
    activate(place)?;
    log_in(place)?;
    pay(place)
}

fn register(place: &Place) -> Result<(), Failure> {
    println!("1. Register at {}/register", place.issuer);
    let mut browser = Browser::open(&format!("{}/register?lang=en", place.issuer))?;
    let sum = sum(&browser.label("sum")?)?.to_string();
    browser.press(
        "continue",
        &[
            ("first_name", "Anna"),
            ("last_name", "Nguyen"),
            ("email", EMAIL),
            ("phone", PHONE),
            ("question", "own"),
            ("own_question", "Which river runs through your town?"),
            ("security_answer", "the Perfume River"),
            ("own", ""),
            ("sum", &sum),
            ("website", ""),
        ],
    )?;
    println!("   the page says: {}", browser.text());
    let mail = outbox::message(&place.outbox, EMAIL, "/register/confirm/")?;
    let link = word_with(&mail, "/register/confirm/")?;
    println!("   the mail's link: {link}");
    browser.go(&link)?;
    browser.press("continue", &[("phone", PHONE), ("factor", "cipherpad")])?;
    println!("   now at {}", browser.address().path().chars().take(24).collect::<String>());
    Ok(())
}

/// "… What is three plus four?" → 7
fn sum(question: &str) -> Result<usize, Failure> {
    const NUMBERS: [&str; 13] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    let found: Vec<usize> = question
        .split(|c: char| !c.is_alphabetic())
        .filter_map(|word| NUMBERS.iter().position(|number| number.eq_ignore_ascii_case(word)))
        .collect();
    match found.as_slice() {
        [a, b] => Ok(a + b),
        _ => Err(format!("no sum in {question:?}").into()),
    }
}

fn word_with(text: &str, mark: &str) -> Result<String, Failure> {
    let word = text.split_whitespace().find(|word| word.contains(mark));
    word.map(str::to_owned).ok_or_else(|| format!("no {mark:?} in the message").into())
}

fn activate(place: &Place) -> Result<(), Failure> {
    println!("2. Activate the cipherpad");
    let sms = outbox::message(&place.outbox, PHONE_AS_DIALLED, "/pad#c=")?;
    println!("   the SMS: {sms}");
    let link = word_with(&sms, "/pad#c=")?;
    let code = link.split_once("#c=").map(|(_, code)| code).ok_or("the link carries no code")?;
    Place::output(place.pad(PAD).args(["activate", "--url", &place.issuer, "--email", EMAIL, "--code", code]))?;
    println!("   enum-pad has agreed on its keys and given one right answer");
    Ok(())
}

fn log_in(place: &Place) -> Result<(), Failure> {
    println!("3. Log in at the website {}", place.website);
    let mut browser = Browser::open(&place.website)?;
    browser.press("sign-in", &[("email", EMAIL)])?;
    let challenge = browser.challenge()?;
    let answer = Place::output(place.pad(PAD).args(["answer", &challenge]))?;
    println!("   number-question {challenge}, number-answer {answer}");
    browser.press("continue", &[("answer", &answer)])?;
    browser.press("allow", &[])?;
    println!("   signed in as {}", browser.element("name")?);
    println!("   sub {}  acr {}", browser.element("sub")?, browser.element("acr")?);
    expect("acr", &browser.element("acr")?, "urn:enum:acr:2")
}

fn pay(place: &Place) -> Result<(), Failure> {
    println!("4. Pay in the shop {}", place.shop);
    let mut browser = Browser::open(&place.shop)?;
    browser.press("buy-mug", &[])?;
    let (payee, price) = (browser.element("payee")?, browser.element("amount")?);
    println!("   {price} to {payee}");
    browser.press("pay", &[])?;
    browser.press("continue", &[("email", EMAIL)])?;
    let challenge = browser.challenge()?;
    let (purse, amount) = (browser.element("pad-payee")?, browser.element("pad-amount")?);
    let answer = Place::output(place.pad(PAD).args(["pay", &challenge, "--purse", &purse, "--amount", &amount]))?;
    println!("   number-question {challenge} with {purse} and {amount}, number-answer {answer}");
    browser.press("continue", &[("answer", &answer)])?;
    if browser.element("order-status")? != "paid" {
        return Err(format!("the order is not paid: {}", browser.text()).into());
    }
    let receipt = browser.element("receipt")?;
    println!("   the order is paid; acr {}", browser.element("acr")?);
    println!("   receipt {receipt}");
    let told: Value = serde_json::from_str(&place.verify_receipt(&receipt)?)?;
    println!("   verified: {told}");
    println!("Done: registered, activated, logged in, paid.");
    Ok(())
}

fn expect(what: &str, found: &str, wanted: &str) -> Result<(), Failure> {
    if found == wanted { Ok(()) } else { Err(format!("{what} is {found:?}, not {wanted:?}").into()) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_walker_can_add() {
        assert_eq!(sum("Are you human? What is three plus twelve?").unwrap(), 15);
        assert!(sum("What is three?").is_err());
    }

    #[test]
    fn links_are_found_in_messages() {
        assert_eq!(word_with("see http://x/pad#c=AB there", "/pad#c=").unwrap(), "http://x/pad#c=AB");
        assert!(word_with("nothing", "/pad#c=").is_err());
    }
}
