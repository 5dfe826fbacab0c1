//! Orders and what becomes of them. A real shop keeps them in its database.

use serde_json::{Value, json};

use crate::{
    payment::{Confirmed, Pending},
    receipt::Transaction,
};

/// Something to buy. The price is in hundredths of the currency.
pub(crate) struct Article {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) price: u64,
    pub(crate) currency: &'static str,
    /// Purse of the shop in that currency.
    pub(crate) purse: &'static str,
}

pub(crate) const SHOP: &str = "Demo Shop";
pub(crate) const ARTICLES: [Article; 3] = [
    Article { id: "mug", name: "A mug", price: 1050, currency: "WMZ", purse: "Z123456789012" },
    Article { id: "book", name: "A book about ciphers", price: 2399, currency: "WMZ", purse: "Z123456789012" },
    Article { id: "tea", name: "A tin of tea", price: 45_000, currency: "WMR", purse: "R123456789012" },
];

impl Article {
    /// `10.50`: the amount as `authorization_details` carries it. Money is never a floating-point number.
    pub(crate) fn amount(&self) -> String {
        format!("{}.{:02}", self.price / 100, self.price % 100)
    }
}

/// Where an order stands. Only [`Status::Waiting`] and [`Status::Asked`] can become paid. Taking an attempt out leaves
/// [`Status::Settling`] behind, and what was asked by e-mail has to be answered before there is another attempt: no answer of
/// the provider is used twice, nor two of them for one order.
pub(crate) enum Status {
    Unpaid,
    Waiting(Pending),
    /// Somebody was asked by e-mail, and sees this message at the provider too.
    Asked(String),
    Settling,
    Paid(Box<Confirmed>),
    Declined,
    Failed(String),
}

pub(crate) struct Order {
    pub(crate) id: String,
    /// Cookie of the browser whose order it is.
    pub(crate) owner: String,
    pub(crate) article: &'static Article,
    pub(crate) status: Status,
}

impl Order {
    /// Whether a payment may be started, or started again.
    pub(crate) fn payable(&self) -> bool {
        !matches!(self.status, Status::Asked(_) | Status::Settling | Status::Paid(_))
    }

    /// Takes the attempt that `state` names, once.
    pub(crate) fn settle(&mut self, state: &str) -> Option<Pending> {
        match std::mem::replace(&mut self.status, Status::Settling) {
            Status::Waiting(pending) if pending.state == state => Some(pending),
            other => {
                self.status = other;
                None
            }
        }
    }

    /// What the person is asked to approve (RFC 9396 §2).
    pub(crate) fn details(&self) -> Value {
        json!({
            "type": "payment_initiation",
            "instructedAmount": { "currency": self.article.currency, "amount": self.article.amount() },
            "creditorName": SHOP,
            "creditorAccount": { "purse": self.article.purse },
            "reference": self.id,
            "remittanceInformation": self.article.name,
        })
    }

    /// What the receipt must then say.
    pub(crate) fn transaction(&self) -> Transaction {
        Transaction {
            payee_account: self.article.purse.into(),
            payee_name: SHOP.into(),
            amount_minor: self.article.price,
            minor_digits: 2,
            currency: self.article.currency.into(),
            reference: self.id.clone(),
            description: self.article.name.into(),
        }
    }
}
