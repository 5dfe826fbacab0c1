//! `enum-idp admin`: whose accounts are administrators'.

use clap::Subcommand;
use serde_json::json;

use super::{Common, Failure, account::find, open, print};
use crate::{
    account::recovery::approval,
    app::App,
    clock::{self, Millis},
    error::Internal,
    store::{
        self,
        account::Model as Account,
        log::{self, Event},
    },
};

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
            if !changes(&app, &account, Some(account.email.clone())).await? {
                return Err(format!("{email} is an administrator already, or one was named like this before").into());
            }
            let admin = store::admin::by_account(app.db.read(), &account.id).await?;
            let name = admin.map_or(account.email, |admin| admin.name);
            print(common.json, &json!({ "name": name }), |_| format!("{name} is an administrator"))
        }
        Command::Remove(Whose { common, email }) => {
            let app = open(&common).await?;
            let account = find(&app, &email).await?;
            if !changes(&app, &account, None).await? {
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

/// Takes the rights, and with them the approvals that still wait for a second one.
async fn take(tx: &store::Tx, id: &str, now: Millis) -> Result<bool, Internal> {
    let Some(admin) = store::admin::by_account(tx, id).await? else { return Ok(false) };
    store::support::withdraw(tx, &approval::spelt(&admin.name)).await?;
    Ok(store::admin::remove(tx, id, now).await?)
}

/// Gives the rights under a name, or takes them, and writes that into the account's log.
async fn changes(app: &App, account: &Account, name: Option<String>) -> Result<bool, Failure> {
    let (id, now, seal) = (account.id.clone(), app.clock.now(), app.seal.clone());
    let changed = app.db.write(move |tx| {
        Box::pin(async move {
            let (done, result) = match name {
                Some(name) => {
                    let admin = store::admin::Model { account_id: id.clone(), name, created_at: now, ended_at: None };
                    (store::admin::add(tx, admin).await?, "given")
                }
                None => (take(tx, &id, now).await?, "taken"),
            };
            if done {
                log::append(tx, &seal, &id, now, &Event::new("administrator", result)).await?;
            }
            Ok::<_, Internal>(done)
        })
    });
    Ok(changed.await?)
}
