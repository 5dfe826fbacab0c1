//! Requests of plugins: where they lead, what they carry, and what comes back of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, http::HeaderMap, response::Redirect, routing::get};
use enum_idp::plugins::{Isolation, PluginConfig};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Errand, Host, ROOMS, refused};
use crate::{on_both_databases, support::database::Database};

on_both_databases! {
    a_granted_private_origin_is_reached,
    only_what_was_granted_is_reached,
    a_private_address_is_not_reached_as_a_public_one,
    a_redirect_comes_back_and_is_not_followed,
    what_is_too_long_or_too_slow_is_cut_off,
    what_belongs_to_the_connection_is_refused,
}

/// A server on a port of the loopback interface.
struct Site {
    origin: String,
    hits: Arc<AtomicUsize>,
}

impl Site {
    async fn opens() -> Self {
        let hits = Arc::new(AtomicUsize::new(0));
        let counted = hits.clone();
        let echo = |headers: HeaderMap, body: String| async move {
            let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
            json!({
                "authorization": text("authorization"), "errand": text("x-errand"), "host": text("host"), "body": body,
            })
            .to_string()
        };
        let routes = Router::new()
            .route("/echo", get(echo).post(echo))
            .route("/away", get(|| async { Redirect::temporary("/echo") }))
            .route("/large", get(|| async { "x".repeat(256 << 10) }))
            .route("/too-large", get(|| async { "x".repeat((256 << 10) + 1) }))
            .route("/slow", get(std::future::pending::<&'static str>))
            .layer(axum::middleware::from_fn(move |request, next: axum::middleware::Next| {
                counted.fetch_add(1, Ordering::SeqCst);
                next.run(request)
            }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { origin, hits }
    }

    fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }

    fn granted(&self) -> impl FnOnce(&mut PluginConfig) + use<> {
        let grant = format!("http-private:{}", self.origin);
        move |config| {
            config.grants = vec![grant];
            config.settings = json!({ "token": "hush" });
        }
    }
}

async fn asks(errand: &Errand, method: &str, url: &str, more: &[(&str, &str)]) -> Value {
    let fields: Vec<_> = [("method", method), ("url", url)].into_iter().chain(more.iter().copied()).collect();
    errand.does("ann", "http", &fields).await
}

async fn a_granted_private_origin_is_reached(database: Database) {
    let (host, site) = (Host::new(database).await, Site::opens().await);
    for room in ROOMS {
        let errand = host.runs(room, site.granted()).await;
        let url = format!("{}/echo?q=private", site.origin);
        let reply = asks(&errand, "POST", &url, &[("data", "a body"), ("header_secret", "/token")]).await;
        assert_eq!(reply["status"], 200, "{reply}");
        let heard: Value = serde_json::from_str(reply["body"].as_str().unwrap()).unwrap();
        assert_eq!((&heard["authorization"], &heard["errand"]), (&json!("Bearer hush"), &json!("1")));
        assert_eq!((&heard["body"], heard["host"].as_str()), (&json!("a body"), site.origin.strip_prefix("http://")));
        assert_eq!(asks(&errand, "GET", &format!("{}/nowhere", site.origin), &[]).await["status"], 404);
    }
    let audit = host.audit().await;
    let subject = format!("{}/echo", site.origin);
    assert_eq!(audit[0], ["http.send", subject.as_str(), "ann", "ok"], "without the query");
}

async fn only_what_was_granted_is_reached(database: Database) {
    let (host, site, other) = (Host::new(database).await, Site::opens().await, Site::opens().await);
    for room in ROOMS {
        let errand = host.runs(room, site.granted()).await;
        let port = site.origin.rsplit(':').next().unwrap();
        for url in [
            format!("{}/echo", other.origin),
            format!("http://localhost:{port}/echo"),
            format!("https://127.0.0.1:{port}/echo"),
            "http://127.0.0.1/echo".to_owned(),
            format!("http://127.0.0.1:{port}@{}/echo", other.origin.strip_prefix("http://").unwrap()),
            "file:///etc/passwd".to_owned(),
            "data:text/plain,x".to_owned(),
        ] {
            refused(&asks(&errand, "GET", &url, &[]).await, "denied", "was not granted");
        }
        refused(&asks(&errand, "GET", "/echo", &[]).await, "failed", "url: ");
        refused(&asks(&errand, "CONNECT", &site.origin, &[]).await, "failed", "method: ");
        let named = site.origin.replace("http://", "http://ann:hush@");
        let told = asks(&errand, "GET", &named, &[]).await;
        refused(&told, "failed", "name or password");
        assert!(!told.to_string().contains("hush"));
        // One address has many ways of writing, and they are one origin.
        for odd in ["127.1", "0x7f.1", "2130706433", "0177.0.0.1"] {
            assert_eq!(asks(&errand, "GET", &format!("http://{odd}:{port}/echo"), &[]).await["status"], 200, "{odd}");
        }
    }
    assert_eq!((site.hits(), other.hits()), (8, 0));
}

async fn a_private_address_is_not_reached_as_a_public_one(database: Database) {
    let host = Host::new(database).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for room in ROOMS {
        let grant = format!("http:https://localhost:{port}");
        let errand = host.runs(room, |config| config.grants = vec![grant]).await;
        let told = asks(&errand, "GET", &format!("https://localhost:{port}/"), &[]).await;
        refused(&told, "denied", "localhost resolves to ");
        refused(&told, "denied", "which is not public");
        // As an address it could not even be granted.
        for odd in ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"] {
            let grant = format!("http:https://{odd}:{port}");
            let Err(error) = host.tries("errand", room, |config| config.grants = vec![grant]).await else {
                panic!("{odd} was granted")
            };
            assert!(error.to_string().contains("not public"), "{error}");
        }
    }
    let audit = host.audit().await;
    let denied: Vec<_> = audit.iter().map(|[service, _, _, outcome]| (service.as_str(), outcome.as_str())).collect();
    assert_eq!(denied, [("http.send", "denied"); 2]);
    let connected = tokio::time::timeout(Duration::from_millis(100), listener.accept()).await;
    assert!(connected.is_err(), "somebody connected");
}

async fn a_redirect_comes_back_and_is_not_followed(database: Database) {
    let (host, site) = (Host::new(database).await, Site::opens().await);
    let errand = host.runs(Isolation::Process, site.granted()).await;
    let reply = asks(&errand, "GET", &format!("{}/away", site.origin), &[]).await;
    assert_eq!((&reply["status"], &reply["headers"]["location"]), (&json!(307), &json!("/echo")));
    assert_eq!(site.hits(), 1);
}

async fn what_is_too_long_or_too_slow_is_cut_off(database: Database) {
    let (host, site) = (Host::new(database).await, Site::opens().await);
    for room in ROOMS {
        let granted = site.granted();
        let errand = host
            .runs(room, |config| {
                granted(config);
                config.deadline_ms = 2000;
            })
            .await;
        let large = asks(&errand, "GET", &format!("{}/large", site.origin), &[]).await;
        assert_eq!(large["body"].as_str().unwrap().len(), 256 << 10);
        let too_large = asks(&errand, "GET", &format!("{}/too-large", site.origin), &[]).await;
        refused(&too_large, "failed", "more than 262144 bytes");
        let body = "x".repeat((64 << 10) + 1);
        let told = asks(&errand, "POST", &format!("{}/echo", site.origin), &[("data", &body)]).await;
        refused(&told, "failed", "body: it has 65537 bytes, and may have 65536");

        let started = Instant::now();
        let slow = asks(&errand, "GET", &format!("{}/slow", site.origin), &[]).await;
        refused(&slow, "failed", "no whole response within");
        let took = started.elapsed();
        assert!(took > Duration::from_millis(1500) && took < Duration::from_secs(2), "{took:?}");
        let words = "request failed";
        drop(slow);
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let grant = format!("http-private:http://{gone}");
        let errand = host.runs(room, |config| config.grants = vec![grant]).await;
        refused(&asks(&errand, "GET", &format!("http://{gone}/?q=hush"), &[]).await, "failed", words);
    }
    let audit = host.audit().await;
    assert!(
        audit.iter().any(|[_, subject, _, outcome]| subject.ends_with("/slow") && outcome == "failed"),
        "{audit:?}"
    );
}

async fn what_belongs_to_the_connection_is_refused(database: Database) {
    let (host, site) = (Host::new(database).await, Site::opens().await);
    let granted = site.granted();
    let errand = host
        .runs(Isolation::Thread, |config| {
            granted(config);
            config.settings = json!({ "token": "hush\r\nhost: other" });
        })
        .await;
    let told = asks(&errand, "GET", &format!("{}/echo", site.origin), &[("header_secret", "/token")]).await;
    refused(&told, "failed", "`authorization` cannot have this value");
    assert!(!told.to_string().contains("hush"), "{told}");
    let told = asks(&errand, "GET", &format!("{}/echo", site.origin), &[("header_secret", "/none")]).await;
    refused(&told, "failed", "there is no secret `/none`");
    assert_eq!(site.hits(), 0);
}
