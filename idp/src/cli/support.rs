//! `enum-idp support`: requests of people who have lost mail and phone.

use clap::Subcommand;
use serde_json::json;

use super::{Common, Failure, open, print};
use crate::{
    account::recovery::approval::{self, Approved, Seen},
    clock,
};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Requests that wait, oldest first.
    List {
        #[command(flatten)]
        common: Common,
        /// How many at most.
        #[arg(long, default_value_t = 200)]
        limit: u64,
    },
    /// One request, with its evidence.
    Show {
        #[command(flatten)]
        common: Common,
        /// Its identifier.
        id: String,
    },
    /// Approve a request. Two different administrators have to.
    Approve(Decision),
    /// Reject a request; whoever asked is told.
    Reject(Decision),
}

#[derive(clap::Args)]
pub(super) struct Decision {
    #[command(flatten)]
    common: Common,
    /// The request's identifier.
    id: String,
    /// Who decides.
    #[arg(long = "as", value_name = "NAME")]
    admin: String,
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::List { common, limit } => {
            let seen = approval::list(&*open(&common).await?, limit).await?;
            print(common.json, &seen, |seen| seen.iter().map(line).collect::<Vec<_>>().join("\n"))
        }
        Command::Show { common, id } => {
            let seen = approval::show(&*open(&common).await?, &id).await?;
            print(common.json, &seen, in_words)
        }
        Command::Approve(Decision { common, id, admin }) => {
            let app = open(&common).await?;
            let (status, words) = match approval::approve(&app, &id, admin.as_str()).await? {
                Approved::First => ("open", "approved; another administrator has to approve as well"),
                Approved::Second => {
                    ("approved", "approved; the waiting time begins, and the account's addresses are told")
                }
            };
            print(common.json, &json!({ "id": id, "status": status }), |_| words.to_owned())
        }
        Command::Reject(Decision { common, id, admin }) => {
            approval::reject(&open(&common).await?, &id, admin.as_str()).await?;
            print(common.json, &json!({ "id": id, "status": "rejected" }), |_| "rejected".to_owned())
        }
    }
}

fn line(seen: &Seen) -> String {
    let by = if seen.approved_by.is_empty() { "nobody".to_owned() } else { seen.approved_by.join(", ") };
    format!("{}  {}  {}  approved by {by}", seen.id, clock::text(seen.created_at), seen.email)
}

fn in_words(seen: &Seen) -> String {
    let head = format!("{}\nstatus: {}", line(seen), seen.status);
    let Some(written) = &seen.written else { return head };
    let used = written.last_used_at.map_or_else(|| "never".to_owned(), clock::text);
    format!(
        "{head}\naccount since: {}\nmethod last used: {used}\nnew e-mail: {}\nnew number: {}\n\n{}",
        clock::text(written.account_since),
        written.contact,
        written.phone,
        written.evidence,
    )
}
