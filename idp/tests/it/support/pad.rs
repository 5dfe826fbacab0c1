//! A cipherpad, run by the same arithmetic as the command-line one.

use cipherpad_core::{
    activation::{Offer, PadStart},
    challenge::Challenge,
    code::ActivationCode,
    keys::Keys,
    payment::{Amount, Payee},
    question::{Question, Suites},
    verify::STEP_SECONDS,
};
use enum_idp::clock::{Clock, SECOND};
use serde_json::{Value, json};
use url::Url;

use super::http::{Reply, post_json};

/// An activated pad. A clone of it is what a thief has.
#[derive(Clone, Debug)]
pub(crate) struct Pad {
    keys: Keys,
    suites: Suites,
    /// Next value.
    pub(crate) counter: u64,
    clock: Clock,
    /// Seconds by which its own clock is wrong.
    pub(crate) clock_error: i64,
}

/// A pad between its two messages.
pub(crate) struct Activation {
    email: String,
    code: ActivationCode,
    random: [u8; 32],
}

impl Activation {
    /// With the code as it was typed.
    pub(crate) fn new(email: &str, code: &str) -> Self {
        let mut random = [0; 32];
        aws_lc_rs::rand::fill(&mut random).unwrap();
        Self { email: email.to_owned(), code: code.parse().expect("an activation code"), random }
    }

    fn start(&self) -> PadStart {
        PadStart::new(&self.code, self.random)
    }

    /// First message: the pad's key.
    pub(crate) async fn hello(&self, origin: &Url) -> Reply {
        let hello = json!({ "email": self.email, "input": self.start().hello() });
        post_json(&origin.join("/enrol/cipherpad").unwrap(), &hello).await
    }

    /// Second message: proof and first answer. `None` when the server did not know the code.
    pub(crate) async fn finish(&self, origin: &Url, asked: &Value, clock: &Clock) -> Option<(Reply, Pad)> {
        let offer: Offer = serde_json::from_value(asked["data"].clone()).expect("an offer");
        let pending = self.start().receive(offer).ok()?;
        let (finish, done) = pending.finish(u64::try_from(clock.now() / SECOND).unwrap()).unwrap();
        let finish = json!({ "email": self.email, "input": finish, "state": asked["state"] });
        let reply = post_json(&origin.join("/enrol/cipherpad").unwrap(), &finish).await;
        let pad = Pad {
            keys: done.keys,
            suites: done.offer.suites,
            counter: done.counter,
            clock: clock.clone(),
            clock_error: 0,
        };
        Some((reply, pad))
    }
}

impl Pad {
    /// Activates with a code that is right.
    pub(crate) async fn activate(origin: &Url, email: &str, code: &str, clock: &Clock) -> Self {
        let activation = Activation::new(email, code);
        let asked = activation.hello(origin).await.expect(200);
        assert_eq!(asked["step"], "ask", "{asked}");
        let (reply, pad) = activation.finish(origin, &asked, clock).await.expect("the server knows the code");
        assert_eq!(reply.expect(200)["step"], "pass");
        pad
    }

    /// "Authorization" mode.
    pub(crate) fn answer(&mut self, challenge: &str) -> String {
        let challenge = self.challenge(challenge);
        self.respond(&Question::Login { challenge })
    }

    /// "Payment" mode; `amount` in minor units.
    pub(crate) fn pay(&mut self, challenge: &str, purse: &str, amount: u64) -> String {
        let challenge = self.challenge(challenge);
        let payee: Payee = purse.parse().unwrap();
        self.respond(&Question::Payment { challenge, payee, amount: Amount::from_minor(amount).unwrap() })
    }

    /// "Operation" mode; `amount` in minor units, if there is one.
    pub(crate) fn approve(&mut self, challenge: &str, check: &str, amount: Option<u64>) -> String {
        let challenge = self.challenge(challenge);
        let amount = amount.map(|minor| Amount::from_minor(minor).unwrap());
        self.respond(&Question::Operation { challenge, check: check.parse().unwrap(), amount })
    }

    fn challenge(&self, digits: &str) -> Challenge {
        Challenge::parse(digits, self.suites.digits().unwrap()).unwrap()
    }

    fn respond(&mut self, question: &Question) -> String {
        let seconds = u64::try_from(self.clock.now() / SECOND + self.clock_error).unwrap();
        let answer = question.answer(&self.suites, &self.keys, self.counter, seconds / STEP_SECONDS).unwrap();
        self.counter += 1;
        answer
    }
}

/// Another answer of the same length.
pub(crate) fn wrong(answer: &str) -> String {
    let first = answer.as_bytes()[0];
    let other = if first == b'9' { '0' } else { char::from(first + 1) };
    format!("{other}{}", &answer[1..])
}
