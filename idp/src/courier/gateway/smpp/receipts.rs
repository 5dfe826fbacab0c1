//! Receipts as they come in: written down, and only then answered.

use std::sync::Arc;

use rusmpp_core::{CommandStatus, pdus::owned::DeliverSm};
use tokio::sync::{Semaphore, mpsc};

use super::{
    super::report::{Arrival, Reports},
    receipt,
    session::{Delivered, Session},
};

/// Receipts that are written down at once.
const AT_ONCE: usize = 16;

/// Takes the receipts of one gateway.
#[derive(Clone, Debug)]
pub(super) struct Receipts {
    gateway: Arc<str>,
    reports: Reports,
}

impl Receipts {
    pub(super) fn new(gateway: &str, reports: Reports) -> Self {
        Self { gateway: gateway.into(), reports }
    }

    pub(super) fn gateway(&self) -> &str {
        &self.gateway
    }

    /// Takes what `session` delivers, until it ends.
    pub(super) async fn take_all(&self, session: Session, mut deliveries: mpsc::Receiver<Delivered>) {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        while let Some((sequence, delivered)) = deliveries.recv().await {
            let Ok(place) = places.clone().acquire_owned().await else { return };
            let (receipts, session) = (self.clone(), session.clone());
            tokio::spawn(async move {
                let status = receipts.take(&delivered).await;
                session.reply(sequence, status).await;
                drop(place);
            });
        }
    }

    /// What to answer. Only what could not be written down is to come again.
    async fn take(&self, delivered: &DeliverSm) -> CommandStatus {
        if !receipt::is_receipt(delivered) {
            tracing::debug!(gateway = &*self.gateway, "courier: somebody answers messages; nobody reads that");
            return CommandStatus::EsmeRok;
        }
        let Some(receipt) = receipt::read(delivered) else {
            tracing::warn!(gateway = &*self.gateway, "courier: a delivery receipt cannot be read");
            return CommandStatus::EsmeRok;
        };
        if receipt.arrival == Arrival::UnderWay {
            return CommandStatus::EsmeRok;
        }
        match self.reports.by_name(&self.gateway, &receipt.id, receipt.arrival).await {
            Ok(known) => {
                if !known {
                    tracing::info!(gateway = &*self.gateway, "courier: a receipt is for no message that we know");
                }
                CommandStatus::EsmeRok
            }
            Err(error) => {
                tracing::error!(%error, gateway = &*self.gateway, "courier: a receipt could not be written down");
                CommandStatus::EsmeRxTAppn
            }
        }
    }
}
