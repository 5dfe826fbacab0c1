//! What is bound to which key: codes, tokens and token families (RFC 9449 §5, §10).

use crate::oidc::{
    client::Client,
    error::{ErrorCode, OAuthError},
};

use super::{Proof, invalid};

/// Length of a SHA-256 thumbprint in base64url.
const THUMBPRINT: usize = 43;

/// §10 `dpop_jkt` of an authorization request.
///
/// # Errors
/// `invalid_request` when it is not a thumbprint.
pub(in crate::oidc) fn asked_for(jkt: Option<&str>) -> Result<Option<String>, OAuthError> {
    let fits = |jkt: &str| {
        jkt.len() == THUMBPRINT && jkt.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    match jkt {
        Some(jkt) if !fits(jkt) => {
            Err(OAuthError::new(ErrorCode::InvalidRequest, "dpop_jkt must be a SHA-256 thumbprint of a key"))
        }
        jkt => Ok(jkt.map(str::to_owned)),
    }
}

/// §10.1: a proof with a pushed request binds its code as `dpop_jkt` would, and both must name the same key.
///
/// # Errors
/// `invalid_dpop_proof` when they do not.
pub(in crate::oidc) fn pushed(asked: Option<String>, proof: Option<&Proof>) -> Result<Option<String>, OAuthError> {
    match (asked, proof) {
        (Some(jkt), Some(proof)) if !proof.is_of(&jkt) => Err(invalid("dpop_jkt is not the key of the proof")),
        (asked, proof) => Ok(asked.or_else(|| proof.map(|proof| proof.jkt.clone()))),
    }
}

/// §5.2: a client that is registered for bound tokens gets no others.
///
/// # Errors
/// `invalid_dpop_proof` when there is no proof.
pub(in crate::oidc) fn demanded(client: &Client, proof: Option<&Proof>) -> Result<(), OAuthError> {
    if client.dpop_bound && proof.is_none() { Err(invalid("this client's tokens need a proof")) } else { Ok(()) }
}

/// Whether a code that is bound to a key is redeemed with it. `Err` says why not, for our log.
pub(in crate::oidc) fn fits_code(bound: Option<&str>, proof: Option<&Proof>) -> Result<(), &'static str> {
    match (bound, proof) {
        (None, _) => Ok(()),
        (Some(jkt), Some(proof)) if proof.is_of(jkt) => Ok(()),
        (Some(_), Some(_)) => Err("the code is bound to another key"),
        (Some(_), None) => Err("the code is bound to a key, and comes without a proof"),
    }
}

/// Whether a family that was opened with a key may be refreshed. §5: the families of public clients are bound to the key
/// itself; others prove who they are, and may take another key, but not none: that would be a way down to bearer tokens.
pub(in crate::oidc) fn fits_family(
    client: &Client,
    bound: Option<&str>,
    proof: Option<&Proof>,
) -> Result<(), &'static str> {
    match (bound, proof) {
        (Some(_), None) => Err("the family is bound to a key, and comes without a proof"),
        (Some(jkt), Some(proof)) if client.is_public() && !proof.is_of(jkt) => {
            Err("the family is bound to another key")
        }
        _ => Ok(()),
    }
}
