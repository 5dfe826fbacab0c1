//! What the services of all plugins work with.

use std::fmt;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use tokio::runtime::Handle;

use super::audit::Trail;
use crate::clock::Clock;
use crate::entropy::{Entropy, EntropyError};
use crate::outbound::{Clients, NoClients};
use crate::seal::Seal;
use crate::store::Db;

/// How long the end of the server waits for the audit trail to be written.
const SETTLE_WITHIN: Duration = Duration::from_secs(5);

/// What the services of all plugins work with. Clones share it; when the last is dropped, plugins that still run are
/// served no more.
#[derive(Clone)]
pub struct Means(Option<Arc<Inner>>);

/// See [`Means`].
pub(super) struct Inner {
    pub(super) db: Db,
    pub(super) seal: Arc<Seal>,
    pub(super) clock: Clock,
    /// Where services wait: plugins call on threads of their own.
    pub(super) runtime: Handle,
    pub(super) trail: Trail,
    clients: OnceLock<Result<Clients, NoClients>>,
}

impl fmt::Debug for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Means").field(&self.0.as_ref().map(|inner| &inner.db)).finish()
    }
}

impl Means {
    /// To be called within the runtime that the services shall use.
    ///
    /// # Errors
    /// When the generator fails.
    pub fn new(db: Db, seal: Arc<Seal>, clock: Clock, entropy: &Entropy) -> Result<Self, EntropyError> {
        let runtime = Handle::current();
        let trail = Trail::start(db.clone(), clock.clone(), entropy)?;
        Ok(Self(Some(Arc::new(Inner { db, seal, clock, runtime, trail, clients: OnceLock::new() }))))
    }

    /// Those of a host without data: plugins have `log` and `text`, and are denied the rest.
    pub fn bare() -> Self {
        Self(None)
    }

    pub(super) fn loosely(&self) -> Weak<Inner> {
        self.0.as_ref().map_or_else(Weak::new, Arc::downgrade)
    }

    /// Waits until what plugins asked so far is written down.
    pub async fn settle(&self) {
        let Some(inner) = &self.0 else { return };
        if tokio::time::timeout(SETTLE_WITHIN, inner.trail.settle()).await.is_err() {
            tracing::error!("what plugins asked last could not be written down");
        }
    }

    /// As [`Means::settle`], from a thread outside of the runtime.
    pub(in crate::plugins) fn settle_blocking(&self) {
        if let Some(inner) = &self.0 {
            inner.runtime.block_on(self.settle());
        }
    }
}

impl Inner {
    /// Those who send requests; made when the first is to be sent.
    pub(super) fn clients(&self) -> Result<&Clients, &NoClients> {
        self.clients.get_or_init(Clients::new).as_ref()
    }
}
