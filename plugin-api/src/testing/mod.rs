//! Testing a plugin without a server.
//!
//! [`Loaded`] runs a plugin through the very C table that a server uses, with a [`FakeHost`] behind it;
//! [`conformance`] holds every plugin to the contract.

pub mod conformance;
mod loaded;

use std::sync::{Mutex, PoisonError};

pub use self::loaded::Loaded;
use crate::abi::Services;
use crate::error::Status;
use crate::message::{AccountView, Context, LogLine, Purpose, Site, Transaction, host_method};

/// A host that keeps what it is told.
#[derive(Debug, Default)]
pub struct FakeHost {
    lines: Mutex<Vec<LogLine>>,
}

impl FakeHost {
    /// All that was logged so far.
    pub fn lines(&self) -> Vec<LogLine> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Services for FakeHost {
    fn call(&self, method: &str, json: &[u8]) -> (Status, Vec<u8>) {
        if method != host_method::LOG {
            return (Status::Unknown, Vec::new());
        }
        match serde_json::from_slice(json) {
            Ok(line) => {
                self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                (Status::Ok, b"null".to_vec())
            }
            Err(error) => (Status::Error, error.to_string().into_bytes()),
        }
    }
}

/// Surroundings of a ceremony at a fixed time (2026-01-01T00:00:00Z, three minutes long) with fixed randomness: change
/// the fields that your test is about. A payment comes with [`transaction`].
pub fn context(purpose: Purpose) -> Context {
    let now = 1_767_225_600_000;
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
        now,
        expires_at: now + 180_000,
        // 32 times the byte 7.
        random: "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc".to_owned(),
        issuer: "https://id.example".to_owned(),
    }
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
    }
}
