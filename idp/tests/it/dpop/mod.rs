//! Proofs of possession (RFC 9449): what a thief can do with a token, a code or a proof, and what its owner can.

use serde_json::Value;

use crate::support::{
    proof::{Key, posts},
    provider::{Member, text},
    sites::{Site, Visit},
};

mod families;
mod nonces;
mod proofs;
mod tokens;

/// A code of a fresh visit, and what it takes to redeem it.
async fn code(member: &mut Member, site: &Site) -> (Visit, String) {
    let visit = site.sends(&[]);
    let code = member.logs_in(&visit).await;
    (visit, code)
}

/// Tokens that are bound to the key.
async fn bound(member: &mut Member, site: &Site, key: &Key) -> Value {
    let (visit, code) = code(member, site).await;
    let tokens = posts(site, "/token", &site.code_fields(&visit, &code), &[&key.proves_at(site, "/token")]).await;
    let tokens = tokens.expect(200);
    assert_eq!(text(&tokens, "token_type"), "DPoP");
    tokens
}
