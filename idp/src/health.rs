//! What operators ask: alive, ready, and numbers for Prometheus.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use sea_orm::ConnectionTrait;

use crate::{app::App, courier::gateway::counts::Counts};

/// What is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Verdicts of ceremonies.
    pub verdicts: Family<Verdict, Counter>,
    /// Answers of the token endpoint.
    pub tokens: Family<Tokens, Counter>,
    /// Text messages that the guard has held back.
    pub held_back: Family<HeldBack, Counter>,
    /// Enabled plugins of the catalog that do not run on this node as they should.
    pub plugins_failed: Gauge,
    /// 1 while the address database on the disk has changed and cannot be used, so that the one before still counts.
    pub places_failed: Gauge,
    /// When the address database that counts was built, in seconds since 1970; 0 without one.
    pub places_built: Gauge,
}

/// Labels of [`Metrics::verdicts`].
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Verdict {
    /// `login` or `payment`.
    pub purpose: &'static str,
    /// `passed`, `wrong`, `paused`, `stale`, `off` or `declined`.
    pub result: &'static str,
}

/// Labels of [`Metrics::tokens`].
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Tokens {
    /// `ok` or the OAuth error code.
    pub result: String,
}

/// Labels of [`Metrics::held_back`].
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct HeldBack {
    /// `number`, `country`, `type`, `unused`, or the limit's name in `[sms.guard]`.
    pub reason: &'static str,
}

impl Metrics {
    /// With the courier's counts among them.
    pub fn new(messages: &Counts) -> Self {
        let mut registry = Registry::with_prefix("enum");
        let verdicts = Family::<Verdict, Counter>::default();
        registry.register("ceremony_verdicts", "Verdicts on answers", verdicts.clone());
        let tokens = Family::<Tokens, Counter>::default();
        registry.register("token_responses", "Answers of the token endpoint", tokens.clone());
        let held_back = Family::<HeldBack, Counter>::default();
        registry.register("sms_held_back", "Text messages that the guard has held back", held_back.clone());
        let plugins_failed = Gauge::default();
        registry.register("plugins_failed", "Enabled plugins that do not run as they should", plugins_failed.clone());
        let (places_failed, places_built) = (Gauge::default(), Gauge::default());
        registry.register("places_failed", "Whether the address database cannot be read anew", places_failed.clone());
        registry.register("places_built", "When the address database was built, Unix time", places_built.clone());
        registry.register("sms_messages", "Messages at SMS gateways, by what became of them", messages.family());
        Self { registry, verdicts, tokens, held_back, plugins_failed, places_failed, places_built }
    }
}

/// The process runs.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// The database answers.
pub async fn ready(State(app): State<Arc<App>>) -> Response {
    match app.db.read().execute_unprepared("SELECT 1").await {
        Ok(_) => "ok\n".into_response(),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response()
        }
    }
}

/// OpenMetrics text.
pub async fn metrics(State(app): State<Arc<App>>) -> Response {
    let mut text = String::new();
    if let Err(error) = encode(&mut text, &app.metrics.registry) {
        tracing::error!(%error, "metrics");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
}
