//! Testing a plugin without a server.
//!
//! [`Loaded`] runs a plugin through the very C table that a server uses, with a [`FakeHost`] behind it;
//! [`conformance`] holds every plugin to the contract.

mod altered;
pub mod conformance;
mod host;
mod loaded;

pub use self::altered::altered;
pub use self::host::{Called, FakeHost};
pub use self::loaded::Loaded;
use crate::message::{AccountView, Context, Payee, Purpose, Site, Subject, SubjectKind, Transaction};

/// When all that has no time of its own takes place: 2026-01-01T00:00:00Z, in Unix milliseconds.
const NOW: i64 = 1_767_225_600_000;

/// Surroundings of a ceremony at a fixed time (2026-01-01T00:00:00Z, three minutes long) with fixed randomness: change
/// the fields that your test is about. A payment comes with [`transaction`].
pub fn context(purpose: Purpose) -> Context {
    Context {
        purpose,
        transaction: (purpose == Purpose::Payment).then(transaction),
        account: AccountView {
            id: "acc_7f3k".to_owned(),
            email: "ann@example.org".to_owned(),
            name: "Ann Example".to_owned(),
        },
        site: Site { name: "Corner Shop".to_owned(), origin: "https://shop.example".to_owned() },
        locale: "en".to_owned(),
        now: NOW,
        expires_at: NOW + 180_000,
        // 32 times the byte 7.
        random: "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc".to_owned(),
        issuer: "https://id.example".to_owned(),
        summary: None,
    }
}

/// The same for a payment ceremony about [`transaction_of`] such a subject.
pub fn context_of(kind: SubjectKind) -> Context {
    let summary = Some(format!("What is approved: {kind:?}"));
    Context { transaction: Some(transaction_of(kind)), summary, ..context(Purpose::Payment) }
}

/// 12.50 WMZ to purse Z123456789012.
pub fn transaction() -> Transaction {
    Transaction {
        payee_account: "Z123456789012".to_owned(),
        payee_name: "Corner Shop".to_owned(),
        amount_minor: 1250,
        minor_digits: 2,
        currency: "WMZ".to_owned(),
        reference: "order-17".to_owned(),
        description: "A kettle".to_owned(),
        subject: None,
    }
}

/// 12.50 WMZ: to two payees, by a card, or for a loan that is taken.
pub fn transaction_of(kind: SubjectKind) -> Transaction {
    let payee = |name: &str, account: &str, amount_minor| Payee {
        account: account.to_owned(),
        name: name.to_owned(),
        amount_minor,
    };
    let (payee_name, subject) = match kind {
        SubjectKind::Batch => {
            let payees = vec![payee("Corner Shop", "Z123456789012", 1000), payee("Kettle Works", "Z999999999999", 250)];
            (String::new(), Subject::Batch { payees })
        }
        SubjectKind::Card => ("Corner Shop".to_owned(), Subject::Card { source: "1111".to_owned() }),
        SubjectKind::Operation | SubjectKind::Unknown => {
            let fields = [("wmid", "123456789012"), ("lender", "210987654321"), ("days", "30")];
            let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            (String::new(), Subject::Operation { name: "take_loan".to_owned(), fields })
        }
    };
    Transaction { payee_name, subject: Some(subject), ..transaction() }.numbered()
}
