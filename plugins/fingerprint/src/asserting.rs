//! From the question to a verdict.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use plugin_api::message::Enrolled;
use plugin_api::prelude::*;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use webauthn_rs_core::error::WebauthnError;
use webauthn_rs_core::proto::{
    AllowCredentials, AuthenticationResult, AuthenticatorTransport, Credential, PublicKeyCredential,
    UserVerificationPolicy,
};

use crate::key::{Enrolment, Nobody};
use crate::registering::{CREDENTIAL, hints, proven};
use crate::{Asked, challenge, site};

/// Options for the browser: any of the account's authenticators may answer.
pub(crate) fn options(cx: &Context, lead: &Enrolment, others: &[Enrolled<Enrolment>]) -> Result<String> {
    let real = std::iter::once(lead).chain(others.iter().map(|other| &other.enrolment));
    let real = real.map(|one| allowed(one.credential.cred_id.clone(), &one.transports));
    let made_up = lead.nobody.iter().flat_map(|Nobody { others }| others).filter_map(|(id, transport)| {
        let id = BASE64_URL_SAFE_NO_PAD.decode(id).ok()?;
        Some(allowed(id, std::slice::from_ref(transport)))
    });
    options_with(cx, real.chain(made_up).collect())
}

/// Options for the browser: any authenticator may answer that has a key of ours on its list of accounts (§6.2.2).
pub(crate) fn options_for_anybody(cx: &Context) -> Result<String> {
    options_with(cx, Vec::new())
}

fn options_with(cx: &Context, allowed: Vec<AllowCredentials>) -> Result<String> {
    let verifier = site::verifier(cx)?;
    let builder = verifier
        .new_challenge_authenticate_builder(Vec::new(), Some(UserVerificationPolicy::Required))
        .map_err(failed)?;
    let (mut response, _) = verifier.generate_challenge_authenticate(builder).map_err(failed)?;
    response.public_key.challenge = challenge::of_answer(cx)?.to_vec();
    response.public_key.allow_credentials = allowed;
    site::options(&response.public_key)
}

/// Whose account the user handle names (§7.2 step 6). That it is theirs is for [`judge`] to see.
pub(crate) fn claimed(input: &Input) -> Option<String> {
    let answer = site::parse::<PublicKeyCredential>(input.text(CREDENTIAL))?;
    let handle = answer.response.user_handle.filter(|handle| !handle.is_empty())?;
    String::from_utf8(handle).ok()
}

fn allowed(id: Vec<u8>, transports: &[AuthenticatorTransport]) -> AllowCredentials {
    AllowCredentials { type_: "public-key".to_owned(), id, transports: hints(transports) }
}

/// Judges what the browser sent: right for one of the account's authenticators, or wrong.
pub(crate) fn judge(
    cx: &Context,
    lead: &Enrolment,
    others: &[Enrolled<Enrolment>],
    input: &Input,
) -> Result<Step<Asked, Enrolment>> {
    let Some(answer) = site::parse::<PublicKeyCredential>(input.text(CREDENTIAL)) else { return Ok(Step::wrong()) };
    let other = others.iter().find(|other| other.enrolment.credential.cred_id == answer.raw_id);
    let enrolment = other.map_or(lead, |other| &other.enrolment);
    let verified = verify(cx, &enrolment.credential, &answer);
    if !is_ours(enrolment, &answer) {
        return Ok(Step::wrong());
    }
    let result = match verified? {
        Ok(result) => result,
        // The signature is right, and so is all else: two authenticators hold one key.
        Err(WebauthnError::CredentialPossibleCompromise) => return Ok(Step::wrong_with(Signal::Clone)),
        Err(_) => return Ok(Step::wrong()),
    };
    if !result.user_verified() {
        return Ok(Step::wrong());
    }
    let facts = Facts::amr(&proven(enrolment)).evidence(evidence(&answer)).device(enrolment.name.clone());
    let moved = moved(enrolment, &result);
    Ok(match other {
        Some(other) => Step::pass_of(facts, &other.id, moved),
        None => Step::pass_with(facts, moved),
    })
}

/// What the library verifies (§7.2): type, challenge, origin, RP ID, presence, verification, signature, counter.
fn verify(
    cx: &Context,
    credential: &Credential,
    answer: &PublicKeyCredential,
) -> Result<Result<AuthenticationResult, WebauthnError>> {
    let verifier = site::verifier(cx)?;
    let builder = verifier
        .new_challenge_authenticate_builder(vec![credential.clone()], Some(UserVerificationPolicy::Required))
        .map_err(failed)?;
    let (_, state) = verifier.generate_challenge_authenticate(builder).map_err(failed)?;
    let state = site::with_challenge(&state, &challenge::of_answer(cx)?)?;
    Ok(verifier.authenticate_credential(answer, &state))
}

/// What the library leaves to its callers: a real account, the right sort of credential, the user handle (§7.2 step 6),
/// and no frame of another site around the page.
fn is_ours(enrolment: &Enrolment, answer: &PublicKeyCredential) -> bool {
    let handle = answer.response.user_handle.as_ref().filter(|handle| !handle.is_empty());
    let handle_fits = handle.is_none_or(|handle| {
        bool::from(BASE64_URL_SAFE_NO_PAD.encode(handle).as_bytes().ct_eq(enrolment.user.as_bytes()))
    });
    enrolment.nobody.is_none()
        && answer.type_ == "public-key"
        && handle_fits
        && !site::is_framed(&answer.response.client_data_json)
}

fn moved(enrolment: &Enrolment, result: &AuthenticationResult) -> Enrolment {
    let mut moved = enrolment.clone();
    moved.credential.counter = result.counter();
    moved.credential.backup_state = result.backup_state();
    moved
}

/// All that is needed, beside the public key, to check the signature again.
fn evidence(answer: &PublicKeyCredential) -> Value {
    let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    json!({
        "credential": text(&answer.raw_id),
        "authenticator_data": text(&answer.response.authenticator_data),
        "client_data_sha256": text(&Sha256::digest(&answer.response.client_data_json)),
        "signature": text(&answer.response.signature),
    })
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: WebauthnError) -> Error {
    Error::failed(format!("webauthn-rs: {error}"))
}
