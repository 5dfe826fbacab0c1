//! What gateways report of messages that they took. A report may come twice, late, or before it is written down that the
//! message was taken; each message is settled once.

use std::time::Duration;

use crate::{
    clock::{Clock, Millis},
    courier::fate::{Fate, settle},
    error::Internal,
    store::{Db, StoreError, Tx, outbox, sms_part},
};

use super::counts::{Counts, Outcome};

/// How long to look again for a message whose report came before its acceptance was written down.
const LOOK_AGAIN: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(400), Duration::from_millis(1_500), Duration::from_secs(4)];

/// What a report says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::courier) enum Arrival {
    /// It is still on its way.
    UnderWay,
    /// It is on the phone.
    Delivered,
    /// It never will be.
    Undelivered,
}

/// Where reports are written down.
#[derive(Clone, Debug)]
pub(in crate::courier) struct Reports {
    pub(in crate::courier) db: Db,
    pub(in crate::courier) clock: Clock,
    pub(in crate::courier) counts: Counts,
}

/// By what a part is looked for.
#[derive(Clone, Copy)]
enum Look<'l> {
    /// Its gateway, and the name that it has there.
    Name(&'l str, &'l str),
    /// The message that it is the first one of.
    Message(&'l str),
}

impl Reports {
    /// Of the part that `gateway` calls `name`. `Ok(false)` when there is none.
    pub(super) async fn by_name(&self, gateway: &str, name: &str, arrival: Arrival) -> Result<bool, Internal> {
        if name.is_empty() {
            return Ok(false);
        }
        let found = self.find(Look::Name(gateway, name)).await?;
        match found {
            Some(part) => self.write(part, arrival).await.map(|()| true),
            None => Ok(false),
        }
    }

    /// The first part of the message with this identifier, if a gateway took it.
    pub(super) async fn of_message(&self, id: &str) -> Result<Option<sms_part::Model>, Internal> {
        Ok(self.find(Look::Message(id)).await?)
    }

    /// Patiently: the report may be faster than we are.
    async fn find(&self, look: Look<'_>) -> Result<Option<sms_part::Model>, StoreError> {
        let mut pauses = LOOK_AGAIN.into_iter();
        loop {
            let found = match look {
                Look::Name(gateway, name) => sms_part::by_name(self.db.read(), gateway, name).await?,
                Look::Message(id) => sms_part::first(self.db.read(), id).await?,
            };
            match (found, pauses.next()) {
                (None, Some(pause)) => tokio::time::sleep(pause).await,
                (found, _) => return Ok(found),
            }
        }
    }

    /// Of a part.
    pub(super) async fn write(&self, part: sms_part::Model, arrival: Arrival) -> Result<(), Internal> {
        let outcome = match arrival {
            Arrival::UnderWay => return Ok(()),
            Arrival::Delivered => Outcome::Delivered,
            Arrival::Undelivered => Outcome::Undelivered,
        };
        let delivered = arrival == Arrival::Delivered;
        let (now, gateway) = (self.clock.now(), part.gateway.clone());
        let settled =
            self.db.write(move |tx| Box::pin(async move { write_down(tx, part, delivered, now).await })).await?;
        if settled {
            self.counts.add(&gateway, outcome);
        }
        Ok(())
    }
}

/// `Ok(true)` when it is by this report that the whole message is settled.
async fn write_down(tx: &Tx, part: sms_part::Model, delivered: bool, now: Millis) -> Result<bool, Internal> {
    if !sms_part::report(tx, &part, delivered, now).await? {
        return Ok(false);
    }
    let (settled, fate) = if delivered {
        (outbox::part_arrived(tx, &part.outbox, now).await?, Fate::Delivered)
    } else {
        (outbox::never_arrives(tx, &part.outbox, now).await?, Fate::Undelivered)
    };
    if settled && let Some(effect) = outbox::effect(tx, &part.outbox).await? {
        settle(tx, &effect, fate, now).await?;
    }
    Ok(settled)
}
