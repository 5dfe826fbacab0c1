//! `enum-idp admin`: whose accounts are administrators'.

use clap::Subcommand;
use serde_json::json;

use super::{Common, Failure, account::find, open, print};
use crate::{account::rights, clock, store};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Make the owner of an account an administrator.
    Add(Whose),
    /// Take that back; it takes effect at once.
    Remove(Whose),
    /// List administrators.
    List {
        #[command(flatten)]
        common: Common,
    },
}

#[derive(clap::Args)]
pub(super) struct Whose {
    #[command(flatten)]
    common: Common,
    /// The account's e-mail.
    #[arg(long)]
    email: String,
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Add(Whose { common, email }) => {
            let app = open(&common).await?;
            let account = find(&app, &email).await?;
            if !rights::give(&app, &account).await? {
                return Err(format!("{email} is an administrator already, or one was named like this before").into());
            }
            let admin = store::admin::by_account(app.db.read(), &account.id).await?;
            let name = admin.map_or(account.email, |admin| admin.name);
            print(common.json, &json!({ "name": name }), |_| format!("{name} is an administrator"))
        }
        Command::Remove(Whose { common, email }) => {
            let app = open(&common).await?;
            let account = find(&app, &email).await?;
            if !rights::take(&app, &account).await? {
                return Err(format!("{email} is no administrator").into());
            }
            print(common.json, &json!({ "email": email }), |_| format!("{email} is no administrator any more"))
        }
        Command::List { common } => {
            let admins = store::admin::all(open(&common).await?.db.read()).await?;
            let told: Vec<_> = admins
                .iter()
                .map(|admin| json!({ "name": admin.name, "account_id": admin.account_id, "since": admin.created_at }))
                .collect();
            print(common.json, &told, |_| {
                let line =
                    |admin: &store::admin::Model| format!("{}  since {}", admin.name, clock::text(admin.created_at));
                admins.iter().map(line).collect::<Vec<_>>().join("\n")
            })
        }
    }
}
