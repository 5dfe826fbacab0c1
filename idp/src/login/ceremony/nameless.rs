//! Asking whoever is there, before they have said who they are: the answer says it.
//!
//! The challenge is derived from the visit and from what is drawn whenever the page is shown, and travels sealed with the
//! visit: asking reads and writes nothing. An answer names an account. What that has of the factor is looked up, and from
//! there on it is an answer like any other ([`super::judge`]): the same budgets, pauses, signals, log and notices. A right
//! one spends the challenge in its transaction.
//!
//! A name that is nobody's, or of an account that may not sign in or has nothing of the factor, goes the way of an
//! address without an account. Payments are never asked for so: what people touch to sign in must not approve anything.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use plugin_api::message::{AccountView, BeginNameless, Claim, Context, Input, Purpose, Step};
use serde_json::Value;
use tokio::time::timeout;

use super::{Attempt, Issued, Question, Surroundings, build, decoy_id, decoy_key, is_in_step, several::Led};
use crate::{
    app::App,
    clock::{Millis, SECOND},
    entropy,
    error::Internal,
    login::interaction::Interaction,
    plugins::{CallError, FactorHandle},
    store::{account, spent},
};

/// How long the page that asks who somebody is waits for a factor's part of it.
const PATIENCE: Duration = Duration::from_secs(2);
const SPENT: &str = "nameless";

/// Asks whoever is there by the first factor that does so and will do for the demand. Whatever goes wrong, people can still
/// say who they are: then nothing is asked.
///
/// # Errors
/// When the generator fails.
pub async fn invite(app: &App, interaction: &Interaction) -> Result<Option<(Box<Issued>, Question)>, Internal> {
    let demand = &interaction.demand;
    if demand.purpose() != Purpose::Authorize {
        return Ok(None);
    }
    let policy = app.policy.now();
    let will_do =
        |factor: &FactorHandle| factor.manifest().is_nameless() && policy.earns(factor.manifest(), demand).is_some();
    let Some(factor) = app.plugins.factors_for(Purpose::Authorize).into_iter().find(will_do) else { return Ok(None) };
    let (drawn, expires_at) = (app.entropy.id()?, app.clock.now() + app.config.limits.nameless_seconds * SECOND);
    let expires_at = expires_at.min(interaction.expires_at());
    let cx = nobody(app, interaction, &drawn, expires_at);
    let asked = match timeout(PATIENCE, factor.begin_nameless(&BeginNameless { cx })).await {
        Ok(Ok(asked)) => asked,
        // A call that failed is in the log already.
        Ok(Err(_)) => None,
        Err(_) => {
            tracing::warn!(factor = factor.id(), "nobody was asked without their address: the factor took too long");
            None
        }
    };
    let Some(Step::Ask { page, data, state, .. }) = asked else { return Ok(None) };
    let issued = Issued {
        factor: factor.id().to_owned(),
        build: build(&factor),
        data_version: factor.manifest().data_version,
        enrolment: String::new(),
        stored: false,
        nameless: Some(drawn),
        number: 0,
        slice: 0,
        expires_at,
        // Whoever wants to see it again is asked anew.
        page: String::new(),
        data: Value::Null,
        state,
    };
    Ok(Some((Box::new(issued), Question { page, data })))
}

/// Surroundings of a call that is about nobody yet.
fn nobody(app: &App, interaction: &Interaction, drawn: &str, expires_at: Millis) -> Context {
    let asked = Surroundings { app, interaction, email: "", nameless: Some(drawn), slice: 0, expires_at };
    let account = AccountView { id: String::new(), email: String::new(), name: String::new() };
    asked.context("", 0, account)
}

/// What an answer says of whose it is.
#[derive(Debug)]
pub enum Named {
    /// This; perhaps nothing, perhaps nobody.
    As(String),
    /// It was not looked at: the question is too old, or was asked by another build.
    Stale,
    /// It was not looked at: the factor does not run, or is just being replaced.
    Off,
}

/// Reads whose an answer to [`invite`] says that it is. It is the same for all accounts what becomes of it.
///
/// # Errors
/// When the database or the plugin fails.
pub async fn named(app: &App, interaction: &Interaction, issued: &Issued, input: &Input) -> Result<Named, Internal> {
    let Some(drawn) = &issued.nameless else { return Ok(Named::Stale) };
    let Some(factor) = app.plugins.factor(&issued.factor) else { return Ok(Named::Off) };
    if app.clock.now() >= issued.expires_at || issued.data_version != factor.manifest().data_version {
        return Ok(Named::Stale);
    }
    if !issued.is_allowed(app, &interaction.demand) || !is_in_step(app, &factor).await? {
        return Ok(Named::Off);
    }
    let cx = nobody(app, interaction, drawn, issued.expires_at);
    let request = Claim { cx, state: issued.state.clone(), input: input.clone() };
    match factor.claim(&request).await {
        Ok(name) => Ok(Named::As(name.unwrap_or_default())),
        // What the build before this one was waiting for, it need not understand.
        Err(CallError::Failed(_)) if !issued.is_current(app) => Ok(Named::Stale),
        Err(CallError::Unsupported) => Ok(Named::Off),
        Err(error) => Err(error.into()),
    }
}

/// Who answers, as far as they say; known and unknown names look alike.
#[derive(Debug)]
pub struct Claimant {
    /// An address of theirs; for a name that cannot sign in one that is nobody's, always the same.
    pub email: String,
    /// The challenge, as if they had been asked.
    pub issued: Issued,
}

/// Looks up what the account of this name has of the factor.
///
/// # Errors
/// When the database fails.
pub async fn claimant(app: &App, issued: &Issued, name: &str) -> Result<Claimant, Internal> {
    let made_up = BASE64_URL_SAFE_NO_PAD.encode(app.seal.derive(&[b"nameless claim", name.as_bytes()]));
    // Whatever a browser sends, the database is asked for something that could be an account.
    let id = if entropy::is_id(name) { name } else { &made_up };
    let (account, rows) = account::by_id_with_enrolments(app.db.read(), id).await?;
    let account = account.filter(account::Model::is_active);
    let led = app.plugins.factor(&issued.factor).and_then(|factor| {
        Led::of(&rows, &factor, Purpose::Authorize).filter(|led| led.is_of(factor.manifest().data_version))
    });
    if let (Some(account), Some(Led { lead, .. })) = (account, led) {
        let issued = Issued { number: lead.challenge_number, enrolment: lead.id, ..issued.clone() };
        return Ok(Claimant { email: account.email, issued });
    }
    let email = format!("{made_up}@invalid");
    let number = app.decoys.number(&decoy_key(&app.seal, &email, &issued.factor));
    let issued = Issued { number, enrolment: decoy_id(&app.seal, &email, &issued.factor), ..issued.clone() };
    Ok(Claimant { email, issued })
}

/// What a right answer to a question of [`invite`] spends; `None` for any other question.
pub(super) fn once(app: &App, attempt: &Attempt<'_>) -> Option<spent::Model> {
    let Issued { nameless, expires_at, .. } = attempt.issued;
    let hash = app.seal.hash(SPENT, nameless.as_ref()?);
    Some(spent::Model { purpose: SPENT.to_owned(), hash, expires_at: *expires_at })
}
