//! Subject identifiers (OpenID Connect Core §8).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::client::Client;
use crate::seal::Seal;

/// The `sub` of an account towards a client: the account's id, or a pairwise one if the client is registered so.
pub fn subject(seal: &Seal, client: &Client, account_id: &str) -> String {
    if client.pairwise { pairwise(seal, client, account_id) } else { account_id.to_owned() }
}

/// A pairwise subject (§8.1): a keyed hash of sector and account, which two sectors cannot compare and nobody can turn
/// back into an account.
pub fn pairwise(seal: &Seal, client: &Client, account_id: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(seal.derive(&[b"pairwise subject", client.sector.as_bytes(), account_id.as_bytes()]))
}
