//! When more is asked than a website demands, because something is unusual.

use axum::{http::header, response::Response};

use super::{
    Visit, Visitor, client_of,
    earned::{self, Unanswered},
};
use crate::{
    app::App,
    login::{
        acr,
        ceremony::{Offer, Passed, Press},
        risk::{
            Decision, Raised, Signal,
            after::{self, Weighed, Whence},
            device::Brought,
        },
    },
    notice::recovery,
    oidc::error::ErrorCode,
};

impl Visit {
    /// The key of the text that says why more is asked.
    pub(super) fn why(&self) -> Option<String> {
        let raised = self.interaction.demand.raised.as_ref()?;
        let when = match raised {
            Raised { least: None, .. } => "refused",
            Raised { after_a_proof: true, .. } => "after",
            _ => "before",
        };
        Some(format!("risk_{when}_{}", raised.why.name()))
    }

    /// Where the person seems to be, if that is why more is asked.
    pub(super) fn where_from(&self, app: &App) -> Option<String> {
        let address = self.interaction.demand.raised.as_ref()?.address.as_ref()?;
        app.places.name(address, &self.interaction.locale)
    }

    fn raised(mut self, raised: Option<Raised>) -> Self {
        self.interaction.demand.raised = raised;
        self
    }

    /// What was unusual about an address that was given may not be about the next one.
    pub(super) fn lowered(self) -> Self {
        let kept = self.interaction.demand.raised.clone().filter(|raised| raised.after_a_proof);
        self.raised(kept)
    }
}

impl Visitor<'_> {
    /// Before a proof: leaves only methods that will do, where somebody has one. This looks at nothing that belongs to an
    /// account but whether this browser has ever proven it.
    pub(super) fn weigh_before(&self, visit: Visit, email: &str, offer: &mut Offer) -> Visit {
        if visit.interaction.demand.raised.is_some() {
            return visit;
        }
        let levels = offer.levels(self.app, &visit.interaction.demand);
        let levels = || levels.iter().map(String::as_str);
        let mut signals = Vec::new();
        if !offer.is_of_one_in(&Brought::of(self.app, self.headers)) {
            signals.push(Signal::NewDevice);
        }
        signals.extend(self.is_suspicious(email).then_some(Signal::Failures));
        let policy = self.app.policy.now();
        let Decision::More { acr, why } = policy.risk.decide(&signals, acr::lowest(levels()), acr::highest(levels()))
        else {
            return visit;
        };
        let visit =
            visit.raised(Some(Raised { least: Some(acr.to_owned()), why, after_a_proof: false, address: None }));
        offer.keep_for(self.app, &visit.interaction.demand);
        visit
    }

    /// After a right answer: all that it earns, if it will do.
    pub(super) async fn passed(&self, visit: &Visit, mut passed: Passed, email: &str) -> Result<Response, Unanswered> {
        let client = client_of(self.app, &visit.request).await?;
        if !visit.request.may_be_confirmed_by(self.app, &client, &passed.account.id) {
            return self.is_not_theirs(visit, passed).await;
        }
        let whence = Whence { headers: self.headers, failures: self.is_suspicious(email) };
        let demand = &visit.interaction.demand;
        let beside = match after::weigh(self.app, &mut passed, demand, whence).await? {
            Weighed::Enough(beside) => *beside,
            Weighed::NotEnough(raised) => return self.will_not_do(visit, passed, email, raised).await,
        };
        let tells = passed.tells();
        let recovering = passed.account.recovering.is_some().then(|| passed.account.clone());
        let mut response = if visit.request.payment.is_some() {
            self.pay(visit, passed, beside.clone()).await?
        } else {
            self.sign_in(visit, passed, beside.clone()).await?
        };
        if let Some(cookie) = beside.committed(self.app) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        if tells {
            self.app.courier.wake();
        }
        if let Some(account) = recovering {
            recovery::tell_of_waiting(self.app, &account).await?;
        }
        self.count(visit, "passed");
        Ok(response)
    }

    /// Somebody has proven to be somebody else than whom it waits for: that is used up and in the log, and confirms nothing.
    async fn is_not_theirs(&self, visit: &Visit, passed: Passed) -> Result<Response, Unanswered> {
        self.uses_up(visit, passed, "refused").await?;
        self.gives_up(visit, ErrorCode::LoginRequired, "the person answered with another account").await
    }

    /// The answer is used up and in the log, and opens nothing.
    async fn will_not_do(
        &self,
        visit: &Visit,
        passed: Passed,
        email: &str,
        raised: Raised,
    ) -> Result<Response, Unanswered> {
        let result = if raised.least.is_some() { "not_enough" } else { "refused" };
        self.uses_up(visit, passed, result).await?;
        self.choose(visit.clone().raised(Some(raised)), email.to_owned(), None, None, Press::None).await
    }

    async fn uses_up(&self, visit: &Visit, mut passed: Passed, result: &'static str) -> Result<(), Unanswered> {
        passed.ends_as(self.app, result).await?;
        let (seal, tells) = (self.app.seal.clone(), passed.tells());
        self.app.db.write(move |tx| Box::pin(async move { earned::apply(tx, passed.changes(&seal)?).await })).await?;
        if tells {
            self.app.courier.wake();
        }
        self.count(visit, result);
        Ok(())
    }
}
