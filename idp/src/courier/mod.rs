//! The courier: mail, SMS and calls of relying parties, from a durable outbox.
//!
//! A message is queued in the transaction that causes it and is sent exactly when that commits. A worker takes each due
//! message by a conditional update, hands it to the transport, and writes down how that went. An attempt whose process
//! died is repeated after a lease: a message may then arrive twice, and carries the same identifier both times (the
//! `Message-ID` of a mail, the file name of the `file:` transport), so that a duplicate can be recognised.
//!
//! Content is sealed in the outbox, forgotten once sent, and never logged.

use std::sync::Arc;

use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use crate::{
    clock::{Clock, Millis},
    config::{Config, ConfigError},
    entropy::Entropy,
    error::Internal,
    seal::Seal,
    store::{Change, Db, Tx, outbox},
};

mod backoff;
mod call;
pub mod fate;
mod file;
pub mod gateway;
mod smtp;
mod transport;
mod worker;

use call::Calls;
use gateway::{Gateways, counts::Counts, delivery::Form, report::Reports};
use transport::Transport;

/// How a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// E-mail.
    Mail,
    /// Text message to a phone.
    Sms,
    /// Call of a relying party: `to` is its address, `subject` the bearer token that it gave us, `text` the body in JSON.
    Call,
}

impl Channel {
    const fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Sms => "sms",
            Self::Call => "call",
        }
    }
}

/// Something to be delivered.
#[derive(Clone, Serialize, Deserialize)]
pub struct Message {
    /// Names the effect that this message is, uniquely and without secrets, such as `activation:<enrolment>:sms`. A
    /// second message for one effect is not queued.
    pub effect: String,
    /// How it travels.
    pub channel: Channel,
    /// An e-mail address, a number in E.164, or a URL.
    pub to: String,
    /// Empty for SMS; of a call the bearer token.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The same as HTML; mail only.
    pub html: Option<String>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").field("effect", &self.effect).field("channel", &self.channel).finish_non_exhaustive()
    }
}

/// What a transport is handed: a message and the identifier under which duplicates are recognised.
struct Parcel {
    id: String,
    created_at: crate::clock::Millis,
    /// By which a gateway reports what became of it.
    delivery_token: String,
    message: Message,
}

/// The outbox's both ends. Clones share it.
#[derive(Clone)]
pub struct Courier {
    clock: Clock,
    entropy: Entropy,
    mail: Arc<Transport>,
    sms: Arc<Gateways>,
    calls: Arc<Calls>,
    wake: Arc<Notify>,
    wake_calls: Arc<Notify>,
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Courier").field("mail", &self.mail).field("sms", &self.sms).finish_non_exhaustive()
    }
}

impl Courier {
    /// Sets up the transports of `mail.url`, and of `sms.url` or `sms.gateways`. Connects to nothing yet.
    ///
    /// # Errors
    /// When a URL, the sender, or the file of the certificate authority cannot be used: says which key and why.
    pub fn new(config: &Config, clock: Clock, entropy: Entropy) -> Result<Self, ConfigError> {
        let gateways = Gateways::new(&config.sms, config.url("/sms/delivery/"), clock.clone())?;
        Ok(Self {
            clock,
            entropy,
            mail: Arc::new(transport::mail(&config.mail)?),
            sms: Arc::new(gateways),
            calls: Arc::new(Calls::new(config.backchannel.private_endpoints)),
            wake: Arc::new(Notify::new()),
            wake_calls: Arc::new(Notify::new()),
        })
    }

    /// Queues `message` in the caller's transaction. Call [`Courier::wake`] after the commit.
    ///
    /// # Errors
    /// When sealing or the database fails.
    pub async fn queue_in(&self, tx: &impl ConnectionTrait, seal: &Seal, message: Message) -> Result<(), Internal> {
        self.queue_at_in(tx, seal, message, self.clock.now()).await
    }

    /// As [`Courier::queue_in`], to be sent at a time to come.
    ///
    /// # Errors
    /// As [`Courier::queue_in`].
    pub async fn queue_at_in(
        &self,
        tx: &impl ConnectionTrait,
        seal: &Seal,
        message: Message,
        at: Millis,
    ) -> Result<(), Internal> {
        Ok(outbox::add(tx, self.row(seal, message, at)?).await?)
    }

    /// Queues `message`, whose effect nothing else can have. Call [`Courier::wake`] after the commit.
    ///
    /// # Errors
    /// When sealing fails.
    pub fn queueing(&self, seal: &Seal, message: Message) -> Result<Change, Internal> {
        Ok(outbox::adding(self.row(seal, message, self.clock.now())?))
    }

    fn row(&self, seal: &Seal, message: Message, at: Millis) -> Result<outbox::Model, Internal> {
        let id = identifier(&message.effect);
        let now = self.clock.now();
        Ok(outbox::Model {
            sealed: seal.record_json("outbox", &id, &message)?,
            id,
            channel: message.channel.name().to_owned(),
            effect: message.effect,
            state: "waiting".to_owned(),
            attempts: 0,
            next_at: at,
            created_at: now,
            sent_at: None,
            last_error: None,
            gateway: None,
            parts_left: 0,
            reported_at: None,
        })
    }

    /// Gives messages up, in the caller's transaction, that were not sent yet: whom they are for is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn withdraw_in(&self, tx: &Tx, messages: Vec<outbox::Model>) -> Result<(), Internal> {
        for message in messages {
            if outbox::give_up(tx, &message.id, "withdrawn").await? {
                fate::settle(tx, &message.effect, fate::Fate::GivenUp, self.clock.now()).await?;
            }
        }
        Ok(())
    }

    /// Tells the worker that something may be due.
    pub fn wake(&self) {
        self.wake.notify_one();
        self.wake_calls.notify_one();
    }

    /// How many messages each SMS gateway took, refused, lost and delivered.
    pub fn counts(&self) -> Counts {
        self.sms.counts().clone()
    }

    fn reports(&self, db: &Db) -> Reports {
        Reports { db: db.clone(), clock: self.clock.clone(), counts: self.counts() }
    }

    fn form_of_reports(&self, gateway: &str) -> Option<&Form> {
        self.sms.form_of_reports(gateway)
    }
}

/// Octets of an identifier.
const IDENTIFIER: usize = 16;

/// Always the same for one effect, and fit for a file name and a `Message-ID`.
fn identifier(effect: &str) -> String {
    hex::encode(&Sha256::digest(effect)[..IDENTIFIER])
}

#[cfg(test)]
mod tests;
