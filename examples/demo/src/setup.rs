//! Files, keys and processes of the demonstration.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::Failure;

/// PIN of the demonstration's pads.
pub(crate) const PIN: &str = "826491";
/// Methods in the order in which people are offered them, and what payments are read by.
const PLUGINS: [&str; 5] =
    ["libcipherpad.so", "libsms_factor.so", "libemail_factor.so", "libfingerprint_factor.so", "libmerchant.so"];
const DEMO_EMAIL: &str = "demo@example.com";
const START_WITHIN: Duration = Duration::from_mins(1);

/// Where everything is.
pub(crate) struct Place {
    pub(crate) issuer: String,
    pub(crate) website: String,
    pub(crate) shop: String,
    pub(crate) outbox: PathBuf,
    dir: PathBuf,
    programs: PathBuf,
    ports: [u16; 3],
}

/// The pad of the account that stands ready.
pub(crate) struct DemoPad {
    pub(crate) email: &'static str,
    /// What to type before `answer` or `pay`.
    pub(crate) command: String,
}

impl Place {
    /// Makes the directory, the shop's key, the list of clients and the configuration.
    pub(crate) fn prepare(dir: &Path, port: u16) -> Result<Self, Failure> {
        fs::create_dir_all(dir)?;
        let dir = dir.canonicalize()?;
        let programs = std::env::current_exe()?.parent().ok_or("this program has no directory")?.to_owned();
        let ports = [port, port + 1, port + 2];
        let at = |port: u16| format!("http://localhost:{port}");
        let outbox = dir.join("outbox");
        fs::create_dir_all(&outbox)?;
        let place =
            Self { issuer: at(ports[0]), website: at(ports[1]), shop: at(ports[2]), outbox, dir, programs, ports };
        place.write_clients()?;
        place.write_config()?;
        Ok(place)
    }

    fn program(&self, name: &str) -> Command {
        Command::new(self.programs.join(name))
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.join("enum.toml")
    }

    fn write_clients(&self) -> Result<(), Failure> {
        let secret = self.website_secret()?;
        let key = Self::output(self.program("example-shop").args(["--make-key", "--key-file"]).arg(self.shop_key()))?;
        let key: Value = serde_json::from_str(&key)?;
        let clients = json!([
            {
                "client_id": "website",
                "client_name": "Example website",
                "client_secret": secret,
                "redirect_uris": [format!("{}/callback", self.website)],
                "post_logout_redirect_uris": [format!("{}/", self.website)],
                "grant_types": ["authorization_code", "refresh_token"],
            },
            {
                "client_id": "shop",
                "client_name": "Example shop",
                "redirect_uris": [format!("{}/callback", self.shop)],
                "token_endpoint_auth_method": "private_key_jwt",
                "jwks": { "keys": [key] },
                "subject_type": "pairwise",
                "grant_types": ["authorization_code", "urn:openid:params:grant-type:ciba"],
                "backchannel_token_delivery_mode": "poll",
                "authorization_details_types": ["payment_initiation"],
            },
        ]);
        Ok(fs::write(self.dir.join("clients.json"), serde_json::to_string_pretty(&clients)?)?)
    }

    /// The website's secret, made once; from the system's generator, as any secret.
    fn website_secret(&self) -> Result<String, Failure> {
        let file = self.secret_file();
        if !file.exists() {
            let mut bytes = [0_u8; 16];
            fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
            fs::write(&file, format!("{:032x}", u128::from_be_bytes(bytes)))?;
        }
        Ok(fs::read_to_string(file)?)
    }

    fn secret_file(&self) -> PathBuf {
        self.dir.join("website-secret")
    }

    fn shop_key(&self) -> PathBuf {
        self.dir.join("shop-key.pem")
    }

    fn write_config(&self) -> Result<(), Failure> {
        let mut plugins = Vec::new();
        for name in PLUGINS {
            let file = self.programs.join(name);
            let told = Self::output(self.program("enum-idp").args(["plugin", "inspect", "--json"]).arg(&file))?;
            let told: Value = serde_json::from_str(&told)?;
            let sha256 = told["sha256"].as_str().ok_or("plugin inspect named no sha256")?;
            plugins.push(format!("{}@{sha256}", file.display()));
        }
        let text = format!(
            "issuer = \"{}\"\nlisten = \"127.0.0.1:{}\"\ndata_dir = \"{dir}/provider\"\n\
             clients_file = \"{dir}/clients.json\"\n\n[mail]\nurl = \"file:{outbox}\"\n\n\
             [sms]\nurl = \"file:{outbox}\"\n\n[plugins]\nenabled = {plugins:?}\n",
            self.issuer,
            self.ports[0],
            dir = self.dir.display(),
            outbox = self.outbox.display(),
        );
        Ok(fs::write(self.config(), text)?)
    }

    /// Runs a program to its end; its standard output.
    pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
        let done = command.stderr(Stdio::piped()).output().map_err(|error| format!("{command:?}: {error}"))?;
        if !done.status.success() {
            return Err(format!("{command:?} failed: {}", String::from_utf8_lossy(&done.stderr).trim()).into());
        }
        Ok(String::from_utf8(done.stdout)?.trim().to_owned())
    }

    /// Starts provider, website and shop, and waits until each answers.
    pub(crate) fn start(&self) -> Result<Running, Failure> {
        let mut running = Running(Vec::new());
        running.start("provider", self.program("enum-idp").args(["serve", "--config"]).arg(self.config()))?;
        running.wait_for("provider", &format!("{}/readyz", self.issuer))?;
        running.start(
            "website",
            self.program("example-relying-party")
                .args(["--issuer", &self.issuer, "--base-url", &self.website, "--client-id", "website"])
                .args(["--listen", &format!("127.0.0.1:{}", self.ports[1]), "--client-secret-file"])
                .arg(self.secret_file()),
        )?;
        running.start(
            "shop",
            self.program("example-shop")
                .args(["--issuer", &self.issuer, "--base-url", &self.shop, "--client-id", "shop"])
                .args(["--listen", &format!("127.0.0.1:{}", self.ports[2]), "--key-file"])
                .arg(self.shop_key()),
        )?;
        running.wait_for("website", &self.website)?;
        running.wait_for("shop", &self.shop)?;
        Ok(running)
    }

    /// `enum-pad` with a store of its own.
    pub(crate) fn pad(&self, store: &str) -> Command {
        let mut pad = self.program("enum-pad");
        pad.env("ENUM_PAD_PIN", PIN).arg("--store").arg(self.dir.join(store));
        pad
    }

    /// Verifies a receipt with the provider's own command, offline.
    pub(crate) fn verify_receipt(&self, receipt: &str) -> Result<String, Failure> {
        Self::output(
            self.program("enum-idp").args(["receipt", "verify", "--json", "--config"]).arg(self.config()).arg(receipt),
        )
    }

    /// The account that stands ready, with an activated pad; made at the first start.
    pub(crate) fn demo_account(&self) -> Result<DemoPad, Failure> {
        let store = self.dir.join("demo-pad.json");
        if !store.exists() {
            let made = Self::output(
                self.program("enum-idp")
                    .args([
                        "account",
                        "create",
                        "--email",
                        DEMO_EMAIL,
                        "--phone",
                        "+4915112345678",
                        "--activate",
                        "--json",
                    ])
                    .arg("--config")
                    .arg(self.config()),
            )?;
            let made: Value = serde_json::from_str(&made)?;
            let code = made["code"].as_str().ok_or("account create printed no code")?;
            Self::output(self.pad("demo-pad.json").args([
                "activate",
                "--url",
                &self.issuer,
                "--email",
                DEMO_EMAIL,
                "--code",
                code,
            ]))?;
        }
        let command =
            format!("ENUM_PAD_PIN={PIN} {} --store {}", self.programs.join("enum-pad").display(), store.display());
        Ok(DemoPad { email: DEMO_EMAIL, command })
    }
}

/// The processes; ended when this is dropped.
pub(crate) struct Running(Vec<(&'static str, Child)>);

impl Running {
    fn start(&mut self, name: &'static str, command: &mut Command) -> Result<(), Failure> {
        let child = command.stdin(Stdio::null()).spawn().map_err(|error| format!("{name}: {error}"))?;
        self.0.push((name, child));
        Ok(())
    }

    fn wait_for(&mut self, name: &str, url: &str) -> Result<(), Failure> {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let until = Instant::now() + START_WITHIN;
        while Instant::now() < until {
            self.check()?;
            if agent.get(url).call().is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(format!("{name} did not answer at {url}").into())
    }

    /// Whether all still run.
    pub(crate) fn check(&mut self) -> Result<(), Failure> {
        for (name, child) in &mut self.0 {
            if let Some(status) = child.try_wait()? {
                return Err(format!("{name} ended: {status}").into());
            }
        }
        Ok(())
    }

    /// Runs on until one of them ends.
    pub(crate) fn wait(&mut self) -> Result<(), Failure> {
        loop {
            self.check()?;
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for (name, child) in &mut self.0 {
            if let Err(error) = child.kill().and_then(|()| child.wait()) {
                eprintln!("{name} could not be ended: {error}");
            }
        }
    }
}
