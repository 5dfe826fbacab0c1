//! The `enum_operation` object of `authorization_details`: what somebody approves that is no payment, such as a log-in to a
//! keeper or a loan. Each operation has its own parameters; the plugin turns them into named texts, in machine form, and the
//! server words them in the person's language.

use std::collections::BTreeMap;

use plugin_api::message::{Subject, Transaction};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    amount::{InstructedAmount, MINOR_DIGITS},
    details::{CreditorAccount, MOST_NAME},
    plain, purse,
};

/// What a WMID, the number of a purse's owner, looks like.
pub const WMID: &str = "^[0-9]{12}$";
/// Percent: a decimal with at most two digits behind the point.
const PERCENT: &str = r"^(0|[1-9][0-9]{0,3})(\.[0-9]{1,2})?$";
/// Longest loan, in days.
const MOST_DAYS: u16 = 3650;

/// An operation that a relying party asks somebody to approve.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnumOperation {
    /// Always `enum_operation`.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Which, and its parameters.
    pub operation: Operation,
    /// The relying party's own reference.
    #[serde(default)]
    #[schemars(length(max = "MOST_NAME"))]
    pub reference: String,
}

/// What it is.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub enum Kind {
    /// Something else than a payment.
    #[serde(rename = "enum_operation")]
    EnumOperation,
}

/// The operations. `wmid` is the person's own in each.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub enum Operation {
    /// Log in to a keeper.
    KeeperLogin {
        /// The person's WMID.
        wmid: Wmid,
        /// Which keeper.
        keeper: Keeper,
    },
    /// Let somebody send messages and invoices.
    AddCorrespondent {
        /// The person's WMID.
        wmid: Wmid,
        /// Who is let in.
        correspondent: Wmid,
        /// What the correspondent is called.
        #[schemars(length(min = 1, max = "MOST_NAME"))]
        correspondent_name: String,
    },
    /// Replace the keys of a WMID.
    ChangeKeys {
        /// The person's WMID.
        wmid: Wmid,
    },
    /// Change personal data.
    ChangePersonalData {
        /// The person's WMID.
        wmid: Wmid,
        /// Which.
        data: PersonalData,
    },
    /// Raise a spending limit.
    RaiseLimit {
        /// The person's WMID.
        wmid: Wmid,
        /// The purse that it is for.
        account: CreditorAccount,
        /// What it is counted over.
        period: Period,
        /// The new limit.
        limit: InstructedAmount,
    },
    /// Borrow.
    TakeLoan {
        /// The person's WMID.
        wmid: Wmid,
        /// Who lends.
        lender: Wmid,
        /// How much.
        amount: InstructedAmount,
        /// For how long.
        #[schemars(range(min = 1, max = "MOST_DAYS"))]
        days: u16,
        /// Percent of the amount for the whole time, as a decimal such as `12.5`.
        #[schemars(regex(pattern = PERCENT))]
        interest: String,
    },
    /// Lend.
    GiveLoan {
        /// The person's WMID.
        wmid: Wmid,
        /// Who borrows.
        borrower: Wmid,
        /// How much.
        amount: InstructedAmount,
        /// For how long.
        #[schemars(range(min = 1, max = "MOST_DAYS"))]
        days: u16,
        /// Percent of the amount for the whole time, as a decimal such as `12.5`.
        #[schemars(regex(pattern = PERCENT))]
        interest: String,
    },
}

/// The number of a purse's owner: 12 digits.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Wmid(#[schemars(regex(pattern = WMID))] pub String);

macro_rules! choices {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
        pub enum $name {
            $($(#[$of])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}

choices! {
    /// The programs that keep purses.
    Keeper {
        /// Keeper Classic.
        Classic = "classic",
        /// Keeper Light.
        Light = "light",
        /// Keeper Mini.
        Mini = "mini",
    }
}
choices! {
    /// Personal data.
    PersonalData {
        /// First and last name.
        Name = "name",
        /// E-mail address.
        Email = "email",
        /// Telephone number.
        Phone = "phone",
        /// Postal address.
        Address = "address",
        /// Passport or other document.
        Document = "document",
        /// Bank account.
        BankAccount = "bank_account",
    }
}
choices! {
    /// What a limit is counted over.
    Period {
        /// One payment.
        Payment = "payment",
        /// A day.
        Day = "day",
        /// A week.
        Week = "week",
        /// A month.
        Month = "month",
    }
}

/// Fields in machine form, and what they are about if that is money.
type Told = (&'static str, Vec<(&'static str, String)>, Option<InstructedAmount>);

impl EnumOperation {
    /// The canonical transaction.
    ///
    /// # Errors
    /// For the relying party's developer: which field, and what is wrong with it.
    pub fn transaction(self) -> Result<Transaction, String> {
        let Kind::EnumOperation = self.kind;
        let (name, fields, money) = self.operation.told()?;
        plain::optional("reference", &self.reference, MOST_NAME)?;
        let (amount_minor, minor_digits, currency) = match money {
            None => (0, 0, String::new()),
            Some(money) if purse::is_currency(&money.currency) => {
                let currency = money.currency.clone();
                (money.minor_units_of(&currency, "operation")?, MINOR_DIGITS, currency)
            }
            Some(_) => return Err("operation: there is no such currency".into()),
        };
        let fields: BTreeMap<String, String> =
            fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect();
        let transaction = Transaction {
            payee_account: String::new(),
            payee_name: String::new(),
            amount_minor,
            minor_digits,
            currency,
            reference: self.reference,
            description: String::new(),
            subject: Some(Subject::Operation { name: name.to_owned(), fields }),
        };
        Ok(transaction.numbered())
    }
}

impl Operation {
    fn told(self) -> Result<Told, String> {
        Ok(match self {
            Self::KeeperLogin { wmid, keeper } => {
                ("keeper_login", vec![wmid.told("wmid")?, ("keeper", keeper.word().into())], None)
            }
            Self::AddCorrespondent { wmid, correspondent, correspondent_name } => {
                plain::required("operation.correspondent_name", &correspondent_name, MOST_NAME)?;
                let fields = vec![
                    wmid.told("wmid")?,
                    correspondent.told("correspondent")?,
                    ("correspondent_name", correspondent_name),
                ];
                ("add_correspondent", fields, None)
            }
            Self::ChangeKeys { wmid } => ("change_keys", vec![wmid.told("wmid")?], None),
            Self::ChangePersonalData { wmid, data } => {
                ("change_personal_data", vec![wmid.told("wmid")?, ("data", data.word().into())], None)
            }
            Self::RaiseLimit { wmid, account, period, limit } => {
                let currency = account.currency("operation.account")?;
                limit.minor_units_of(currency, "operation.limit")?;
                let fields = vec![wmid.told("wmid")?, ("purse", account.purse), ("period", period.word().into())];
                ("raise_limit", fields, Some(limit))
            }
            Self::TakeLoan { wmid, lender, amount, days, interest } => {
                ("take_loan", loan(&wmid, lender.told("lender")?, days, interest)?, Some(amount))
            }
            Self::GiveLoan { wmid, borrower, amount, days, interest } => {
                ("give_loan", loan(&wmid, borrower.told("borrower")?, days, interest)?, Some(amount))
            }
        })
    }
}

fn loan(
    wmid: &Wmid,
    other: (&'static str, String),
    days: u16,
    interest: String,
) -> Result<Vec<(&'static str, String)>, String> {
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(format!("operation.days: must be 1 to {MOST_DAYS}"));
    }
    check_percent(&interest)?;
    Ok(vec![wmid.told("wmid")?, other, ("days", days.to_string()), ("interest", interest)])
}

fn check_percent(text: &str) -> Result<(), String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str, most| (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let is_plain = whole == "0" || !whole.starts_with('0');
    if is_plain && digits(whole, 4) && digits(fraction, 2) {
        return Ok(());
    }
    Err("operation.interest: must be percent as a decimal such as 12.5".into())
}

impl Wmid {
    fn told(&self, field: &'static str) -> Result<(&'static str, String), String> {
        let Self(digits) = self;
        if digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_digit()) {
            return Ok((field, digits.clone()));
        }
        Err(format!("operation.{field}: must be 12 digits"))
    }
}
