//! Proofs of possession (RFC 9449).

use serde::Deserialize;

use super::ConfigError;

/// What is asked of a proof.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dpop {
    /// How old a proof may be, in seconds: 10 to 300.
    pub proof_seconds: i64,
    /// Whether a proof must carry a nonce of ours that is fresh (§8, §9): proofs cannot be made in advance then, and a client
    /// asks twice now and then.
    pub nonce: bool,
}

impl Default for Dpop {
    fn default() -> Self {
        Self { proof_seconds: 60, nonce: false }
    }
}

impl Dpop {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if (10..=300).contains(&self.proof_seconds) {
            return Ok(());
        }
        Err(ConfigError::Value { key: "dpop.proof_seconds", reason: "must be 10 to 300".to_owned() })
    }
}
