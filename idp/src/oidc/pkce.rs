//! Proof key for code exchange (RFC 7636), `S256` only.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    error::{ErrorCode, OAuthError},
    params::Params,
};

/// The challenge of an authorization request.
///
/// # Errors
/// `invalid_request` for `plain` (also as the default, RFC 7636 §4.3), for anything that is not a SHA-256, and when it is
/// missing although `required` (RFC 7636 §4.4.1).
pub(super) fn challenge(params: &Params, required: bool) -> Result<Option<String>, OAuthError> {
    let wrong = |text: &'static str| Err(OAuthError::new(ErrorCode::InvalidRequest, text));
    match (params.get("code_challenge"), params.get("code_challenge_method")) {
        (None, Some(_)) => wrong("code_challenge_method without code_challenge"),
        (None, None) if required => wrong("code_challenge is required"),
        (None, None) => Ok(None),
        (Some(challenge), Some("S256")) => match BASE64_URL_SAFE_NO_PAD.decode(challenge) {
            Ok(hash) if hash.len() == 32 => Ok(Some(challenge.to_owned())),
            _ => wrong("code_challenge must be a SHA-256 in base64url (43 characters)"),
        },
        (Some(_), _) => wrong("code_challenge_method must be S256"),
    }
}

/// Holds the verifier of a token request against the challenge of the authorization request (RFC 7636 §4.6).
///
/// # Errors
/// `invalid_grant` when it does not fit, is missing although there was a challenge, or is there although there was none
/// (RFC 9700 §4.8.2: the downgrade).
pub(super) fn check(challenge: Option<&str>, verifier: Option<&str>) -> Result<(), OAuthError> {
    let fits = match (challenge, verifier) {
        (None, None) => true,
        (Some(challenge), Some(verifier)) => {
            is_verifier(verifier) && hash(verifier).as_bytes().ct_eq(challenge.as_bytes()).into()
        }
        _ => false,
    };
    if fits { Ok(()) } else { Err(OAuthError::new(ErrorCode::InvalidGrant, "code_verifier does not fit")) }
}

fn hash(verifier: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// RFC 7636 §4.1: 43 to 128 unreserved characters.
fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    // RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn asked(query: &str, required: bool) -> Result<Option<String>, OAuthError> {
        challenge(&Params::parse(query.as_bytes()).unwrap(), required)
    }

    #[test]
    fn only_s256_is_a_challenge() {
        let good = format!("code_challenge={CHALLENGE}&code_challenge_method=S256");
        assert_eq!(asked(&good, true).unwrap().as_deref(), Some(CHALLENGE));
        assert!(asked(&format!("code_challenge={CHALLENGE}&code_challenge_method=plain"), false).is_err());
        assert!(asked(&format!("code_challenge={CHALLENGE}"), false).is_err(), "plain by default");
        assert!(asked(&format!("code_challenge={CHALLENGE}&code_challenge_method=s256"), false).is_err());
        assert!(asked("code_challenge_method=S256", false).is_err(), "stripped challenge");
        assert!(asked("code_challenge=short&code_challenge_method=S256", false).is_err());
        assert!(asked(&format!("code_challenge={CHALLENGE}=&code_challenge_method=S256"), false).is_err(), "padded");
        assert_eq!(asked("", false).unwrap(), None);
        assert!(asked("", true).is_err());
    }

    #[test]
    fn downgrades_are_refused_both_ways() {
        assert!(check(Some(CHALLENGE), Some(VERIFIER)).is_ok());
        assert!(check(None, None).is_ok());
        assert!(check(Some(CHALLENGE), None).is_err(), "verifier left out");
        assert!(check(None, Some(VERIFIER)).is_err(), "challenge stripped");
        assert!(check(Some(CHALLENGE), Some(CHALLENGE)).is_err(), "plain");
        assert!(check(Some(CHALLENGE), Some("")).is_err());
        assert!(check(Some(&hash("short")), Some("short")).is_err(), "too short");
        assert!(check(Some(&hash(&"a".repeat(129))), Some(&"a".repeat(129))).is_err(), "too long");
    }
}
