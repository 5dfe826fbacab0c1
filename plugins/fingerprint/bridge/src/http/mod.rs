//! The bridge's door: HTTP/1.1 on the loopback addresses.

mod reply;
mod rules;

use std::{
    convert::Infallible,
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use http_body_util::{BodyExt as _, Limited};
use hyper::{
    Request, StatusCode,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};

use self::{reply::Reply, rules::Heard};
use crate::{
    BridgeError,
    ceremony::{self, Desk, Kind},
    refusal::Refusal,
    screen,
    settings::Origin,
};

/// How long a head may take to arrive, and then a body.
const ARRIVES_WITHIN: Duration = Duration::from_secs(5);
/// Connections at a time; more wait.
const CONNECTIONS: usize = 32;
/// Pause after a failed accept, which means that the process is out of descriptors.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Listens and answers.
pub(crate) struct Door {
    desk: Arc<Desk>,
    origins: Vec<Origin>,
    port: u16,
    /// One page at a time has the reader.
    turn: Arc<Semaphore>,
}

/// Takes the port on both loopback addresses; a computer without IPv6 has one.
pub(crate) async fn bind(port: u16) -> Result<(u16, Vec<TcpListener>), BridgeError> {
    let fail = |error| BridgeError::Listen(port, error);
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(fail)?;
    let port = first.local_addr().map_err(fail)?.port();
    let mut listeners = vec![first];
    match TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await {
        Ok(second) => listeners.push(second),
        // Somebody else there would get the requests of pages that prefer IPv6.
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => return Err(fail(error)),
        Err(_) => screen::say("enum-bridge: there is no ::1 on this computer; only 127.0.0.1 is served")?,
    }
    Ok((port, listeners))
}

impl Door {
    /// For these sites, at this port.
    pub(crate) fn new(desk: Desk, origins: Vec<Origin>, port: u16) -> Arc<Self> {
        Arc::new(Self { desk: Arc::new(desk), origins, port, turn: Arc::new(Semaphore::new(1)) })
    }

    /// Serves one listener for ever.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(place) = places.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, peer)) if peer.ip().to_canonical().is_loopback() => {
                    tokio::spawn(self.clone().connection(stream, place));
                }
                Ok(_) => {}
                Err(_) => tokio::time::sleep(AFTER_FAILURE).await,
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, _place: OwnedSemaphorePermit) {
        let answer = service_fn(move |request| {
            let door = self.clone();
            async move { Ok::<_, Infallible>(door.answer(request).await) }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(ARRIVES_WITHIN).keep_alive(false);
        // A connection that breaks off has nobody to be told of it.
        let _ended = http.serve_connection(TokioIo::new(stream), answer).await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Reply {
        let (head, body) = request.into_parts();
        match rules::hear(&head, self.port, &self.origins) {
            Err(denied) => reply::denied(&denied),
            Ok(Heard::Preflight(origin)) => reply::preflight(origin),
            Ok(Heard::Asked(origin, kind)) => match arrived(body).await {
                Ok(body) => self.asked(origin, kind, body).await,
                Err((status, code)) => reply::problem(status, code, code, Some(origin)),
            },
        }
    }

    async fn asked(&self, origin: &Origin, kind: Kind, body: Bytes) -> Reply {
        let Ok(turn) = self.turn.clone().try_acquire_owned() else {
            return reply::refused(origin, &Refusal::Busy);
        };
        // A task of its own, for a page that goes away must not leave the reader taken: this future is dropped then, the
        // ceremony sees it by `here`, and stops in good order.
        let (here, gone) = watch::channel(());
        let (desk, asking) = (self.desk.clone(), origin.clone());
        let task = tokio::spawn(async move {
            let _turn = turn;
            ceremony::run(desk, kind, &asking, &body, gone).await
        });
        let done = task.await;
        drop(here);
        match done {
            Ok(Ok(json)) => reply::credential(origin, json),
            Ok(Err(refusal)) => reply::refused(origin, &refusal),
            Err(_) => reply::refused(origin, &Refusal::Failed),
        }
    }
}

async fn arrived(body: Incoming) -> Result<Bytes, (StatusCode, &'static str)> {
    let whole = Limited::new(body, rules::LONGEST_BODY).collect();
    match tokio::time::timeout(ARRIVES_WITHIN, whole).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) => Err((StatusCode::PAYLOAD_TOO_LARGE, "too-long")),
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "too-slow")),
    }
}
