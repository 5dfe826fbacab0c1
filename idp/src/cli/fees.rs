//! `enum-idp fees`: the ledger of what people were charged for messages.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use super::{
    Common, Failure,
    account::{find, time_text},
    open, print,
};
use crate::{
    app::App,
    clock::Millis,
    store::fee::{self, Filter, Line, decimal},
};

/// What spreadsheets and bookkeeping read.
const HEADER: &str = "charge,account,factor,client,amount,currency,status,owed,accepted_at,settled_at,reversed_at";

#[derive(Subcommand)]
pub(super) enum Command {
    /// Show charges and, per account and currency, what is owed.
    List(Of),
    /// Print all charges as CSV (RFC 4180), or with --json as one JSON object a line.
    Export(Of),
    /// Prove that the ledger adds up: every charge is settled as its message was, once, and with its own amount.
    Verify(Of),
}

/// Which charges.
#[derive(Args)]
pub(super) struct Of {
    #[command(flatten)]
    common: Common,
    /// Only those of the account with this e-mail.
    #[arg(long)]
    email: Option<String>,
    /// Only those accepted from this moment on: 2026-11-22, or 2026-11-22T09:30:00Z. Days are those of UTC.
    #[arg(long, value_parser = moment)]
    since: Option<Millis>,
    /// Only those accepted before this moment.
    #[arg(long, value_parser = moment)]
    until: Option<Millis>,
}

/// One charge, as it is told.
#[derive(Serialize)]
struct Told<'a> {
    charge: &'a str,
    account: &'a str,
    factor: &'a str,
    client: &'a str,
    amount: String,
    currency: &'a str,
    status: &'a str,
    /// What the account owes by it.
    owed: String,
    accepted_at: String,
    settled_at: Option<String>,
    reversed_at: Option<String>,
}

impl<'a> From<&'a Line> for Told<'a> {
    fn from(line: &'a Line) -> Self {
        Self {
            charge: &line.id,
            account: &line.account_id,
            factor: &line.factor,
            client: &line.client_id,
            amount: line.amount(),
            currency: &line.currency,
            status: line.status(),
            owed: decimal(line.owed_minor(), line.minor_digits),
            accepted_at: time_text(line.created_at),
            settled_at: line.settled_at.map(time_text),
            reversed_at: line.reversed_at.map(time_text),
        }
    }
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    let (Command::List(of) | Command::Export(of) | Command::Verify(of)) = &command;
    let app = open(&of.common).await?;
    let filter = of.filter(&app).await?;
    match &command {
        Command::List(of) => list(&app, &filter, of.common.json).await,
        Command::Export(of) => export(&app, &filter, of.common.json).await,
        Command::Verify(of) => verify(&app, &filter, of.common.json).await,
    }
}

impl Of {
    async fn filter(&self, app: &App) -> Result<Filter, Failure> {
        let account_id = match &self.email {
            Some(email) => Some(find(app, email).await?.id),
            None => None,
        };
        Ok(Filter { account_id, since: self.since.unwrap_or(0), until: self.until.unwrap_or(Millis::MAX) })
    }
}

/// Hands every charge to `each`, in the order of their time.
async fn walk(app: &App, filter: &Filter, mut each: impl FnMut(&Line) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut last: Option<Line> = None;
    loop {
        let mut page = fee::page(app.db.read(), filter, last.as_ref()).await?;
        page.iter().try_for_each(&mut each)?;
        match page.pop() {
            Some(line) => last = Some(line),
            None => return Ok(()),
        }
    }
}

/// What is owed, by account, currency and digits behind the point.
#[derive(Default)]
struct Sums(BTreeMap<(String, String, i32), i64>);

impl Sums {
    fn add(&mut self, line: &Line) {
        let of = (line.account_id.clone(), line.currency.clone(), line.minor_digits);
        *self.0.entry(of).or_default() += line.owed_minor();
    }

    fn told(&self) -> Vec<serde_json::Value> {
        let told = |((account, currency, digits), owed): (&(String, String, i32), &i64)| json!({ "account": account, "currency": currency, "owed": decimal(*owed, *digits) });
        self.0.iter().map(told).collect()
    }
}

async fn list(app: &App, filter: &Filter, json: bool) -> Result<(), Failure> {
    let mut sums = Sums::default();
    walk(app, filter, |line| {
        sums.add(line);
        print(json, &Told::from(line), |told| {
            let Told { charge, account, client, amount, currency, status, accepted_at, .. } = told;
            format!("{accepted_at}  {amount:>10} {currency:<4} {status:<8}  {account}  {client}  {charge}")
        })
    })
    .await?;
    for sum in sums.told() {
        let words = |sum: &serde_json::Value| {
            let text = |name: &str| sum[name].as_str().unwrap_or_default().to_owned();
            format!("{} owes {} {}", text("account"), text("owed"), text("currency"))
        };
        print(json, &sum, words)?;
    }
    Ok(())
}

async fn export(app: &App, filter: &Filter, json: bool) -> Result<(), Failure> {
    if !json {
        println!("{HEADER}\r");
    }
    walk(app, filter, |line| print(json, &Told::from(line), |told| format!("{}\r", csv(told)))).await
}

/// A record of RFC 4180, without its line end.
fn csv(told: &Told<'_>) -> String {
    let Told { charge, account, factor, client, amount, currency, status, owed, accepted_at, .. } = told;
    let times = [&told.settled_at, &told.reversed_at].map(|at| at.as_deref().unwrap_or_default());
    let fields: [&str; 11] =
        [charge, account, factor, client, amount, currency, status, owed, accepted_at, times[0], times[1]];
    fields.map(quoted).join(",")
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

async fn verify(app: &App, filter: &Filter, json: bool) -> Result<(), Failure> {
    let (mut sums, mut charges, mut faults) = (Sums::default(), 0_u64, 0_u64);
    walk(app, filter, |line| {
        sums.add(line);
        charges += 1;
        let Some(fault) = line.fault() else { return Ok(()) };
        faults += 1;
        print(json, &json!({ "charge": line.id, "fault": fault }), |_| format!("{}: {fault}", line.id))
    })
    .await?;
    let told = json!({ "charges": charges, "faults": faults, "sums": sums.told() });
    print(json, &told, |_| match faults {
        0 => format!("it adds up: {charges} charges"),
        _ => format!("BROKEN: {faults} of {charges} charges"),
    })?;
    if faults == 0 { Ok(()) } else { Err("the ledger does not add up".into()) }
}

/// A day or a moment, in Unix milliseconds.
fn moment(text: &str) -> Result<Millis, String> {
    use time::{OffsetDateTime, format_description::well_known::Rfc3339};
    OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&format!("{text}T00:00:00Z"), &Rfc3339))
        .map(|at| at.unix_timestamp() * 1000 + Millis::from(at.millisecond()))
        .map_err(|_| "write it like 2026-11-22 or 2026-11-22T09:30:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn moments_are_days_or_times() {
        assert_eq!(moment("1970-01-02").unwrap(), 86_400_000);
        assert_eq!(moment("1970-01-01T01:00:00.5+01:00").unwrap(), 500);
        for wrong in ["", "yesterday", "2026-13-01", "2026-11-22T09:30:00"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_field_with_commas_or_quotes_is_quoted() {
        assert_eq!(quoted("shop"), "shop");
        assert_eq!(quoted("a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
    }
}
