//! What has to be settled before something is sent: a fee that the person accepts, or a place among those that are free.
//!
//! The factor names the price; the rest is the host's. A fee is shown before anything is sent, and accepted as it was shown:
//! the page's own sealed state says which that was, and when the price has changed since, the person is asked anew. It is
//! accepted once for a visit: sending again in it costs nothing more. What is free is counted by account, over all of its
//! enrolments of a factor, so that neither another browser nor another enrolment refills it.

use plugin_api::message::Fee;

use super::{
    Method, Offer, decoy_address, pace,
    stored::{Later, Press},
};
use crate::{
    app::App,
    clock::{DAY, Millis},
    error::Internal,
    login::interaction::{Interaction, Stage},
    plugins::FactorHandle,
    store::{
        Change,
        challenge::{self, Agreed},
        code_pace, fee,
    },
};

/// On which terms something may be sent.
pub(super) enum Terms {
    /// Not before the person has accepted this fee.
    Asks(Fee),
    /// Not now.
    Later(Later),
    /// Now.
    Agreed(Deal),
}

/// What is written together with what is sent.
#[derive(Default)]
pub(super) struct Deal {
    /// The fee of the visit, for the challenge's row.
    pub(super) agreed: Option<Agreed>,
    /// Whether it was accepted just now, so that it has to be charged.
    pub(super) is_new: bool,
    /// Count of what is free.
    pub(super) counted: Option<Change>,
}

/// So many within so long are free.
pub(super) fn free_window(per_day: u32) -> (usize, Millis) {
    (usize::try_from(per_day).unwrap_or(usize::MAX), DAY)
}

/// Who asks, and for whom.
pub(super) struct Asking<'a> {
    pub(super) app: &'a App,
    pub(super) interaction: &'a Interaction,
    pub(super) email: &'a str,
    pub(super) offer: &'a Offer,
    pub(super) method: &'a Method,
}

impl Asking<'_> {
    /// The terms for the factor `handle`, which is handed `cx`. `earlier` is what was sent in this visit before.
    pub(super) async fn terms(
        &self,
        handle: &FactorHandle,
        cx: &plugin_api::message::Context,
        press: Press,
        earlier: Option<&challenge::Model>,
    ) -> Result<Terms, Internal> {
        let price = handle.price(cx).await?.unwrap_or_default();
        let accepted_before = match earlier {
            Some(row) if row.used_at.is_none() => row.step(&self.app.seal)?.agreed,
            _ => None,
        };
        match (accepted_before, price.fee) {
            (Some(agreed), _) => Ok(Terms::Agreed(Deal { agreed: Some(agreed), ..Deal::default() })),
            (None, Some(fee)) if self.accepts(&fee, press) => {
                let agreed = Some(Agreed { charge: self.app.entropy.id()?, fee });
                Ok(Terms::Agreed(Deal { agreed, is_new: true, counted: None }))
            }
            (None, Some(fee)) => Ok(Terms::Asks(fee)),
            (None, None) => self.free(price.free_per_day).await,
        }
    }

    /// Whether the person has pressed the button that names exactly this fee.
    fn accepts(&self, fee: &Fee, press: Press) -> bool {
        let Stage::Fee { factor, fee: shown, .. } = &self.interaction.stage else { return false };
        press == Press::Ask && factor == self.method.factor.id() && shown == fee
    }

    /// Takes one of those that are free, if one is left.
    async fn free(&self, per_day: Option<u32>) -> Result<Terms, Internal> {
        let Some(per_day) = per_day else { return Ok(Terms::Agreed(Deal::default())) };
        let now = self.app.clock.now();
        let key = self.key();
        let seen = code_pace::find(self.app.db.read(), &key).await?;
        let sent = seen.as_ref().map_or(Ok(Vec::new()), code_pace::Model::times)?;
        if let Some(at) = pace::free_at(&sent, &[free_window(per_day)], now) {
            return Ok(Terms::Later(Later::At(at)));
        }
        let counted = code_pace::saving(&key, seen.as_ref(), &pace::with_one_more(&sent, now), now + DAY);
        Ok(Terms::Agreed(Deal { counted: Some(counted), ..Deal::default() }))
    }

    /// What is free is counted under the account; for an address without one under what stands for it.
    fn key(&self) -> String {
        let nobody = || hex::encode(decoy_address(&self.app.seal, self.email));
        let account = self.offer.account.as_ref().map_or_else(nobody, |account| account.id.clone());
        code_pace::free(self.method.factor.id(), &account)
    }

    /// The charge for what was accepted just now, settled by the fate of the message `effect`. An address without an account
    /// is charged nothing.
    pub(super) fn charge(&self, deal: &Deal, effect: &str, row: &challenge::Model, at: Millis) -> Option<Change> {
        let (account, Agreed { charge, fee }) = (self.offer.account.as_ref()?, deal.agreed.as_ref()?);
        deal.is_new.then(|| {
            fee::charging(fee::Model {
                id: charge.clone(),
                account_id: account.id.clone(),
                factor: self.method.factor.id().to_owned(),
                client_id: self.interaction.demand.client_id.clone(),
                enrolment: row.enrolment.clone(),
                interaction_hash: row.interaction_hash.clone(),
                effect: effect.to_owned(),
                // A price is checked where it comes in: both fit.
                amount_minor: i64::try_from(fee.amount_minor).unwrap_or(i64::MAX),
                minor_digits: fee.minor_digits.into(),
                currency: fee.currency.clone(),
                created_at: at,
            })
        })
    }
}
