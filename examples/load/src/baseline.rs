//! The bare parts that a login is made of, measured on their own: what no program on this machine can beat.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Error;
use crate::floor::{Signer, Store, Verifier};

/// Commits that wait at the same time in the group-commit row.
const WAITERS: u32 = 128;

/// How the baselines are measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Seconds for each row.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Only the single commit: shows whether a delayed fsync is felt.
    #[arg(long)]
    commit_only: bool,
}

/// Rates per second. `None`: not measured in this run.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Baseline {
    /// ES256 signatures with a key that is parsed once.
    pub(crate) sign: Option<f64>,
    /// The same through `jsonwebtoken::encode`, which parses the key again for each token.
    pub(crate) sign_jsonwebtoken: Option<f64>,
    /// ES256 verifications with a key that is parsed once.
    pub(crate) verify: Option<f64>,
    /// Commits of one insert, one after the other.
    pub(crate) single_commit: Option<f64>,
    /// Inserts, each waiting for its commit, 128 at a time.
    pub(crate) group_commit: Option<f64>,
}

/// Measures and prints one line of JSON.
///
/// # Errors
/// When the database cannot be made or a key is refused.
#[expect(clippy::print_stdout, reason = "its output is its result")]
pub(crate) async fn run(options: Options) -> Result<(), Error> {
    let time = Duration::try_from_secs_f64(options.seconds)?;
    let mut baseline = Baseline::default();
    if !options.commit_only {
        signatures(time, &mut baseline)?;
        baseline.group_commit = Some(commits(time, WAITERS).await?);
    }
    baseline.single_commit = Some(commits(time, 1).await?);
    println!("{}", serde_json::to_string(&baseline)?);
    Ok(())
}

fn signatures(time: Duration, into: &mut Baseline) -> Result<(), Error> {
    let claims = json!({
        "iss": "https://id.example.test", "sub": "0123456789abcdef", "aud": "load", "iat": 1_700_000_000,
        "exp": 1_700_000_300, "nonce": "n-0S6_WzA2Mj", "acr": "urn:enum:acr:2", "amr": ["otp"],
    });
    let signer = Signer::generate()?;
    into.sign = Some(rate(time, || signer.sign(&claims).map(drop))?);
    let verifier = Verifier::new(signer.public_key())?;
    let token = signer.sign(&claims)?;
    into.verify = Some(rate(time, || verifier.verify(&token).map(drop))?);
    let key = EncodingKey::from_ec_der(&ec_pkcs8()?);
    let header = Header::new(Algorithm::ES256);
    into.sign_jsonwebtoken = Some(rate(time, || Ok(jsonwebtoken::encode(&header, &claims, &key).map(drop)?))?);
    Ok(())
}

fn ec_pkcs8() -> Result<Vec<u8>, Error> {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    let document =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &aws_lc_rs::rand::SystemRandom::new())?;
    Ok(document.as_ref().to_vec())
}

fn rate(time: Duration, mut once: impl FnMut() -> Result<(), Error>) -> Result<f64, Error> {
    let start = Instant::now();
    let mut count = 0.0;
    while start.elapsed() < time {
        for _ in 0..20 {
            once()?;
        }
        count += 20.0;
    }
    Ok(count / start.elapsed().as_secs_f64())
}

async fn commits(time: Duration, waiters: u32) -> Result<f64, Error> {
    let dir = tempfile::tempdir()?;
    let store = Store::create(&dir.path().join("commit.sqlite"), 1).await?;
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for waiter in 0..waiters {
        let writer = store.writer().clone();
        tasks.spawn(async move {
            let event = URL_SAFE_NO_PAD.encode(waiter.to_be_bytes());
            let mut count = 0.0;
            while start.elapsed() < time {
                let event = event.clone();
                writer
                    .write(move |t| Box::pin(async move { crate::floor::audit(t, i64::from(waiter), &event).await }))
                    .await?;
                count += 1.0;
            }
            Ok::<f64, Error>(count)
        });
    }
    let mut total = 0.0;
    while let Some(count) = tasks.join_next().await {
        total += count??;
    }
    Ok(total / start.elapsed().as_secs_f64())
}
