//! Where the animals are made.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use enum_idp::plugins::{
    CallError, FactorHandle, Inspection, Isolation, LoadError, PluginConfig, Plugins, inspect_with,
};
use plugin_api::message::{Begin, Purpose, Step};
use plugin_api::testing::context;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The program whose role `plugin-host` the processes of plugins run in: the tests' own has none.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_enum-idp");

/// Both places where a plugin's code can run.
pub(crate) const ROOMS: [Isolation; 2] = [Isolation::Thread, Isolation::Process];

/// A folder of one test.
pub(crate) struct Den(TempDir);

impl Den {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Where the host puts its private copies.
    pub(crate) fn private(&self) -> PathBuf {
        self.path("private")
    }

    /// A plugin out of any bytes.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The beast, compiled with these definitions.
    pub(crate) fn beast(&self, defines: &[&str]) -> PathBuf {
        let library = self.path(&format!("beast-{}.so", fs::read_dir(self.0.path()).unwrap().count()));
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-std=c11", "-Wall", "-Wextra", "-Wno-unused-function"])
            .arg(concat!("-I", env!("CARGO_MANIFEST_DIR"), "/../plugin-api/include"))
            .args(defines.iter().map(|define| format!("-D{define}")))
            .arg("-o")
            .arg(&library)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/zoo/beast.c"))
            .output()
            .unwrap();
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        library
    }

    /// A plugin that does no harm.
    pub(crate) fn lamb(&self) -> PathBuf {
        self.beast(&[r#"ID="lamb""#])
    }
}

/// A Rust plugin out of plugin-api's examples, built by cargo.
pub(crate) fn example(name: &str) -> PathBuf {
    let cargo = env::var("CARGO").expect("cargo runs the tests");
    let output = Command::new(cargo)
        .args(["build", "--offline", "--package", "plugin-api", "--message-format", "json", "--example", name])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let messages = String::from_utf8(output.stdout).unwrap();
    let artefact = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|message| message["target"]["name"] == name)
        .expect("cargo names what it built");
    PathBuf::from(artefact["filenames"][0].as_str().unwrap())
}

/// A configuration that pins the file as it is now.
pub(crate) fn pinned(path: &Path) -> PluginConfig {
    PluginConfig { program: PROGRAM.into(), ..PluginConfig::new(path, sha256(path)) }
}

/// A configuration for a plugin that is sound, by way of what an administrator would use.
pub(crate) fn inspected(path: &Path) -> PluginConfig {
    PluginConfig { program: PROGRAM.into(), ..PluginConfig::new(path, inspect(path).unwrap().sha256) }
}

/// The same plugin, to be run in this room.
pub(crate) fn within(room: Isolation, config: PluginConfig) -> PluginConfig {
    PluginConfig { isolation: room, ..config }
}

pub(crate) fn inspect(path: &Path) -> Result<Inspection, LoadError> {
    inspect_with(path, Path::new(PROGRAM))
}

pub(crate) fn sha256(path: &Path) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(fs::read(path).unwrap()))
}

/// Asks for a challenge, with a word that tells a beast what to do.
pub(crate) async fn tell(factor: &FactorHandle, word: &str) -> Result<Step, CallError> {
    factor.begin(&Begin { cx: context(Purpose::Authorize), enrolment: json!(word), others: Vec::new() }).await
}

/// What both lamb and beast answer when they behave.
pub(crate) fn asks() -> Step {
    Step::ask("ask.html", json!({}), json!(1))
}

/// A beast with these limits, and the lamb beside it, both in such a room.
pub(crate) fn pair(den: &Den, room: Isolation, limits: impl FnOnce(&mut PluginConfig)) -> (FactorHandle, FactorHandle) {
    let mut beast = inspected(&den.beast(&[]));
    limits(&mut beast);
    let configs = [beast, inspected(&den.lamb())].map(|config| within(room, config));
    let plugins = Plugins::load(&configs, &den.private()).unwrap();
    (plugins.factor("beast").unwrap(), plugins.factor("lamb").unwrap())
}
