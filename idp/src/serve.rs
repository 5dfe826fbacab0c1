//! From a configuration to a running provider.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::watch, time::MissedTickBehavior};
use tracing_subscriber::EnvFilter;

use crate::{
    account,
    account::recovery::Questions,
    app::{self, App},
    clock::{Clock, MINUTE},
    config::Config,
    courier::Courier,
    entropy::Entropy,
    error::Internal,
    health::Metrics,
    keys::Keys,
    limits::Limits,
    listen,
    login::{Decoys, Sets, policy::kept::InForce},
    oidc::{self, client::Clients, discovery::Documents},
    pages::Pages,
    places::{Followed, Places},
    plugins::{FactorHandle, Ground, Means, Plugins, ServiceHandle, Source, State, catalog::Catalog},
    seal::{self, Seal},
    store::{self, Db, StoreError},
};

/// Where in the data directory the plugin files lie that are loaded.
const PRIVATE_COPIES: &str = "plugins";
/// How often a node looks whether the catalog of plugins has changed.
const LOOK_AT_CATALOG: Duration = Duration::from_secs(1);
/// How often receipts are put into the public log.
const LOG_RECEIPTS: Duration = Duration::from_secs(1);
/// How often a node looks whether the address database has changed.
const LOOK_AT_PLACES: Duration = Duration::from_secs(2);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Log lines to standard error; `ENUM_LOG` sets the filter.
pub fn logging() {
    let filter = EnvFilter::try_from_env("ENUM_LOG").unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,sea_orm=warn"));
    // A second call (tests) finds the subscriber set; that one stays.
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    drop(tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).try_init());
}

/// Builds every service, with the machine's clock and generator.
///
/// # Errors
/// When anything that the configuration names is missing or wrong; says what, and what to do.
pub async fn build(config: Config) -> Result<Arc<App>, Failure> {
    build_with(config, Clock::system(), Entropy::system()).await
}

/// As [`build`], with the given clock and generator.
///
/// # Errors
/// As [`build`].
pub async fn build_with(config: Config, clock: Clock, entropy: Entropy) -> Result<Arc<App>, Failure> {
    let (db, seal) = data(&config, &entropy).await?;
    let means = Means::new(db.clone(), seal.clone(), clock.clone(), &entropy)?;
    let plugins = pinned(&config, &means).await?;
    let (factors, services) = (plugins.factors(), plugins.services());
    let descriptions = factors.iter().map(FactorHandle::description);
    let pages = Pages::new(descriptions.chain(services.iter().map(ServiceHandle::description)))?;
    start_catalog(&plugins, &source(&config, &db, &seal, &means), &pages).await?;
    let policy = InForce::load(&db).await?;
    let keys = Keys::load(db.clone(), &seal, clock.clone()).await?;
    let clients = Clients::load(config.clients_file.as_deref(), &seal, db.clone(), clock.clone()).await?;
    let clients = clients.with_own(&account::area::client(&config))?;
    let courier = Courier::new(&config, clock.clone(), entropy.clone())?;
    let places = Places::open(config.places.database.as_deref())?;
    Ok(Arc::new(App {
        limits: Limits::new(),
        discovery: Documents::new(&config, &plugins, &policy.now()),
        decoys: Decoys::default(),
        sets: Sets::default(),
        questions: Questions::default(),
        metrics: Metrics::new(&courier.counts()),
        config,
        clock,
        entropy,
        seal,
        db,
        means,
        plugins,
        policy,
        keys,
        clients,
        pages,
        courier,
        places,
    }))
}

/// The database, and what its secrets are sealed with.
async fn data(config: &Config, entropy: &Entropy) -> Result<(Db, Arc<Seal>), Failure> {
    private_dir(&config.data_dir)?;
    let master = seal::master_key(&config.data_dir, entropy)?;
    let seal = Arc::new(Seal::new(&master, entropy.clone())?);
    let url = config.database_url();
    let db = Db::open(&url).await.map_err(|error| format!("database {}: {error}", without_password(&url)))?;
    check_master_key(&db, &seal).await?;
    Ok((db, seal))
}

/// The catalog of plugins, without starting any: what is in there may be what keeps the server from starting.
///
/// # Errors
/// As [`build`].
pub async fn catalog(config: &Config) -> Result<Catalog, Failure> {
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let (db, seal) = data(config, &entropy).await?;
    let means = Means::new(db.clone(), seal.clone(), clock.clone(), &entropy)?;
    Ok(Catalog::new(source(config, &db, &seal, &means), clock, config.plugins.enabled.clone()))
}

/// The database, for commands that only read.
///
/// # Errors
/// As [`build`].
pub async fn database(config: &Config) -> Result<Db, Failure> {
    Ok(data(config, &Entropy::system()).await?.0)
}

/// Starts the plugins of the configuration. They may use their services while they start, which needs the runtime.
async fn pinned(config: &Config, means: &Means) -> Result<Plugins, Failure> {
    let (list, dir) = (config.plugins.enabled.clone(), config.data_dir.join(PRIVATE_COPIES));
    let means = means.clone();
    Ok(tokio::task::spawn_blocking(move || Plugins::load_with(&list, &dir, &means)).await??)
}

fn source(config: &Config, db: &Db, seal: &Arc<Seal>, means: &Means) -> Source {
    let ground = Ground {
        keys: config.plugins.trusted_keys.clone().into(),
        private_dir: config.data_dir.join(PRIVATE_COPIES),
        program: config.plugins.program.clone(),
        means: means.clone(),
    };
    Source { db: db.clone(), seal: seal.clone(), ground }
}

/// Starts what is enabled. One that does not start is told of and leaves the others alone; it is tried again later.
async fn start_catalog(plugins: &Plugins, source: &Source, pages: &Pages) -> Result<(), Failure> {
    let enabled = store::plugin::all(source.db.read()).await?.into_iter().filter(|row| row.enabled);
    if let Some(twice) = enabled.map(|row| row.id).find(|id| plugins.is_pinned(id)) {
        return Err(format!(
            "plugin {twice} is in `plugins.enabled` of the configuration and enabled in the catalog as well: take it out \
             of the configuration, or run `enum-idp plugin disable {twice}`"
        )
        .into());
    }
    plugins.follow(source, pages).await?;
    Ok(())
}

/// The data directory holds the master key and private copies of plugins: nobody else may look inside.
fn private_dir(dir: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    if !dir.exists() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(|error| format!("data_dir {} cannot be made: {error}", dir.display()))?;
    }
    let mode = std::fs::metadata(dir)?.permissions().mode();
    if mode & 0o002 != 0 {
        return Err(format!("data_dir {} can be written by anybody: run `chmod o-w` on it", dir.display()).into());
    }
    Ok(())
}

/// A password in a database URL must not reach a log.
fn without_password(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut url) if url.password().is_some() => match url.set_password(Some("***")) {
            Ok(()) => url.to_string(),
            Err(()) => "(not shown)".to_owned(),
        },
        Ok(url) => url.to_string(),
        Err(_) => "(not a URL)".to_owned(),
    }
}

/// A database opened under another master key would look empty of secrets and fill up with unreadable ones.
async fn check_master_key(db: &Db, seal: &Seal) -> Result<(), Failure> {
    let mine = seal.check_value().to_owned();
    let check = mine.clone();
    let stored = db
        .write(move |tx| {
            Box::pin(async move { Ok::<_, Internal>(store::meta::get_or_set(tx, "master_key_check", &check).await?) })
        })
        .await?;
    if stored == mine {
        return Ok(());
    }
    Err("this database was sealed under another master key: restore data_dir/master.key, or set ENUM_MASTER_KEY".into())
}

/// Listens and serves until SIGINT or SIGTERM, then finishes what has begun.
///
/// # Errors
/// As [`build`], and when the address cannot be listened on.
pub async fn run(config: Config) -> Result<(), Failure> {
    let app = build(config).await?;
    let listen = app.config.listen;
    let listener = TcpListener::bind(listen).await.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    tracing::info!(address = %listener.local_addr()?, issuer = app.config.issuer, "serving");
    serve_on(app, listener, stop_signal()).await
}

/// Serves on `listener` until `stop` ends; then finishes what has begun, the message that is being sent included.
///
/// # Errors
/// When the courier's task failed.
pub async fn serve_on(
    app: Arc<App>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Failure> {
    let (stopping, stopped) = watch::channel(false);
    let courier = tokio::spawn(app.courier.clone().run(app.db.clone(), app.seal.clone(), wait_for(stopped)));
    let sweeper = tokio::spawn(sweep(app.clone()));
    let deletions = tokio::spawn(delete_accounts(app.clone()));
    let keys = tokio::spawn(refresh_keys(app.clone()));
    let plugins = tokio::spawn(follow_catalog(app.clone()));
    let receipts = tokio::spawn(log_receipts(app.clone()));
    let places = tokio::spawn(follow_places(app.clone()));
    let means = app.means.clone();
    let proxies = app.config.proxy.clone();
    listen::serve(app::routes(app), listener, proxies, stop).await;
    sweeper.abort();
    deletions.abort();
    keys.abort();
    plugins.abort();
    receipts.abort();
    places.abort();
    stopping.send_replace(true);
    means.settle().await;
    if let Ok(ended) = tokio::time::timeout(listen::GRACE, courier).await {
        return Ok(ended?);
    }
    tracing::warn!("a message was being sent; the next start sends it again when its lease is over");
    Ok(())
}

async fn wait_for(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop as well.
    drop(stopped.wait_for(|stopped| *stopped).await);
}

async fn stop_signal() {
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(error) => {
                tracing::warn!(%error, "SIGTERM is not handled");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => {
            if let Err(error) = interrupted {
                tracing::warn!(%error, "SIGINT is not handled");
            }
        }
        () = terminate => {}
    }
    tracing::info!("stopping");
}

/// Keys that another node, or a command, has rotated.
async fn refresh_keys(app: Arc<App>) {
    let mut tick = tokio::time::interval(std::time::Duration::from_millis(MINUTE.unsigned_abs()));
    tick.tick().await;
    loop {
        tick.tick().await;
        if let Err(error) = app.keys.refresh(&app.seal).await {
            tracing::error!(%error, "signing keys could not be read again");
        }
    }
}

/// What another node, or a command, has changed in the catalog of plugins, or in the policy, which raises its revision too.
async fn follow_catalog(app: Arc<App>) {
    let source = source(&app.config, &app.db, &app.seal, &app.means);
    let mut tick = tokio::time::interval(LOOK_AT_CATALOG);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut reachable = true;
    loop {
        tick.tick().await;
        match follow_once(&app, &source).await {
            Ok(state) => {
                reachable = true;
                app.metrics.plugins_failed.set(i64::try_from(state.failed.len()).unwrap_or(i64::MAX));
            }
            Err(error) => {
                if reachable {
                    tracing::error!(%error, "the catalog of plugins and the policy cannot be read; what runs goes on");
                }
                reachable = false;
            }
        }
    }
}

async fn follow_once(app: &App, source: &Source) -> Result<State, StoreError> {
    let state = app.plugins.follow(source, &app.pages).await?;
    let policy = match app.plugins.revision().await {
        Some(revision) => app.policy.follow(&app.db, revision).await?,
        None => false,
    };
    if state.changed || policy {
        app.discovery.renew(&app.config, &app.plugins, &app.policy.now());
    }
    Ok(state)
}

/// Puts receipts into the public log.
async fn log_receipts(app: Arc<App>) {
    let mut tick = tokio::time::interval(LOG_RECEIPTS);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut works = true;
    loop {
        tick.tick().await;
        match oidc::receipt_log::append_all(&app).await {
            Ok(()) => works = true,
            // Another node was faster, and does what is to be done.
            Err(StoreError::Conflict(_)) => {}
            Err(error) => {
                if works {
                    tracing::error!(%error, "receipts could not be put into the log; it is tried again every second");
                }
                works = false;
            }
        }
    }
}

/// An address database that was put in the place of the one that was read.
async fn follow_places(app: Arc<App>) {
    if !app.places.is_on() {
        return;
    }
    let built = || app.places.built().and_then(|at| i64::try_from(at).ok()).unwrap_or(0);
    app.metrics.places_built.set(built());
    let mut tick = tokio::time::interval(LOOK_AT_PLACES);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        match app.places.follow().await {
            Followed::Same => {}
            Followed::Renewed => {
                app.metrics.places_failed.set(0);
                app.metrics.places_built.set(built());
                tracing::info!(built = built(), "another address database counts");
            }
            Followed::Bad(error) => {
                app.metrics.places_failed.set(1);
                tracing::warn!(%error, "the address database cannot be used; the one before still counts");
            }
        }
    }
}

/// Deletes the accounts whose time has come.
async fn delete_accounts(app: Arc<App>) {
    let mut tick = tokio::time::interval(std::time::Duration::from_millis(MINUTE.unsigned_abs()));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Err(error) = account::deletion::work::carry_out_due(&app).await {
            tracing::error!(%error, "accounts that are to be deleted could not be read");
        }
    }
}

/// Deletes what has expired, a batch at a time.
async fn sweep(app: Arc<App>) {
    let pause = std::time::Duration::from_millis(MINUTE.unsigned_abs());
    loop {
        let now = app.clock.now();
        let swept = app
            .db
            .write(move |tx| Box::pin(async move { Ok::<_, Internal>(store::expiry::sweep(tx, now).await?) }))
            .await;
        match swept {
            Ok(0) => tokio::time::sleep(pause).await,
            Ok(rows) => tracing::debug!(rows, "expired rows deleted"),
            Err(error) => {
                tracing::error!(%error, "expired rows could not be deleted");
                tokio::time::sleep(pause).await;
            }
        }
    }
}
