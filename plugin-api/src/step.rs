//! Short ways to say what a step is.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::message::{Context, Effect, Facts, Fee, Input, Price, Signal, Step, Transaction};

impl<S, E> Step<S, E> {
    /// Show `page` with `data` (public: no secrets) and wait for input.
    pub fn ask(page: &str, data: Value, state: S) -> Self {
        Self::ask_with(page, data, state, Vec::new())
    }

    /// As [`Step::ask`], with effects that the host carries out when this step commits.
    pub fn ask_with(page: &str, data: Value, state: S, effects: Vec<Effect>) -> Self {
        Self::Ask { page: page.to_owned(), data, state, effects }
    }

    /// Send the browser elsewhere.
    pub fn redirect(url: impl Into<String>, state: S) -> Self {
        Self::Redirect { url: url.into(), state }
    }

    /// Nothing to decide for so many milliseconds.
    pub fn wait(poll_after: u32, state: S) -> Self {
        Self::Wait { poll_after, state }
    }

    /// The answer is wrong.
    pub fn wrong() -> Self {
        Self::Wrong { signal: None }
    }

    /// The answer is wrong, and the host should act on why.
    pub fn wrong_with(signal: Signal) -> Self {
        Self::Wrong { signal: Some(signal) }
    }

    /// Proven, and the enrolment stays as it is.
    pub fn pass(facts: Facts) -> Self {
        Self::Pass { facts, enrolment: None, enrolled: None }
    }

    /// Proven, with a new state of the enrolment (a counter that moved).
    pub fn pass_with(facts: Facts, enrolment: E) -> Self {
        Self::Pass { facts, enrolment: Some(enrolment), enrolled: None }
    }

    /// Proven by one of the others, which is named by its id, with its new state.
    pub fn pass_of(facts: Facts, enrolled: &str, enrolment: E) -> Self {
        Self::Pass { facts, enrolment: Some(enrolment), enrolled: Some(enrolled.to_owned()) }
    }

    /// Enrolling is complete.
    pub fn enrolled(facts: Facts, enrolment: E) -> Self {
        Self::pass_with(facts, enrolment)
    }

    /// It cannot go on, for a short machine-readable reason such as `not_enrolled`.
    pub fn fail(reason: &str) -> Self {
        Self::Fail { reason: reason.to_owned() }
    }
}

impl Facts {
    /// Facts that name these authentication methods (RFC 8176).
    pub fn amr(amr: &[&str]) -> Self {
        Self { amr: amr.iter().map(|&value| value.to_owned()).collect(), ..Self::default() }
    }

    /// Adds what a receipt may later be checked against. Its hash goes into the receipt; never a key or a PIN.
    #[must_use]
    pub fn evidence(mut self, evidence: Value) -> Self {
        self.evidence = evidence;
        self
    }

    /// Says what an enrolment that is complete is worth, if not what the manifest says of all.
    #[must_use]
    pub fn acr(mut self, acr: &str) -> Self {
        self.acr = Some(acr.to_owned());
        self
    }

    /// Adds the name of the device.
    #[must_use]
    pub fn device(mut self, device: impl Into<String>) -> Self {
        self.device = Some(device.into());
        self
    }
}

impl Context {
    /// The host's 32 random bytes: see [`crate::message::ChallengeKind`] for how often they change.
    ///
    /// # Errors
    /// When the host sent anything else.
    pub fn random_bytes(&self) -> Result<[u8; 32]> {
        URL_SAFE_NO_PAD
            .decode(&self.random)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| Error::failed("cx.random is not 32 bytes in base64url"))
    }

    /// The transaction of a payment.
    ///
    /// # Errors
    /// When there is none.
    pub fn payment(&self) -> Result<&Transaction> {
        self.transaction.as_ref().ok_or_else(|| Error::failed("cx.transaction is missing"))
    }
}

/// Most that sending one message may cost, in minor units: what is above is a slip in a price table.
const MOST_FEE: u64 = 1_000_000_000_000;
/// Currencies that a list of fees may name.
const MOST_FEES: usize = 64;
/// Longest currency code, in characters.
const LONGEST_CURRENCY: usize = 12;

impl Fee {
    /// The amount as a decimal with a point, exact: `0.05`.
    pub fn amount(&self) -> String {
        decimal(self.amount_minor, self.minor_digits)
    }
}

impl Price {
    /// Whether it can be shown and charged.
    ///
    /// # Errors
    /// A sentence that names the field and what is wrong with it.
    pub fn check(&self) -> std::result::Result<(), String> {
        if self.fees.len() > MOST_FEES {
            return Err(format!("fees must be at most {MOST_FEES}"));
        }
        if !self.fees.keys().all(|currency| is_currency(currency)) {
            return Err(format!("fees must be named by codes of at most {LONGEST_CURRENCY} characters"));
        }
        self.fee.iter().chain(self.fees.values()).chain(&self.other_fee).try_for_each(Fee::check)
    }
}

impl Fee {
    fn check(&self) -> std::result::Result<(), String> {
        let Self { amount_minor, minor_digits, currency } = self;
        if !(1..=MOST_FEE).contains(amount_minor) {
            return Err(format!("fee.amount_minor must be 1 to {MOST_FEE}"));
        }
        if *minor_digits > 18 {
            return Err("fee.minor_digits must be at most 18".into());
        }
        if !is_currency(currency) {
            return Err(format!("fee.currency must be a code of at most {LONGEST_CURRENCY} characters"));
        }
        Ok(())
    }
}

fn is_currency(code: &str) -> bool {
    !code.trim().is_empty() && code.chars().count() <= LONGEST_CURRENCY && !code.contains(hides)
}

/// Minor units as a decimal with a point, exact.
pub(crate) fn decimal(minor: u64, digits: u8) -> String {
    let digits = usize::from(digits);
    let text = format!("{minor:0>width$}", width = digits + 1);
    match text.split_at_checked(text.len() - digits) {
        Some((whole, minor)) if digits > 0 => format!("{whole}.{minor}"),
        _ => text,
    }
}

/// Control characters, and those that change the direction of what follows (Unicode TR36 §2.5).
pub(crate) fn hides(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Input {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(fields: I) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::decimal;
    use crate::message::{Fee, Price};

    #[test]
    fn amounts_are_exact() {
        assert_eq!(decimal(1050, 2), "10.50");
        assert_eq!(decimal(5, 2), "0.05");
        assert_eq!(decimal(7, 0), "7");
        assert_eq!(decimal(u64::MAX, 2), "184467440737095516.15");
    }
    #[test]
    fn a_fee_has_an_amount_and_a_currency() {
        let fee = Fee { amount_minor: 5, minor_digits: 2, currency: "WMZ".to_owned() };
        let check = |fee: Fee| Price { fee: Some(fee), ..Price::default() }.check();
        assert_eq!((fee.amount(), check(fee.clone())), ("0.05".to_owned(), Ok(())));
        assert!(check(Fee { amount_minor: 0, ..fee.clone() }).is_err());
        assert!(check(Fee { amount_minor: u64::MAX, ..fee.clone() }).is_err());
        assert!(check(Fee { minor_digits: 19, ..fee.clone() }).is_err());
        for currency in ["", " ", "WM\u{202e}Z", "ABCDEFGHIJKLM"] {
            assert!(check(Fee { currency: currency.to_owned(), ..fee.clone() }).is_err(), "{currency:?}");
        }
        assert_eq!(Price::default().check(), Ok(()));
        let listed = |currency: &str, fee: &Fee| {
            Price { fees: [(currency.to_owned(), fee.clone())].into(), ..Price::default() }.check()
        };
        assert_eq!(listed("WMR", &fee), Ok(()));
        assert!(listed("WM\u{202e}R", &fee).is_err() && listed("", &fee).is_err());
        let nothing = Fee { amount_minor: 0, ..fee.clone() };
        assert!(listed("WMR", &nothing).is_err());
        assert!(Price { other_fee: Some(nothing), ..Price::default() }.check().is_err());
        let many = (0..65).map(|number| (format!("C{number}"), fee.clone())).collect();
        assert!(Price { fees: many, ..Price::default() }.check().is_err());
    }
}
