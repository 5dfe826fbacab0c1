//! Keeps one session with an SMSC up: connects, binds as transceiver, and begins again when it ends.

use std::{sync::Arc, time::Duration};

use rusmpp_core::{
    CommandStatus,
    pdus::owned::{BindTransceiver, Pdu},
    types::owned::COctetString,
    values::InterfaceVersion,
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    net::TcpStream,
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{
    receipts::Receipts,
    session::{self, Delivered, Session, Stream},
};
use crate::entropy::Entropy;

/// Longest that connecting, the TLS handshake and the bind take together.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);
/// Longest that the SMSC may take to say good-bye.
const PART_WITHIN: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Where the SMSC is and who we are to it.
pub(super) struct Terms {
    pub(super) host: String,
    pub(super) port: u16,
    /// Present for `smpps:`.
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) system_id: COctetString<1, 16>,
    pub(super) password: COctetString<1, 9>,
    pub(super) system_type: COctetString<1, 13>,
    pub(super) window: usize,
    pub(super) enquire_every: Duration,
}

/// Whether there is a session.
#[derive(Clone, Debug)]
pub(super) enum State {
    /// Nobody keeps it up yet, or any more; or the last attempt failed, for this reason.
    Down(Arc<str>),
    Connecting,
    Up(Session),
}

/// Keeps a session up until `stop` becomes true, and tells of it in `state`.
pub(super) async fn keep_up(
    terms: &Terms,
    state: &watch::Sender<State>,
    receipts: Receipts,
    entropy: Entropy,
    mut stop: watch::Receiver<bool>,
) {
    let name = receipts.gateway().to_owned();
    let mut pause = FIRST_PAUSE;
    loop {
        let Some(ended) = once(terms, state, &receipts, stop.clone()).await else { break };
        if ended.was_up {
            pause = FIRST_PAUSE;
        }
        let wait = pause + jitter(&entropy, pause);
        tracing::warn!(
            gateway = name,
            why = ended.why,
            wait_ms = wait.as_millis(),
            "courier: no session with the SMSC"
        );
        state.send_replace(State::Down(ended.why.into()));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stopped(&mut stop) => break,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    state.send_replace(State::Down("the server is stopping".into()));
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stopped| *stopped).await);
}

/// Up to a quarter more, so that nodes which lost their sessions together do not come back together.
fn jitter(entropy: &Entropy, pause: Duration) -> Duration {
    let byte = entropy.bytes::<1>().map_or(0, |[byte]| byte);
    pause * u32::from(byte) / (4 * 256)
}

struct Ended {
    was_up: bool,
    why: String,
}

/// One session, from its beginning to its end; `None` when it was we who ended it.
async fn once(
    terms: &Terms,
    state: &watch::Sender<State>,
    receipts: &Receipts,
    mut stop: watch::Receiver<bool>,
) -> Option<Ended> {
    state.send_replace(State::Connecting);
    let begun = tokio::select! {
        begun = timeout(CONNECT_WITHIN, begin(terms)) => begun,
        () = stopped(&mut stop) => return None,
    };
    let (session, mut running, deliveries) = match begun {
        Ok(Ok(begun)) => begun,
        Ok(Err(why)) => return Some(Ended { was_up: false, why }),
        Err(_) => return Some(Ended { was_up: false, why: "it took too long to connect and bind".to_owned() }),
    };
    let end = |joined: Result<String, tokio::task::JoinError>| joined.unwrap_or_else(|error| error.to_string());
    tracing::info!(gateway = receipts.gateway(), "courier: in session with the SMSC");
    state.send_replace(State::Up(session.clone()));
    let receiving = receipts.take_all(session.clone(), deliveries);
    let ended = tokio::select! {
        joined = &mut running => Some(Ended { was_up: true, why: end(joined) }),
        // What it delivers ends with it, a moment before it can say why.
        () = receiving => Some(Ended { was_up: true, why: end((&mut running).await) }),
        () = stopped(&mut stop) => None,
    };
    if ended.is_none() {
        state.send_replace(State::Down("the server is stopping".into()));
        drop(session.request(Pdu::Unbind, PART_WITHIN).await);
        drop(session);
        drop(timeout(PART_WITHIN, running).await);
    }
    ended
}

/// A session that is bound, and the task that works for it. Dropped before that, it ends by itself.
async fn begin(terms: &Terms) -> Result<(Session, JoinHandle<String>, mpsc::Receiver<Delivered>), String> {
    let stream = connect(terms).await?;
    let (session, wire, deliveries) = session::open(stream, terms.window, terms.enquire_every);
    let running = tokio::spawn(wire.run());
    bind(terms, &session).await?;
    Ok((session, running, deliveries))
}

async fn connect(terms: &Terms) -> Result<Box<dyn Stream>, String> {
    let stream = TcpStream::connect((terms.host.as_str(), terms.port))
        .await
        .map_err(|error| format!("cannot connect: {error}"))?;
    stream.set_nodelay(true).map_err(|error| format!("cannot connect: {error}"))?;
    let Some(tls) = &terms.tls else { return Ok(Box::new(stream)) };
    let name = ServerName::try_from(terms.host.clone()).map_err(|error| format!("its name: {error}"))?;
    let stream = TlsConnector::from(tls.clone()).connect(name, stream).await;
    stream.map(|stream| Box::new(stream) as Box<dyn Stream>).map_err(|error| format!("TLS: {error}"))
}

async fn bind(terms: &Terms, session: &Session) -> Result<(), String> {
    let bind = BindTransceiver::builder()
        .system_id(terms.system_id.clone())
        .password(terms.password.clone())
        .system_type(terms.system_type.clone())
        .interface_version(InterfaceVersion::Smpp3_4)
        .build();
    match session.request(bind, CONNECT_WITHIN).await {
        Ok(answer) if answer.status == CommandStatus::EsmeRok => Ok(()),
        Ok(answer) => Err(format!("the bind was refused: {}", super::status::name(answer.status))),
        Err(_) => Err("the bind got no answer".to_owned()),
    }
}
