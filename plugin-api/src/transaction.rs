//! The canonical transaction: its one form, its digest, and the number by which a person can type it.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::message::{Payee, Subject, SubjectKind, Transaction};
use crate::step::{decimal, hides};

/// Fewest and most payees of a batch: what a person can read before approving.
const PAYEES: std::ops::RangeInclusive<usize> = 2..=20;
/// Most fields of an operation.
const MOST_FIELDS: usize = 12;
/// Longest value of a field, in characters.
const LONGEST_VALUE: usize = 140;
/// Check numbers are below this: 12 digits.
const CHECK_NUMBERS: u128 = 1_000_000_000_000;

impl Transaction {
    /// The amount as a decimal with a point, exact: `10.50`.
    pub fn amount(&self) -> String {
        self.decimal(self.amount_minor)
    }

    /// An amount of this transaction's currency as a decimal with a point, exact.
    pub fn decimal(&self, minor: u64) -> String {
        decimal(minor, self.minor_digits)
    }

    /// Which kind of subject it has, if any.
    pub fn kind(&self) -> Option<SubjectKind> {
        self.subject.as_ref().map(Subject::kind)
    }

    /// Everything in it, in one fixed order: what is hashed. No two transactions have the same parts; one without a subject
    /// has seven.
    pub fn parts(&self) -> Vec<String> {
        let Self { payee_account, payee_name, amount_minor, minor_digits, currency, reference, description, subject } =
            self.clone();
        let (amount, digits) = (amount_minor.to_string(), minor_digits.to_string());
        let mut parts = vec![payee_account, payee_name, amount, digits, currency, reference, description];
        match subject {
            None => {}
            Some(Subject::Batch { payees }) => {
                parts.extend(["batch".to_owned(), payees.len().to_string()]);
                for Payee { account, name, amount_minor } in payees {
                    parts.extend([account, name, amount_minor.to_string()]);
                }
            }
            Some(Subject::Card { source }) => parts.extend(["card".to_owned(), source]),
            Some(Subject::Operation { name, fields }) => {
                parts.extend(["operation".to_owned(), name, fields.len().to_string()]);
                parts.extend(fields.into_iter().flat_map(<[String; 2]>::from));
            }
        }
        parts
    }

    /// SHA-256 over the [parts](Self::parts), each with its length before it (64 bits, big-endian).
    pub fn digest(&self) -> [u8; 32] {
        self.hashed_after(b"")
    }

    /// What stands for `payee_account` where there is a subject: a letter that is no currency's and 12 digits that hang on
    /// everything else in the transaction.
    pub fn check_number(&self) -> Option<String> {
        let letter = self.kind()?.letter();
        let hash = Self { payee_account: String::new(), ..self.clone() }.hashed_after(b"enum-check-1\0");
        // 128 bits over 40: the bias is below 2^-80.
        let wide = hash.iter().take(16).fold(0_u128, |wide, byte| (wide << 8) | u128::from(*byte));
        Some(format!("{letter}{:012}", wide % CHECK_NUMBERS))
    }

    /// The same with its check number for `payee_account`, if it has a subject.
    #[must_use]
    pub fn numbered(self) -> Self {
        let payee_account = self.check_number().unwrap_or_else(|| self.payee_account.clone());
        Self { payee_account, ..self }
    }

    fn hashed_after(&self, prefix: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new_with_prefix(prefix);
        for part in self.parts() {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }

    /// Whether it has the one form that is shown and signed: a purse (capital letter and 12 digits) or the check number of
    /// its subject, an amount above zero, names that are there, and nothing that could hide or forge a line.
    ///
    /// # Errors
    /// A sentence that names the field and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        check_purse("payee_account", &self.payee_account)?;
        if self.check_number().is_some_and(|number| number != self.payee_account) {
            return Err("payee_account must be the check number of everything else".into());
        }
        if self.minor_digits > 18 {
            return Err("minor_digits must be at most 18".into());
        }
        let texts = [&self.payee_name, &self.currency, &self.reference, &self.description];
        if texts.iter().any(|text| text.contains(hides)) {
            return Err("a text holds control or direction characters".into());
        }
        match &self.subject {
            None => self.check_payee().and_then(|()| self.check_amount()),
            Some(Subject::Batch { payees }) => self.check_amount().and_then(|()| self.check_batch(payees)),
            Some(Subject::Card { source }) => {
                self.check_payee()?;
                self.check_amount()?;
                let is_short = source.len() == 4 && source.bytes().all(|b| b.is_ascii_digit());
                if is_short { Ok(()) } else { Err("source must be the last four digits of the card's number".into()) }
            }
            Some(Subject::Operation { name, fields }) => {
                let has_none = self.amount_minor == 0 && self.currency.is_empty() && self.minor_digits == 0;
                if !has_none {
                    self.check_amount()?;
                }
                check_operation(name, fields)
            }
        }
    }

    fn check_amount(&self) -> Result<(), String> {
        if self.amount_minor == 0 {
            return Err("amount_minor must be above zero".into());
        }
        check_there("currency", &self.currency)
    }

    fn check_payee(&self) -> Result<(), String> {
        check_there("payee_name", &self.payee_name)
    }

    fn check_batch(&self, payees: &[Payee]) -> Result<(), String> {
        if !PAYEES.contains(&payees.len()) {
            return Err(format!("payees must be {} to {}", PAYEES.start(), PAYEES.end()));
        }
        let mut sum = 0_u64;
        for Payee { account, name, amount_minor } in payees {
            check_purse("payees.account", account)?;
            check_there("payees.name", name)?;
            if name.contains(hides) {
                return Err("payees.name holds control or direction characters".into());
            }
            if *amount_minor == 0 {
                return Err("payees.amount_minor must be above zero".into());
            }
            sum = sum.checked_add(*amount_minor).ok_or("the amounts of the payees are too large")?;
        }
        if sum == self.amount_minor {
            Ok(())
        } else {
            Err("amount_minor must be the sum of what the payees get".into())
        }
    }
}

fn check_purse(field: &str, purse: &str) -> Result<(), String> {
    let [letter, digits @ ..] = purse.as_bytes() else { return Err(format!("{field} is empty")) };
    if !letter.is_ascii_uppercase() || digits.len() != 12 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(format!("{field} must be a capital letter and 12 digits"));
    }
    Ok(())
}

fn check_there(field: &str, text: &str) -> Result<(), String> {
    if text.trim().is_empty() { Err(format!("{field} is empty")) } else { Ok(()) }
}

fn check_operation(name: &str, fields: &BTreeMap<String, String>) -> Result<(), String> {
    let is_word =
        |word: &str| (1..=32).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if !is_word(name) || fields.keys().any(|field| !is_word(field)) {
        return Err("names of operations and fields must be 1 to 32 lower-case letters and `_`".into());
    }
    if fields.len() > MOST_FIELDS {
        return Err(format!("fields must be at most {MOST_FIELDS}"));
    }
    let bad =
        |value: &String| value.trim().is_empty() || value.chars().count() > LONGEST_VALUE || value.contains(hides);
    match fields.iter().find(|(_, value)| bad(value)) {
        Some((field, _)) => Err(format!("fields.{field} is empty, too long, or holds characters that cannot be seen")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    use crate::testing::{altered, transaction, transaction_of};

    /// A change to a transaction.
    type Change = fn(&mut Transaction);

    #[test]
    fn the_digest_of_a_payment_is_frozen() {
        // Computed when transactions had seven members: what is pending across an upgrade stays approved.
        assert_eq!(
            hex::encode(transaction().digest()),
            "bc1fe46df503eacf17d738b5f2145282f032f979c0be5355c216e9b0495bea6e"
        );
    }

    #[test]
    fn whatever_is_altered_has_another_digest() {
        for original in SubjectKind::ALL.map(transaction_of).into_iter().chain([transaction()]) {
            let all = altered(&original);
            assert!(all.len() > 100, "{}", all.len());
            let digests: BTreeSet<[u8; 32]> = all.iter().chain([&original]).map(Transaction::digest).collect();
            assert_eq!(digests.len(), all.len() + 1, "no two are the same: {original:?}");
        }
    }

    #[test]
    fn whatever_is_altered_has_another_check_number() {
        for original in SubjectKind::ALL.map(transaction_of) {
            for other in altered(&original) {
                let is_same =
                    Transaction { payee_account: original.payee_account.clone(), ..other.clone() } == original;
                assert_eq!(other.check_number() == original.check_number(), is_same, "{other:?}");
                // With the number that the person has seen it is refused.
                assert!(is_same || other.subject.is_none() || other.check().is_err(), "{other:?}");
            }
        }
    }

    #[test]
    fn each_kind_has_the_one_form() {
        assert_eq!(transaction().check(), Ok(()));
        for kind in SubjectKind::ALL {
            let transaction = transaction_of(kind);
            assert_eq!(transaction.check(), Ok(()), "{kind:?}");
            assert!(transaction.payee_account.starts_with(kind.letter()), "{transaction:?}");
            let unnumbered = Transaction { payee_account: "M000000000000".into(), ..transaction };
            assert!(unnumbered.check().is_err(), "{kind:?}");
        }
    }

    #[test]
    fn what_does_not_add_up_or_cannot_be_read_is_refused() {
        let batch: [Change; 8] = [
            |to| to.amount_minor += 1,
            |to| payees(to).truncate(1),
            |to| payees(to)[0].amount_minor = 0,
            |to| payees(to)[0].name = " ".into(),
            |to| payees(to)[0].name = "Ann\u{202e}".into(),
            |to| payees(to)[1].account = "z123456789012".into(),
            |to| payees(to)[0].amount_minor = u64::MAX,
            |to| {
                let one = payees(to)[0].clone();
                to.amount_minor = one.amount_minor * 21;
                *payees(to) = vec![one; 21];
            },
        ];
        refused(SubjectKind::Batch, &batch);
        let card: [Change; 3] = [
            |to| to.subject = Some(Subject::Card { source: "4111111111111111".into() }),
            |to| to.payee_name.clear(),
            |to| to.amount_minor = 0,
        ];
        refused(SubjectKind::Card, &card);
        let operation: [Change; 4] = [
            |to| to.currency.clear(),
            |to| {
                fields(to).insert("Wmid".into(), "1".into());
            },
            |to| {
                fields(to).insert("wmid".into(), "1\n2".into());
            },
            |to| {
                fields(to).insert("wmid".into(), String::new());
            },
        ];
        refused(SubjectKind::Operation, &operation);
    }

    #[test]
    fn an_operation_may_have_no_amount() {
        let mut transaction = transaction_of(SubjectKind::Operation);
        (transaction.amount_minor, transaction.minor_digits, transaction.currency) = (0, 0, String::new());
        assert_eq!(transaction.numbered().check(), Ok(()));
    }

    fn refused(kind: SubjectKind, changes: &[Change]) {
        for (number, change) in changes.iter().enumerate() {
            let mut transaction = transaction_of(kind);
            change(&mut transaction);
            assert!(transaction.numbered().check().is_err(), "{kind:?} {number}");
        }
    }

    fn payees(of: &mut Transaction) -> &mut Vec<Payee> {
        match &mut of.subject {
            Some(Subject::Batch { payees }) => payees,
            other => unreachable!("{other:?}"),
        }
    }

    fn fields(of: &mut Transaction) -> &mut BTreeMap<String, String> {
        match &mut of.subject {
            Some(Subject::Operation { fields, .. }) => fields,
            other => unreachable!("{other:?}"),
        }
    }
}
