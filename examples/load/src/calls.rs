//! W8: what a call of a plugin costs, in each isolation, against the same function called directly.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use enum_idp::plugins::{CallError, FactorHandle, Isolation, PluginConfig, Plugins, inspect_with};
use plugin_api::message::{Answer, Begin, Decoy, Input, Purpose, Step};
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
    /// The library of the factor that never comes back when it is told to (plugin-api's example `panics`).
    #[arg(long)]
    hanging: PathBuf,
    /// Seconds for each row.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
}

/// Microseconds of calls of the cipherpad.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Calls {
    /// `factor.begin`: a question is made and its QR text signed.
    pub(crate) begin: Ways,
    /// `factor.answer`, of an answer that is refused at a glance: hardly more than the call.
    pub(crate) answer: Ways,
    /// `factor.begin` in a thread, while another plugin, in a process of its own, never comes back.
    pub(crate) beside_a_hang: Call,
    /// How often that other plugin was asked meanwhile.
    pub(crate) hangs: u64,
}

/// One method, in three ways.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Ways {
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

/// How long the hanging plugin may take: the others are disturbed for as long, three times.
const PATIENCE_MS: u64 = 200;

/// Measures and prints one line of JSON.
///
/// # Errors
/// When a plugin cannot be loaded or a call fails.
#[expect(clippy::print_stdout, reason = "its output is its result")]
pub(crate) async fn run(options: Options) -> Result<(), Error> {
    let time = Duration::try_from_secs_f64(options.seconds)?;
    let dir = tempfile::tempdir()?;
    // A plugin's process works elsewhere.
    let product = options.product.canonicalize()?;
    let config = |path: &Path, isolation| {
        let mut config = PluginConfig::new(path, inspect_with(path, &product)?.sha256);
        config.isolation = isolation;
        config.program.clone_from(&product);
        Ok::<_, Error>(config)
    };
    let thread = Plugins::load(&[config(&options.plugin, Isolation::Thread)?], dir.path())?;
    let process = Plugins::load(&[config(&options.plugin, Isolation::Process)?], dir.path())?;
    let direct = direct(time)?;
    let (of_thread, of_process) = (through(&pad(&thread)?, time).await?, through(&pad(&process)?, time).await?);
    let ways =
        |which: fn(Both) -> Call| Ways { direct: which(direct), thread: which(of_thread), process: which(of_process) };
    let mut hanging = config(&options.hanging, Isolation::Process)?;
    hanging.deadline_ms = PATIENCE_MS;
    let hanging = Plugins::load(&[hanging], dir.path())?;
    let (beside_a_hang, hangs) = beside(&pad(&thread)?, &hanging, time).await?;
    let calls = Calls { begin: ways(|both| both.begin), answer: ways(|both| both.answer), beside_a_hang, hangs };
    println!("{}", serde_json::to_string(&calls)?);
    Ok(())
}

/// A row of each method.
#[derive(Clone, Copy)]
struct Both {
    begin: Call,
    answer: Call,
}

fn direct(time: Duration) -> Result<Both, Error> {
    let pad = Loaded::new(cipherpad::enum_plugin_v1(), &json!({}))?;
    let cx = context(Purpose::Authorize);
    let enrolment = pad.decoy(&cx)?.enrolment;
    let Step::Ask { state, .. } = pad.begin(&cx, &enrolment)? else { return Err("the cipherpad does not ask".into()) };
    let repeated = |call: &dyn Fn() -> Result<Step, Error>| {
        let mut taken = Vec::new();
        let start = Instant::now();
        while start.elapsed() < time {
            let before = Instant::now();
            std::hint::black_box(call()?);
            taken.push(before.elapsed());
        }
        Ok::<_, Error>(Call::of(taken))
    };
    Ok(Both {
        begin: repeated(&|| Ok(pad.begin(&cx, &enrolment)?))?,
        answer: repeated(&|| Ok(pad.answer(&cx, &enrolment, &state, &Input::default())?))?,
    })
}

fn pad(plugins: &Plugins) -> Result<FactorHandle, Error> {
    Ok(plugins.factor(cipherpad::ID).ok_or("the library is not the cipherpad")?)
}

async fn through(pad: &FactorHandle, time: Duration) -> Result<Both, Error> {
    let begin = question(pad).await?;
    let Step::Ask { state, .. } = pad.begin(&begin).await? else { return Err("the cipherpad does not ask".into()) };
    let (cx, enrolment) = (begin.cx.clone(), begin.enrolment.clone());
    let answer = Answer { cx, enrolment, others: Vec::new(), state, input: Input::default() };
    Ok(Both {
        begin: repeated(time, || pad.begin(&begin)).await?,
        answer: repeated(time, || pad.answer(&answer)).await?,
    })
}

async fn question(pad: &FactorHandle) -> Result<Begin, Error> {
    let cx = context(Purpose::Authorize);
    let decoy = pad.decoy(&Decoy { cx: cx.clone() }).await?.ok_or("the cipherpad has no decoy")?;
    Ok(Begin { cx, enrolment: decoy.enrolment, others: Vec::new() })
}

/// As [`through`], while somebody asks a plugin that never comes back, until the host leaves that one alone.
async fn beside(pad: &FactorHandle, hanging: &Plugins, time: Duration) -> Result<(Call, u64), Error> {
    let hanging = hanging.factor("panics").ok_or("the hanging library is not the example `panics`")?;
    let begin = question(pad).await?;
    let spin = Begin { cx: begin.cx.clone(), enrolment: json!("spin"), others: Vec::new() };
    let hangs = tokio::spawn(async move {
        let mut hangs = 0;
        while hanging.begin(&spin).await == Err(CallError::Late) {
            hangs += 1;
        }
        hangs
    });
    let call = repeated(time, || pad.begin(&begin)).await?;
    let hangs = hangs.await?;
    if hangs == 0 {
        return Err("the hanging plugin came back".into());
    }
    Ok((call, hangs))
}

async fn repeated<F>(time: Duration, call: impl Fn() -> F) -> Result<Call, Error>
where
    F: Future<Output = Result<Step, CallError>>,
{
    let mut taken = Vec::new();
    let start = Instant::now();
    while start.elapsed() < time {
        let before = Instant::now();
        std::hint::black_box(call().await?);
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
