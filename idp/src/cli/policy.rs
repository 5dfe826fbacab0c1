//! `enum-idp policy`: which factors satisfy which level, for which purpose and for whom. Servers follow within seconds.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use plugin_api::message::Manifest;
use serde_json::{Value, json};

use super::{Common, Failure, open, plugin::when, print};
use crate::{
    app::App,
    login::policy::{Policy, kept},
    store,
};

/// Versions that `history` shows at most.
const SHOWN: u64 = 100;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Print the policy in force, or another version of it.
    Show {
        #[command(flatten)]
        common: Common,
        /// Another version.
        #[arg(long, value_name = "VERSION")]
        version: Option<i64>,
        /// Print the JSON Schema of the document instead.
        #[arg(long, conflicts_with = "version")]
        schema: bool,
    },
    /// Put a document in force.
    Set {
        #[command(flatten)]
        common: Common,
        /// JSON file.
        file: PathBuf,
        /// Why, for the history.
        #[arg(long)]
        note: Option<String>,
    },
    /// Say what is wrong with a document, and what in it has no effect. Changes nothing.
    Check {
        #[command(flatten)]
        common: Common,
        /// JSON file.
        file: PathBuf,
    },
    /// List versions, newest first.
    History {
        #[command(flatten)]
        common: Common,
    },
    /// Put an earlier version in force again.
    Rollback {
        #[command(flatten)]
        common: Common,
        /// Which; the one before the present one if not given. 0 is what holds before any is set.
        version: Option<i64>,
    },
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Show { common, version, schema } => show(&common, version, schema).await,
        Command::Set { common, file, note } => {
            let (app, document) = (open(&common).await?, read(&file)?);
            let version = kept::set(&app.db, &document, note, app.clock.now()).await?;
            tell(&common, version, &doubts(&app, &document).await?)
        }
        Command::Check { common, file } => {
            let document = read(&file)?;
            Policy::parse(&document)?;
            let app = open(&common).await?;
            let doubts = doubts(&app, &document).await?;
            print(common.json, &json!({ "doubts": doubts }), |_| match doubts.as_slice() {
                [] => "it can be put in force".to_owned(),
                doubts => format!("it can be put in force, but:\n{}", doubts.join("\n")),
            })
        }
        Command::History { common } => history(&common).await,
        Command::Rollback { common, version } => {
            let app = open(&common).await?;
            let version = kept::restore(&app.db, version, app.clock.now()).await?;
            tell(&common, version, &[])
        }
    }
}

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()).into())
}

async fn doubts(app: &App, document: &str) -> Result<Vec<String>, Failure> {
    let running: Vec<Manifest> = app.plugins.factors().iter().map(|factor| factor.manifest().clone()).collect();
    let clients = app.clients.list().await?;
    let is_known = |id: &str| clients.iter().any(|client| client["client_id"] == id);
    Ok(Policy::parse(document)?.doubts(&running, is_known, app.places.is_on()))
}

fn tell(common: &Common, version: i64, doubts: &[String]) -> Result<(), Failure> {
    print(common.json, &json!({ "version": version, "doubts": doubts }), |_| {
        let mut said = vec![format!("version {version} of the policy is in force (nodes follow within seconds)")];
        said.extend(doubts.iter().map(|doubt| format!("but: {doubt}")));
        said.join("\n")
    })
}

async fn show(common: &Common, version: Option<i64>, schema: bool) -> Result<(), Failure> {
    if schema {
        return print(common.json, &Policy::schema(), |schema| format!("{schema:#}"));
    }
    let db = open(common).await?.db.clone();
    let row = match version {
        Some(version) => store::policy::version(db.read(), version).await?,
        None => store::policy::newest(db.read()).await?,
    };
    let row = match (row, version) {
        (Some(row), _) => (row.version, serde_json::from_str(&row.document)?),
        (None, None | Some(0)) => (0, json!({})),
        (None, Some(version)) => return Err(format!("there is no version {version} of the policy").into()),
    };
    print(common.json, &json!({ "version": row.0, "policy": row.1 }), |told| {
        format!("version {}\n{:#}", told["version"], told["policy"])
    })
}

async fn history(common: &Common) -> Result<(), Failure> {
    let db = open(common).await?.db.clone();
    let versions = store::policy::history(db.read(), SHOWN).await?;
    let told: Vec<Value> = versions
        .iter()
        .map(|(version, at, note)| json!({ "version": version, "created_at": at, "note": note }))
        .collect();
    print(common.json, &told, |_| {
        let lines = versions
            .iter()
            .map(|(version, at, note)| format!("{version}  {}  {}", when(*at), note.as_deref().unwrap_or("")));
        if versions.is_empty() { "none was ever set".to_owned() } else { lines.collect::<Vec<_>>().join("\n") }
    })
}
