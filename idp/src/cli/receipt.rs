//! `enum-idp receipt`: whether a payment receipt is genuine and in the public log, and whether the log was altered. Offline.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use enum_receipt::{Expected, Growth, Proof, verify, verify_dated, verify_grown, verify_logged, verify_refund};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Common, Failure, open, print};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Verify a receipt, and with --proof that it is in the provider's public log.
    Verify {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        keys: PublishedKeys,
        /// Issuer that must have signed it; without --jwks: the configured one.
        #[arg(long)]
        issuer: Option<String>,
        /// File with the answer of `/receipts/log/proof?jti=…` for this receipt; with --kept: `…&size=SIZE`, SIZE being that
        /// of the head that was kept.
        #[arg(long)]
        proof: Option<PathBuf>,
        /// File with a head of the log that was kept (`/receipts/log`), in which the receipt has to be by its date.
        #[arg(long, requires = "proof")]
        kept: Option<PathBuf>,
        /// The receipt, a compact JWS; `-` reads it from standard input.
        receipt: String,
    },
    /// Verify the receipt of a refund, and that it is about this receipt of a payment.
    Refund {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        keys: PublishedKeys,
        /// Issuer that must have signed both; without --jwks: the configured one.
        #[arg(long)]
        issuer: Option<String>,
        /// The receipt of the refund, a compact JWS.
        refund: String,
        /// The receipt of the payment, a compact JWS.
        receipt: String,
    },
    /// Verify that the public log continues a state of it that was kept.
    Consistency {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        keys: PublishedKeys,
        /// File with the head that was kept (`/receipts/log`).
        #[arg(long)]
        kept: PathBuf,
        /// File with the answer of `/receipts/log/consistency?from=SIZE`, SIZE being that of the head that was kept.
        #[arg(long)]
        growth: PathBuf,
    },
}

#[derive(clap::Args)]
pub(super) struct PublishedKeys {
    /// File with the provider's JWK Set, as served at `/jwks`; without it: the keys of the configured database.
    #[arg(long)]
    jwks: Option<PathBuf>,
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Verify { common, keys, issuer, proof, kept, receipt } => {
            let receipt = if receipt == "-" { std::io::read_to_string(std::io::stdin())? } else { receipt };
            let (jwks, own) = keys.read(&common).await?;
            let issuer = issuer.or(own);
            let expected = Expected { issuer: issuer.as_deref(), client_id: None };
            match proof {
                None => genuine(&common, "genuine", &verify(&jwks, receipt.trim(), &expected)?),
                Some(proof) => logged(&common, (&jwks, &expected), receipt.trim(), &proof, kept.as_deref()),
            }
        }
        Command::Refund { common, keys, issuer, refund, receipt } => {
            let (jwks, own) = keys.read(&common).await?;
            let issuer = issuer.or(own);
            let expected = Expected { issuer: issuer.as_deref(), client_id: None };
            genuine(&common, "genuine, and of this payment", &verify_refund(&jwks, &refund, &receipt, &expected)?)
        }
        Command::Consistency { common, keys, kept, growth } => {
            let (jwks, _) = keys.read(&common).await?;
            let (old, new) = verify_grown(&jwks, &head(&kept)?, &file::<Growth>(&growth)?)?;
            print(common.json, &json!({ "kept": old, "now": new }), |_| {
                format!(
                    "the log of {} has grown from {} to {} receipts, and was not altered",
                    new.iss, old.size, new.size
                )
            })
        }
    }
}

fn logged(
    common: &Common,
    (jwks, expected): (&Value, &Expected<'_>),
    receipt: &str,
    proof: &Path,
    kept: Option<&Path>,
) -> Result<(), Failure> {
    let proof = file::<Proof>(proof)?;
    let logged = match kept {
        Some(kept) => verify_dated(jwks, receipt, &proof, &head(kept)?, expected)?,
        None => verify_logged(jwks, receipt, &proof, expected)?,
    };
    genuine(common, &format!("genuine, number {} of {} in the log", logged.index, logged.head.size), &logged)
}

fn genuine(common: &Common, verdict: &str, what: &impl Serialize) -> Result<(), Failure> {
    print(common.json, what, |what| format!("{verdict}\n{}", serde_json::to_string_pretty(what).unwrap_or_default()))
}

impl PublishedKeys {
    /// The keys, and the configured issuer where they are those of the configured database.
    async fn read(&self, common: &Common) -> Result<(Value, Option<String>), Failure> {
        if let Some(jwks) = &self.jwks {
            return Ok((file(jwks)?, None));
        }
        let app = open(common).await?;
        Ok((serde_json::from_slice(&app.keys.jwks().body)?, Some(app.config.issuer.clone())))
    }
}

/// The head in an answer of `/receipts/log`.
fn head(path: &Path) -> Result<String, Failure> {
    let answer: Value = file(path)?;
    let head = answer.get("head").and_then(Value::as_str).map(str::to_owned);
    head.ok_or_else(|| format!("{}: there is no `head` in it", path.display()).into())
}

fn file<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()).into())
}
