//! What a plugin may ask of the server while it is called, and all that it may not: with the errand, a factor that tries
//! whatever it is told to, in both isolations.

use std::{
    path::PathBuf,
    process::Command,
    sync::{Arc, OnceLock},
};

use enum_idp::{
    clock::{Clock, Hand, Millis},
    entropy::Entropy,
    plugins::{FactorHandle, Isolation, LoadError, Means, PluginConfig, Plugins, inspect_with},
    seal::Seal,
    store::{Db, plugin_call},
};
use plugin_api::{
    message::{Answer, Input, Purpose, Step},
    testing::context,
};
use serde_json::{Value, json};

use crate::support::database::Database;

mod audit;
mod denied;
mod http;
mod quota;
mod secret;
mod store;

/// When these tests happen.
const NOW: Millis = 1_790_000_000_000;
const ROOMS: [Isolation; 2] = [Isolation::Thread, Isolation::Process];

/// A server as plugins see it.
struct Host {
    database: Database,
    db: Db,
    means: Means,
    hand: Hand,
}

impl Host {
    async fn new(database: Database) -> Self {
        let db = database.open().await;
        let (clock, hand) = Clock::by_hand(NOW);
        let seal = Arc::new(Seal::new(&[7; 32], Entropy::system()).unwrap());
        let means = Means::new(db.clone(), seal, clock, &Entropy::system()).unwrap();
        Self { database, db, means, hand }
    }

    /// The errand, running in this room, its settings and limits changed.
    async fn runs(&self, room: Isolation, change: impl FnOnce(&mut PluginConfig)) -> Errand {
        self.tries("errand", room, change).await.unwrap()
    }

    /// As `runs`, of any build.
    async fn tries(
        &self,
        build: &str,
        room: Isolation,
        change: impl FnOnce(&mut PluginConfig),
    ) -> Result<Errand, LoadError> {
        let path = built(build);
        let program = PathBuf::from(env!("CARGO_BIN_EXE_enum-idp"));
        let sha256 = inspect_with(&path, &program).unwrap().sha256;
        let grants = vec!["http:https://localhost:9".to_owned()];
        let mut config = PluginConfig { program, isolation: room, ..PluginConfig::new(path, sha256) };
        if build != "errand_bare" {
            config.grants = grants;
        }
        change(&mut config);
        let (means, private) = (self.means.clone(), self.database.dir().join("private"));
        let load = move || Plugins::load_with(&[config], &private, &means);
        let plugins = tokio::task::spawn_blocking(load).await.unwrap()?;
        Ok(Errand(plugins.factor("errand").unwrap()))
    }

    /// What was written down, oldest first: service, subject, account and outcome.
    async fn audit(&self) -> Vec<[String; 4]> {
        self.means.settle().await;
        let mut calls = plugin_call::last(self.db.read(), "errand", false, 1000).await.unwrap();
        calls.reverse();
        calls
            .into_iter()
            .map(|call| [call.service, call.subject, call.account.unwrap_or_default(), call.outcome])
            .collect()
    }
}

/// A plugin that does what it is told.
#[derive(Clone)]
struct Errand(FactorHandle);

impl Errand {
    /// Tells it what to do in a call about an account; what came back.
    async fn does(&self, account: &str, errand: &str, fields: &[(&str, &str)]) -> Value {
        told(&self.0, account, errand, fields).await
    }

    /// The same in a call about an address without an account.
    async fn does_for_nobody(&self, id: &str, errand: &str, fields: &[(&str, &str)]) -> Value {
        told(&self.0.for_nobody(), id, errand, fields).await
    }
}

async fn told(factor: &FactorHandle, id: &str, errand: &str, fields: &[(&str, &str)]) -> Value {
    let mut cx = context(Purpose::Authorize);
    id.clone_into(&mut cx.account.id);
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let input = Input(fields.iter().map(owned).chain([owned(&("do", errand))]).collect());
    let (enrolment, others) = (json!({ "word": "w" }), Vec::new());
    let step = factor.answer(&Answer { cx, enrolment, others, state: Value::Null, input }).await;
    match step.unwrap() {
        Step::Ask { data, .. } => data["reply"].clone(),
        step => panic!("{errand}: {step:?}"),
    }
}

/// That a service was refused in this way, with these words.
#[track_caller]
fn refused(reply: &Value, status: &str, words: &str) {
    let error = reply["error"].as_str().unwrap_or_else(|| panic!("it was not refused: {reply}"));
    assert_eq!(reply["status"], status, "{error}");
    assert!(error.contains(words), "{words:?} is not said: {error}");
}

/// A plugin out of plugin-api's examples, built by cargo.
fn built(name: &str) -> PathBuf {
    static BUILT: OnceLock<Vec<(String, PathBuf)>> = OnceLock::new();
    let all = BUILT.get_or_init(|| {
        let cargo = std::env::var("CARGO").expect("cargo runs the tests");
        let output = Command::new(cargo)
            .args(["build", "--offline", "--package", "plugin-api", "--message-format", "json"])
            .args(["--example", "errand", "--example", "errand_bare"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lines = String::from_utf8(output.stdout).unwrap();
        let messages = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        messages
            .filter(|message| message["reason"] == "compiler-artifact" && message["target"]["kind"][0] == "example")
            .map(|message| {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                (text(&message["target"]["name"]), text(&message["filenames"][0]).into())
            })
            .collect()
    });
    let found = all.iter().find(|(built, _)| built == name);
    found.unwrap_or_else(|| panic!("{name} is not among {all:?}")).1.clone()
}
