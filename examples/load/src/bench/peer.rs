//! The reference server from npm as a process: whether it is installed, and how it is started.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::process::Cores;
use crate::Error;
use crate::workload::{RelyingParty, Workload};

/// What the reference server is measured with: it knows no payments and no challenges.
pub(crate) const WORKLOADS: [Workload; 4] = [Workload::Login, Workload::Refresh, Workload::Keys, Workload::Discovery];

/// An installed reference server.
#[derive(Debug)]
pub(crate) struct Peer {
    script: PathBuf,
    clients: PathBuf,
    address: SocketAddr,
    about: String,
}

/// The part of an npm package's description that is shown.
#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    version: String,
}

impl Peer {
    /// Looks for the server in `folder` and writes its clients into `dir`.
    ///
    /// # Errors
    /// If it is not installed, with what installs it; or if there is no `node`.
    pub(crate) fn configure(
        folder: &Path,
        dir: &Path,
        address: SocketAddr,
        client: &RelyingParty,
    ) -> Result<Self, Error> {
        let about = format!("{} on node {}", installed(folder)?, node_version()?);
        let clients = dir.join("peer-clients.json");
        std::fs::write(&clients, client.registration().to_string())?;
        Ok(Self { script: folder.join("server.mjs"), clients, address, about })
    }

    /// Name and version of the server and of what runs it.
    pub(crate) fn about(&self) -> &str {
        &self.about
    }

    /// The command that serves.
    pub(crate) fn serve(&self, cores: Cores) -> Command {
        let mut command = cores.command(Path::new("node"));
        command.env("NODE_ENV", "production").arg(&self.script);
        command.args(["--listen", &self.address.to_string(), "--clients"]).arg(&self.clients);
        command
    }
}

/// Name and version of the package in `folder`.
fn installed(folder: &Path) -> Result<String, Error> {
    let file = folder.join("node_modules/oidc-provider/package.json");
    let how = |error| format!("{}: {error}; `npm ci` in {} installs it", file.display(), folder.display());
    let package: Package = serde_json::from_slice(&std::fs::read(&file).map_err(how)?)?;
    Ok(format!("{} {}", package.name, package.version))
}

fn node_version() -> Result<String, Error> {
    let output = Command::new("node").arg("--version").output().map_err(|error| format!("node: {error}"))?;
    if !output.status.success() {
        return Err(format!("node --version: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_folder_without_the_package_says_what_installs_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = installed(folder.path()).unwrap_err().to_string();
        assert!(error.contains("oidc-provider") && error.contains("`npm ci`"), "{error}");
        assert!(!error.contains('\n'), "one line: {error}");
    }

    #[test]
    fn an_installed_package_is_named_with_its_version() {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("node_modules/oidc-provider");
        std::fs::create_dir_all(&package).unwrap();
        std::fs::write(package.join("package.json"), r#"{"name":"oidc-provider","version":"9.13.3","type":"module"}"#)
            .unwrap();
        assert_eq!(installed(folder.path()).unwrap(), "oidc-provider 9.13.3");
    }
}
