//! What is approved, in words: the one place that words a canonical transaction. Pages show all of it; messages, pads and
//! notices get one line.

use plugin_api::message::{Subject, SubjectKind, Transaction};
use serde_json::{Value, json};

use super::{Pages, lookalike};

/// Operations that there are words for.
const OPERATIONS: [&str; 7] = [
    "keeper_login",
    "add_correspondent",
    "change_keys",
    "change_personal_data",
    "raise_limit",
    "take_loan",
    "give_loan",
];
/// Fields of operations, in the order in which they are shown.
const FIELDS: [&str; 11] = [
    "wmid",
    "keeper",
    "correspondent",
    "correspondent_name",
    "data",
    "purse",
    "period",
    "lender",
    "borrower",
    "days",
    "interest",
];
/// Fields whose values are words of ours, and not the relying party's.
const CHOICES: [&str; 3] = ["keeper", "data", "period"];

impl Pages {
    /// Whether everything in a transaction can be put into words: an operation that people could not read is not asked for.
    ///
    /// # Errors
    /// What there are no words for, for the relying party's developer.
    pub fn can_word(&self, transaction: &Transaction) -> Result<(), String> {
        let Some(Subject::Operation { name, fields }) = &transaction.subject else { return Ok(()) };
        let known = |key: &str| {
            if self.texts.has(key) { Ok(()) } else { Err(format!("there are no words for {key}")) }
        };
        if !OPERATIONS.contains(&name.as_str()) {
            return Err(format!("there are no words for the operation {name}"));
        }
        for (field, value) in fields {
            if !FIELDS.contains(&field.as_str()) {
                return Err(format!("there are no words for the field {field}"));
            }
            if CHOICES.contains(&field.as_str()) {
                known(&format!("operation_{field}_{value}"))?;
            }
        }
        Ok(())
    }

    /// As the templates want it.
    pub fn worded(&self, locale: &str, transaction: &Transaction) -> Value {
        let text = |key: &str| self.text(locale, key, &Value::Null);
        let kind = transaction.kind();
        let is_operation = kind == Some(SubjectKind::Operation);
        let own = |payment, operation| text(if is_operation { operation } else { payment });
        let doubts = lookalike::doubts(transaction);
        let warning =
            |(name, doubt): &(&str, lookalike::Doubt)| self.text(locale, doubt.key(), &json!({ "name": name }));
        json!({
            "title": own("payment_title", "operation_title"),
            "decline": own("payment_decline", "operation_decline"),
            "unmet": own("unmet_lead_payment", "unmet_lead_operation"),
            "label": own("payment", "operation"),
            "payee_name": transaction.payee_name,
            "payee_account": transaction.payee_account,
            "is_checked": kind.is_some(),
            "amount": (transaction.amount_minor > 0).then(|| transaction.amount()),
            "currency": transaction.currency,
            "description": transaction.description,
            "reference": transaction.reference,
            "operation": self.operation(locale, transaction),
            "rows": self.rows(locale, transaction),
            "payees": payees(transaction),
            "card": card(transaction),
            "warnings": doubts.iter().map(warning).collect::<Vec<_>>(),
        })
    }

    /// In one line, beginning with what it is and how much. For a payment to one purse it says what the page does.
    pub fn summary(&self, locale: &str, transaction: &Transaction) -> String {
        let amount = format!("{} {}", transaction.amount(), transaction.currency);
        let (key, args) = match &transaction.subject {
            None => {
                ("summary_payment", json!({ "payee": transaction.payee_name, "account": transaction.payee_account }))
            }
            Some(Subject::Batch { payees }) => {
                let each = |payee: &plugin_api::message::Payee| {
                    format!("{} {}", payee.name, transaction.decimal(payee.amount_minor))
                };
                let names: Vec<String> = payees.iter().map(each).collect();
                ("summary_batch", json!({ "count": payees.len(), "payees": names.join(", ") }))
            }
            Some(Subject::Card { source }) => {
                ("summary_card", json!({ "payee": transaction.payee_name, "card": source }))
            }
            Some(Subject::Operation { .. }) => return self.operation_in_a_line(locale, transaction, &amount),
        };
        let mut args = args;
        args["amount"] = json!(amount);
        self.text(locale, key, &args)
    }

    fn operation_in_a_line(&self, locale: &str, transaction: &Transaction, amount: &str) -> String {
        let amount = (transaction.amount_minor > 0).then(|| amount.to_owned());
        let rows = self.rows(locale, transaction);
        let rows = rows.iter().map(|row| {
            format!("{} {}", row["label"].as_str().unwrap_or_default(), row["value"].as_str().unwrap_or_default())
        });
        self.operation(locale, transaction).into_iter().chain(amount).chain(rows).collect::<Vec<_>>().join(", ")
    }

    fn operation(&self, locale: &str, transaction: &Transaction) -> Option<String> {
        let Some(Subject::Operation { name, .. }) = &transaction.subject else { return None };
        Some(self.text(locale, &format!("operation_{name}"), &Value::Null))
    }

    /// The fields of an operation in their order, with their labels.
    fn rows(&self, locale: &str, transaction: &Transaction) -> Vec<Value> {
        let Some(Subject::Operation { fields, .. }) = &transaction.subject else { return Vec::new() };
        let text = |key: &str| self.text(locale, key, &Value::Null);
        let row = |field: &&str| {
            let value = fields.get(*field)?;
            let shown = match *field {
                field if CHOICES.contains(&field) => text(&format!("operation_{field}_{value}")),
                "interest" => format!("{value}\u{a0}%"),
                _ => value.clone(),
            };
            Some(json!({ "id": field, "label": text(&format!("operation_field_{field}")), "value": shown }))
        };
        FIELDS.iter().filter_map(row).collect()
    }
}

fn payees(transaction: &Transaction) -> Option<Vec<Value>> {
    let Some(Subject::Batch { payees }) = &transaction.subject else { return None };
    let each = |payee: &plugin_api::message::Payee| json!({ "name": payee.name, "account": payee.account, "amount": transaction.decimal(payee.amount_minor) });
    Some(payees.iter().map(each).collect())
}

fn card(transaction: &Transaction) -> Option<String> {
    let Some(Subject::Card { source }) = &transaction.subject else { return None };
    Some(format!("•••• {source}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use plugin_api::testing::{transaction, transaction_of};

    use super::*;
    use crate::pages::LOCALES;

    fn pages() -> Pages {
        Pages::new([]).unwrap()
    }

    #[test]
    fn a_line_says_what_and_how_much_in_each_language() {
        let pages = pages();
        for locale in LOCALES {
            let line = |kind| pages.summary(locale, &transaction_of(kind));
            let batch = line(SubjectKind::Batch);
            for part in ["12.50 WMZ", "Corner Shop 10.00", "Kettle Works 2.50"] {
                assert!(batch.contains(part), "{batch}");
            }
            let card = line(SubjectKind::Card);
            assert!(card.contains("12.50 WMZ") && card.contains("Corner Shop") && card.contains("1111"), "{card}");
            let loan = line(SubjectKind::Operation);
            for part in ["12.50 WMZ", "123456789012", "210987654321", "30"] {
                assert!(loan.contains(part), "{loan}");
            }
        }
        let english = pages.summary("en", &transaction_of(SubjectKind::Operation));
        assert_eq!(english, "Take a loan, 12.50 WMZ, Your WMID 123456789012, Lender’s WMID 210987654321, Days 30");
    }

    #[test]
    fn what_nobody_could_read_is_not_worded() {
        let pages = pages();
        for kind in SubjectKind::ALL {
            assert_eq!(pages.can_word(&transaction_of(kind)), Ok(()));
        }
        let of = |name: &str, field: &str, value: &str| Transaction {
            subject: Some(Subject::Operation {
                name: name.to_owned(),
                fields: [(field.to_owned(), value.to_owned())].into(),
            }),
            ..transaction()
        };
        assert!(pages.can_word(&of("keeper_login", "keeper", "light")).is_ok());
        for (name, field, value) in
            [("sell_soul", "wmid", "1"), ("take_loan", "soul", "1"), ("keeper_login", "keeper", "heavy")]
        {
            assert!(pages.can_word(&of(name, field, value)).is_err(), "{name} {field} {value}");
        }
    }

    #[test]
    fn there_are_texts_for_all_that_can_be_worded() {
        let pages = pages();
        let operations = OPERATIONS.iter().map(|name| format!("operation_{name}"));
        let fields = FIELDS.iter().map(|field| format!("operation_field_{field}"));
        for key in operations.chain(fields) {
            assert!(pages.texts.has(&key), "{key}");
        }
    }
}
