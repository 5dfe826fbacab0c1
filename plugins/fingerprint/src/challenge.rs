//! What an authenticator signs: 32 bytes that hang on everything that the answer is to be good for.

use plugin_api::Result;
use plugin_api::message::{Context, Transaction};
use sha2::{Digest, Sha256};

/// SHA-256 over `enum-webauthn-1`, 00, the host's randomness, 00, and for a payment the transaction's parts in their
/// order, each with its length before it (64 bits, big-endian).
///
/// The host derives its randomness from enrolment, challenge number, purpose, transaction and visit already. That the
/// transaction goes in here once more lets anybody who keeps the randomness check what was signed, without the host's key.
pub(crate) fn of_answer(cx: &Context) -> Result<[u8; 32]> {
    let mut hash = Sha256::new_with_prefix(b"enum-webauthn-1\0");
    hash.update(cx.random_bytes()?);
    hash.update([0]);
    for field in cx.transaction.iter().flat_map(Transaction::parts) {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    Ok(hash.finalize().into())
}

/// SHA-256 over `enum-webauthn-enrol-1`, 00 and the host's randomness, which is fresh whenever somebody enrols.
pub(crate) fn of_enrolment(cx: &Context) -> Result<[u8; 32]> {
    Ok(Sha256::new_with_prefix(b"enum-webauthn-enrol-1\0").chain_update(cx.random_bytes()?).finalize().into())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use plugin_api::message::{Purpose, SubjectKind};
    use plugin_api::testing::{altered, context, context_of};

    use super::*;

    #[test]
    fn whatever_is_altered_in_the_transaction_changes_the_challenge() {
        for cx in SubjectKind::ALL.map(context_of).into_iter().chain([context(Purpose::Payment)]) {
            let challenge = of_answer(&cx).unwrap();
            for other in altered(cx.transaction.as_ref().unwrap()) {
                let other = Context { transaction: Some(other), ..cx.clone() };
                assert_ne!(of_answer(&other).unwrap(), challenge, "{:?}", other.transaction);
            }
            let login = Context { transaction: None, ..cx };
            assert_ne!(of_answer(&login).unwrap(), challenge);
            assert_ne!(of_answer(&login).unwrap(), of_enrolment(&login).unwrap());
        }
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
