//! What a receipt says, and the hashes in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// `typ` of a receipt.
pub const TYPE: &str = "enum-receipt+jwt";

/// What was shown, signed and approved. Amounts are whole minor units: 1050 with two digits is 10.50.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// Where the money goes: a purse, a capital letter and 12 digits.
    pub payee_account: String,
    /// Whom the person believed to pay.
    pub payee_name: String,
    /// How much, in minor units of the currency.
    pub amount_minor: u64,
    /// Digits behind the decimal point.
    pub minor_digits: u8,
    /// Code such as `WMZ`.
    pub currency: String,
    /// The relying party's own reference of the order.
    pub reference: String,
    /// What was paid for, in the relying party's words.
    pub description: String,
    /// What it is, where it is not one payment to one purse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
}

/// What was approved where it is not one payment to one purse. `payee_account` is then a check number, which hangs on
/// everything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Subject {
    /// Several payments, of which the amount is the sum.
    Batch {
        /// Who gets how much.
        payees: Vec<Payee>,
    },
    /// A payment by card, to a payee who has no purse.
    Card {
        /// Last four digits of the card's number.
        source: String,
    },
    /// Something else than a payment. Without an amount `amount_minor` is 0 and `currency` empty.
    Operation {
        /// Which, such as `take_loan`.
        name: String,
        /// What it is about, by name, such as `wmid`.
        fields: BTreeMap<String, String>,
    },
}

/// One payee of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payee {
    /// Purse: a capital letter and 12 digits.
    pub account: String,
    /// Whom the person believed to pay.
    pub name: String,
    /// How much, in minor units of the transaction's currency.
    pub amount_minor: u64,
}

impl Transaction {
    /// The hash by which the receipt names it.
    pub fn hash(&self) -> String {
        let Self { payee_account, payee_name, amount_minor, minor_digits, currency, reference, description, subject } =
            self;
        // Every member of old, even where it is its default; one that came later only where it is there: it changes the hash
        // of nothing that exists.
        let mut members = serde_json::json!({
            "payee_account": payee_account,
            "payee_name": payee_name,
            "amount_minor": amount_minor,
            "minor_digits": minor_digits,
            "currency": currency,
            "reference": reference,
            "description": description,
        });
        if let Some(subject) = subject {
            members["subject"] = serde_json::json!(subject);
        }
        hash(&members)
    }
}

/// What a receipt says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Issuer: whose keys to verify it with.
    pub iss: String,
    /// `client_id` of the relying party that asked.
    pub aud: String,
    /// The account, under the same subject as in the ID token (pairwise if the client is registered so).
    pub sub: String,
    /// When it was approved. Unix seconds.
    pub iat: i64,
    /// Identifier of the confirmation.
    pub jti: String,
    /// What the challenge was for: `payment`.
    pub purpose: String,
    /// What was shown, signed and approved.
    pub transaction: Transaction,
    /// [`Transaction::hash`].
    pub transaction_hash: String,
    /// Id of the factor plugin that was answered.
    pub factor: String,
    /// Authentication context that was reached.
    pub acr: String,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// What the factor said of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// [`hash`] of what the factor declared as its evidence.
    pub evidence_hash: String,
}

/// SHA-256, in hexadecimal digits, of the canonical JSON of `value`: members sorted by name, no white space, strings
/// escaped only where JSON demands it, integers in decimal digits (RFC 8785, save that integers beyond 2^53 keep all their
/// digits).
pub fn hash(value: &Value) -> String {
    hex::encode(Sha256::digest(canonical(value)))
}

fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let sorted: BTreeMap<&String, &Value> = members.iter().collect();
            let members: Vec<String> = sorted
                .into_iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

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

    #[test]
    fn canonical_json_is_sorted_tight_and_exact() {
        let value = json!({ "b": [1, 2.5, null, true], "a": { "z": "\u{1f}\"\\/\n", "Z": u64::MAX } });
        assert_eq!(canonical(&value), r#"{"a":{"Z":18446744073709551615,"z":"\u001f\"\\/\n"},"b":[1,2.5,null,true]}"#);
    }

    #[test]
    fn the_hash_of_a_transaction_is_frozen() {
        let text = "{\"amount_minor\":18446744073709551615,\"currency\":\"WMZ\",\"description\":\"two\\nlines\",\
                    \"minor_digits\":2,\"payee_account\":\"Z123456789012\",\
                    \"payee_name\":\"Tea \\\"& more\\\" Чай\",\"reference\":\"\"}";
        assert_eq!(transaction().hash(), hex::encode(Sha256::digest(text)));
    }

    #[test]
    fn a_receipt_of_old_is_read_and_a_subject_is_hashed() {
        let old = json!({ "payee_account": "Z123456789012", "payee_name": "Shop", "amount_minor": 1050, "minor_digits": 2,
            "currency": "WMZ", "reference": "", "description": "" });
        let transaction: Transaction = serde_json::from_value(old.clone()).unwrap();
        assert_eq!((transaction.hash(), json!(transaction)), (hash(&old), old.clone()));
        let payee =
            |name: &str, amount_minor| Payee { account: "Z123456789012".into(), name: name.into(), amount_minor };
        let fields = |days: &str| BTreeMap::from([("days".to_owned(), days.to_owned())]);
        let of = |subject| Transaction { subject: Some(subject), ..transaction.clone() }.hash();
        let hashes = [
            transaction.hash(),
            of(Subject::Batch { payees: vec![payee("A", 1), payee("B", 2)] }),
            of(Subject::Batch { payees: vec![payee("B", 2), payee("A", 1)] }),
            of(Subject::Batch { payees: vec![payee("A", 1), payee("B", 3)] }),
            of(Subject::Card { source: "1111".into() }),
            of(Subject::Card { source: "1112".into() }),
            of(Subject::Operation { name: "take_loan".into(), fields: fields("30") }),
            of(Subject::Operation { name: "give_loan".into(), fields: fields("30") }),
            of(Subject::Operation { name: "take_loan".into(), fields: fields("31") }),
        ];
        let different: std::collections::BTreeSet<&String> = hashes.iter().collect();
        assert_eq!(different.len(), hashes.len());
    }

    #[test]
    fn every_member_changes_the_hash() {
        let original = transaction().hash();
        let alterations: [fn(&mut Transaction); 7] = [
            |t| t.payee_account = "Z123456789013".into(),
            |t| t.payee_name.push('!'),
            |t| t.amount_minor -= 1,
            |t| t.minor_digits = 3,
            |t| t.currency = "WME".into(),
            |t| t.reference.push('1'),
            |t| t.description.push('.'),
        ];
        for alter in alterations {
            let mut changed = transaction();
            alter(&mut changed);
            assert_ne!(changed.hash(), original, "{changed:?}");
        }
    }
}
