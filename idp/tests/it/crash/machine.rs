//! The real program on a disk that can be told to fail.

use std::{
    fs::{File, OpenOptions},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use enum_idp::{clock::Clock, store::embedded_url};
use hyper::Method;
use serde_json::Value;
use tempfile::TempDir;
use url::Url;

use crate::support::{http, plugins, sites::Sites};

/// Longest that a start, or an end, may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// All of it comes from one address.
const LIMITS: &str = "[limits]\nchallenges_per_minute = 1000000\nclient_challenges_per_minute = 1000000\nemail_challenges_per_minute = 1000000\n";

/// One provider: configuration, data, and the process when it runs.
pub(super) struct Machine {
    pub(super) origin: Url,
    pub(super) sites: Sites,
    pub(super) dir: TempDir,
    shim: PathBuf,
    process: Option<Child>,
}

impl Machine {
    /// Configured, not yet started.
    pub(super) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let issuer = format!("http://127.0.0.1:{port}");
        let origin: Url = issuer.parse().unwrap();
        let sites = Sites::of(&origin, &issuer, &Clock::system());
        std::fs::write(dir.path().join("clients.json"), sites.registration().to_string()).unwrap();
        let data = dir.path().join("data");
        let text = plugins::configuration(&issuer, dir.path(), &embedded_url(&data), LIMITS);
        std::fs::write(dir.path().join("enum.toml"), text).unwrap();
        let shim = dir.path().join("disk.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/crash/disk.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&shim).arg(source).args(["-ldl", "-lpthread"]);
        let ended = compiler.status().expect("a C compiler, `cc`");
        assert!(ended.success(), "{source} does not compile");
        Self { origin, sites, dir, shim, process: None }
    }

    /// A path in its directory.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_enum-idp"));
        let log = OpenOptions::new().create(true).append(true).open(self.file("log")).unwrap();
        command.stdin(Stdio::null()).stderr(log).env("ENUM_LOG", "warn");
        command
    }

    /// An administrator's command, with `--json`: what it printed, line by line.
    pub(super) fn runs(&self, arguments: &[&str]) -> Vec<Value> {
        let mut command = self.command();
        command.args(arguments).args(["--json", "--config"]).arg(self.file("enum.toml"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", self.log());
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Starts it on the failing disk (see `disk.c`) and waits until it answers.
    pub(super) async fn starts(&mut self) {
        self.mend("cut");
        self.mend("fail");
        let mut command = self.command();
        command.args(["serve", "--config"]).arg(self.file("enum.toml")).stdout(Stdio::null());
        command.env("LD_PRELOAD", &self.shim).env("DISK_CUT", self.file("cut")).env("DISK_FAILS", self.file("fail"));
        self.process = Some(command.spawn().unwrap());
        let url = self.origin.join("/healthz").unwrap();
        let deadline = Instant::now() + PATIENCE;
        while http::try_send(Method::GET, &url, &[], String::new()).await.is_err() {
            let ended = self.process.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "it ended with {ended:?}: {}", self.log());
            assert!(Instant::now() < deadline, "it does not answer: {}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn mend(&self, trouble: &str) {
        drop(std::fs::remove_file(self.file(trouble)));
    }

    /// `kill -9`.
    pub(super) async fn is_killed(&mut self) {
        self.process.as_mut().unwrap().kill().unwrap();
        self.ends().await;
    }

    /// The power goes: whatever was not yet synced is lost.
    pub(super) async fn loses_power(&mut self) {
        File::create(self.file("cut")).unwrap();
        self.ends().await;
    }

    /// From now on the disk does not take anything any more.
    pub(super) fn disk_fails(&self) {
        File::create(self.file("fail")).unwrap();
    }

    /// Waits until the process has ended.
    pub(super) async fn ends(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("it runs");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = process.try_wait().unwrap() {
                return status;
            }
            if Instant::now() > deadline {
                process.kill().unwrap();
                panic!("it does not end: {}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// What it has written to standard error.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.file("log")).unwrap_or_default()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            drop(process.kill());
            drop(process.wait());
        }
    }
}
