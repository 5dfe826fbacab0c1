//! Somebody who builds plugins and signs them, and an administrator who runs `enum-idp plugin` and its like.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use enum_idp::plugins::signature::{NewKey, keygen, sign};
use serde_json::Value;

use super::plugins;

/// Somebody with a key.
pub(crate) struct Publisher {
    key: NewKey,
    dir: PathBuf,
}

impl Publisher {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { key: keygen(None).unwrap(), dir: dir.to_owned() }
    }

    /// What a configuration says of somebody whom it trusts.
    pub(crate) fn trusted(&self, in_process: bool) -> String {
        format!("{{ key = '{}', name = 'ACME', in_process = {in_process} }}", self.key.trusted)
    }

    pub(crate) fn key_id(&self) -> &str {
        &self.key.id
    }

    /// One of our plugins under a name of its own. Other bytes behind the library make another build of it.
    pub(crate) fn build(&self, name: &str, library: &str, tail: &[u8]) -> PathBuf {
        let mut bytes = fs::read(plugins::target_dir().join(format!("lib{library}.so"))).unwrap();
        bytes.extend_from_slice(tail);
        let path = self.dir.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// As [`Publisher::build`], of one of plugin-api's examples.
    pub(crate) fn example(&self, name: &str, example: &str, tail: &[u8]) -> PathBuf {
        let library = plugins::target_dir().join(format!("examples/lib{example}.so"));
        let mut bytes = fs::read(&library).unwrap_or_else(|error| {
            panic!("{}: {error}: run `cargo build --workspace --examples` first", library.display())
        });
        bytes.extend_from_slice(tail);
        let path = self.dir.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The zoo's beast, compiled with these definitions.
    pub(crate) fn beast(&self, name: &str, defines: &[&str]) -> PathBuf {
        let path = self.dir.join(name);
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-std=c11", "-Wno-unused-function"])
            .arg(concat!("-I", env!("CARGO_MANIFEST_DIR"), "/../plugin-api/include"))
            .args(defines.iter().map(|define| format!("-D{define}")))
            .arg("-o")
            .arg(&path)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/zoo/beast.c"))
            .output()
            .unwrap();
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        path
    }

    /// Writes the signature beside the file.
    pub(crate) fn signs(&self, file: &Path) {
        let text = sign(&fs::read(file).unwrap(), &self.key.secret, None, "a test's build").unwrap();
        fs::write(format!("{}.minisig", file.display()), text).unwrap();
    }

    pub(crate) fn signed(&self, file: PathBuf) -> PathBuf {
        self.signs(&file);
        file
    }
}

/// An administrator at the command line.
#[derive(Clone, Debug)]
pub(crate) struct Administrator {
    role: &'static str,
    config: PathBuf,
}

impl Administrator {
    /// Of the provider whose configuration this is.
    pub(crate) fn of(dir: &Path, configuration: &str) -> Self {
        let config = dir.join("administrator.toml");
        fs::write(&config, configuration).unwrap();
        Self { role: "plugin", config }
    }

    /// The same one, who runs `enum-idp ROLE …`.
    pub(crate) fn at(self, role: &'static str) -> Self {
        Self { role, ..self }
    }

    /// `enum-idp plugin …`, or of another role, not yet run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_enum-idp"));
        command.arg(self.role).args(arguments).arg("--config").arg(&self.config).arg("--json");
        command
    }

    fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may end without having read what it needs no more.
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
        child.wait_with_output().unwrap()
    }

    /// Runs `enum-idp plugin …`, which must end well; gives what it printed.
    #[track_caller]
    pub(crate) fn does(&self, arguments: &[&str]) -> Value {
        self.does_given(arguments, "")
    }

    /// As [`Administrator::does`], with something on standard input.
    #[track_caller]
    pub(crate) fn does_given(&self, arguments: &[&str], input: &str) -> Value {
        let output = self.run(arguments, input);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs `enum-idp plugin …`, which must be refused with these words.
    #[track_caller]
    pub(crate) fn is_told(&self, arguments: &[&str], words: &[&str]) {
        self.is_told_given(arguments, "", words);
    }

    /// As [`Administrator::is_told`], with something on standard input; gives all that was said.
    #[track_caller]
    pub(crate) fn is_told_given(&self, arguments: &[&str], input: &str, words: &[&str]) -> String {
        let output = self.run(arguments, input);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{arguments:?}: {word:?} is not said: {said}");
        }
        assert!(!said.contains("panicked"), "{said}");
        said
    }
}
