//! `refresh_token` (RFC 6749 §6), rotated at each use (RFC 9700 §4.14.2).

use std::sync::Arc;

use super::{Spent, end_family, invalid_grant, refresh_token, settle, spend};
use crate::{
    app::App,
    error::Internal,
    oidc::{
        client_auth::Caller,
        code::Granted,
        dpop::binding,
        error::{ErrorCode, OAuthError, Refusal},
        params::Params,
        tokens::Issue,
    },
    store::{self, Change},
};

/// Exchanges a refresh token for fresh tokens and its successor, in one transaction. The family's end stays where it was.
///
/// # Errors
/// `invalid_grant`; a token that was used before ends its family. `invalid_scope` for more than was granted.
pub(in crate::oidc) async fn redeem(app: &Arc<App>, caller: Caller, params: &Params) -> Result<Issue, Refusal> {
    let client = caller.client.clone();
    let now = app.clock.now();
    let hash = app.seal.hash("refresh", params.require("refresh_token")?);
    let found = store::grant::find_refresh(app.db.read(), &hash).await?;
    let token = found.ok_or_else(|| invalid_grant("no such refresh token"))?;
    let found = store::grant::with_account(app.db.read(), &token.grant_id).await?;
    let (grant, account) = found.ok_or_else(|| invalid_grant("the family or its account is gone"))?;
    if grant.client_id != client.client_id {
        return Err(invalid_grant("of another client").into());
    }
    let mut granted: Granted = app.seal.open_record_json("token_grant", &grant.id, &grant.sealed)?;
    let fits = binding::fits_family(&client, granted.jkt.as_deref(), caller.proof.as_ref());
    if client.is_public() {
        // Without the key an old token is worth nothing, not even the end of the family.
        fits.map_err(invalid_grant)?;
    }
    if token.used_at.is_some() {
        return Err(end_family(app, &client, &grant.id).await?.into());
    }
    if grant.revoked_at.is_some() || now >= token.expires_at || now >= grant.expires_at || !account.is_active() {
        return Err(invalid_grant("revoked or expired, or the account is locked").into());
    }
    fits.map_err(invalid_grant)?;
    let jkt = caller.jkt();
    let bound = bind(app, &caller, &grant.id, &granted)?;
    narrow(&mut granted, params)?;
    let (refresh_token, next) = refresh_token(app, &grant.id, grant.expires_at)?;
    let spent = rotate(app, caller, hash, next, bound).await?;
    settle(app, &client, &grant.id, spent).await?;
    Ok(Issue {
        grant_id: grant.id,
        account_id: grant.account_id,
        sid: grant.sid,
        granted,
        // OpenID Connect Core §12.2: an ID token of a refresh "SHOULD NOT have a nonce Claim".
        nonce: None,
        confirmation: None,
        refresh_token: Some(refresh_token),
        jkt,
        family_expires_at: grant.expires_at,
    })
}

/// RFC 6749 §6: "The requested scope MUST NOT include any scope not originally granted". The family keeps what it has.
fn narrow(granted: &mut Granted, params: &Params) -> Result<(), OAuthError> {
    if params.get("scope").is_none() {
        return Ok(());
    }
    let wished = params.list("scope");
    if wished.is_empty() || !wished.iter().all(|scope| granted.has(scope)) {
        return Err(OAuthError::new(ErrorCode::InvalidScope, "scope is wider than what was granted"));
    }
    granted.scope = wished;
    Ok(())
}

/// RFC 9449 §5: what a public client gets together with a proof is bound to its key. A family that was not yet is from now on.
fn bind(app: &App, caller: &Caller, grant_id: &str, granted: &Granted) -> Result<Option<Change>, Internal> {
    if granted.jkt.is_some() || caller.proof.is_none() || !caller.client.is_public() {
        return Ok(None);
    }
    let bound = Granted { jkt: caller.jkt(), ..granted.clone() };
    Ok(Some(store::grant::resealing(grant_id, app.seal.record_json("token_grant", grant_id, &bound)?)))
}

async fn rotate(
    app: &App,
    caller: Caller,
    hash: String,
    next: store::grant::refresh::Model,
    bound: Option<Change>,
) -> Result<Spent, Internal> {
    let used = store::grant::using_up_refresh(&hash, app.clock.now());
    let changes = caller.spending().into_iter().chain([used, store::grant::adding_refresh(next)]).chain(bound);
    spend(app, changes, store::grant::refresh::RECORD).await
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::oidc::claims::Wished;

    fn narrowed(query: &str) -> Result<Vec<String>, ErrorCode> {
        let mut granted = Granted {
            scope: vec!["openid".into(), "email".into()],
            auth_time: 0,
            acr: String::new(),
            amr: Vec::new(),
            claims: Wished::default(),
            jkt: None,
        };
        narrow(&mut granted, &Params::parse(query.as_bytes()).unwrap()).map_err(|error| error.code)?;
        Ok(granted.scope)
    }

    #[test]
    fn a_refresh_can_ask_for_less_and_never_for_more() {
        assert_eq!(narrowed("").unwrap(), ["openid", "email"]);
        assert_eq!(narrowed("scope=openid").unwrap(), ["openid"]);
        assert_eq!(narrowed("scope=openid+phone"), Err(ErrorCode::InvalidScope));
        assert_eq!(narrowed("scope=+"), Err(ErrorCode::InvalidScope));
    }
}
