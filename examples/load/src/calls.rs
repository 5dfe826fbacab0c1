//! W8: what a call of a plugin costs, in each isolation, against the same function called directly.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use enum_idp::plugins::{FactorHandle, Isolation, PluginConfig, Plugins, inspect_with};
use plugin_api::message::{Begin, Decoy, Purpose};
use plugin_api::testing::{Loaded, context};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Error;

/// What is called.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The `enum-idp` executable: plugins with a process of their own run in its role `plugin-host`.
    #[arg(long)]
    product: PathBuf,
    /// The cipherpad's library.
    #[arg(long)]
    plugin: PathBuf,
    /// Seconds for each row.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
}

/// Microseconds of one call of the cipherpad's `begin`: a question is made and its QR text signed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Calls {
    /// Called like any function, on the caller's own thread.
    pub(crate) direct: Call,
    /// Through the host, in its threads.
    pub(crate) thread: Call,
    /// Through the host, in a process of its own.
    pub(crate) process: Call,
}

/// Microseconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) median: f64,
    pub(crate) p99: f64,
}

/// Measures and prints one line of JSON.
///
/// # Errors
/// When the plugin cannot be loaded or a call fails.
#[expect(clippy::print_stdout, reason = "its output is its result")]
pub(crate) async fn run(options: Options) -> Result<(), Error> {
    let time = Duration::try_from_secs_f64(options.seconds)?;
    let dir = tempfile::tempdir()?;
    // A plugin's process works elsewhere.
    let product = options.product.canonicalize()?;
    let pin = inspect_with(&options.plugin, &product)?.sha256;
    let load = |isolation| {
        let mut config = PluginConfig::new(&options.plugin, &pin);
        config.isolation = isolation;
        config.program.clone_from(&product);
        Plugins::load(&[config], dir.path())
    };
    let calls = Calls {
        direct: direct(time)?,
        thread: through(&load(Isolation::Thread)?, time).await?,
        process: through(&load(Isolation::Process)?, time).await?,
    };
    println!("{}", serde_json::to_string(&calls)?);
    Ok(())
}

fn direct(time: Duration) -> Result<Call, Error> {
    let pad = Loaded::new(cipherpad::enum_plugin_v1(), &json!({}))?;
    let cx = context(Purpose::Authorize);
    let enrolment = pad.decoy(&cx)?.enrolment;
    let mut taken = Vec::new();
    let start = Instant::now();
    while start.elapsed() < time {
        let before = Instant::now();
        std::hint::black_box(pad.begin(&cx, &enrolment)?);
        taken.push(before.elapsed());
    }
    Ok(Call::of(taken))
}

async fn through(plugins: &Plugins, time: Duration) -> Result<Call, Error> {
    let factor: FactorHandle = plugins.factor(cipherpad::ID).ok_or("the library is not the cipherpad")?;
    let cx = context(Purpose::Authorize);
    let enrolment = factor.decoy(&Decoy { cx: cx.clone() }).await?.ok_or("the cipherpad has no decoy")?.enrolment;
    let request = Begin { cx, enrolment };
    let mut taken = Vec::new();
    let start = Instant::now();
    while start.elapsed() < time {
        let before = Instant::now();
        std::hint::black_box(factor.begin(&request).await?);
        taken.push(before.elapsed());
    }
    Ok(Call::of(taken))
}

impl Call {
    fn of(mut taken: Vec<Duration>) -> Self {
        taken.sort_unstable();
        let at = |part: usize| taken.get(taken.len() * part / 100).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6);
        Self { median: at(50), p99: at(99) }
    }
}
