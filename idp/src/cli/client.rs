//! `enum-idp client`: relying parties kept in the database.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use super::{Common, Failure, open, print};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Add a client; prints its id and, once only, its secret.
    Add {
        #[command(flatten)]
        common: Common,
        /// Name that people see.
        #[arg(long)]
        name: Option<String>,
        /// Redirect URI, exactly as it will be sent; may be given several times.
        #[arg(long = "redirect-uri")]
        redirect_uris: Vec<String>,
        /// JSON file with any metadata of RFC 7591; the options above are laid over it.
        #[arg(long)]
        metadata: Option<PathBuf>,
    },
    /// List all clients, without secrets.
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Remove a client that was added by command.
    Remove {
        #[command(flatten)]
        common: Common,
        /// Its `client_id`.
        client_id: String,
    },
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Add { common, name, redirect_uris, metadata } => {
            let mut fields = match metadata {
                Some(file) => serde_json::from_str(&std::fs::read_to_string(&file)?)
                    .map_err(|error| format!("{}: {error}", file.display()))?,
                None => json!({}),
            };
            if let Some(name) = name {
                fields["client_name"] = json!(name);
            }
            if !redirect_uris.is_empty() {
                fields["redirect_uris"] = json!(redirect_uris);
            }
            let app = open(&common).await?;
            let added = app.clients.add(fields, &app.seal, &app.entropy).await?;
            print(common.json, &serde_json::to_value(&added)?, |added| {
                let text = |key: &str| added[key].as_str().unwrap_or("none").to_owned();
                format!("client_id      {}\nclient_secret  {}", text("client_id"), text("client_secret"))
            })
        }
        Command::List { common } => {
            let clients = open(&common).await?.clients.list().await?;
            print(common.json, &clients, |clients| {
                clients
                    .iter()
                    .map(|client: &Value| {
                        let text = |key: &str| client[key].as_str().unwrap_or("").to_owned();
                        format!("{}  {}", text("client_id"), text("client_name"))
                    })
                    .collect::<Vec<_>>()
                    .join("\n")
            })
        }
        Command::Remove { common, client_id } => {
            if !open(&common).await?.clients.remove(&client_id).await? {
                return Err(
                    format!("no client {client_id} was added by command (clients_file is edited by hand)").into()
                );
            }
            print(common.json, &json!({ "removed": client_id }), |_| format!("{client_id} is removed"))
        }
    }
}
