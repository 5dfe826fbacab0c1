//! The benchmark: floor, provider and reference server take turns under the same driver.

mod drive;
mod peer;
mod process;
mod product;
mod report;
mod side;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use process::Cores;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::baseline::Baseline;
use crate::calls::Calls;
use crate::workload::Workload;
use drive::{Load, Sample};
use process::SlowDisk;
use report::{Memory, Report, Row};
use side::Side;

/// What is measured, and how long.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The `enum-idp` executable; without it only the floor is measured.
    #[arg(long)]
    product: Option<PathBuf>,
    /// Directory with `libcipherpad.so` and `libmerchant.so`.
    #[arg(long)]
    plugin_dir: Option<PathBuf>,
    /// Folder of the reference server; if it is not installed there, its rows are left out.
    #[arg(long, default_value = "examples/load/peer")]
    peer: PathBuf,
    /// One short round: shows that it works, not how fast it is.
    #[arg(long)]
    quick: bool,
    /// Seconds of load in each run.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Rounds of each line; the table shows medians.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Accounts whose pads are activated at the provider; at least as many as users, 256.
    #[arg(long, default_value_t = 512)]
    people: u32,
    /// Accounts in the floor's database.
    #[arg(long, default_value_t = 10_000)]
    floor_accounts: u32,
    /// How much longer an fsync takes in the delayed runs, milliseconds.
    #[arg(long, default_value_t = 5)]
    fsync_delay: u64,
    /// Only the lines whose name starts with this, such as `W1`; for profiling.
    #[arg(long, default_value = "")]
    only: String,
    /// Users of the lines that are measured with several numbers of them; separated by commas.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64, 256])]
    users: Vec<usize>,
    /// Write everything measured to this file as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Users in the delayed runs: enough for groups to fill while the disk is busy, and one to see the delay itself.
const DELAYED_USERS: [usize; 2] = [256, 1];

/// Measures and prints the table.
///
/// # Errors
/// If a server does not start, or any run failed.
#[expect(clippy::print_stdout, reason = "its output is its result")]
pub(crate) async fn run(options: Options, cores: Cores) -> Result<(), Error> {
    let dir = tempfile::tempdir()?;
    let mut bench = Bench::start(&options, cores, dir.path()).await?;
    bench.report.baseline = baseline(&options, cores)?;
    bench.report.calls = calls(&options, cores)?;
    bench.plain_runs().await;
    bench.delayed_runs(dir.path()).await?;
    let report = bench.report;
    println!("{}", report.table());
    if let Some(file) = &options.json {
        std::fs::write(file, serde_json::to_string_pretty(&report)?)?;
    }
    match report.failures.len() {
        0 => Ok(()),
        failed => Err(format!("{failed} runs failed").into()),
    }
}

struct Bench<'o> {
    options: &'o Options,
    floor: Side,
    product: Option<Side>,
    peer: Option<Side>,
    report: Report,
}

impl<'o> Bench<'o> {
    async fn start(options: &'o Options, cores: Cores, dir: &Path) -> Result<Self, Error> {
        let mut product = match &options.product {
            Some(_) => Some(Side::product(dir, cores, options).await?),
            None => None,
        };
        let floor = Side::floor(dir, cores, options, product.as_mut()).await?;
        let mut report = Report { cores_apart: cores == Cores::Apart, ..Report::default() };
        let peer = match Side::peer(dir, cores, options).await {
            Ok((side, about)) => {
                report.reference = Some(about);
                Some(side)
            }
            Err(why) => {
                report.left_out.push(why.to_string());
                None
            }
        };
        report.memory = std::iter::once(&floor)
            .chain(&product)
            .chain(&peer)
            .map(|side| Memory { server: side.target.name, idle: side.memory_mib(), after_load: None })
            .collect();
        Ok(Self { options, floor, product, peer, report })
    }

    fn load(&self, users: usize) -> Load {
        let seconds = if self.options.quick { 1 } else { self.options.seconds };
        Load { users, time: Duration::from_secs(seconds) }
    }

    async fn plain_runs(&mut self) {
        let hello = self.floor.drive(Workload::Health, self.load(32)).await;
        self.report.hello = self.kept(hello);
        for workload in [Workload::Login, Workload::Payment] {
            for users in &self.options.users {
                self.rounds(workload, *users, 0).await;
            }
        }
        for workload in [
            Workload::Challenge,
            Workload::ChallengeWrongFirst,
            Workload::Refresh,
            Workload::Keys,
            Workload::Discovery,
            Workload::Health,
        ] {
            self.rounds(workload, 64, 0).await;
        }
        let sides = std::iter::once(&self.floor).chain(&self.product).chain(&self.peer);
        for (memory, side) in self.report.memory.iter_mut().zip(sides) {
            memory.after_load = side.memory_mib();
        }
    }

    /// The same logins and payments on a disk that is slow to sync.
    async fn delayed_runs(&mut self, dir: &Path) -> Result<(), Error> {
        // It has nothing to sync.
        self.peer = None;
        let disk = SlowDisk::build(dir, Duration::from_millis(self.options.fsync_delay))?;
        for side in std::iter::once(&mut self.floor).chain(&mut self.product) {
            side.restart(Some(&disk)).await?;
        }
        for workload in [Workload::Login, Workload::Payment] {
            for users in DELAYED_USERS {
                self.rounds(workload, users, self.options.fsync_delay).await;
            }
        }
        Ok(())
    }

    /// One line of the table: floor, provider and reference server in turn.
    async fn rounds(&mut self, workload: Workload, users: usize, fsync_delay_ms: u64) {
        if !workload.name().starts_with(&self.options.only) {
            return;
        }
        let rounds = if self.options.quick { 1 } else { self.options.rounds };
        for _ in 0..rounds {
            let load = self.load(users);
            let floor = self.floor.drive(workload, load).await;
            let product = match &mut self.product {
                Some(side) => Some(side.drive(workload, load).await),
                None => None,
            };
            let peer = match &mut self.peer {
                Some(side) if peer::WORKLOADS.contains(&workload) => Some(side.drive(workload, load).await),
                _ => None,
            };
            let floor = self.kept(floor);
            let product = product.and_then(|sample| self.kept(sample));
            let peer = peer.and_then(|sample| self.kept_of_peer(sample));
            if let Some(floor) = floor {
                let workload = workload.name();
                self.report.rows.push(Row { workload, users, fsync_delay_ms, floor, product, peer });
            }
        }
    }

    /// The sample; a failure is noted and becomes nothing.
    fn kept(&mut self, sample: Result<Sample, Error>) -> Option<Sample> {
        sample.inspect_err(|error| self.report.failures.push(error.to_string())).ok()
    }

    /// The same for the reference server, whose failure says nothing about the provider.
    fn kept_of_peer(&mut self, sample: Result<Sample, Error>) -> Option<Sample> {
        sample.inspect_err(|error| self.report.left_out.push(error.to_string())).ok()
    }
}

/// Measures the bare parts in a process on the servers' core.
fn baseline(options: &Options, cores: Cores) -> Result<Baseline, Error> {
    part(options, cores, &["baseline".as_ref()])
}

/// Measures calls of a plugin likewise, if there is one.
fn calls(options: &Options, cores: Cores) -> Result<Option<Calls>, Error> {
    let (Some(product), Some(plugins)) = (&options.product, &options.plugin_dir) else { return Ok(None) };
    if !"W8 plugin calls".starts_with(&options.only) {
        return Ok(None);
    }
    let (pad, hanging) = (plugins.join("libcipherpad.so"), plugins.join("examples/libpanics.so"));
    let arguments: [&OsStr; 7] = [
        "calls".as_ref(),
        "--product".as_ref(),
        product.as_ref(),
        "--plugin".as_ref(),
        pad.as_ref(),
        "--hanging".as_ref(),
        hanging.as_ref(),
    ];
    part(options, cores, &arguments).map(Some)
}

/// Runs a part of this program and reads the JSON that it prints.
fn part<T: DeserializeOwned>(options: &Options, cores: Cores, arguments: &[&OsStr]) -> Result<T, Error> {
    let seconds = if options.quick { "0.3" } else { "2" };
    let mut command = cores.command(&std::env::current_exe()?);
    let output = command.args(arguments).args(["--seconds", seconds]).output()?;
    if !output.status.success() {
        return Err(format!("{}: {}", arguments[0].display(), String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
