//! An approved payment: the confirmation that is stored and the receipt that proves it.

use plugin_api::message::Approved;

use super::{
    client::Client,
    code::Confirmed,
    receipt::{self, Receipt},
    request::AuthorizationRequest,
};
use crate::{
    app::App,
    error::Internal,
    login::ceremony::Passed,
    plugins::ServiceHandle,
    store::{self, Change},
};

/// What a right payment answer leads to, before its commit.
#[derive(Clone)]
pub(super) struct Approval {
    row: store::confirmation::Model,
    confirmed: Confirmed,
}

impl Approval {
    /// Asks the owning service what the relying party is told, and signs the receipt.
    ///
    /// # Errors
    /// When the service or the signing key fails.
    pub(super) async fn prepare(
        app: &App,
        client: &Client,
        request: &AuthorizationRequest,
        service: &ServiceHandle,
        passed: &Passed,
    ) -> Result<Self, Internal> {
        let payment = request.payment.as_ref().ok_or_else(|| Internal::Other("no payment to approve".to_owned()))?;
        let id = app.entropy.id()?;
        let approved = Approved {
            details: payment.details.clone(),
            transaction: payment.transaction.clone(),
            confirmation: id.clone(),
        };
        let details = service.about(&passed.account.id).approved(&approved).await?;
        let receipt = receipt::sign(
            app,
            client,
            Receipt {
                confirmation_id: id.clone(),
                account_id: passed.account.id.clone(),
                transaction: &payment.transaction,
                factor: passed.factor.clone(),
                acr: passed.acr.clone(),
                amr: &passed.amr,
                device: passed.facts.device.clone(),
                evidence: &passed.facts.evidence,
            },
        )?;
        let sealed = app.seal.record_json("confirmation", &id, &approved)?;
        let row = store::confirmation::Model {
            id: id.clone(),
            account_id: passed.account.id.clone(),
            client_id: request.client_id.clone(),
            status: "approved".to_owned(),
            transaction_hash: receipt::transaction_hash(&payment.transaction),
            sealed,
            receipt: receipt.clone(),
            created_at: app.clock.now(),
            log_index: None,
            refunded: 0,
        };
        Ok(Self { row, confirmed: Confirmed { id, details, receipt, charge: passed.charge.clone() } })
    }

    /// What the token response will say.
    pub(super) fn confirmed(&self) -> Confirmed {
        self.confirmed.clone()
    }

    /// Stores the confirmation.
    pub(super) fn change(self) -> Change {
        store::confirmation::adding(self.row)
    }
}
