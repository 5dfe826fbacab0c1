//! Codes, tokens, answers and cookies never reach the log, nor the database in readable form.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use tracing_subscriber::fmt::MakeWriter;

use crate::support::{
    database::Database,
    provider::{Provider, person_phone, text},
    sites::PURSE,
};

/// Everything that was logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Set in the process that this test starts for itself.
const ALONE: &str = "ENUM_TEST_ALONE";

#[test]
fn no_secret_is_logged_or_stored() {
    if std::env::var_os(ALONE).is_none() {
        // In one process with other tests, which have no subscriber, `tracing` may have switched lines off for good.
        let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
        let ended =
            alone.args(["--exact", "login::secrets::no_secret_is_logged_or_stored"]).env(ALONE, "1").output().unwrap();
        let said = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let lines = Lines::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(lines.clone()).finish();
    // On every thread: plugins start and run on threads of their own.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (secrets, stored) = runtime.block_on(a_busy_day());
    let logged = String::from_utf8_lossy(&lines.0.lock().unwrap()).into_owned();
    assert!(logged.contains("plugin loaded") && logged.len() > 1000, "the log was not caught: {logged}");
    for (name, secret) in &secrets {
        assert!(secret.len() >= 6, "{name} is too short to look for");
        assert!(!logged.contains(secret.as_str()), "{name} is in the log");
        assert!(!contains(&stored, secret.as_bytes()), "{name} is in the database");
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// Registers, activates, fails, logs in, refreshes, replays and pays; gives all the secrets, and the database's bytes.
async fn a_busy_day() -> (Vec<(&'static str, String)>, Vec<u8>) {
    let provider = Provider::starts(Database::sqlite()).await;
    let mut secrets = Vec::new();
    let mut keep = |name: &'static str, secret: &str| secrets.push((name, secret.to_owned()));
    let mut person = provider.stranger();
    provider.registers(&mut person, "new@example.com").await;
    keep("the link's token", provider.mailed_link("new@example.com", 1).await.rsplit('/').next().unwrap());
    let code = provider.activation_code(&person_phone("new@example.com"), 1).await;
    keep("the activation code", &code);
    keep("the activation code without dashes", &code.replace('-', ""));
    keep("the security answer", "The Jungle Book");

    let mut ann = provider.member("ann@example.com").await;
    let site = &provider.sites.site;
    let visit = site.sends(&[]);
    ann.goes(&visit).await.answers_wrongly().await;
    let answer = ann.pad.answer(&ann.person.challenge());
    keep("an answer", &answer);
    ann.person.types("answer", &answer).presses("continue").await;
    ann.allows().await;
    keep("the browser's cookie", &ann.person.cookies["enum_browser"]);
    keep("the session's cookie", &ann.person.cookies["enum_session"]);
    let code = ann.person.brings_back()["code"].clone();
    keep("the code", &code);
    let tokens = site.redeems(&visit, &code).await.expect(200);
    site.redeems(&visit, &code).await.error();
    for name in ["access_token", "refresh_token", "id_token"] {
        keep(name, &text(&tokens, name));
    }
    site.refreshes(&text(&tokens, "refresh_token")).await.error();
    keep("the client's secret", &site.secret);
    keep("the code verifier", &visit.verifier);

    let visit = provider.sites.shop.asks_to_pay(1050, &[]).await;
    let request_uri = visit.link.rsplit("request_uri%3A").next().unwrap().to_owned();
    keep("the request_uri", &request_uri);
    ann.person = provider.stranger();
    ann.goes(&visit).await;
    let answer = ann.pad.pay(&ann.person.challenge(), PURSE, 1050);
    keep("a payment's answer", &answer);
    ann.person.types("answer", &answer).presses("continue").await;
    let code = ann.person.brings_back()["code"].clone();
    provider.sites.shop.redeems(&visit, &code).await.expect(200);

    let mut stored = Vec::new();
    for file in std::fs::read_dir(&provider.dir).unwrap() {
        let path = file.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with("enum.sqlite") {
            stored.extend(std::fs::read(path).unwrap());
        }
    }
    assert!(contains(&stored, b"ann@example.com"), "the database was not found");
    (secrets, stored)
}
