//! What an answer is held against.

use serde_json::Value;

use super::{Attempt, Issued, Surroundings, nameless, stored};
use crate::{
    app::App,
    clock::Millis,
    error::Internal,
    store::{Change, challenge, spent},
};

/// As it travelled with the browser, or as it was kept.
pub(super) struct Posed {
    pub(super) number: i64,
    pub(super) expires_at: Millis,
    pub(super) state: Value,
    /// The row that it was kept in.
    pub(super) kept: Option<challenge::Model>,
    /// What a right answer spends, where that is all that ends it.
    once: Option<spent::Model>,
    pub(super) charge: Option<String>,
}

impl Posed {
    /// `None` when it is void: used, or of another data version.
    pub(super) async fn find(app: &App, attempt: &Attempt<'_>) -> Result<Option<Self>, Internal> {
        let Issued { stored, enrolment, number, expires_at, state, data_version, .. } = attempt.issued;
        if !stored {
            let once = nameless::once(app, attempt);
            if let Some(once) = &once
                && spent::is_spent(app.db.read(), once).await?
            {
                return Ok(None);
            }
            return Ok(Some(Self {
                number: *number,
                expires_at: *expires_at,
                state: state.clone(),
                kept: None,
                once,
                charge: None,
            }));
        }
        let found = stored::find(app, attempt.interaction, enrolment).await?;
        let Some(row) = found.filter(|row| row.used_at.is_none()) else { return Ok(None) };
        let step = row.step(&app.seal)?;
        if step.data_version != *data_version {
            return Ok(None);
        }
        let charge = step.agreed.map(|agreed| agreed.charge);
        let (number, expires_at) = (row.number, row.expires_at);
        Ok(Some(Self { number, expires_at, state: step.state, kept: Some(row), once: None, charge }))
    }

    /// What the plugin is handed beside it.
    pub(super) fn surroundings<'a>(&self, app: &'a App, attempt: &Attempt<'a>) -> Surroundings<'a> {
        Surroundings {
            app,
            interaction: attempt.interaction,
            email: attempt.email,
            nameless: attempt.issued.nameless.as_deref(),
            slice: attempt.issued.slice,
            expires_at: self.expires_at,
        }
    }

    /// What makes sure that it is answered once, besides the enrolment's challenge number.
    pub(super) fn using_up(self, now: Millis) -> Option<Change> {
        let Self { kept, once, .. } = self;
        kept.map(|kept| challenge::using_up(&kept, now)).or(once.map(spent::spending))
    }

    /// As every call of a factor whose challenges are stored, an answer gets fresh randomness.
    pub(super) fn freshen(&self, app: &App, random: &mut String) -> Result<(), Internal> {
        if self.kept.is_some() {
            *random = stored::random(app)?;
        }
        Ok(())
    }
}
