//! The texts behind QR codes.
//!
//! Classic, unsigned: `enum:l?c=N`, `enum:p?c=N&p=P&a=A`, and long: `enum:login?challenge=N`,
//! `enum:payment?challenge=N&purse=P&amount=A`. Amounts have two digits behind `.` or `,`.
//!
//! Signed: `enum:s?BODY.SIGNATURE`, both base64url without padding. The body is a JSON object:
//! `v` = 1, `o` origin and `n` name of the site, `c` challenge, `e` expiry in Unix seconds, and for a payment `p`
//! payee, `a` amount in minor units, `m` minor digits, `u` currency. A payment that is not to one purse also has `w`, what
//! it is in words, and `p` is then its check number. An operation has `v` = 2, `p` its check number, `w`, and `a`, `m`, `u`
//! where it is about money: a pad that does not know operations refuses it. The signature is Ed25519 over
//! `"enum-qr-1" 00 BODY` with the body's bytes as they were sent, so nobody needs a canonical JSON.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    challenge::{Challenge, ChallengeError, Digits},
    encoding,
    keys::Secret,
    payment::{Amount, AmountError, Payee, PayeeError},
    question::Question,
};

/// No QR code that a phone reads well is longer.
const LONGEST: usize = 2048;
/// `v` of logins and payments.
const PLAIN: u8 = 1;
/// `v` of operations.
const OPERATION: u8 = 2;
/// Digits behind the point in the classic forms.
pub const CLASSIC_MINOR_DIGITS: u8 = 2;

/// Why a scanned text is of no use.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QrError {
    /// Does not begin with `enum:` and a form that we know.
    #[error("this is not an E-num code")]
    NotOurs,
    /// A field is not there.
    #[error("the code has no {0}")]
    Missing(&'static str),
    /// A field is there twice: which one counts?
    #[error("the code names {0} twice")]
    Twice(&'static str),
    /// The challenge is none.
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
    /// The purse is none, or has no letter.
    #[error(transparent)]
    Payee(#[from] PayeeError),
    /// The amount is none.
    #[error(transparent)]
    Amount(#[from] AmountError),
    /// The signed part cannot be read.
    #[error("the signed part of the code is damaged")]
    Damaged,
    /// The signature is not that of the provider this pad is activated with.
    #[error("the code was not signed by your provider: do not use it")]
    Signature,
    /// Too late.
    #[error("the code has expired: ask the site for a new one")]
    Expired,
}

/// A scanned text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// A classic form: nobody vouches for it.
    Unsigned(Question),
    /// A signed form, not yet verified.
    Signed(SignedText),
}

/// What the server vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// Origin of the site that asks.
    pub origin: String,
    /// Its name.
    pub name: String,
    /// What is asked.
    pub question: Question,
    /// How to show the amount of a payment.
    pub money: Option<Money>,
    /// What is approved, in words, where it is not a payment to one purse: the number in the question is a check number.
    pub words: Option<String>,
    /// Unix seconds after which the code is void.
    pub expires: u64,
}

/// How to show an amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Money {
    /// Digits behind the point.
    pub minor_digits: u8,
    /// Currency as the site named it.
    pub currency: String,
}

/// The signed form, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedText {
    body: Vec<u8>,
    signature: [u8; 64],
}

#[derive(Serialize, Deserialize)]
struct Body {
    v: u8,
    o: String,
    n: String,
    c: Challenge,
    e: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p: Option<Payee>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    a: Option<Amount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    m: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    u: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    w: Option<String>,
}

/// The Ed25519 public key under which a provider signs the codes for one pad. In JSON it is base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QrKey(#[serde(with = "encoding")] pub [u8; 32]);

/// The public key of a seed.
pub fn public_key(seed: &Secret) -> QrKey {
    QrKey(SigningKey::from_bytes(seed.expose()).verifying_key().to_bytes())
}

/// Signs what the site asks, as the text of a QR code.
///
/// # Errors
/// [`QrError::Damaged`] if the body cannot be written, which its types rule out.
pub fn sign(vouched: &Vouched, seed: &Secret) -> Result<String, QrError> {
    let (version, payee, amount) = match &vouched.question {
        Question::Login { .. } => (PLAIN, None, None),
        Question::Payment { payee, amount, .. } => (PLAIN, Some(payee.clone()), Some(*amount)),
        Question::Operation { check, amount, .. } => (OPERATION, Some(check.clone()), *amount),
    };
    let body = Body {
        v: version,
        o: vouched.origin.clone(),
        n: vouched.name.clone(),
        c: vouched.question.challenge().clone(),
        e: vouched.expires,
        p: payee,
        a: amount,
        m: vouched.money.as_ref().map(|money| money.minor_digits),
        u: vouched.money.as_ref().map(|money| money.currency.clone()),
        w: vouched.words.clone(),
    };
    let body = serde_json::to_vec(&body).map_err(|_| QrError::Damaged)?;
    let signature = SigningKey::from_bytes(seed.expose()).sign(&signed_bytes(&body)).to_bytes();
    Ok(format!("enum:s?{}.{}", encoding::to_text(&body), encoding::to_text(&signature)))
}

impl SignedText {
    /// Checks signature and expiry.
    ///
    /// # Errors
    /// If the provider did not sign it, it has expired, or its body makes no sense.
    pub fn verify(&self, qr_key: &QrKey, unix_seconds: u64) -> Result<Vouched, QrError> {
        let key = VerifyingKey::from_bytes(&qr_key.0).map_err(|_| QrError::Signature)?;
        key.verify_strict(&signed_bytes(&self.body), &Signature::from_bytes(&self.signature))
            .map_err(|_| QrError::Signature)?;
        let body: Body = serde_json::from_slice(&self.body).map_err(|_| QrError::Damaged)?;
        if unix_seconds >= body.e {
            return Err(QrError::Expired);
        }
        body.vouched()
    }
}

impl Body {
    fn vouched(self) -> Result<Vouched, QrError> {
        let Self { v, o: origin, n: name, c: challenge, e: expires, p, a, m, u, w: words } = self;
        let (question, money) = match (v, p, a, m, u) {
            (PLAIN, None, None, None, None) if words.is_none() => (Question::Login { challenge }, None),
            (PLAIN, Some(payee), Some(amount), Some(minor_digits), Some(currency)) => {
                (Question::Payment { challenge, payee, amount }, Some(Money { minor_digits, currency }))
            }
            (OPERATION, Some(check), Some(amount), Some(minor_digits), Some(currency)) if words.is_some() => {
                let question = Question::Operation { challenge, check, amount: Some(amount) };
                (question, Some(Money { minor_digits, currency }))
            }
            (OPERATION, Some(check), None, None, None) if words.is_some() => {
                (Question::Operation { challenge, check, amount: None }, None)
            }
            _ => return Err(QrError::Damaged),
        };
        Ok(Vouched { origin, name, question, money, words, expires })
    }
}

fn signed_bytes(body: &[u8]) -> Vec<u8> {
    [b"enum-qr-1\0", body].concat()
}

/// Reads any of the forms. Challenges of the classic forms must have the length agreed at activation.
///
/// # Errors
/// Says what is missing or wrong. Never panics, whatever the text.
pub fn parse(text: &str, digits: Digits) -> Result<Scanned, QrError> {
    let text = text.trim();
    if text.len() > LONGEST {
        return Err(QrError::NotOurs);
    }
    let (scheme, rest) = text.split_once(':').ok_or(QrError::NotOurs)?;
    let (form, query) = rest.split_once('?').ok_or(QrError::NotOurs)?;
    if !scheme.eq_ignore_ascii_case("enum") {
        return Err(QrError::NotOurs);
    }
    match form.to_ascii_lowercase().as_str() {
        "l" | "login" => {
            let challenge = Challenge::parse(&field(query, "challenge", "c")?, digits)?;
            Ok(Scanned::Unsigned(Question::Login { challenge }))
        }
        "p" | "payment" => Ok(Scanned::Unsigned(Question::Payment {
            challenge: Challenge::parse(&field(query, "challenge", "c")?, digits)?,
            payee: field(query, "purse", "p")?.parse()?,
            amount: Amount::parse(&field(query, "amount", "a")?, CLASSIC_MINOR_DIGITS)?,
        })),
        "s" => signed(query).map(Scanned::Signed).ok_or(QrError::Damaged),
        _ => Err(QrError::NotOurs),
    }
}

fn signed(query: &str) -> Option<SignedText> {
    let (body, signature) = query.split_once('.')?;
    Some(SignedText { body: encoding::from_text(body)?, signature: encoding::array_from_text(signature)? })
}

/// A field by its long or its short name. Of percent-encoding only the comma and the space are undone: nothing else
/// can be part of a digit, a purse or an amount.
fn field(query: &str, long: &'static str, short: &str) -> Result<String, QrError> {
    let mut values = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| name.eq_ignore_ascii_case(long) || name.eq_ignore_ascii_case(short))
        .map(|(_, value)| value);
    let value = values.next().filter(|value| !value.is_empty()).ok_or(QrError::Missing(long))?;
    if values.next().is_some() {
        return Err(QrError::Twice(long));
    }
    Ok(value.replace("%2C", ",").replace("%2c", ",").replace("%20", " "))
}
