//! Enrolling on the plugin's own pages, in the browser that was led there.
//!
//! The step that the person is at is kept in the waiting enrolment, so that its page can be left and come back to, and
//! an answer counts for the step that it was given to.

use std::sync::Arc;

use plugin_api::message::{EnrolAnswer, Input, Step};

use super::{
    super::Caller,
    admit, allowed, context,
    outcome::{Kept, Outcomes},
    readable, view,
};
use crate::{
    app::App,
    error::Internal,
    letter,
    pages::Scripts,
    plugins::FactorHandle,
    seal::Seal,
    sms::Admission,
    store::{
        account::Model as Account,
        apply,
        enrolment::{self, Model as Enrolment, PageStep},
    },
};

/// Puts a step that waits for the person's answer into `row`.
pub(super) fn keep(row: &mut Enrolment, seal: &Seal, step: &PageStep) -> Result<(), Internal> {
    let value = serde_json::to_value(step);
    let value = value.map_err(|error| Internal::Other(format!("a step of an enrolment: {error}")))?;
    Ok(row.set_state(seal, &value)?)
}

fn step_of(row: &Enrolment, seal: &Seal) -> Result<PageStep, Internal> {
    serde_json::from_value(row.state(seal)?)
        .map_err(|error| Internal::Other(format!("enrolment {} holds no step: {error}", row.id)))
}

/// What became of an answer.
pub(in super::super) enum Answered {
    /// There is a page to show: the next one, or the same with what is wrong.
    Asked,
    /// It was wrong, and was counted.
    Wrong,
    /// The enrolment is active.
    Enrolled,
    /// The plugin says that it cannot go on: the enrolment is over.
    Ended,
    /// The account has as many as it may have: the enrolment is over.
    Full,
    /// The enrolment has moved on since the page was shown.
    Stale,
    TooMany,
}

/// The plugin's part of the page, and what it may run there.
///
/// # Errors
/// When the row holds no step, or the page cannot be rendered.
pub(in super::super) fn body(app: &App, row: &Enrolment, locale: &str) -> Result<(String, Option<Scripts>), Internal> {
    let PageStep { page, data, .. } = step_of(row, &app.seal)?;
    let html = app.pages.plugin_page(&row.factor, &page, locale, &data)?;
    Ok((html, app.pages.scripts(&row.factor, &app.config.issuer, &data)))
}

/// Takes the answer to the page that `row` is at.
///
/// # Errors
/// When the database or the plugin fails.
pub(in super::super) async fn answer(
    app: &Arc<App>,
    caller: &Caller,
    factor: &FactorHandle,
    (account, row): (Account, Enrolment),
    locale: &str,
    input: Input,
) -> Result<Answered, Internal> {
    let now = app.clock.now();
    if !allowed(app, caller, &account.email) {
        return Ok(Answered::TooMany);
    }
    readable(&row, factor)?;
    let PageStep { state, .. } = step_of(&row, &app.seal)?;
    let random = app.entropy.bytes()?;
    let cx = context(app, view(&account), locale, row.expires_at.unwrap_or(now), random);
    let outcomes = Outcomes { app, factor, address: &caller.address };
    let (done, answered) = match factor.enrol_answer(&EnrolAnswer { cx, state, input }).await? {
        step @ Step::Ask { .. } => (moves_on(&outcomes, caller, &account, row, step).await, Answered::Asked),
        Step::Pass { facts, enrolment: Some(state), .. } => match outcomes.passed(account, row, &facts, &state).await {
            Ok(Kept::Active) => (Ok(()), Answered::Enrolled),
            Ok(Kept::Full) => (Ok(()), Answered::Full),
            Err(error) => (Err(error), Answered::Stale),
        },
        Step::Wrong { .. } => (outcomes.wrong(account, row).await, Answered::Wrong),
        Step::Fail { reason } => (outcomes.ended(account, row, reason).await, Answered::Ended),
        Step::Redirect { .. } | Step::Wait { .. } | Step::Pass { enrolment: None, .. } => {
            let reason = format!("factor {} enrols in a way that a page cannot follow", factor.id());
            return Err(Internal::Other(reason));
        }
    };
    match done {
        Ok(()) => Ok(answered),
        // Another answer to the same page was first.
        Err(error) if error.is_conflict() => Ok(Answered::Stale),
        Err(error) => Err(error),
    }
}

/// Keeps the next step, and sends what it wants sent.
async fn moves_on(
    outcomes: &Outcomes<'_>,
    caller: &Caller,
    account: &Account,
    mut row: Enrolment,
    step: Step,
) -> Result<(), Internal> {
    let Outcomes { app, factor, .. } = *outcomes;
    let Step::Ask { page, data, state, effects } = step else { return Ok(()) };
    // The version names the step: a message belongs to one of them.
    let place = format!("enrol:{}:{}", row.id, row.version);
    let messages = effects
        .into_iter()
        .enumerate()
        .map(|(number, effect)| letter::of_effect(app, factor, account.into(), format!("{place}:{number}"), effect))
        .collect::<Result<Vec<_>, _>>()?;
    let Admission::Sent(admitted) = admit(app, account, &caller.block, &messages).await? else {
        return Err(Internal::Held);
    };
    keep(&mut row, &app.seal, &PageStep { page, data, state })?;
    let transaction = app.clone();
    app.db
        .write(move |tx| {
            Box::pin(async move {
                apply(tx, [enrolment::saving(row)].into_iter().chain(admitted)).await?;
                for message in messages {
                    transaction.courier.queue_in(tx, &transaction.seal, message).await?;
                }
                Ok::<_, Internal>(())
            })
        })
        .await?;
    app.courier.wake();
    Ok(())
}
