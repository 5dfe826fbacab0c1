//! `enum-idp plugin`: what a plugin file is, who vouches for it, and which of them run.

use std::path::PathBuf;

use clap::Subcommand;

use super::{Common, Failure, plugin_new, print};
use crate::plugins;

mod audit;
mod manage;
mod publish;
mod settings;

pub(super) use settings::when;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Ask a file what it is, and print that with its SHA-256. Runs the file's code, walled off.
    Inspect {
        /// The shared library.
        file: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// For publishers: write a new factor to begin with, a crate of its own in the directory NAME.
    New(plugin_new::New),
    /// For publishers: make a key pair, NAME.key and NAME.pub, in minisign's forms.
    Keygen(publish::Keygen),
    /// For publishers: sign a plugin file; writes FILE.minisig.
    Sign(publish::Sign),
    /// Verify a plugin file and add it to the catalog. It runs when it is enabled.
    Install(manage::Install),
    /// Let an installed plugin run, on every node and without a restart.
    Enable(manage::Enable),
    /// Let a plugin run no more. Its settings and people's enrolments stay.
    Disable(manage::Named),
    /// Replace a plugin by another build of it; an enabled one switches without a restart.
    Upgrade(manage::Upgrade),
    /// Return to the build and the settings of before the last upgrade.
    Rollback(manage::Named),
    /// Show a plugin's settings, set them, or return to an earlier version of them.
    Settings(settings::Settings),
    /// Show what a plugin asked of the server, and what it was denied.
    Audit(audit::Audit),
    /// List what is installed.
    List(Common),
    /// Forget a disabled plugin, its files, its settings and what it has stored. People's enrolments stay.
    Remove(manage::Named),
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Inspect { file, json } => {
            let inspection = plugins::inspect(&file)?;
            print(json, &inspection, |inspection| {
                let manifest = &inspection.description.manifest;
                format!(
                    "{} {} ({:?})\nsha256 {}\npin it with: plugins.enabled = [\"{}@{}\"]\nor, signed: enum-idp plugin \
                     install {}",
                    manifest.id,
                    manifest.version,
                    manifest.kind,
                    inspection.sha256,
                    file.display(),
                    inspection.sha256,
                    file.display()
                )
            })
        }
        Command::New(new) => new.run(),
        Command::Keygen(keygen) => keygen.run(),
        Command::Sign(sign) => sign.run(),
        Command::Install(install) => install.run().await,
        Command::Enable(enable) => enable.run().await,
        Command::Disable(named) => named.disable().await,
        Command::Upgrade(upgrade) => upgrade.run().await,
        Command::Rollback(named) => named.rollback().await,
        Command::Settings(settings) => settings.run().await,
        Command::Audit(audit) => audit.run().await,
        Command::List(common) => manage::list(&common).await,
        Command::Remove(named) => named.remove().await,
    }
}
