//! The task that empties the outbox.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::timeout,
};

use super::{
    Channel, Courier, Message, Parcel,
    backoff::{ATTEMPTS, LEASE, TIMEOUT, attempts_of, delay},
    fate::{Fate, settle},
    gateway,
    transport::SendError,
};
use crate::{
    clock::Millis,
    error::Internal,
    seal::Seal,
    store::{
        Db, Tx,
        outbox::{self, Attempt},
        sms_part::{self, Taken},
    },
};

/// How many messages of a line are under way at once.
const AT_ONCE: usize = 8;
/// How many messages one look at the outbox takes.
const BATCH: u64 = 64;
/// How long the worker rests at most: another node may have queued something and died.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// How long it rests after the database failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// What is sent beside each other: a relying party that does not answer a call holds up no mail.
#[derive(Clone, Copy, Debug)]
pub(super) enum Line {
    Letters,
    Calls,
}

impl Line {
    fn channels(self) -> &'static [&'static str] {
        const LETTERS: [&str; 2] = [Channel::Mail.name(), Channel::Sms.name()];
        const CALLS: [&str; 1] = [Channel::Call.name()];
        match self {
            Self::Letters => &LETTERS,
            Self::Calls => &CALLS,
        }
    }

    fn wake(self, courier: &Courier) -> &Notify {
        match self {
            Self::Letters => &courier.wake,
            Self::Calls => &courier.wake_calls,
        }
    }
}

impl Courier {
    /// Sends what is due until `stop` resolves; attempts under way are then finished first.
    pub async fn run(self, db: Db, seal: Arc<Seal>, stop: impl Future<Output = ()> + Send) {
        let (stopping, stopped) = watch::channel(false);
        let reports = self.reports(&db);
        let sessions = self.sms.run(&reports, &self.entropy, &stopped);
        let sending = async {
            self.send_until(Line::Letters, (&db, &seal), stop).await;
            stopping.send_replace(true);
        };
        let mut ends = stopped.clone();
        let calling = self.send_until(Line::Calls, (&db, &seal), async move {
            drop(ends.wait_for(|stopped| *stopped).await);
        });
        tokio::join!(sessions, sending, calling);
    }

    async fn send_until(&self, line: Line, (db, seal): (&Db, &Arc<Seal>), stop: impl Future<Output = ()> + Send) {
        let mut stop = std::pin::pin!(stop);
        loop {
            let rest = match self.send_due(line, db, seal).await {
                Ok(None) => LONGEST_REST,
                Ok(Some(next_at)) => {
                    let millis = u64::try_from(next_at - self.clock.now()).unwrap_or(0);
                    Duration::from_millis(millis).min(LONGEST_REST)
                }
                Err(error) => {
                    tracing::error!(%error, "courier: the outbox could not be read or written");
                    AFTER_FAILURE
                }
            };
            tokio::select! {
                () = &mut stop => break,
                () = line.wake(self).notified() => {}
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    /// One round: makes an attempt at everything of a line that is due, and says when the next attempt is.
    ///
    /// # Errors
    /// When the database fails. What was taken by then is attempted again after its lease.
    pub(super) async fn send_due(&self, line: Line, db: &Db, seal: &Arc<Seal>) -> Result<Option<Millis>, Internal> {
        loop {
            let due = outbox::due(db.read(), line.channels(), self.clock.now(), BATCH).await?;
            if due.is_empty() {
                return Ok(outbox::next_due(db.read(), line.channels()).await?);
            }
            let mut under_way = JoinSet::new();
            for taken in self.take(db, due).await? {
                if under_way.len() >= AT_ONCE {
                    finished(under_way.join_next().await)?;
                }
                let (courier, db, seal) = (self.clone(), db.clone(), seal.clone());
                under_way.spawn(async move { courier.attempt(&db, &seal, taken).await });
            }
            while let Some(joined) = under_way.join_next().await {
                finished(Some(joined))?;
            }
        }
    }

    /// Takes what no other worker has, and gives up what died in its last attempt.
    async fn take(&self, db: &Db, due: Vec<outbox::Model>) -> Result<Vec<outbox::Model>, Internal> {
        let now = self.clock.now();
        let lost_at = now + LEASE;
        db.write(move |tx| {
            Box::pin(async move {
                let mut taken = Vec::new();
                for mut message in due {
                    if message.attempts >= ATTEMPTS {
                        let error = "every attempt was lost".to_owned();
                        tracing::error!(effect = message.effect, error, "courier: given up");
                        finish(tx, &message, Attempt::GivenUp { error }, now).await?;
                    } else if outbox::take(tx, &message, lost_at).await? {
                        message.attempts += 1;
                        taken.push(message);
                    }
                }
                Ok::<_, Internal>(taken)
            })
        })
        .await
    }

    async fn attempt(&self, db: &Db, seal: &Seal, row: outbox::Model) -> Result<(), Internal> {
        let result = match seal.open_record_json::<Message>("outbox", &row.id, &row.sealed) {
            Ok(message) => self.send(seal, &row, message).await,
            Err(error) => Err(SendError::Permanent(format!("the stored message cannot be opened: {error}"))),
        };
        let attempt = self.verdict(&row, result)?;
        let now = self.clock.now();
        db.write(move |tx| Box::pin(async move { finish(tx, &row, attempt, now).await })).await
    }

    async fn send(&self, seal: &Seal, row: &outbox::Model, message: Message) -> Result<Option<Taken>, SendError> {
        let channel = message.channel;
        let delivery_token = gateway::delivery::token(seal, &row.id);
        let parcel = Parcel { id: row.id.clone(), created_at: row.created_at, delivery_token, message };
        let limit = Duration::from_millis(u64::try_from(TIMEOUT).unwrap_or(0));
        let late = "it took too long".to_owned();
        match channel {
            // One that comes twice is recognised by its `Message-ID`.
            Channel::Mail => match timeout(limit, self.mail.send(&parcel)).await {
                Ok(result) => result.map(|()| None),
                Err(_) => Err(SendError::Temporary(late)),
            },
            Channel::Sms => match timeout(limit, self.sms.send(&parcel)).await {
                Ok(result) => result.map(Some),
                Err(_) => Err(SendError::Permanent(format!("{late}; it is not sent twice"))),
            },
            // Whoever is called twice learns the same twice.
            Channel::Call => self.calls.send(&parcel).await.map(|()| None),
        }
    }

    fn verdict(&self, row: &outbox::Model, result: Result<Option<Taken>, SendError>) -> Result<Attempt, Internal> {
        let (effect, attempts) = (&row.effect, row.attempts);
        Ok(match result {
            Ok(taken) => {
                let gateway = taken.as_ref().map(|taken| taken.gateway.as_str());
                tracing::info!(effect, channel = row.channel, gateway, attempts, "courier: sent");
                Attempt::Sent { at: self.clock.now(), taken }
            }
            Err(SendError::Temporary(error)) if attempts < attempts_of(&row.channel) => {
                let [jitter] = self.entropy.bytes::<1>()?;
                let wait = delay(attempts, jitter);
                tracing::warn!(
                    effect,
                    channel = row.channel,
                    attempts,
                    error,
                    wait_ms = wait,
                    "courier: will try again"
                );
                Attempt::Again { next_at: self.clock.now() + wait, error }
            }
            Err(SendError::Temporary(error) | SendError::Permanent(error)) => {
                tracing::error!(effect, channel = row.channel, attempts, error, "courier: given up");
                Attempt::GivenUp { error }
            }
        })
    }
}

/// Writes down how an attempt ended, and what became of the message if that is known now.
async fn finish(tx: &Tx, row: &outbox::Model, attempt: Attempt, now: Millis) -> Result<(), Internal> {
    let (fate, taken) = match &attempt {
        Attempt::Sent { taken, .. } => (Fate::Accepted, taken.clone()),
        Attempt::GivenUp { .. } => (Fate::GivenUp, None),
        Attempt::Again { .. } => return outbox::finish(tx, &row.id, attempt).await.map(drop).map_err(Internal::from),
    };
    if !outbox::finish(tx, &row.id, attempt).await? {
        return Ok(());
    }
    if let Some(taken) = taken {
        sms_part::add(tx, &row.id, &taken, now).await?;
    }
    settle(tx, &row.effect, fate, now).await
}

fn finished(joined: Option<Result<Result<(), Internal>, tokio::task::JoinError>>) -> Result<(), Internal> {
    match joined {
        None => Ok(()),
        Some(Ok(result)) => result,
        Some(Err(error)) => Err(Internal::Other(format!("courier: an attempt ended badly: {error}"))),
    }
}
