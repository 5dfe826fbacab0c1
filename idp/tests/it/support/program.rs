//! The real program, run once.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use super::{database::Database, plugins};

/// How it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A configured program.
#[derive(Debug)]
pub(crate) struct Program {
    /// Its configuration file.
    pub(crate) config: PathBuf,
}

impl Program {
    pub(crate) fn new(database: &Database) -> Self {
        let dir = database.dir();
        std::fs::write(dir.join("clients.json"), "[]").unwrap();
        let config = dir.join("enum.toml");
        let text = plugins::configuration("http://127.0.0.1:9", &dir, &database.url, "");
        std::fs::write(&config, text).unwrap();
        Self { config }
    }

    /// Changes its configuration.
    #[track_caller]
    pub(crate) fn changes(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(&self.config).unwrap();
        assert!(text.contains(from), "{from} is not in {text}");
        std::fs::write(&self.config, text.replace(from, to)).unwrap();
    }

    /// Runs a command to its end.
    pub(crate) fn runs(&self, arguments: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_enum-idp"));
        command.args(arguments).arg("--config").arg(&self.config).stdin(Stdio::null());
        if arguments[0] != "serve" {
            command.arg("--json");
        }
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { success: output.status.success(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs a command that must end well; what it printed.
    #[track_caller]
    pub(crate) fn succeeds(&self, arguments: &[&str]) -> String {
        let ended = self.runs(arguments);
        assert!(ended.success, "{arguments:?}: {}", ended.stderr);
        ended.stdout
    }

    /// A start that must fail; what it said.
    #[track_caller]
    pub(crate) fn refuses_to_serve(&self) -> String {
        let ended = self.runs(&["serve"]);
        assert!(!ended.success, "it serves");
        ended.stderr
    }
}
