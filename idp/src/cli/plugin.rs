//! `enum-idp plugin`: what a plugin file is, before it is trusted.

use std::path::PathBuf;

use clap::Subcommand;

use super::{Failure, print};
use crate::plugins;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Load a file once, in this process, and print its SHA-256 and what it says of itself. Runs the file's code.
    Inspect {
        /// The shared library.
        file: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Inspect { file, json } => {
            let inspection = plugins::inspect(file)?;
            print(*json, &inspection, |inspection| {
                format!(
                    "{} {} ({:?})\nsha256 {}\nenable it with: plugins.enabled = [\"{}@{}\"]",
                    inspection.description.manifest.id,
                    inspection.description.manifest.version,
                    inspection.description.manifest.kind,
                    inspection.sha256,
                    file.display(),
                    inspection.sha256
                )
            })
        }
    }
}
