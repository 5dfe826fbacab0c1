//! What messages of a factor cost, and how many are free, for people to read before anything is sent.

use std::collections::BTreeMap;

use plugin_api::message::{Context, Fee, Purpose, Site};

use super::{account_view, pace, price, stored};
use crate::{
    app::App,
    clock::{DAY, Millis},
    error::Internal,
    plugins::FactorHandle,
    store::{account, code_pace},
};

/// What an account meets with.
#[derive(Clone, Debug)]
pub struct Tariff {
    /// Messages that are not for payments; `None` where they are not counted.
    pub free: Option<Free>,
    /// The fee of a payment's message, by the payment's currency.
    pub fees: BTreeMap<String, Fee>,
    /// The same for payments in any other currency.
    pub other_fee: Option<Fee>,
}

/// How many messages are free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Free {
    /// In any 24 hours.
    pub per_day: u32,
    /// At present.
    pub left: u32,
    /// When one more is free, if none is left now. Unix milliseconds.
    pub again_at: Option<Millis>,
}

/// What `factor` charges `account`; `None` if it knows of no price.
///
/// # Errors
/// When the plugin or the database fails.
pub async fn tariff(
    app: &App,
    account: &account::Model,
    factor: &FactorHandle,
    locale: &str,
) -> Result<Option<Tariff>, Internal> {
    let Some(price) = factor.price(&surroundings(app, account, locale)?).await? else { return Ok(None) };
    let free = match price.free_per_day {
        Some(per_day) => Some(free(app, &code_pace::free(factor.id(), &account.id), per_day).await?),
        None => None,
    };
    Ok(Some(Tariff { free, fees: price.fees, other_fee: price.other_fee }))
}

/// Those of a sign-in that nobody has asked for.
fn surroundings(app: &App, account: &account::Model, locale: &str) -> Result<Context, Internal> {
    let (now, issuer) = (app.clock.now(), &app.config.issuer);
    Ok(Context {
        purpose: Purpose::Authorize,
        transaction: None,
        account: account_view(account),
        site: Site { name: issuer.clone(), origin: issuer.clone() },
        locale: locale.to_owned(),
        now,
        expires_at: now,
        random: stored::random(app)?,
        issuer: issuer.clone(),
        summary: None,
    })
}

async fn free(app: &App, key: &str, per_day: u32) -> Result<Free, Internal> {
    let now = app.clock.now();
    let seen = code_pace::find(app.db.read(), key).await?;
    let sent = seen.as_ref().map_or(Ok(Vec::new()), code_pace::Model::times)?;
    let recent = sent.iter().filter(|at| now - **at < DAY).count();
    let left = per_day.saturating_sub(u32::try_from(recent).unwrap_or(u32::MAX));
    Ok(Free { per_day, left, again_at: pace::free_at(&sent, &[price::free_window(per_day)], now) })
}
