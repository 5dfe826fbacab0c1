//! The provider as a process: its configuration, its accounts.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::process::Cores;
use crate::Error;
use crate::workload::RelyingParty;

/// A configured provider.
#[derive(Debug)]
pub(crate) struct Product {
    program: PathBuf,
    config: PathBuf,
}

/// What `account create --json` prints; other fields are ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct NewAccount {
    pub(crate) email: String,
    /// Activation code of its cipherpad.
    pub(crate) code: String,
}

impl Product {
    /// Writes configuration and clients into `dir`. Limits against floods are raised: all load comes from one address.
    ///
    /// # Errors
    /// If a plugin is missing or a file cannot be written.
    pub(crate) fn configure(
        dir: &Path,
        options: &super::Options,
        address: SocketAddr,
        client: &RelyingParty,
    ) -> Result<Self, Error> {
        let program = options.product.clone().ok_or("no --product")?;
        let plugin_dir = options.plugin_dir.as_deref().ok_or("--product needs --plugin-dir")?;
        let clients = dir.join("clients.json");
        std::fs::write(&clients, client.registration().to_string())?;
        let plugins = ["libcipherpad.so", "libmerchant.so"]
            .into_iter()
            .map(|name| pinned(&plugin_dir.join(name), &dir.join(name)))
            .collect::<Result<Vec<_>, _>>()?;
        let text = format!(
            "issuer = 'http://{address}'\nlisten = '{address}'\ndata_dir = '{data}'\nclients_file = '{clients}'\n\
             [mail]\nurl = 'file:{data}/mail'\n[sms]\nurl = 'file:{data}/sms'\n\
             [plugins]\nenabled = [{plugins}]\n[limits]\nchallenges_per_minute = 100000000\nclient_challenges_per_minute = 100000000\nemail_challenges_per_minute = 100000000\nfailures_until_check = 100000000\n",
            data = dir.join("data").display(),
            clients = clients.display(),
            plugins = plugins.join(", "),
        );
        let config = dir.join("config.toml");
        std::fs::write(&config, text)?;
        Ok(Self { program, config })
    }

    /// Creates accounts while the server is down; each comes with an activation code.
    ///
    /// # Errors
    /// If the command fails, or prints something else than one JSON object per line.
    pub(crate) fn create_accounts(&self, count: u32) -> Result<Vec<NewAccount>, Error> {
        let output = Command::new(&self.program)
            .args(["account", "create", "--email", "load{n}@example.test", "--phone", "+447400123456"])
            .args(["--activate", "--json", "--count", &count.to_string(), "--config"])
            .arg(&self.config)
            .stderr(Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(format!("account create: {}", output.status).into());
        }
        let text = String::from_utf8(output.stdout)?;
        Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
    }

    /// The command that serves.
    pub(crate) fn serve(&self, cores: Cores) -> Command {
        let mut command = cores.command(&self.program);
        command.args(["serve", "--config"]).arg(&self.config);
        command
    }
}

/// Copies a plugin and returns `'PATH@SHA256'` of the copy, as the configuration wants it: a build that goes on beside
/// the benchmark must not change what is pinned.
fn pinned(file: &Path, copy: &Path) -> Result<String, Error> {
    let bytes = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    std::fs::write(copy, &bytes)?;
    let sha256 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
    Ok(format!("'{}@{}'", copy.display(), hex::encode(sha256)))
}
