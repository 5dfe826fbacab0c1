//! The servers under load, as processes of their own on a core of their own.

use std::fs::File;
use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Error;

/// Longest time from start to the first accepted connection.
const START: Duration = Duration::from_secs(30);

/// Where processes run: the servers on the first core, the driver on the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cores {
    /// `taskset` is there and so are two cores.
    Apart,
    /// Everybody on every core: read the ratios with care.
    Shared,
}

impl Cores {
    /// Keeps the driver itself off the first core. To be called before any thread is started.
    pub(crate) fn arrange() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let rest = format!("1-{}", cores.saturating_sub(1));
        let pid = std::process::id().to_string();
        let moved =
            Command::new("taskset").args(["-cp", &rest, &pid]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if cores > 1 && moved.is_ok_and(|status| status.success()) { Self::Apart } else { Self::Shared }
    }

    /// A command that will run on the servers' core.
    pub(crate) fn command(self, program: &Path) -> Command {
        match self {
            Self::Apart => {
                let mut command = Command::new("taskset");
                command.args(["-c", "0"]).arg(program);
                command
            }
            Self::Shared => Command::new(program),
        }
    }
}

/// A library that delays fsync in the processes that load it.
#[derive(Clone, Debug)]
pub(crate) struct SlowDisk {
    library: PathBuf,
    delay: Duration,
}

impl SlowDisk {
    /// Compiles it with `cc`.
    ///
    /// # Errors
    /// If there is no compiler, or it refuses.
    pub(crate) fn build(dir: &Path, delay: Duration) -> Result<Self, Error> {
        let source = dir.join("slow_fsync.c");
        let library = dir.join("slow_fsync.so");
        std::fs::write(&source, include_str!("../../slow_fsync.c"))?;
        let status = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .status()
            .map_err(|error| format!("cc, for the delayed fsync: {error}"))?;
        if status.success() { Ok(Self { library, delay }) } else { Err("cc refused slow_fsync.c".into()) }
    }

    /// Puts `command` on the slow disk.
    pub(crate) fn apply(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("SLOW_FSYNC_US", self.delay.as_micros().to_string());
    }
}

/// A running server; ended when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
}

impl Server {
    /// Starts `command`, which is to listen on `address`, and waits until it does. Its output goes to `log`.
    ///
    /// # Errors
    /// If it ends or does not listen in time: with what it wrote.
    pub(crate) async fn start(mut command: Command, address: SocketAddr, log: &Path) -> Result<Self, Error> {
        let output = File::create(log)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let mut server = Self { child: command.spawn()? };
        let start = Instant::now();
        while tokio::net::TcpStream::connect(address).await.is_err() {
            let ended = server.child.try_wait()?;
            if ended.is_some() || start.elapsed() > START {
                let why = ended.map_or_else(|| "does not listen".to_owned(), |status| status.to_string());
                return Err(format!("server at {address}: {why}\n{}", tail(log)?).into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(server)
    }

    /// Memory in use, MiB; `None` where there is no `/proc`.
    pub(crate) fn memory_mib(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse().ok().map(|kib: f64| kib / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already ended is as good as ended now.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The end of a log file.
fn tail(log: &Path) -> Result<String, Error> {
    let mut text = String::new();
    File::open(log)?.read_to_string(&mut text)?;
    let from = text.char_indices().rev().nth(2000).map_or(0, |(at, _)| at);
    Ok(text[from..].to_owned())
}

/// An address on the loopback interface that nobody listens on at the moment.
pub(crate) fn free_address() -> Result<SocketAddr, Error> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
