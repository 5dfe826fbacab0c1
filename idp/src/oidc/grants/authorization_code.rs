//! `authorization_code` (RFC 6749 §4.1.3).

use std::sync::Arc;

use subtle::ConstantTimeEq;

use super::{Spent, end_family, invalid_grant, refresh_token, settle, spend};
use crate::{
    app::App,
    clock::{Millis, SECOND},
    error::Internal,
    oidc::{
        client::Client,
        client_auth::Caller,
        code::{Authorized, Confirmed},
        dpop::binding,
        error::Refusal,
        params::Params,
        pkce,
        tokens::Issue,
    },
    store::{self, Change},
};

/// Redeems a code: of this client, for the same redirect URI, with its verifier and the key it is bound to, once. Using it up, the grant and the
/// refresh token are one transaction.
///
/// # Errors
/// `invalid_grant`. A code that was used before revokes what it had bought (RFC 6749 §4.1.2); a wrong client or verifier
/// does not use it up.
pub(in crate::oidc) async fn redeem(app: &Arc<App>, caller: Caller, params: &Params) -> Result<Issue, Refusal> {
    let client = caller.client.clone();
    let hash = app.seal.hash("code", params.require("code")?);
    let found = store::code::find(&app.db, &hash).await?;
    let code = found.filter(|code| code.client_id == client.client_id).ok_or_else(|| invalid_grant("no such code"))?;
    let mut authorized: Authorized = app.seal.open_record_json("code", &hash, &code.sealed)?;
    check_redirect_uri(&authorized, params)?;
    pkce::check(authorized.code_challenge.as_deref(), params.get("code_verifier"))?;
    binding::fits_code(authorized.dpop_jkt.as_deref(), caller.proof.as_ref()).map_err(invalid_grant)?;
    authorized.granted.jkt = caller.jkt();
    if code.used_at.is_some() {
        return Err(end_family(app, &client, &code.grant_id).await?.into());
    }
    if app.clock.now() >= code.expires_at {
        return Err(invalid_grant("the code has expired").into());
    }
    let family = Family::new(app, &client, &code.grant_id, &authorized)?;
    let (refresh_token, family_expires_at) = (family.token.clone(), family.grant.expires_at);
    let used = (store::code::using_up(&hash, app.clock.now()), store::code::RECORD);
    let spent = family.store(app, caller, used).await?;
    settle(app, &client, &code.grant_id, spent).await?;
    Ok(Issue {
        grant_id: code.grant_id,
        account_id: authorized.account_id,
        sid: authorized.sid,
        jkt: authorized.granted.jkt.clone(),
        granted: authorized.granted,
        nonce: authorized.nonce,
        confirmation: authorized.confirmation.map(Confirmed::with_receipt),
        refresh_token,
        family_expires_at,
    })
}

/// RFC 6749 §4.1.3: `redirect_uri` is required where the authorization request had one, and must be identical.
fn check_redirect_uri(authorized: &Authorized, params: &Params) -> Result<(), Refusal> {
    let given = params.get("redirect_uri").unwrap_or_default();
    if given.as_bytes().ct_eq(authorized.redirect_uri.as_bytes()).into() {
        return Ok(());
    }
    Err(invalid_grant("redirect_uri is not that of the authorization request").into())
}

/// The rows that a credential buys which a person has just earned.
pub(super) struct Family {
    pub(super) grant: store::grant::Model,
    pub(super) token: Option<String>,
    refresh: Option<store::grant::refresh::Model>,
}

impl Family {
    pub(super) fn new(app: &App, client: &Client, grant_id: &str, authorized: &Authorized) -> Result<Self, Internal> {
        let now: Millis = app.clock.now();
        let limits = &app.config.limits;
        let life = if client.refresh { limits.refresh_seconds } else { limits.access_token_seconds };
        let expires_at = now + life * SECOND;
        let (token, refresh) =
            if client.refresh { Some(refresh_token(app, grant_id, expires_at)?).unzip() } else { (None, None) };
        let grant = store::grant::Model {
            id: grant_id.to_owned(),
            client_id: client.client_id.clone(),
            account_id: authorized.account_id.clone(),
            sid: authorized.sid.clone(),
            sealed: app.seal.record_json("token_grant", grant_id, &authorized.granted)?,
            created_at: now,
            expires_at,
            revoked_at: None,
        };
        Ok(Self { grant, token, refresh })
    }

    /// Stores them, where `used`, the using up of the credential, finds it unused; with the name of its record.
    pub(super) async fn store(
        self,
        app: &App,
        caller: Caller,
        (used, record): (Change, &'static str),
    ) -> Result<Spent, Internal> {
        let changes = caller.spending().into_iter().chain([used, store::grant::adding(self.grant)?]);
        let changes = changes.chain(self.refresh.map(store::grant::adding_refresh));
        spend(app, changes, record).await
    }
}
