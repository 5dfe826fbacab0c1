//! `enum-idp receipt`: whether a payment receipt is genuine, offline.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::Value;

use super::{Common, Failure, open, print};
use crate::oidc::receipt;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Verify a receipt with published keys (`--jwks`), or with those of the configured database.
    Verify {
        #[command(flatten)]
        common: Common,
        /// File with the provider's JWK Set, as served at `/jwks`.
        #[arg(long)]
        jwks: Option<PathBuf>,
        /// Issuer that must have signed it; with --config: the configured one.
        #[arg(long)]
        issuer: Option<String>,
        /// The receipt, a compact JWS; `-` reads it from standard input.
        receipt: String,
    },
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    let Command::Verify { common, jwks, issuer, receipt } = command;
    let receipt = if receipt == "-" { std::io::read_to_string(std::io::stdin())? } else { receipt };
    let (keys, issuer): (Value, Option<String>) = if let Some(file) = jwks {
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        (serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?, issuer)
    } else {
        let app = open(&common).await?;
        let keys = serde_json::from_slice(&app.keys.jwks().body)?;
        (keys, issuer.or_else(|| Some(app.config.issuer.clone())))
    };
    let claims = receipt::verify(&keys, receipt.trim(), issuer.as_deref())?;
    print(common.json, &claims, |claims| {
        let pretty = serde_json::to_string_pretty(claims).unwrap_or_default();
        format!("genuine\n{pretty}")
    })
}
