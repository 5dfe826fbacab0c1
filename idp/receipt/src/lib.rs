//! Verifies payment receipts of an E-num provider, offline, with nothing but its published keys (`/jwks`).
//!
//! A receipt is a compact JWS (RFC 7515) with `typ` `enum-receipt+jwt`: the provider's statement that somebody approved
//! one payment. [`verify`] says whether it is genuine. The provider also puts every receipt into a public log that it can
//! only append to, a Merkle tree as in RFC 6962 §2.1; [`verify_logged`] says whether the receipt is in there,
//! [`verify_dated`] whether it was when somebody kept a state of the log, and [`verify_grown`] whether one state of the log continues another that somebody has kept. So the provider can neither
//! deny a receipt nor give it an earlier date than it has.
//!
//! ```
//! # fn check(jwks: &serde_json::Value, receipt: &str, proof: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let expected = enum_receipt::Expected { issuer: Some("https://id.example"), client_id: Some("shop") };
//! let claims = enum_receipt::verify(jwks, receipt, &expected)?;
//! assert_eq!(claims.transaction.amount_minor, 1050);
//! let logged = enum_receipt::verify_logged(jwks, receipt, &serde_json::from_str(proof)?, &expected)?;
//! println!("number {} of {} in the log", logged.index, logged.head.size);
//! # Ok(()) }
//! ```

#![forbid(unsafe_code)]

mod claims;
mod log;
mod refund;
mod signature;
pub mod tree;

pub use claims::{Claims, Payee, Subject, TYPE, Transaction, hash};
pub use log::{
    Growth, HEAD_TYPE, Head, LOGGED_WITHIN_S, Logged, Proof, verify_dated, verify_grown, verify_head, verify_logged,
};
pub use refund::{REFUND_TYPE, Refund, receipt_hash, verify_refund};
pub use signature::{Expected, verify};

/// Why a receipt, or a statement about the log, proves nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReceiptError {
    /// Not a compact JWS of the expected type, or its claims are not of the expected form.
    #[error("this is no {expected}: {reason}")]
    Malformed {
        /// `typ` that was expected.
        expected: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The key set cannot be used.
    #[error("the key set cannot be used: {0}")]
    Keys(String),
    /// Not signed by one of these keys.
    #[error("it is not signed by one of these keys")]
    Signature,
    /// From another provider than expected, or for another relying party.
    #[error("it is from {issuer} for {client_id}, and not what was expected")]
    Parties {
        /// `iss` that it names.
        issuer: String,
        /// `aud` that it names.
        client_id: String,
    },
    /// The transaction is not the one that was hashed.
    #[error("the transaction does not have the hash that the receipt names")]
    Hash,
    /// A refund that is about another payment, in other money, or of more than was paid.
    #[error("the refund is not one of this payment")]
    OtherPayment,
    /// The path does not lead from the receipt to the root of the log, or the log is another provider's.
    #[error("the proof does not show that the receipt is in the log")]
    NotInLog,
    /// The receipt had to be in the log by then, and is not shown to be.
    #[error(
        "the receipt claims to be older than the head that was kept, and is not shown to be in the log as it stood then"
    )]
    BackDated,
    /// The receipt is not in that state of the log, and need not be.
    #[error("the head was kept before the receipt had to be in the log: it says nothing of it")]
    TooNew,
    /// It is not shown that the newer state of the log begins with the older one.
    #[error("the log is not shown to continue the state that was kept")]
    NotGrown,
    /// The answer is about another state than the one that was kept.
    #[error("this is about the state of {asked} receipts; the one that was kept has {kept}")]
    OtherState {
        /// That of the answer.
        asked: u64,
        /// That of the head that was kept.
        kept: u64,
    },
}
