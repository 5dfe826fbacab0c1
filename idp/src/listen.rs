//! Connections: accepted, bounded in time, and ended in good order.
//!
//! A client that sends its request a byte at a time, or not to its end, must not hold a socket for ever, nor keep the
//! process from stopping.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use crate::proxies::Proxies;

/// How long the head of a request may take to arrive.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// How long requests that have begun may take once the process is told to stop.
pub(crate) const GRACE: Duration = Duration::from_secs(3);
/// Pause after a failed accept, which means that the process is out of descriptors.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Serves `router` until `stop` ends, then for [`GRACE`] what has begun. Who a request is from is what `proxies` say.
pub(crate) async fn serve(router: Router, listener: TcpListener, proxies: Proxies, stop: impl Future<Output = ()>) {
    let serving = Serving { router, proxies: Arc::new(proxies) };
    let open = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, peer)) => connection(&http, &open, serving.clone(), stream, peer),
            Err(error) => {
                tracing::error!(%error, "a connection could not be accepted");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(GRACE, open.shutdown()).await.is_err() {
        tracing::warn!("requests that did not end in time were cut off");
    }
}

/// What every connection is served with.
#[derive(Clone)]
struct Serving {
    router: Router,
    proxies: Arc<Proxies>,
}

fn connection(http: &http1::Builder, open: &GracefulShutdown, serving: Serving, stream: TcpStream, peer: SocketAddr) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "nodelay");
    }
    let answer = service_fn(move |request: Request<Incoming>| {
        let Serving { router, proxies } = serving.clone();
        async move {
            let mut request = request.map(Body::new);
            let client = proxies.client(peer, request.headers());
            request.extensions_mut().insert(ConnectInfo(client));
            router.oneshot(request).await
        }
    });
    let served = open.watch(http.serve_connection(TokioIo::new(stream), answer));
    tokio::spawn(async move {
        if let Err(error) = served.await {
            tracing::debug!(%error, "connection");
        }
    });
}
