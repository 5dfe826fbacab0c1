//! Receipts: a signed statement that a person approved one transaction, which anyone can verify offline with our
//! published keys. The crate `enum-receipt` says what is in them, and verifies them.

use enum_receipt::{Claims, TYPE};
use plugin_api::message::{Payee, Subject, Transaction};
use serde_json::Value;

use super::{client::Client, subject};
use crate::{app::App, error::Internal, keys::jws::Alg};

/// The only purpose that leaves receipts.
const PURPOSE: &str = "payment";

/// What [`sign`] needs.
#[derive(Clone, Debug)]
pub struct Receipt<'a> {
    /// Identifier of the confirmation.
    pub confirmation_id: String,
    /// Who approved.
    pub account_id: String,
    /// What.
    pub transaction: &'a Transaction,
    /// With which factor.
    pub factor: String,
    /// What it reached.
    pub acr: String,
    /// How.
    pub amr: &'a [String],
    /// With which device.
    pub device: Option<String>,
    /// What the factor's verdict rests on.
    pub evidence: &'a Value,
}

/// Signs a receipt for `client`.
///
/// # Errors
/// When signing fails.
pub fn sign(app: &App, client: &Client, receipt: Receipt<'_>) -> Result<String, Internal> {
    let transaction = in_receipt(receipt.transaction);
    let claims = Claims {
        iss: app.config.issuer.clone(),
        aud: client.client_id.clone(),
        sub: subject::subject(&app.seal, client, &receipt.account_id),
        iat: app.clock.seconds(),
        jti: receipt.confirmation_id,
        purpose: PURPOSE.to_owned(),
        transaction_hash: transaction.hash(),
        transaction,
        factor: receipt.factor,
        acr: receipt.acr,
        amr: receipt.amr.to_vec(),
        device: receipt.device,
        evidence_hash: enum_receipt::hash(receipt.evidence),
    };
    app.keys.sign(Alg::Es256, TYPE, &claims)
}

/// The hash by which a receipt, the log and the merchant name a transaction.
pub fn transaction_hash(transaction: &Transaction) -> String {
    in_receipt(transaction).hash()
}

/// Every member by name: one that is added later has to find its place in receipts.
pub(super) fn in_receipt(transaction: &Transaction) -> enum_receipt::Transaction {
    let Transaction {
        payee_account,
        payee_name,
        amount_minor,
        minor_digits,
        currency,
        reference,
        description,
        subject,
    } = transaction.clone();
    enum_receipt::Transaction {
        payee_account,
        payee_name,
        amount_minor,
        minor_digits,
        currency,
        reference,
        description,
        subject: subject.map(subject_in_receipt),
    }
}

fn subject_in_receipt(subject: Subject) -> enum_receipt::Subject {
    match subject {
        Subject::Batch { payees } => {
            let payee = |Payee { account, name, amount_minor }| enum_receipt::Payee { account, name, amount_minor };
            enum_receipt::Subject::Batch { payees: payees.into_iter().map(payee).collect() }
        }
        Subject::Card { source } => enum_receipt::Subject::Card { source },
        Subject::Operation { name, fields } => enum_receipt::Subject::Operation { name, fields },
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use enum_receipt::{Expected, ReceiptError, verify};
    use serde_json::json;

    use super::*;
    use crate::{
        clock::Clock,
        entropy::Entropy,
        keys::Keys,
        seal::Seal,
        store::{Db, embedded_url},
    };

    fn claims() -> Claims {
        Claims {
            iss: "https://id.example".into(),
            aud: "shop".into(),
            sub: "p".into(),
            iat: 1,
            jti: "c".into(),
            purpose: PURPOSE.into(),
            transaction: in_receipt(&transaction()),
            transaction_hash: transaction_hash(&transaction()),
            factor: "cipherpad".into(),
            acr: "urn:enum:acr:payment".into(),
            amr: vec!["otp".into()],
            device: None,
            evidence_hash: enum_receipt::hash(&Value::Null),
        }
    }

    #[tokio::test]
    async fn a_receipt_is_verified_with_the_published_keys_alone() {
        let dir = tempfile::tempdir().unwrap();
        let seal = Seal::new(&[5; 32], Entropy::system()).unwrap();
        let db = Db::open(&embedded_url(dir.path())).await.unwrap();
        let keys = Keys::load(db, &seal, Clock::system()).await.unwrap();
        let signed = |typ: &str, claims: &Claims| keys.sign(Alg::Es256, typ, claims).unwrap();
        let receipt = signed(TYPE, &claims());
        keys.rotate(Alg::Es256, &seal).await.unwrap();
        let jwks: Value = serde_json::from_slice(&keys.jwks().body).unwrap();

        let from = |issuer| Expected { issuer: Some(issuer), client_id: None };
        let any = Expected::default();
        assert_eq!(verify(&jwks, &receipt, &from("https://id.example")).unwrap(), claims(), "after a rotation too");
        assert!(matches!(verify(&jwks, &receipt, &from("https://evil.example")), Err(ReceiptError::Parties { .. })));
        let for_another = Expected { client_id: Some("another shop"), ..any };
        assert!(matches!(verify(&jwks, &receipt, &for_another), Err(ReceiptError::Parties { .. })));
        let id_token = verify(&jwks, &signed("JWT", &claims()), &any);
        assert!(matches!(id_token, Err(ReceiptError::Malformed { .. })), "an ID token");
        let other = enum_receipt::Transaction { amount_minor: 1, ..in_receipt(&transaction()) };
        let other = Claims { transaction: other, ..claims() };
        assert_eq!(verify(&jwks, &signed(TYPE, &other), &any), Err(ReceiptError::Hash));
        assert_eq!(verify(&json!({ "keys": [] }), &receipt, &any), Err(ReceiptError::Signature));
        assert!(matches!(verify(&json!({}), &receipt, &any), Err(ReceiptError::Keys(_))));
        let (content, tag) = receipt.rsplit_once('.').unwrap();
        let (header, payload) = content.split_once('.').unwrap();
        for forged in [
            format!("{header}.{}.{tag}", payload.replace(&payload[10..11], "A")),
            format!("{header}.{payload}."),
            content.to_owned(),
        ] {
            assert!(verify(&jwks, &forged, &any).is_err(), "{forged}");
        }
    }

    fn transaction() -> Transaction {
        Transaction {
            payee_account: "Z123456789012".into(),
            payee_name: "Tea \"& more\" Чай".into(),
            amount_minor: u64::MAX,
            minor_digits: 2,
            currency: "WMZ".into(),
            reference: String::new(),
            description: "two\nlines".into(),
            subject: None,
        }
    }
}
