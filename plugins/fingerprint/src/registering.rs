//! From the wish to enrol to a credential that is kept.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use plugin_api::message::Enrolled;
use plugin_api::prelude::*;
use webauthn_rs_core::error::WebauthnError;
use webauthn_rs_core::proto::{
    AttestationConveyancePreference, AuthenticatorTransport, COSEAlgorithm, RegisterPublicKeyCredential,
    RegistrationState, ResidentKeyRequirement, UserVerificationPolicy,
};

use crate::key::Enrolment;
use crate::settings::Policy;
use crate::{AMR, ATTESTED, CREATE_PAGE, challenge, site};

/// Field with the browser's answer.
pub(crate) const CREDENTIAL: &str = "credential";
/// Field with what the person calls it.
const NAME: &str = "name";
/// Longest name, in characters.
const LONGEST_NAME: usize = 64;
/// Longest credential id, in bytes (§5.1.3 asks relying parties to refuse more).
const LONGEST_ID: usize = 1023;
/// What it is called where nobody says.
const NAMELESS: &str = "Passkey";
/// Most hints of how to reach it.
const MOST_TRANSPORTS: usize = 8;

/// What is kept while the person's authenticator makes a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrolling {
    /// Challenge, algorithms and what is excluded.
    state: RegistrationState,
    /// The page's options, should it have to be shown again.
    options: String,
}

/// Shows the page.
pub(crate) fn ask(cx: &Context, policy: &Policy, others: &[Enrolled<Enrolment>]) -> Result<Step<Enrolling, Enrolment>> {
    let (options, enrolling) = begin(cx, policy, others)?;
    Ok(page(policy, &options, enrolling, None))
}

fn page(policy: &Policy, options: &str, enrolling: Enrolling, problem: Option<&str>) -> Step<Enrolling, Enrolment> {
    let data = json!({ "what": "create", "options": options, "problem": problem, "loopback_port": policy.bridge });
    Step::ask(CREATE_PAGE, data, enrolling)
}

/// Options for the browser, and what its answer is held against.
pub(crate) fn begin(cx: &Context, policy: &Policy, others: &[Enrolled<Enrolment>]) -> Result<(String, Enrolling)> {
    let verifier = site::verifier(cx)?;
    let shown = if cx.account.name.is_empty() { &cx.account.email } else { &cx.account.name };
    let conveyance = match policy.authorities {
        Some(_) => AttestationConveyancePreference::Direct,
        None => AttestationConveyancePreference::None,
    };
    let there = others.iter().map(|other| other.enrolment.credential.cred_id.clone()).collect();
    let builder = verifier
        .new_challenge_register_builder(cx.account.id.as_bytes(), &cx.account.email, shown)
        .map_err(failed)?
        .attestation(conveyance)
        .user_verification_policy(UserVerificationPolicy::Required)
        .authenticator_attachment(policy.attachment)
        .credential_algorithms(vec![COSEAlgorithm::ES256, COSEAlgorithm::RS256])
        .reject_synchronised_authenticators(policy.only_attested)
        .exclude_credentials(Some(there));
    let (mut response, state) = verifier.generate_challenge_register(builder).map_err(failed)?;
    let challenge = challenge::of_enrolment(cx)?;
    let public_key = &mut response.public_key;
    public_key.challenge = challenge.to_vec();
    if let Some(selection) = &mut public_key.authenticator_selection {
        // Some security keys have no room for it, and still do.
        selection.resident_key = Some(ResidentKeyRequirement::Preferred);
    }
    let descriptors = public_key.exclude_credentials.iter_mut().flatten();
    for (descriptor, other) in descriptors.zip(others) {
        descriptor.transports = hints(&other.enrolment.transports);
    }
    let options = site::options(public_key)?;
    let enrolling = Enrolling { state: site::with_challenge(&state, &challenge)?, options: options.clone() };
    Ok((options, enrolling))
}

/// Takes the browser's answer.
pub(crate) fn judge(
    cx: &Context,
    policy: &Policy,
    enrolling: Enrolling,
    input: &Input,
) -> Result<Step<Enrolling, Enrolment>> {
    let Some(answer) = site::parse::<RegisterPublicKeyCredential>(input.text(CREDENTIAL)) else {
        return Ok(Step::wrong());
    };
    if answer.type_ != "public-key" || site::is_framed(&answer.response.client_data_json) {
        return Ok(Step::wrong());
    }
    let verifier = site::verifier(cx)?;
    let held_against = |authorities| verifier.register_credential(&answer, &enrolling.state, authorities);
    let (credential, attested) = match held_against(policy.authorities.as_ref()) {
        Ok(credential) => (credential, policy.authorities.is_some()),
        // The person can take another one: what they did was no mistake.
        Err(error) if policy.only_attested && is_about_its_maker(&error) => {
            return Ok(page(policy, &enrolling.options.clone(), enrolling, Some("not_taken")));
        }
        // A key like any other: the answer is judged once more, without asking who has made it.
        Err(error) if policy.authorities.is_some() && is_about_its_maker(&error) => match held_against(None) {
            Ok(credential) => (credential, false),
            Err(_) => return Ok(Step::wrong()),
        },
        Err(_) => return Ok(Step::wrong()),
    };
    if credential.cred_id.len() > LONGEST_ID || credential.cred_id != answer.raw_id || !credential.user_verified {
        return Ok(Step::wrong());
    }
    let name = called(input.text(NAME));
    let mut transports = answer.response.transports.unwrap_or_default();
    transports.retain(|transport| *transport != AuthenticatorTransport::Unknown);
    transports.truncate(MOST_TRANSPORTS);
    let enrolment = Enrolment { credential, transports, user: user(cx), name: name.clone(), nobody: None };
    let facts = Facts::amr(&proven(&enrolment)).device(name);
    let is_hardware = attested && !enrolment.credential.backup_eligible;
    Ok(Step::enrolled(if is_hardware { facts.acr(ATTESTED) } else { facts }, enrolment))
}

/// The account's user handle (§14.6.1: opaque), in base64url.
pub(crate) fn user(cx: &Context) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(cx.account.id.as_bytes())
}

/// What an answer of this authenticator proves by RFC 8176. A key that may be copied to other devices is none of hardware.
pub(crate) fn proven(enrolment: &Enrolment) -> [&'static str; 3] {
    let [hardware, software, user, both] = [AMR[0], AMR[1], AMR[2], AMR[3]];
    [if enrolment.credential.backup_eligible { software } else { hardware }, user, both]
}

/// Hints for the browser; none rather than an empty list.
pub(crate) fn hints(transports: &[AuthenticatorTransport]) -> Option<Vec<AuthenticatorTransport>> {
    (!transports.is_empty()).then(|| transports.to_vec())
}

/// One line, short, without what could turn text around (Unicode TR36 §2.5).
fn called(name: &str) -> String {
    let is_odd = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let plain: String = name.chars().map(|c| if is_odd(c) { ' ' } else { c }).collect();
    let short: String = plain.trim().chars().take(LONGEST_NAME).collect();
    if short.is_empty() { NAMELESS.to_owned() } else { short.trim_end().to_owned() }
}

/// Whether the answer is sound and only of an authenticator that the administrator does not want.
fn is_about_its_maker(error: &WebauthnError) -> bool {
    matches!(
        error,
        WebauthnError::AttestationNotVerifiable
            | WebauthnError::AttestationUntrustedAaguid
            | WebauthnError::AttestationFormatMissingAaguid
            | WebauthnError::AttestationNotSupported
            | WebauthnError::AttestationTrustFailure
            | WebauthnError::AttestationChainNotTrusted(_)
            | WebauthnError::CredentialMayNotBeHardwareBound
    )
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: WebauthnError) -> Error {
    Error::failed(format!("webauthn-rs: {error}"))
}

#[cfg(test)]
mod tests {
    use super::called;

    #[test]
    fn a_name_is_one_short_line() {
        assert_eq!(called("  Left thumb \n"), "Left thumb");
        assert_eq!(called("a\u{202e}b\nc"), "a b c");
        assert_eq!((called(""), called(" \t")), ("Passkey".to_owned(), "Passkey".to_owned()));
        assert_eq!(called(&"ж".repeat(100)).chars().count(), 64);
    }
}
