//! What a relying party has given back of a payment, as the provider has written it down.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    Expected, ReceiptError,
    signature::{signed, verify},
};

/// `typ` of the receipt of a refund.
pub const REFUND_TYPE: &str = "enum-refund+jwt";

/// What the receipt of a refund says: the relying party has declared to the provider that it gave this back. It does not
/// prove that money has moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Issuer: whose keys to verify it with.
    pub iss: String,
    /// `client_id` of the relying party that gives it back.
    pub aud: String,
    /// Who had paid, under the same subject as in the receipt of the payment.
    pub sub: String,
    /// When it was declared. Unix seconds.
    pub iat: i64,
    /// Identifier of the refund.
    pub jti: String,
    /// `jti` of the payment's receipt.
    pub confirmation: String,
    /// [`receipt_hash`] of the payment's receipt.
    pub receipt_hash: String,
    /// How much, in minor units of the currency.
    pub amount_minor: u64,
    /// How much in all, this refund included.
    pub refunded_minor: u64,
    /// Digits behind the decimal point.
    pub minor_digits: u8,
    /// Code such as `WMZ`.
    pub currency: String,
    /// The relying party's own name for the refund.
    pub reference: String,
    /// Why, in the relying party's words; may be empty.
    pub reason: String,
}

/// SHA-256, in hexadecimal digits, of a receipt as it was handed out: the bytes of the compact JWS.
pub fn receipt_hash(receipt: &str) -> String {
    hex::encode(Sha256::digest(receipt))
}

/// Verifies the receipt of a refund, and that it is about this receipt of a payment, which is verified as well: same parties,
/// same currency, and not more than was paid.
///
/// # Errors
/// Why it proves nothing.
pub fn verify_refund(
    jwks: &Value,
    refund: &str,
    receipt: &str,
    expected: &Expected<'_>,
) -> Result<Refund, ReceiptError> {
    let paid = verify(jwks, receipt, expected)?;
    let refund: Refund = signed(jwks, REFUND_TYPE, refund)?;
    let same_parties = (&refund.iss, &refund.aud, &refund.sub) == (&paid.iss, &paid.aud, &paid.sub);
    let is_about_it = refund.confirmation == paid.jti && refund.receipt_hash == receipt_hash(receipt);
    let same_money =
        (&refund.currency, refund.minor_digits) == (&paid.transaction.currency, paid.transaction.minor_digits);
    let fits = (1..=refund.refunded_minor).contains(&refund.amount_minor)
        && refund.refunded_minor <= paid.transaction.amount_minor;
    if same_parties && is_about_it && same_money && fits { Ok(refund) } else { Err(ReceiptError::OtherPayment) }
}
