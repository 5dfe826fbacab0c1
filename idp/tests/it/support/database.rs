//! A fresh database for each test.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use enum_idp::store::{Db, embedded_url};
use sea_orm::{ConnectionTrait, Database as Connect, DatabaseConnection};
use tempfile::TempDir;

/// Names the server that tests make their databases on.
const POSTGRES: &str = "ENUM_TEST_POSTGRES";

/// Makes two tests, `…::sqlite` and `…::postgres`, of each function named; it is given an empty [`Database`].
#[macro_export]
macro_rules! on_both_databases {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            use $crate::support::database::Database;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$test(Database::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$test(Database::postgres().await).await;
            }
        }
    )+};
}

/// An empty database, and a directory that goes away with it.
#[derive(Debug)]
pub(crate) struct Database {
    /// What `database_url` is set to.
    pub(crate) url: String,
    dir: TempDir,
    /// On a server: what takes it away again.
    _guest: Option<Guest>,
}

impl Database {
    /// The embedded one.
    pub(crate) fn sqlite() -> Self {
        let dir = TempDir::new().unwrap();
        Self { url: embedded_url(dir.path()), dir, _guest: None }
    }

    /// One of its own on the server that `.ci/with-postgres` started.
    pub(crate) async fn postgres() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = std::env::var(POSTGRES) else {
            panic!(
                "{POSTGRES} is not set: run the tests through `.ci/with-postgres`, such as `.ci/with-postgres cargo test`"
            )
        };
        // Each test process has its own number, each test in it the next one.
        let name = format!("test_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let admin = Connect::connect(&server).await.unwrap_or_else(|error| panic!("{POSTGRES} ({server}): {error}"));
        admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        admin.close().await.unwrap();
        let mut url = url::Url::parse(&server).unwrap();
        url.set_path(&name);
        Self { url: url.into(), dir: TempDir::new().unwrap(), _guest: Some(Guest { server, name }) }
    }

    /// Opens it as the server does.
    pub(crate) async fn open(&self) -> Db {
        Db::open(&self.url).await.unwrap()
    }

    /// A connection to it beside the server's.
    pub(crate) async fn connect(&self) -> DatabaseConnection {
        Connect::connect(&self.url).await.unwrap()
    }

    /// A directory for whatever else the test needs.
    pub(crate) fn dir(&self) -> PathBuf {
        self.dir.path().to_owned()
    }
}

/// A database on somebody's server. It goes when its test is over: hundreds of them would fill a disk.
#[derive(Debug)]
struct Guest {
    server: String,
    name: String,
}

impl Drop for Guest {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // A thread of its own: the test's runtime may be on its way out, and must not be waited for from within.
        let gone = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let admin = Connect::connect(&server).await.unwrap();
                // The provider of the test may still hold connections.
                admin.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
                admin.close().await.unwrap();
            });
        });
        // A test that has failed says why it did, and not that something is left behind.
        assert!(gone.join().is_ok() || std::thread::panicking(), "{} cannot be removed", self.name);
    }
}
