//! `urn:ietf:params:oauth:grant-type:device_code` (RFC 8628 §3.4).

use std::sync::Arc;

use super::{authorization_code::Family, end_family, invalid_grant, settle};
use crate::{
    app::App,
    clock::SECOND,
    oidc::{
        client_auth::Caller,
        code::Authorized,
        dpop::binding,
        error::{ErrorCode, OAuthError, Refusal},
        params::Params,
        tokens::Issue,
    },
    store::{self, device_code::Model},
};

/// Redeems a device code once its person has approved it.
///
/// # Errors
/// `authorization_pending`, `slow_down`, `access_denied`, `expired_token` (§3.5); `invalid_grant` for a code that is not this
/// client's, is bound to another key, or was used before, which revokes what it had bought: but only whoever has the key may
/// say so.
pub(in crate::oidc) async fn redeem(app: &Arc<App>, caller: Caller, params: &Params) -> Result<Issue, Refusal> {
    let client = caller.client.clone();
    let hash = app.seal.hash("device_code", params.require("device_code")?);
    let found = store::device_code::find(app.db.read(), &hash).await?;
    let row = found.filter(|row| row.client_id == client.client_id);
    let row = row.ok_or_else(|| invalid_grant("no such device code"))?;
    let is_used = row.used_at.is_some();
    if !is_used {
        is_approved(app, &row)?;
    }
    let mut authorized: Authorized = app.seal.open_record_json("device_code", &hash, &row.sealed)?;
    binding::fits_code(authorized.dpop_jkt.as_deref(), caller.proof.as_ref()).map_err(invalid_grant)?;
    if is_used {
        return Err(end_family(app, &client, &row.grant_id).await?.into());
    }
    authorized.granted.jkt = caller.jkt();
    let family = Family::new(app, &client, &row.grant_id, &authorized)?;
    let (refresh_token, family_expires_at) = (family.token.clone(), family.grant.expires_at);
    let used = (store::device_code::using_up(&hash, app.clock.now()), store::device_code::RECORD);
    let spent = family.store(app, caller, used).await?;
    settle(app, &client, &row.grant_id, spent).await?;
    Ok(Issue {
        grant_id: row.grant_id,
        account_id: authorized.account_id,
        sid: authorized.sid,
        jkt: authorized.granted.jkt.clone(),
        granted: authorized.granted,
        nonce: authorized.nonce,
        confirmation: None,
        refresh_token,
        family_expires_at,
    })
}

/// §3.5.
fn is_approved(app: &App, row: &Model) -> Result<(), OAuthError> {
    let now = app.clock.now();
    if now >= row.expires_at {
        return Err(OAuthError::new(ErrorCode::ExpiredToken, "the device code has expired: begin again"));
    }
    match row.status.as_str() {
        store::device_code::APPROVED => Ok(()),
        store::device_code::DENIED => Err(OAuthError::new(ErrorCode::AccessDenied, "the person declined")),
        _ => {
            // A second less, since not every question takes as long on its way as the one before.
            let pause = (app.config.device.interval_seconds - 1) * SECOND;
            if app.limits.allow("device_poll", &row.hash, pause, 1, now) {
                return Err(OAuthError::new(ErrorCode::AuthorizationPending, "the person has not answered yet"));
            }
            Err(OAuthError::new(ErrorCode::SlowDown, "asked too soon: wait 5 seconds longer from now on"))
        }
    }
}
