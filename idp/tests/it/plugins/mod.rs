//! From a signed file to a running plugin, and all the ways there that are barred.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use plugin_api::message::{AccountView, Answer, Context, Input, Purpose, Site, Step};
use serde_json::Value;

use crate::support::{
    database::Database,
    provider::{GENEROUS, Provider, Written},
    publisher::{Administrator, Publisher},
};

mod going;
mod limiting;
mod migrating;
mod out_of_step;
mod publishing;
mod refusing;
mod secrets;
mod setting;
mod switching;

/// Within which every node follows the catalog.
const SECONDS: Duration = Duration::from_secs(5);

/// A provider without the cipherpad, a publisher whom it trusts, and its administrator.
struct Place {
    provider: Arc<Provider>,
    publisher: Publisher,
    admin: Administrator,
}

impl Place {
    async fn new(database: Database) -> Self {
        let publisher = Publisher::new(&database.dir());
        let written = Written {
            pins: vec!["merchant"],
            settings: format!("trusted_keys = [{}]\n{GENEROUS}", publisher.trusted(false)),
            further: Vec::new(),
        };
        let provider = Provider::starts_as(database, written).await;
        let admin = Administrator::of(&provider.dir, &provider.configuration());
        Self { provider: Arc::new(provider), publisher, admin }
    }

    /// The provider is stopped and started again.
    async fn restarts(self) -> Self {
        let Ok(provider) = Arc::try_unwrap(self.provider) else { panic!("somebody still uses the provider") };
        Self { provider: Arc::new(provider.restarts().await), ..self }
    }

    /// As `restarts`, pinning these plugins and with these lines of configuration behind them.
    async fn restarts_as(self, pins: Vec<&'static str>, settings: &str) -> Self {
        let Ok(provider) = Arc::try_unwrap(self.provider) else { panic!("somebody still uses the provider") };
        let written = Written { pins, settings: settings.to_owned(), further: Vec::new() };
        let provider = Arc::new(provider.restarts_as(written).await);
        let admin = Administrator::of(&provider.dir, &provider.configuration());
        Self { provider, admin, ..self }
    }

    /// The cipherpad as its publisher delivers it. Another tail is another build.
    fn cipherpad(&self, tail: &str) -> String {
        let file = self.publisher.build(&format!("cipherpad{tail}.so"), "cipherpad", tail.as_bytes());
        text(&self.publisher.signed(file))
    }

    /// Installs and enables the cipherpad, and waits until it runs.
    async fn enables_cipherpad(&self) {
        self.admin.does(&["install", &self.cipherpad("")]);
        self.admin.does(&["enable", "cipherpad", "--grant-all"]);
        self.follows(|provider| provider.app.plugins.factor("cipherpad").is_some()).await;
    }

    /// A build of the errand, which does what it is told.
    fn errand(&self, example: &str, tail: &str) -> String {
        text(&self.publisher.signed(self.publisher.example(&format!("{example}{tail}.so"), example, tail.as_bytes())))
    }

    /// Installs and enables the errand with all that it asks for, and waits until it runs.
    async fn enables_errand(&self, options: &[&str]) {
        self.admin.does(&["install", &self.errand("errand", "")]);
        let grants = ["--grant-all", "--grant", "http-private:http://127.0.0.1:9"];
        self.admin.does(&[&["enable", "errand"], &grants[..], options].concat());
        self.follows(|provider| provider.app.plugins.factor("errand").is_some()).await;
    }

    /// What the errand that runs now says when it is told to do something for the account `ann`.
    async fn errand_says(&self, enrolment: &Value, fields: &[(&str, &str)]) -> Value {
        let cx = Context {
            purpose: Purpose::Authorize,
            transaction: None,
            account: AccountView { id: "ann".to_owned(), email: "ann@example.com".to_owned(), name: String::new() },
            site: Site { name: "Site".to_owned(), origin: "https://site.example".to_owned() },
            locale: "en".to_owned(),
            now: 0,
            expires_at: 1,
            random: "A".repeat(43),
            issuer: "https://id.example".to_owned(),
            summary: None,
        };
        let input = Input(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect());
        let request = Answer { cx, enrolment: enrolment.clone(), others: Vec::new(), state: Value::Null, input };
        let step = self.provider.app.plugins.factor("errand").unwrap().answer(&request).await.unwrap();
        let Step::Ask { mut data, .. } = step else { panic!("{step:?}") };
        data["reply"].take()
    }

    /// What is installed, without what its nodes say.
    fn catalog(&self) -> Value {
        let mut all = self.admin.does(&["list"]);
        for plugin in all.as_array_mut().unwrap() {
            plugin.as_object_mut().unwrap().remove("nodes");
        }
        all
    }

    /// Waits until the provider has seen what the catalog says now.
    async fn looks(&self) {
        let app = &self.provider.app;
        let now = enum_idp::store::plugin::revision(app.db.read()).await.unwrap();
        let seen = async {
            while app.plugins.revision().await != Some(now) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(SECONDS, seen).await.expect("it looks at the catalog");
    }

    /// Waits until the provider has followed.
    #[track_caller]
    fn follows(&self, done: impl Fn(&Provider) -> bool) -> impl Future<Output = ()> {
        let begun = Instant::now();
        async move {
            while !done(&self.provider) {
                assert!(begun.elapsed() < SECONDS, "it has not followed within {SECONDS:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
