//! What an administrator does with the catalog. Servers follow within seconds.

use std::{
    io::BufRead,
    path::{Path, PathBuf},
};

use plugin_api::message::permission;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Common, Failure, print};
use crate::{
    config::Config,
    plugins::{
        Isolation,
        catalog::{Catalog, Limits, Listed, Migrated, NewSecret, Seen, WantedLimits, Wishes},
    },
    serve,
};

pub(super) async fn catalog(common: &Common) -> Result<Catalog, Failure> {
    serve::catalog(&Config::load(&common.config)?).await
}

#[derive(clap::Args)]
pub(in crate::cli) struct Install {
    #[command(flatten)]
    common: Common,
    /// The shared library.
    file: PathBuf,
    /// Its signature; FILE.minisig if not given.
    #[arg(long)]
    signature: Option<PathBuf>,
}

impl Install {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let listed = catalog(&self.common).await?.install(&self.file, self.signature.as_deref()).await?;
        show(&self.common, &listed, |listed| {
            let grant = match listed.permissions.as_slice() {
                [] => "",
                // Somebody has to say where to.
                asked if asked.iter().any(|name| name == permission::HTTP) => " --grant-all --grant http:https://HOST",
                _ => " --grant-all",
            };
            format!("{}\nenable it with: enum-idp plugin enable {}{grant}", words(listed), listed.id)
        })
    }
}

/// What the administrator adds to a build.
#[derive(clap::Args)]
struct Wanted {
    /// A permission that it asks for: store, secret, secret.reveal, http:https://api.example (public and encrypted) or
    /// http-private:http://10.0.0.5:8080 (anywhere); may be given several times.
    #[arg(long = "grant", value_name = "PERMISSION")]
    grants: Vec<String>,
    /// Whatever it asks for in so many words: where to, it has to be told with `--grant`.
    #[arg(long)]
    grant_all: bool,
    /// JSON file with its settings. Secrets that it leaves out stay as they are.
    #[arg(long)]
    settings: Option<PathBuf>,
    /// Read a secret of its settings from standard input, one line; several come in the order of the options.
    #[arg(long = "secret", value_name = "POINTER")]
    secrets: Vec<String>,
    /// Threads that serve its calls, or processes.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=64))]
    threads: Option<u32>,
    /// Calls that may wait for a thread.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    queue: Option<u32>,
    /// Milliseconds after which a call is given up.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    deadline_ms: Option<u32>,
}

impl Wanted {
    fn wishes(self, isolation: Option<Isolation>) -> Result<Wishes, Failure> {
        let settings = self.settings.as_deref().map(json_of).transpose()?;
        Ok(Wishes {
            grants: self.grants,
            grant_all: self.grant_all,
            isolation,
            settings,
            secrets: secrets_from_stdin(self.secrets)?,
            limits: WantedLimits { threads: self.threads, queue: self.queue, deadline_ms: self.deadline_ms },
        })
    }
}

#[derive(clap::Args)]
pub(in crate::cli) struct Enable {
    #[command(flatten)]
    common: Common,
    /// Id of the plugin.
    id: String,
    #[command(flatten)]
    wanted: Wanted,
    /// Where its code runs: `process`, or `thread` if its publisher's key is trusted for that.
    #[arg(long, value_parser = isolation)]
    isolation: Option<Isolation>,
}

impl Enable {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let wishes = self.wanted.wishes(self.isolation)?;
        let listed = catalog(&self.common).await?.enable(&self.id, wishes).await?;
        show(&self.common, &listed, words)
    }
}

#[derive(clap::Args)]
pub(in crate::cli) struct Upgrade {
    #[command(flatten)]
    common: Common,
    /// Id of the plugin.
    id: String,
    /// The shared library of the new build.
    file: PathBuf,
    /// Its signature; FILE.minisig if not given.
    #[arg(long)]
    signature: Option<PathBuf>,
    #[command(flatten)]
    wanted: Wanted,
}

impl Upgrade {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let wishes = self.wanted.wishes(None)?;
        let catalog = catalog(&self.common).await?;
        let listed = catalog.upgrade(&self.id, &self.file, self.signature.as_deref(), wishes).await?;
        show(&self.common, &listed, words)
    }
}

#[derive(clap::Args)]
pub(in crate::cli) struct Named {
    #[command(flatten)]
    common: Common,
    /// Id of the plugin.
    id: String,
}

impl Named {
    pub(super) async fn disable(self) -> Result<(), Failure> {
        let listed = catalog(&self.common).await?.disable(&self.id).await?;
        show(&self.common, &listed, words)
    }

    pub(super) async fn rollback(self) -> Result<(), Failure> {
        let listed = catalog(&self.common).await?.rollback(&self.id).await?;
        show(&self.common, &listed, words)
    }

    pub(super) async fn remove(self) -> Result<(), Failure> {
        catalog(&self.common).await?.remove(&self.id).await?;
        print(self.common.json, &json!({ "removed": self.id }), |_| format!("{} is removed", self.id))
    }
}

pub(super) async fn list(common: &Common) -> Result<(), Failure> {
    let all = catalog(common).await?.list().await?;
    print(common.json, &all, |all| {
        if all.is_empty() {
            "no plugin is installed".to_owned()
        } else {
            all.iter().map(words).collect::<Vec<_>>().join("\n")
        }
    })
}

pub(super) fn json_of(path: &Path) -> Result<Value, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// One line of standard input for each, so that a secret never stands in a file or an argument.
pub(super) fn secrets_from_stdin(pointers: Vec<String>) -> Result<Vec<NewSecret>, Failure> {
    let mut input = std::io::stdin().lock();
    let mut secrets = Vec::with_capacity(pointers.len());
    for pointer in pointers {
        let mut line = Zeroizing::new(String::new());
        input.read_line(&mut line).map_err(|error| format!("the secret for {pointer}: {error}"))?;
        let value = line.trim_end_matches(['\r', '\n']);
        if value.is_empty() {
            let help = "write it to standard input, in one line";
            return Err(format!("there is no secret for {pointer}: {help}").into());
        }
        secrets.push(NewSecret { pointer, value: value.to_owned().into() });
    }
    Ok(secrets)
}

fn isolation(text: &str) -> Result<Isolation, String> {
    match text {
        "thread" => Ok(Isolation::Thread),
        "process" => Ok(Isolation::Process),
        _ => Err("thread or process".to_owned()),
    }
}

fn show(common: &Common, listed: &Listed, words: impl FnOnce(&Listed) -> String) -> Result<(), Failure> {
    print(common.json, listed, words)
}

fn words(listed: &Listed) -> String {
    let state = if listed.enabled { "enabled" } else { "not enabled" };
    let publisher = match (listed.trusted, &listed.publisher) {
        (true, Some(name)) => format!(" ({name})"),
        (true, None) => String::new(),
        (false, _) => " (NOT TRUSTED: no server starts it)".to_owned(),
    };
    let permissions = match listed.permissions.as_slice() {
        [] => "asks for nothing".to_owned(),
        asked => format!("asks for {}; granted: {}", asked.join(", "), none_if_empty(&listed.granted)),
    };
    let previous = listed.previous_version.as_ref().map(|version| format!("; rollback returns to {version}"));
    let mut lines = vec![format!(
        "{} {} {state}, {} isolation\n  sha256 {}\n  key {}{publisher}\n  {permissions}\n  settings version {}{}",
        listed.id,
        listed.version,
        listed.isolation,
        listed.sha256,
        listed.key,
        listed.settings_version,
        previous.unwrap_or_default()
    )];
    let Limits { threads, queue, deadline_ms } = listed.limits;
    for (name, limit) in [("threads", threads), ("queue", queue), ("deadline-ms", deadline_ms)] {
        if let Some(limit) = limit {
            lines.push(format!("  {name} {limit}"));
        }
    }
    if let Some(Migrated { enrolments, stored }) = listed.migrated {
        let to = listed.data_version;
        lines.push(format!(
            "  migrated {enrolments} enrolments and {stored} stored values to data version {to}; other writers waited"
        ));
    }
    lines.extend(listed.nodes.iter().map(|seen| format!("  {}", on_a_node(listed, seen))));
    lines.join("\n")
}

fn on_a_node(listed: &Listed, seen: &Seen) -> String {
    let build = if seen.sha256 == listed.sha256 { "this build" } else { "another build" };
    let settings = seen.settings_version;
    match &seen.why {
        None => format!("node {} runs {build}, settings version {settings}", seen.node),
        Some(why) => format!("node {} FAILED ({build}, settings version {settings}): {why}", seen.node),
    }
}

fn none_if_empty(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}
