//! A desktop with a reader: a private system bus, the real fprintd on libfprint's virtual device, and a polkit that says yes.

use std::{
    fs,
    io::Write as _,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::bridge::Bridge;

/// Scans of one finger until the virtual device knows it.
const STAGES: usize = 5;
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Desktop {
    folder: TempDir,
    running: Vec<Child>,
}

impl Desktop {
    pub(crate) fn start() -> Self {
        let mut desktop = Self { folder: tempfile::tempdir().unwrap(), running: Vec::new() };
        desktop.start_bus();
        desktop.start_polkit();
        desktop.start_fprintd();
        desktop
    }

    /// With one finger that the reader knows, by the print `mine`.
    pub(crate) fn with_finger(finger: &str) -> Self {
        let desktop = Self::start();
        desktop.enrol(finger, "mine");
        desktop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn bus(&self) -> String {
        format!("unix:path={}", self.path("bus.sock").display())
    }

    fn start_bus(&mut self) {
        let policy = r#"<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/><allow send_type="signal"/><allow eavesdrop="true"/></policy>"#;
        let config = format!("<busconfig><type>system</type><listen>{}</listen>{policy}</busconfig>", self.bus());
        fs::write(self.path("bus.conf"), config).unwrap();
        let mut bus = Command::new("dbus-daemon");
        bus.arg(format!("--config-file={}", self.path("bus.conf").display())).args(["--nofork", "--nopidfile"]);
        self.spawn(bus, "dbus-daemon");
        until("the bus", || UnixStream::connect(self.path("bus.sock")).ok());
    }

    fn start_polkit(&mut self) {
        // The distribution's own interpreter, since its packages have the mock.
        let mut polkit = Command::new("/usr/bin/python3");
        polkit.args(["-m", "dbusmock", "--template", "polkitd", "-s", "-p", "{}"]);
        self.spawn(polkit, "python3-dbusmock");
        let yes = ["org.freedesktop.DBus.Mock.AllowUnknown", "boolean:true"];
        let path = "/org/freedesktop/PolicyKit1/Authority";
        until("polkit", || self.call("org.freedesktop.PolicyKit1", path, &yes));
    }

    fn start_fprintd(&mut self) {
        let mut fprintd = Command::new("/usr/libexec/fprintd");
        fprintd.arg("-t").env("STATE_DIRECTORY", self.path("state")).env("RUNTIME_DIRECTORY", self.path("run"));
        fprintd.env("FP_VIRTUAL_DEVICE", self.path("reader.sock"));
        // The second is the name since libfprint 1.94.7.
        fprintd.env("FP_DRIVERS_WHITELIST", "virtual_device").env("FP_DRIVERS_ALLOWLIST", "virtual_device");
        self.spawn(fprintd, "fprintd");
        until("fprintd", || self.device());
    }

    fn spawn(&mut self, mut command: Command, package: &str) {
        let log = fs::File::create(self.path(&format!("{package}.log"))).unwrap();
        command.env("DBUS_SYSTEM_BUS_ADDRESS", self.bus()).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap_or_else(|error| panic!("{package} is needed (.ci/install test): {error}"));
        self.running.push(child);
    }

    /// A method call; `None` if it failed.
    fn call(&self, service: &str, path: &str, what: &[&str]) -> Option<String> {
        let mut send = Command::new("dbus-send");
        send.args(["--system", "--print-reply=literal", &format!("--dest={service}"), path]).args(what);
        let done = send.env("DBUS_SYSTEM_BUS_ADDRESS", self.bus()).output().unwrap();
        done.status.success().then(|| String::from_utf8(done.stdout).unwrap().trim().to_owned())
    }

    fn device(&self) -> Option<String> {
        let manager = "/net/reactivated/Fprint/Manager";
        self.call("net.reactivated.Fprint", manager, &["net.reactivated.Fprint.Manager.GetDefaultDevice"])
    }

    /// Waits until the reader waits for a finger.
    pub(crate) fn until_finger_is_needed(&self) {
        let device = self.device().unwrap();
        let get =
            ["org.freedesktop.DBus.Properties.Get", "string:net.reactivated.Fprint.Device", "string:finger-needed"];
        until("the reader waits", || {
            self.call("net.reactivated.Fprint", &device, &get)?.contains("true").then_some(())
        });
    }

    /// What anybody on the bus can do: sends a signal that looks like fprintd's.
    pub(crate) fn forge_match(&self) {
        let mut send = Command::new("dbus-send");
        send.args(["--system", "--type=signal", &self.device().unwrap()]);
        send.args(["net.reactivated.Fprint.Device.VerifyStatus", "string:verify-match", "boolean:true"]);
        assert!(send.env("DBUS_SYSTEM_BUS_ADDRESS", self.bus()).status().unwrap().success());
    }

    /// Tells the virtual device something as soon as it is open.
    pub(crate) fn reader(&self, order: &str) {
        let mut socket = until("the reader", || UnixStream::connect(self.path("reader.sock")).ok());
        socket.write_all(order.as_bytes()).unwrap();
    }

    /// Lays a finger with this print on the reader that waits for one.
    pub(crate) fn touch(&self, print: &str) {
        self.until_finger_is_needed();
        self.reader(&format!("SCAN {print}"));
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The program with these arguments.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_enum-bridge"));
        command.env("DBUS_SYSTEM_BUS_ADDRESS", self.bus()).stdin(Stdio::null());
        command.arg("--data").arg(self.data()).args(args);
        command
    }

    /// Runs a command that needs no finger.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What a command that succeeds lists.
    pub(crate) fn list(&self, args: &[&str]) -> Vec<String> {
        let done = self.run(args);
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    pub(crate) fn enrol(&self, finger: &str, print: &str) {
        let enrolling = self.command(&["enrol", finger]).stderr(Stdio::piped()).spawn().unwrap();
        for _ in 0..STAGES {
            self.touch(print);
        }
        let done = enrolling.wait_with_output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// A running bridge for [`crate::site::ORIGIN`].
    pub(crate) fn bridge(&self) -> Bridge {
        self.bridge_with(&[])
    }

    pub(crate) fn bridge_with(&self, more: &[&str]) -> Bridge {
        let mut args = vec!["run", "--origin", crate::site::ORIGIN, "--port", "0"];
        args.extend(more);
        Bridge::start(self.command(&args))
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        for child in self.running.iter_mut().rev() {
            // One that has ended already is fine.
            let _gone = child.kill();
            let _code = child.wait();
        }
    }
}

/// Asks again until there is an answer.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(10));
    }
}
