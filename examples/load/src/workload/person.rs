//! A person: an e-mail address and a cipherpad.

use cipherpad_core::activation::{Offer, PadStart};
use cipherpad_core::challenge::Challenge;
use cipherpad_core::code::ActivationCode;
use cipherpad_core::keys::Keys;
use cipherpad_core::payment::{Amount, Payee};
use cipherpad_core::question::{Question, Suites};
use cipherpad_core::verify::STEP_SECONDS;
use hyper::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::login::{PAYMENT_MINOR, PAYMENT_PURSE};
use crate::Error;
use crate::client::Connection;

/// One account and whoever owns it.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) email: String,
    pub(crate) pad: Pad,
    /// What their browser keeps from visit to visit.
    pub(crate) cookies: Vec<(String, String)>,
}

/// What turns a challenge into an answer.
#[derive(Debug)]
pub(crate) enum Pad {
    /// The floor takes any answer.
    None,
    /// An activated cipherpad.
    Active {
        /// The shared keys.
        keys: Box<Keys>,
        /// Agreed at activation.
        suites: Box<Suites>,
        /// Raised with every answer.
        counter: u64,
    },
}

/// An answer that is wrong at the floor, and at the provider but for one chance in two million.
pub(crate) const WRONG_ANSWER: &str = crate::floor::WRONG_ANSWER;

impl Pad {
    /// Answers a login's challenge, or that of the one payment that the driver makes over and over.
    pub(crate) fn answer(&mut self, challenge: &str, payment: bool) -> Result<String, Error> {
        let Self::Active { keys, suites, counter } = self else { return Ok("12345678".to_owned()) };
        let challenge = Challenge::parse(challenge, suites.digits().ok_or("foreign suites")?)?;
        let question = if payment {
            let payee: Payee = PAYMENT_PURSE.parse()?;
            Question::Payment { challenge, payee, amount: Amount::from_minor(PAYMENT_MINOR)? }
        } else {
            Question::Login { challenge }
        };
        let answer = question.answer(suites, keys, *counter, now()? / STEP_SECONDS)?;
        *counter += 1;
        Ok(answer)
    }

    /// Activates a pad with the code that the provider printed for this account.
    ///
    /// # Errors
    /// If the provider refuses, or does not know the code itself.
    pub(crate) async fn activate(
        connection: &mut Connection,
        path: &str,
        email: &str,
        code: &str,
    ) -> Result<Self, Error> {
        let code: ActivationCode = code.parse()?;
        let mut random = [0; 32];
        aws_lc_rs::rand::fill(&mut random)?;
        let start = PadStart::new(&code, random);
        let hello = json!({ "email": email, "input": start.hello() });
        let asked = post(connection, path, &hello).await?;
        let offer: Offer = serde_json::from_value(asked["data"].clone())?;
        let (finish, done) = start.receive(offer)?.finish(now()?)?;
        let finish = json!({ "email": email, "input": finish, "state": asked["state"] });
        let verdict = post(connection, path, &finish).await?;
        if verdict["step"] != "pass" {
            return Err(format!("the pad of {email} was not activated: {verdict}").into());
        }
        Ok(Self::Active { keys: Box::new(done.keys), suites: Box::new(done.offer.suites), counter: done.counter })
    }
}

async fn post(connection: &mut Connection, path: &str, body: &Value) -> Result<Value, Error> {
    let headers = [(header::CONTENT_TYPE, "application/json")];
    let reply = connection.send(Method::POST, path, &headers, body.to_string()).await?;
    Ok(serde_json::from_slice(&reply.expect(StatusCode::OK)?)?)
}

fn now() -> Result<u64, Error> {
    Ok(u64::try_from(crate::now::unix_seconds())?)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::sync::{Arc, Mutex};

    use axum::{Json, Router, extract::State, routing::post};
    use cipherpad_core::activation::{ServerPending, ServerStart};
    use cipherpad_core::challenge::Digits;
    use cipherpad_core::verify::{PadState, Verdict};

    use super::*;

    /// The server's half of an activation, with the messages that the provider uses.
    #[derive(Default)]
    struct Server {
        start: Option<ServerStart>,
        pending: Option<ServerPending>,
        pad: Option<PadState>,
    }

    async fn enrol(State(server): State<Arc<Mutex<Server>>>, Json(message): Json<Value>) -> Json<Value> {
        assert_eq!(message["email"], "a@example.test");
        let mut server = server.lock().unwrap();
        let input = message["input"].clone();
        if let Some(start) = server.start.take() {
            let (offer, pending) = start.accept(&serde_json::from_value(input).unwrap(), &[7; 32]).unwrap();
            server.pending = Some(pending);
            return Json(json!({ "step": "ask", "data": offer, "state": "sealed" }));
        }
        assert_eq!(message["state"], "sealed");
        let finish = serde_json::from_value(input).unwrap();
        server.pad = Some(server.pending.take().unwrap().complete(&finish, now().unwrap()).unwrap().pad);
        Json(json!({ "step": "pass" }))
    }

    #[tokio::test]
    async fn an_activated_pad_gives_answers_that_the_server_accepts() {
        let code = ActivationCode::from_random([9; 10]);
        let suites = Suites::for_digits(Digits::Eight).unwrap();
        let text = |value: &str| value.to_owned();
        let start = ServerStart { psk: code.psk(), account: text("1"), issuer: text("i"), epoch: 1, suites };
        let server = Arc::new(Mutex::new(Server { start: Some(start), ..Server::default() }));
        let routes = Router::new().route("/enrol/cipherpad", post(enrol)).with_state(Arc::clone(&server));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut connection = Connection::new(listener.local_addr().unwrap(), "localhost");
        tokio::spawn(async move { axum::serve(listener, routes).await });

        let activated = Pad::activate(&mut connection, "/enrol/cipherpad", "a@example.test", &code.grouped()).await;
        let mut pad = activated.unwrap();
        let mut state = server.lock().unwrap().pad.take().unwrap();
        let challenge = Challenge::parse("58715204", Digits::Eight).unwrap();
        let payee = PAYMENT_PURSE.parse().unwrap();
        let amount = Amount::from_minor(PAYMENT_MINOR).unwrap();
        for (payment, question) in [
            (false, Question::Login { challenge: challenge.clone() }),
            (true, Question::Payment { challenge: challenge.clone(), payee, amount }),
        ] {
            let answer = pad.answer("58715204", payment).unwrap();
            state = match state.judge(&question, &answer, now().unwrap()).unwrap() {
                Verdict::Accepted(next) => next,
                other => unreachable!("{other:?}"),
            };
        }
    }
}
