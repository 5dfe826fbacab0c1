//! `urn:openid:params:grant-type:ciba` (CIBA Core 1.0 §10.1): what the person has answered, fetched once.

use std::sync::Arc;

use super::{ATTEMPTS, Spent, authorization_code::Family, invalid_grant};
use crate::{
    app::App,
    clock::{Millis, SECOND},
    error::Internal,
    oidc::{
        backchannel::{AUTH_REQ_ID, Answer, read_answer},
        client::Client,
        client_auth::{self, Caller},
        code::{Authorized, Confirmed},
        error::{ErrorCode, OAuthError, Refusal},
        params::Params,
        tokens::Issue,
    },
    store::{
        self, Change, StoreError,
        backchannel::{self, Model},
    },
};

/// How much longer a client has to wait that asked too early (§11).
const LONGER: Millis = 5 * SECOND;
/// How much a poll may be early, for messages do not all travel alike.
const TOLERANCE: Millis = SECOND / 2;

/// Looks whether there is an answer, and gives what it is worth.
///
/// # Errors
/// `authorization_pending`, `slow_down`, `expired_token`, `access_denied` (§11); `invalid_grant` for one that is unknown, of
/// another client, or was redeemed.
pub(in crate::oidc) async fn redeem(app: &Arc<App>, caller: Caller, params: &Params) -> Result<Issue, Refusal> {
    let client = caller.client.clone();
    let hash = app.seal.hash(AUTH_REQ_ID, params.require("auth_req_id")?);
    for _ in 0..ATTEMPTS {
        let found = backchannel::by_hash(app.db.read(), &hash).await?;
        let row = found.filter(|row| row.client_id == client.client_id);
        let row = row.ok_or_else(|| invalid_grant("no such auth_req_id"))?;
        match row.status.as_str() {
            backchannel::USED => return Err(invalid_grant("its tokens were fetched before").into()),
            _ if app.clock.now() >= row.expires_at => {
                return Err(OAuthError::new(ErrorCode::ExpiredToken, "nobody answered in time").into());
            }
            backchannel::PENDING | backchannel::UNSEEN => {
                if let Some(refusal) = poll(app, &caller, &row).await? {
                    return Err(refusal.into());
                }
            }
            _ => match read_answer(app, &row)? {
                Answer::Denied { reason } => return Err(denied(reason.as_deref()).into()),
                Answer::Approved(authorized) => return fetch(app, caller, &client, (row, *authorized)).await,
            },
        }
    }
    // The client asks so often at once that it is slowed down for that alone.
    Err(OAuthError::new(ErrorCode::SlowDown, "ask less often").into())
}

/// Counts a look at a request that waits. `None` when it is another by now.
async fn poll(app: &App, caller: &Caller, row: &Model) -> Result<Option<OAuthError>, Internal> {
    let now = app.clock.now();
    let is_early = row.polled_at.is_some_and(|at| now - at + TOLERANCE < row.poll_interval);
    let interval = if is_early { row.poll_interval + LONGER } else { row.poll_interval };
    let changes: Vec<Change> =
        caller.spending().into_iter().chain([backchannel::polling(row, interval, now)]).collect();
    match app.db.write(move |tx| Box::pin(async move { store::apply(tx, changes).await })).await {
        Ok(()) if is_early => {
            let reason = format!("ask every {} seconds at most", interval / SECOND);
            Ok(Some(OAuthError::new(ErrorCode::SlowDown, reason)))
        }
        Ok(()) => Ok(Some(OAuthError::new(ErrorCode::AuthorizationPending, "the person has not answered yet"))),
        // Nothing else conflicts here but the row: somebody has answered, or the client has asked at the same moment.
        Err(StoreError::Conflict(record)) => Ok(client_auth::replay(record)),
        Err(error) => Err(error.into()),
    }
}

/// What the relying party learns of a refusal.
fn denied(reason: Option<&str>) -> OAuthError {
    let told = reason.map_or("the person declined".to_owned(), |reason| format!("the person declined: {reason}"));
    OAuthError::new(ErrorCode::AccessDenied, told)
}

/// Using it up, the grant and the refresh token are one transaction.
async fn fetch(
    app: &Arc<App>,
    caller: Caller,
    client: &Client,
    (row, mut authorized): (Model, Authorized),
) -> Result<Issue, Refusal> {
    authorized.granted.jkt = caller.jkt();
    let family = Family::new(app, client, &row.grant_id, &authorized)?;
    let (refresh_token, family_expires_at) = (family.token.clone(), family.grant.expires_at);
    let used = (backchannel::using_up(&row.id, app.clock.now()), backchannel::RECORD);
    match family.store(app, caller, used).await? {
        Spent::Now => {}
        // Whoever asks has proven to be the client: it has asked twice, and nobody has stolen anything.
        Spent::Before => return Err(invalid_grant("its tokens were fetched a moment ago").into()),
        Spent::Locked => return Err(invalid_grant("the account is locked").into()),
        Spent::Replay(refusal) => return Err(refusal.into()),
    }
    Ok(Issue {
        grant_id: row.grant_id,
        account_id: authorized.account_id,
        sid: authorized.sid,
        jkt: authorized.granted.jkt.clone(),
        granted: authorized.granted,
        nonce: None,
        confirmation: authorized.confirmation.map(Confirmed::with_receipt),
        refresh_token,
        family_expires_at,
    })
}
