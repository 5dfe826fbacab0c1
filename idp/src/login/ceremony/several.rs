//! One account may have several enrolments of a factor: a finger each. The oldest in use leads: challenge number, pause and
//! failures are its, so that ten fingers have one budget and not ten. Any of them may answer, and keeps its own state.
//!
//! Those that a clone was seen of, or beside, serve no payment, and are not handed over for one.

use plugin_api::message::{Enrolled, Purpose};

use crate::{
    app::App,
    error::Internal,
    plugins::FactorHandle,
    seal::Seal,
    store::{
        StoreError,
        enrolment::{self, Model as Enrolment},
    },
};

/// What an account can answer with by one factor.
#[derive(Clone, Debug)]
pub(super) struct Led {
    pub(super) lead: Enrolment,
    /// Oldest first. None where the manifest allows one alone.
    pub(super) others: Vec<Enrolment>,
}

impl Led {
    /// Out of all enrolments of an account, oldest first.
    pub(super) fn of(rows: &[Enrolment], factor: &FactorHandle, purpose: Purpose) -> Option<Self> {
        let serves = |row: &&Enrolment| {
            row.factor == factor.id()
                && row.status == "active"
                && !(purpose == Purpose::Payment && row.payments_blocked)
        };
        let mut serving = rows.iter().filter(serves).cloned();
        if factor.manifest().per_account == 1 {
            return serving.next_back().map(|lead| Self { lead, others: Vec::new() });
        }
        let lead = serving.next()?;
        Some(Self { lead, others: serving.collect() })
    }

    /// Whether this build may be handed all of them.
    pub(super) fn is_of(&self, data_version: u32) -> bool {
        self.lead.is_of(data_version) && self.others.iter().all(|row| row.is_of(data_version))
    }
}

/// The others beside `lead`, as they stand now.
pub(super) async fn beside(
    app: &App,
    factor: &FactorHandle,
    lead: &Enrolment,
    purpose: Purpose,
) -> Result<Vec<Enrolment>, Internal> {
    if factor.manifest().per_account == 1 {
        return Ok(Vec::new());
    }
    let rows = enrolment::of_account(app.db.read(), &lead.account_id).await?;
    let serving = Led::of(&rows, factor, purpose);
    let all = serving.into_iter().flat_map(|all| std::iter::once(all.lead).chain(all.others));
    Ok(all.filter(|row| row.id != lead.id).collect())
}

/// As the plugin is handed them.
pub(super) fn handed(seal: &Seal, others: &[Enrolment]) -> Result<Vec<Enrolled>, StoreError> {
    others.iter().map(|row| Ok(Enrolled { id: row.id.clone(), enrolment: row.state(seal)? })).collect()
}
