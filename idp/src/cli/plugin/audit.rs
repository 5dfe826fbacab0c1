//! What a plugin asked of the server.

use super::{Common, Failure, print, settings::when};
use crate::{
    config::Config,
    serve,
    store::plugin_call::{self, Model},
};

#[derive(clap::Args)]
pub(in crate::cli) struct Audit {
    #[command(flatten)]
    common: Common,
    /// Id of the plugin; one that was removed has its trail for 30 days.
    id: String,
    /// Only what it was denied.
    #[arg(long)]
    denied: bool,
    /// How many at most, the newest first.
    #[arg(long, default_value_t = 50, value_name = "N")]
    last: u64,
}

impl Audit {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let db = serve::database(&Config::load(&self.common.config)?).await?;
        let calls = plugin_call::last(db.read(), &self.id, self.denied, self.last).await?;
        print(self.common.json, &calls, |calls| {
            if calls.is_empty() {
                "nothing, within the last 30 days".to_owned()
            } else {
                calls.iter().map(line).collect::<Vec<_>>().join("\n")
            }
        })
    }
}

fn line(call: &Model) -> String {
    let Model { service, subject, outcome, version, sha256, .. } = call;
    let account = call.account.as_ref().map_or_else(String::new, |id| format!("  account {id}"));
    let build: String = sha256.chars().take(12).collect();
    format!("{}  {outcome:<6}  {service:<13}  {subject}{account}  ({version}, sha256 {build}…)", when(call.at))
}
