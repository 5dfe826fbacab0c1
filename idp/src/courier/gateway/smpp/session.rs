//! One connection to an SMSC: requests and their answers, its requests, and whether it is still there.
//!
//! Whoever asks learns whether a request that got no answer had left ([`Lost`]): what has left may have been done.

use std::{collections::HashMap, sync::Arc, time::Duration};

use rusmpp_core::{
    CommandId, CommandStatus,
    pdus::owned::{DeliverSm, DeliverSmResp, Pdu},
    types::owned::COctetString,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::{Semaphore, mpsc, oneshot},
    time::{Instant, timeout},
};

use super::frame::{self, Frame};

/// How long the other end may take to accept what is written, or to answer whether it is there.
const PATIENCE: Duration = Duration::from_secs(10);
/// Commands of either direction that wait to be looked at.
const QUEUE: usize = 64;

/// A connection, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// What was answered to a request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: CommandStatus,
    pub(super) pdu: Option<Pdu>,
}

/// There is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// The request has not left.
    Unsent,
    /// The request, or part of it, has left.
    Unanswered,
}

enum Order {
    Request { pdu: Box<Pdu>, answer: oneshot::Sender<Result<Answer, Lost>> },
    Reply { sequence: u32, status: CommandStatus, pdu: Box<Pdu> },
}

/// A handle to a connection that somebody [runs](Wire::run).
#[derive(Clone, Debug)]
pub(super) struct Session {
    orders: mpsc::Sender<Order>,
    window: Arc<Semaphore>,
}

/// What the other end has delivered, to be answered by [`Session::reply`] under the same number.
pub(super) type Delivered = (u32, DeliverSm);

/// The connection itself.
pub(super) struct Wire {
    to: WriteHalf<Box<dyn Stream>>,
    frames: mpsc::Receiver<Result<Frame, String>>,
    orders: mpsc::Receiver<Order>,
    delivered: mpsc::Sender<Delivered>,
    waiting: HashMap<u32, oneshot::Sender<Result<Answer, Lost>>>,
    next_sequence: u32,
    enquire_every: Duration,
    /// When the other end is asked whether it is there; or, once it was asked, when its answer is late.
    due: Instant,
    /// The number of the question that it has not answered yet.
    asked: Option<u32>,
}

/// A connection over `stream` that may have `window` requests without an answer, and asks after `enquire_every` of
/// silence whether the other end is there.
pub(super) fn open(
    stream: Box<dyn Stream>,
    window: usize,
    enquire_every: Duration,
) -> (Session, Wire, mpsc::Receiver<Delivered>) {
    let (from, to) = tokio::io::split(stream);
    let (frames_in, frames) = mpsc::channel(QUEUE);
    let (orders_in, orders) = mpsc::channel(QUEUE);
    let (delivered, deliveries) = mpsc::channel(QUEUE);
    tokio::spawn(read_all(from, frames_in));
    let wire = Wire {
        to,
        frames,
        orders,
        delivered,
        waiting: HashMap::new(),
        next_sequence: 1,
        enquire_every,
        due: Instant::now() + enquire_every,
        asked: None,
    };
    (Session { orders: orders_in, window: Arc::new(Semaphore::new(window)) }, wire, deliveries)
}

/// Ends with the connection, or when nobody listens any more.
async fn read_all(mut from: ReadHalf<Box<dyn Stream>>, frames: mpsc::Sender<Result<Frame, String>>) {
    loop {
        let frame = tokio::select! {
            frame = frame::read(&mut from) => frame,
            () = frames.closed() => return,
        };
        let ended = frame.is_err();
        if frames.send(frame).await.is_err() || ended {
            return;
        }
    }
}

impl Session {
    /// Sends a request and waits `within` for its answer, a place in the window included.
    pub(super) async fn request(&self, pdu: impl Into<Pdu>, within: Duration) -> Result<Answer, Lost> {
        let late = Instant::now() + within;
        let place = tokio::time::timeout_at(late, self.window.acquire()).await;
        let Ok(Ok(_place)) = place else { return Err(Lost::Unsent) };
        let (answer, answered) = oneshot::channel();
        let order = Order::Request { pdu: Box::new(pdu.into()), answer };
        self.orders.send(order).await.map_err(|_| Lost::Unsent)?;
        match tokio::time::timeout_at(late, answered).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Err(Lost::Unanswered),
        }
    }

    /// Answers what was delivered. When the connection has ended meanwhile, it is delivered again over another.
    pub(super) async fn reply(&self, sequence: u32, status: CommandStatus) {
        let pdu = Pdu::DeliverSmResp(DeliverSmResp::new(COctetString::empty(), Vec::new()));
        drop(self.orders.send(Order::Reply { sequence, status, pdu: Box::new(pdu) }).await);
    }
}

impl Wire {
    /// Works until the connection ends; says why it did.
    pub(super) async fn run(mut self) -> String {
        let why = loop {
            let step = tokio::select! {
                frame = self.frames.recv() => match frame {
                    Some(Ok(frame)) => self.received(frame).await,
                    Some(Err(why)) => Err(why),
                    None => Err("the connection was lost".to_owned()),
                },
                order = self.orders.recv() => match order {
                    Some(order) => self.ordered(order).await,
                    None => Err("it is needed no more".to_owned()),
                },
                () = tokio::time::sleep_until(self.due) => self.enquire().await,
            };
            if let Err(why) = step {
                break why;
            }
        };
        // What still waits here has never left; what is in `waiting` has, and its askers learn so by the drop.
        self.orders.close();
        while let Ok(order) = self.orders.try_recv() {
            if let Order::Request { answer, .. } = order {
                drop(answer.send(Err(Lost::Unsent)));
            }
        }
        drop(timeout(PATIENCE, self.to.shutdown()).await);
        why
    }

    async fn ordered(&mut self, order: Order) -> Result<(), String> {
        match order {
            Order::Request { pdu, answer } => {
                let sequence = self.sequence();
                self.waiting.insert(sequence, answer);
                self.write(CommandStatus::EsmeRok, sequence, *pdu).await
            }
            Order::Reply { sequence, status, pdu } => self.write(status, sequence, *pdu).await,
        }
    }

    async fn received(&mut self, frame: Frame) -> Result<(), String> {
        if self.asked.is_none() {
            self.due = Instant::now() + self.enquire_every;
        }
        let Frame { id, status, sequence, pdu } = frame;
        if id.is_response() {
            self.answered(sequence, status, pdu);
            return Ok(());
        }
        match (id, pdu) {
            (CommandId::EnquireLink, _) => self.write(CommandStatus::EsmeRok, sequence, Pdu::EnquireLinkResp).await,
            (CommandId::Unbind, _) => {
                self.write(CommandStatus::EsmeRok, sequence, Pdu::UnbindResp).await?;
                Err("the SMSC has ended the session".to_owned())
            }
            (CommandId::DeliverSm, Some(Pdu::DeliverSm(delivered))) => {
                if self.delivered.try_send((sequence, delivered)).is_ok() {
                    return Ok(());
                }
                // It is to come again when there is less to do.
                let reply = Pdu::DeliverSmResp(DeliverSmResp::default());
                self.write(CommandStatus::EsmeRthrottled, sequence, reply).await
            }
            (CommandId::DeliverSm, _) => {
                tracing::warn!("courier: an SMSC delivered what cannot be read");
                self.write(CommandStatus::EsmeRinvcmdlen, sequence, Pdu::GenericNack).await
            }
            (other, _) => {
                tracing::debug!(command = ?other, "courier: an SMSC asked for what we do not do");
                self.write(CommandStatus::EsmeRinvcmdid, sequence, Pdu::GenericNack).await
            }
        }
    }

    fn answered(&mut self, sequence: u32, status: CommandStatus, pdu: Option<Pdu>) {
        if self.asked == Some(sequence) {
            self.asked = None;
            self.due = Instant::now() + self.enquire_every;
            return;
        }
        let late = match self.waiting.remove(&sequence) {
            Some(asker) => asker.send(Ok(Answer { status, pdu })).is_err(),
            None => true,
        };
        if late {
            tracing::warn!(?status, "courier: an SMSC answered after we had stopped waiting");
        }
    }

    async fn enquire(&mut self) -> Result<(), String> {
        if self.asked.is_some() {
            return Err("it did not answer whether it is there (enquire_link)".to_owned());
        }
        let sequence = self.sequence();
        self.asked = Some(sequence);
        self.due = Instant::now() + PATIENCE;
        self.write(CommandStatus::EsmeRok, sequence, Pdu::EnquireLink).await
    }

    async fn write(&mut self, status: CommandStatus, sequence: u32, pdu: Pdu) -> Result<(), String> {
        let bytes = frame::written(status, sequence, pdu);
        let writing = async {
            self.to.write_all(&bytes).await?;
            self.to.flush().await
        };
        match timeout(PATIENCE, writing).await {
            Ok(written) => written.map_err(|error| format!("the connection was lost: {error}")),
            Err(_) => Err("it reads no more".to_owned()),
        }
    }

    /// From 1 to 2³¹ − 1 (§3.2).
    fn sequence(&mut self) -> u32 {
        let sequence = self.next_sequence;
        self.next_sequence = if sequence >= 0x7fff_ffff { 1 } else { sequence + 1 };
        sequence
    }
}
