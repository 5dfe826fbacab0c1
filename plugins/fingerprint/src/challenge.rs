//! What an authenticator signs: 32 bytes that hang on everything that the answer is to be good for.

use plugin_api::Result;
use plugin_api::message::{Context, Transaction};
use sha2::{Digest, Sha256};

/// SHA-256 over `enum-webauthn-1`, 00, the host's randomness, 00, and for a payment the transaction's fields in their
/// order, each with its length before it (64 bits, big-endian).
///
/// The host derives its randomness from enrolment, challenge number, purpose, transaction and visit already. That the
/// transaction goes in here once more lets anybody who keeps the randomness check what was signed, without the host's key.
pub(crate) fn of_answer(cx: &Context) -> Result<[u8; 32]> {
    let mut hash = Sha256::new_with_prefix(b"enum-webauthn-1\0");
    hash.update(cx.random_bytes()?);
    hash.update([0]);
    for field in cx.transaction.iter().flat_map(fields) {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    Ok(hash.finalize().into())
}

/// SHA-256 over `enum-webauthn-enrol-1`, 00 and the host's randomness, which is fresh whenever somebody enrols.
pub(crate) fn of_enrolment(cx: &Context) -> Result<[u8; 32]> {
    Ok(Sha256::new_with_prefix(b"enum-webauthn-enrol-1\0").chain_update(cx.random_bytes()?).finalize().into())
}

fn fields(transaction: &Transaction) -> [String; 7] {
    let Transaction { payee_account, payee_name, amount_minor, minor_digits, currency, reference, description } =
        transaction.clone();
    let (amount, digits) = (amount_minor.to_string(), minor_digits.to_string());
    [payee_account, payee_name, amount, digits, currency, reference, description]
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use plugin_api::message::Purpose;
    use plugin_api::testing::context;

    use super::*;

    #[test]
    fn every_field_of_the_transaction_changes_the_challenge() {
        let cx = context(Purpose::Payment);
        let signed = cx.transaction.clone().unwrap();
        let changes: [fn(&mut Transaction); 7] = [
            |to| to.payee_account = "Z999999999999".to_owned(),
            |to| to.payee_name.push('x'),
            |to| to.amount_minor += 1,
            |to| to.minor_digits += 1,
            |to| to.currency.push('x'),
            |to| to.reference.push('x'),
            |to| to.description.push('x'),
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut other = signed.clone();
            change(&mut other);
            let other = Context { transaction: Some(other), ..cx.clone() };
            assert_ne!(of_answer(&cx).unwrap(), of_answer(&other).unwrap(), "field {number}");
        }
        let login = Context { transaction: None, ..cx.clone() };
        assert_ne!(of_answer(&cx).unwrap(), of_answer(&login).unwrap());
        assert_ne!(of_answer(&login).unwrap(), of_enrolment(&login).unwrap());
    }

    #[test]
    fn nothing_moves_from_one_field_to_the_next() {
        let cx = context(Purpose::Payment);
        let with = |reference: &str, description: &str| {
            let mut transaction = cx.transaction.clone().unwrap();
            (transaction.reference, transaction.description) = (reference.to_owned(), description.to_owned());
            of_answer(&Context { transaction: Some(transaction), ..cx.clone() }).unwrap()
        };
        assert_ne!(with("ab", "c"), with("a", "bc"));
    }
}
