//! What an answer covers: a login, or one payment.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    challenge::{Challenge, Digits},
    keys::Keys,
    ocra::{self, Inputs, OcraError, Suite, SuiteError},
    payment::{Amount, Payee},
};

/// The two suites of an activated pad; fixed at activation and kept with the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suites {
    /// For logins, with `K_auth`.
    pub login: Suite,
    /// For payments, with `K_pay`.
    pub payment: Suite,
}

impl Suites {
    /// The suites that we use with challenges of this length.
    ///
    /// RFC 6287 wants a question at least as long as the answer, so a shorter challenge has a shorter answer.
    ///
    /// # Errors
    /// Never in practice: the texts are our own, and a test parses each of them.
    pub fn for_digits(digits: Digits) -> Result<Self, SuiteError> {
        let n = digits.count();
        Ok(Self {
            login: format!("OCRA-1:HOTP-SHA256-{n}:C-QN0{n}-T1M").parse()?,
            payment: "OCRA-1:HOTP-SHA256-8:C-QH64-T1M".parse()?,
        })
    }

    /// The length of challenge that these suites belong to, or `None` if they are not ours: a pad refuses others, so
    /// that nobody can talk it into a weak one.
    pub fn digits(&self) -> Option<Digits> {
        Digits::ALL.into_iter().find(|digits| Self::for_digits(*digits).as_ref() == Ok(self))
    }
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "purpose", rename_all = "snake_case")]
pub enum Question {
    /// Prove that it is me.
    Login {
        /// The number on the page.
        challenge: Challenge,
    },
    /// Approve exactly this payee and amount.
    Payment {
        /// The number on the page.
        challenge: Challenge,
        /// Who gets the money.
        payee: Payee,
        /// How much.
        amount: Amount,
    },
    /// Approve exactly this operation, which is no payment.
    Operation {
        /// The number on the page.
        challenge: Challenge,
        /// Hangs on everything in the operation; of the form of a purse.
        check: Payee,
        /// How much it is about, if it is about money.
        amount: Option<Amount>,
    },
}

impl Question {
    /// The number on the page.
    pub fn challenge(&self) -> &Challenge {
        match self {
            Self::Login { challenge } | Self::Payment { challenge, .. } | Self::Operation { challenge, .. } => {
                challenge
            }
        }
    }

    /// Computes the answer for one counter and one minute.
    ///
    /// # Errors
    /// If the suites do not fit the question.
    pub fn answer(&self, suites: &Suites, keys: &Keys, counter: u64, time: u64) -> Result<String, OcraError> {
        self.prepare(suites, keys)?.answer(counter, time)
    }

    /// Chooses suite and key, and encodes the question once for many counters and minutes.
    ///
    /// # Errors
    /// If the suites do not fit the question.
    pub(crate) fn prepare<'a>(&self, suites: &'a Suites, keys: &'a Keys) -> Result<Prepared<'a>, OcraError> {
        let (suite, key, text) = match self {
            Self::Login { challenge } => (&suites.login, keys.auth(), challenge.as_str().to_owned()),
            Self::Payment { challenge, payee, amount } => {
                (&suites.payment, keys.pay(), payment_text(challenge, payee, *amount))
            }
            Self::Operation { challenge, check, amount } => {
                (&suites.payment, keys.pay(), operation_text(challenge, check, *amount))
            }
        };
        Ok(Prepared { suite, key, question: ocra::Question::new(suite, &text)? })
    }
}

/// A question with everything that stays the same from counter to counter.
pub(crate) struct Prepared<'a> {
    suite: &'a Suite,
    key: &'a [u8; 32],
    question: ocra::Question,
}

impl Prepared<'_> {
    pub(crate) fn answer(&self, counter: u64, time: u64) -> Result<String, OcraError> {
        let inputs = Inputs { counter: Some(counter), time: Some(time), ..Inputs::of(&self.question) };
        self.suite.answer(self.key, &inputs)
    }

    pub(crate) fn suite(&self) -> &Suite {
        self.suite
    }
}

/// Hex of SHA-256 over `enum-pay-1`, challenge, payee and amount with a zero byte between: the separators keep
/// `12`,`345` from reading like `123`,`45`.
fn payment_text(challenge: &Challenge, payee: &Payee, amount: Amount) -> String {
    let amount = amount.minor().to_string();
    hex::encode(Sha256::digest(["enum-pay-1", challenge.as_str(), payee.as_str(), &amount].join("\0")))
}

/// The same with `enum-op-1` and the check number; the amount is empty where there is none. The beginning keeps an answer for
/// an operation from being one for a payment.
fn operation_text(challenge: &Challenge, check: &Payee, amount: Option<Amount>) -> String {
    let amount = amount.map_or_else(String::new, |amount| amount.minor().to_string());
    hex::encode(Sha256::digest(["enum-op-1", challenge.as_str(), check.as_str(), &amount].join("\0")))
}
