//! Activating a pad: a code by SMS, then the agreement of `cipherpad_core::activation` in two rounds.

use cipherpad_core::{
    activation::{Finish, Hello, ServerDone, ServerStart},
    code::ActivationCode,
    keys::{Keys, expand},
    question::Suites,
    verify::PadState,
};
use plugin_api::prelude::*;

use crate::{AMR, Enrolling, Enrolment, unix_seconds};

/// Name of the page.
pub(crate) const PAGE: &str = "activate";

pub(crate) fn begin(cx: &Context, suites: &Suites, replaces: Option<&Enrolment>) -> Result<Step<Enrolling, Enrolment>> {
    let random = expand(&cx.random_bytes()?, b"enum-cipherpad/1 activation code");
    let mut bytes = [0; 10];
    bytes.copy_from_slice(&random.expose()[..10]);
    let code = ActivationCode::from_random(bytes);
    let epoch = replaces.map_or(1, |old| old.epoch.saturating_add(1));
    let data = json!({ "issuer": cx.issuer, "email": cx.account.email, "pad": pad_address(cx) });
    let state = Enrolling::CodeSent(start(cx, &code, suites, epoch));
    Ok(Step::ask_with(PAGE, data, state, effects(cx, &code)))
}

fn start(cx: &Context, code: &ActivationCode, suites: &Suites, epoch: u64) -> ServerStart {
    ServerStart {
        psk: code.psk(),
        account: cx.account.id.clone(),
        issuer: cx.issuer.clone(),
        epoch,
        suites: suites.clone(),
    }
}

fn pad_address(cx: &Context) -> String {
    format!("{}/pad", cx.issuer.trim_end_matches('/'))
}

/// The code goes to the phone alone: in the text, and in a link whose fragment no server sees. The mail says what to
/// do with it, and tells the owner of the mailbox if somebody else ordered it.
fn effects(cx: &Context, code: &ActivationCode) -> Vec<Effect> {
    let code = code.grouped();
    let link = format!("{}#c={code}", pad_address(cx));
    let args = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    vec![
        Effect::Sms { text: "activation_sms".to_owned(), args: args(&[("code", &code), ("link", &link)]) },
        Effect::Mail {
            subject: "activation_mail_subject".to_owned(),
            text: "activation_mail_text".to_owned(),
            args: args(&[("pad", &pad_address(cx)), ("issuer", &cx.issuer), ("email", &cx.account.email)]),
        },
    ]
}

pub(crate) fn answer(cx: &Context, state: Enrolling, input: &Input) -> Result<Step<Enrolling, Enrolment>> {
    match state {
        Enrolling::CodeSent(start) => offer(cx, start, input),
        Enrolling::Offered(pending) => {
            let Some(finish) = message::<Finish>(input) else { return Ok(Step::wrong()) };
            // Which part was wrong stays between us and nobody.
            Ok(pending.complete(&finish, unix_seconds(cx.now)?).map_or_else(|_| Step::wrong(), done))
        }
    }
}

fn offer(cx: &Context, start: ServerStart, input: &Input) -> Result<Step<Enrolling, Enrolment>> {
    let Some(hello) = message::<Hello>(input) else { return Ok(Step::wrong()) };
    let Ok((offer, pending)) = start.accept(&hello, &cx.random_bytes()?) else { return Ok(Step::wrong()) };
    let mut data = serde_json::to_value(offer).map_err(|error| Error::malformed("the offer", &error))?;
    // Lets the pad warn its owner of a wrong clock. Nothing else rests on it, so nothing authenticates it.
    data["time"] = unix_seconds(cx.now)?.into();
    Ok(Step::ask(PAGE, data, Enrolling::Offered(pending)))
}

fn done(done: ServerDone) -> Step<Enrolling, Enrolment> {
    let facts = Facts::amr(AMR).device(format!("cipherpad {}", done.epoch));
    Step::enrolled(facts, Enrolment { pad: done.pad, qr_seed: done.qr_seed, epoch: done.epoch })
}

/// A message of the pad out of its fields.
fn message<M: serde::de::DeserializeOwned>(input: &Input) -> Option<M> {
    serde_json::to_value(input).and_then(serde_json::from_value).ok()
}

/// A pad whose keys nobody has.
pub(crate) fn decoy(cx: &Context, suites: &Suites) -> Result<DecoyReply<Enrolment, Enrolling>> {
    let random = cx.random_bytes()?;
    let secret = |label: &[u8]| expand(&random, label);
    let enrolment = Enrolment {
        pad: PadState::new(Keys::from_root(secret(b"enum-cipherpad/1 decoy key")), suites.clone()),
        qr_seed: secret(b"enum-cipherpad/1 decoy qr key"),
        epoch: 1,
    };
    let enrolling = Enrolling::CodeSent(ServerStart {
        psk: secret(b"enum-cipherpad/1 decoy psk"),
        account: cx.account.id.clone(),
        issuer: cx.issuer.clone(),
        epoch: 1,
        suites: suites.clone(),
    });
    Ok(DecoyReply { enrolment, enrolling })
}
