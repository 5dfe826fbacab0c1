//! `enum-idp keys`: what signs tokens and receipts.

use clap::Subcommand;
use serde_json::json;

use super::{Common, Failure, open, print};
use crate::keys::jws::Alg;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Make a new key that signs from now on; the old one stays published, so that what it signed can be verified.
    Rotate {
        #[command(flatten)]
        common: Common,
        /// ES256 or RS256.
        #[arg(long, default_value = "ES256")]
        alg: String,
    },
    /// List keys, newest first.
    List {
        #[command(flatten)]
        common: Common,
    },
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Rotate { common, alg } => {
            let alg = Alg::parse(&alg).ok_or_else(|| format!("{alg} is not an algorithm of ours: ES256 or RS256"))?;
            let app = open(&common).await?;
            let kid = app.keys.rotate(alg, &app.seal).await?;
            print(common.json, &json!({ "kid": kid }), |_| {
                format!("{kid} signs from now on (nodes follow within a minute)")
            })
        }
        Command::List { common } => {
            let keys = serde_json::to_value(open(&common).await?.keys.list().await?)?;
            print(common.json, &keys, |keys| {
                keys.as_array()
                    .into_iter()
                    .flatten()
                    .map(|key| {
                        let text = |name: &str| key[name].as_str().unwrap_or("").to_owned();
                        format!("{}  {}  {}", text("kid"), text("alg"), text("state"))
                    })
                    .collect::<Vec<_>>()
                    .join("\n")
            })
        }
    }
}
