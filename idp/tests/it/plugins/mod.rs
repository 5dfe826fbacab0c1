//! From a signed file to a running plugin, and all the ways there that are barred.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::support::{
    database::Database,
    provider::{GENEROUS, Provider, Written},
    publisher::{Administrator, Publisher},
};

mod publishing;
mod refusing;
mod setting;
mod switching;

/// Within which every node follows the catalog. It takes one or two on an idle machine; these tests share theirs.
const SECONDS: Duration = Duration::from_secs(15);

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
