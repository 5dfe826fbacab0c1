//! Nonces of ours in proofs (RFC 9449 §8, §9). They are made of the time, under our key, so that nobody has to store them
//! and every node knows them.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;

use crate::{
    app::App,
    clock::{MINUTE, Millis},
    oidc::error::{ErrorCode, OAuthError},
};

/// How long a nonce is the present one; it is accepted for as long again.
const SLICE: Millis = 2 * MINUTE;

/// The present nonce.
pub(super) fn now(app: &App) -> String {
    of(app, app.clock.now().div_euclid(SLICE))
}

fn of(app: &App, slice: i64) -> String {
    let bytes = app.seal.derive(&[b"dpop_nonce", &slice.to_be_bytes()]);
    BASE64_URL_SAFE_NO_PAD.encode(&bytes[..16])
}

/// (10): the nonce of this slice of time, the one before, or the one after, which a node whose clock is ahead has given.
///
/// # Errors
/// `use_dpop_nonce`.
pub(super) fn check(app: &App, nonce: Option<&str>) -> Result<(), OAuthError> {
    let slice = app.clock.now().div_euclid(SLICE);
    let is_ours = nonce.is_some_and(|nonce| {
        [slice, slice - 1, slice + 1].into_iter().any(|slice| of(app, slice).as_bytes().ct_eq(nonce.as_bytes()).into())
    });
    let wanted = "the proof needs the nonce of the DPoP-Nonce header";
    if is_ours { Ok(()) } else { Err(OAuthError::new(ErrorCode::UseDpopNonce, wanted)) }
}
