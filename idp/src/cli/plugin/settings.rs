//! A plugin's settings, by version.

use std::path::PathBuf;

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    Common, Failure,
    manage::{catalog, json_of, secrets_from_stdin},
    print,
};

/// Without an option: prints the settings in force, secrets (`writeOnly` in the plugin's schema) hidden.
#[derive(clap::Args)]
pub(in crate::cli) struct Settings {
    #[command(flatten)]
    common: Common,
    /// Id of the plugin.
    id: String,
    /// JSON file with settings, in place of all that there were, but for secrets: one that the file leaves out, or says
    /// "***" of, stays; `null` removes it.
    #[arg(long, group = "what")]
    set: Option<PathBuf>,
    /// Read the secret at this JSON pointer from standard input, one line; several come in the order of the options.
    #[arg(long = "secret", value_name = "POINTER", conflicts_with_all = ["list", "rollback"])]
    secrets: Vec<String>,
    /// Which versions there are.
    #[arg(long, group = "what")]
    list: bool,
    /// Return to this version.
    #[arg(long, group = "what", value_name = "VERSION")]
    rollback: Option<i64>,
}

impl Settings {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let catalog = catalog(&self.common).await?;
        let (id, json) = (self.id.as_str(), self.common.json);
        if self.list {
            let versions = catalog.settings_versions(id).await?;
            let told: Vec<Value> =
                versions.iter().map(|(version, at)| json!({ "version": version, "created_at": at })).collect();
            return print(json, &told, |_| {
                let lines = versions.iter().map(|(version, at)| format!("{version}  {}", when(*at)));
                if versions.is_empty() { "none were ever set".to_owned() } else { lines.collect::<Vec<_>>().join("\n") }
            });
        }
        let version = if self.set.is_some() || !self.secrets.is_empty() {
            let settings = self.set.as_deref().map(json_of).transpose()?;
            catalog.set_settings(id, settings, &secrets_from_stdin(self.secrets)?).await?
        } else if let Some(version) = self.rollback {
            catalog.restore_settings(id, version).await?
        } else {
            let (version, settings) = catalog.settings(id).await?;
            return print(json, &json!({ "version": version, "settings": settings }), |told| {
                format!("version {version}\n{:#}", told["settings"])
            });
        };
        print(json, &json!({ "id": id, "settings_version": version }), |_| {
            format!("{id}: version {version} of its settings is in force")
        })
    }
}

pub(in crate::cli) fn when(millis: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(millis.div_euclid(1000)).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_else(|| millis.to_string())
}
