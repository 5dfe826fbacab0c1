//! Changes that guard the account itself need a fresh proof of the highest level that its methods can give: who holds
//! only a mailbox, or finds a browser left open, cannot lock the owner out. While a method of the account does not run, a
//! mailbox is never enough.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use serde_json::{Value, json};

use super::{
    Area, Turned,
    entry::{self, CLIENT},
    form::{Fields, Submitted},
};
use crate::{
    app::App,
    clock::{Millis, SECOND},
    error::Internal,
    login::{acr, session},
    plugins::FactorHandle,
    store::enrolment,
};

/// What changes need, and for how long they can be made.
#[derive(Debug)]
pub(super) struct Guard {
    /// What has to be proven.
    pub(super) level: &'static str,
    /// Until when the last such proof is good; `None` when it is not.
    until: Option<Millis>,
}

impl Guard {
    pub(super) fn is_open(&self) -> bool {
        self.until.is_some()
    }

    /// For pages: whether changes can be made, and where to go when not.
    pub(super) fn shown(&self, area: &Area) -> Value {
        json!({ "open": self.is_open(), "prove": format!("/account/prove/{}", area.place.path) })
    }
}

impl Area {
    /// What changes of this account need.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn guard(&self) -> Result<Guard, Internal> {
        let rows = enrolment::of_account(self.app.db.read(), &self.account.id).await?;
        Ok(self.guard_of(&rows))
    }

    /// The same, of enrolments that were read already.
    pub(super) fn guard_of(&self, rows: &[enrolment::Model]) -> Guard {
        let active: Vec<_> = rows.iter().filter(|row| row.status == "active").collect();
        let factors: Vec<_> = active.iter().map(|row| self.app.plugins.factor(&row.factor)).collect();
        let level = |(row, factor): (&&enrolment::Model, &Option<FactorHandle>)| {
            self.level_of(factor.as_ref()?, row.acr.as_deref())
        };
        let levels: Vec<_> = active.iter().zip(&factors).filter_map(level).collect();
        let level = match acr::highest(levels.iter().map(String::as_str)) {
            // Somebody who holds the mailbox has only to wait until the pad is being upgraded.
            acr::MAILBOX if factors.iter().any(Option::is_none) => acr::POSSESSION,
            level => level,
        };
        let life = self.app.config.account.change_seconds * SECOND;
        let proven = session::worth(&self.app, &self.session, CLIENT);
        let newest = proven.iter().filter(|(acr, _)| acr::satisfies(acr, level)).map(|(_, at)| *at).max();
        let until = newest.map(|at| at + life).filter(|until| self.now() < *until);
        Guard { level, until }
    }
}

/// A form of ours, sent by somebody who has just proven the account's highest level.
#[derive(Debug)]
pub struct Guarded {
    pub(super) area: Area,
    pub(super) fields: Fields,
}

impl FromRequest<Arc<App>> for Guarded {
    /// As that of [`Submitted`], or leads to the proof that is missing.
    type Rejection = Turned;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        let headers = request.headers().clone();
        let Submitted { area, fields } = Submitted::from_request(request, app).await?;
        let turned = match area.guard().await {
            Ok(guard) if guard.is_open() => return Ok(Self { area, fields }),
            Ok(guard) => entry::lead_to_proof(app, &headers, area.locale, &entry::Asked::to_change(&area, guard.level)),
            Err(error) => Err(error),
        };
        Err(Turned::to(area.answer(turned)))
    }
}
