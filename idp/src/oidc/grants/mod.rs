//! Grants: one file each. A grant says what its credential is worth and uses it up; everything shared is in
//! [`super::token`].

pub(super) mod authorization_code;
pub(super) mod ciba;
pub(super) mod device_code;
pub(super) mod refresh_token;

use std::sync::Arc;

use super::{
    client::Client,
    client_auth,
    error::{ErrorCode, OAuthError, Refusal},
};
use crate::{
    app::App,
    clock::Millis,
    error::Internal,
    store::{self, Change, StoreError},
};

/// How often a unit of work is begun again after another one was faster.
const ATTEMPTS: usize = 5;

/// What became of a credential in its transaction.
enum Spent {
    /// Used up, and what it bought is stored.
    Now,
    /// It had been used before.
    Before,
    /// It is used up, and bought nothing: the account was locked in the meantime.
    Locked,
    /// The client's assertion or its proof of possession had been used before; nothing was done.
    Replay(OAuthError),
}

/// Makes `changes`: first the spending of the client's assertion and proof, then the using up of the credential, then what it buys.
async fn spend(
    app: &App,
    changes: impl Iterator<Item = Change> + Clone + Send + 'static,
    credential: &'static str,
) -> Result<Spent, Internal> {
    app.db
        .write(move |tx| {
            Box::pin(async move {
                match store::apply(tx, changes).await {
                    Ok(()) => Ok(Spent::Now),
                    // What was spent stays spent.
                    Err(StoreError::Conflict(store::grant::RECORD)) => Ok(Spent::Locked),
                    Err(StoreError::Conflict(record)) if record == credential => Ok(Spent::Before),
                    Err(error) => match &error {
                        StoreError::Conflict(record) => client_auth::replay(record).map(Spent::Replay),
                        _ => None,
                    }
                    .ok_or_else(|| error.into()),
                }
            })
        })
        .await
}

/// The one answer for a credential that is worth nothing, whatever the reason.
fn invalid_grant(reason: &str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidGrant, "the grant is invalid, expired, revoked or of another client")
        .logged(reason)
}

/// A credential was presented again: one of the two who hold it is a thief, so the family ends (RFC 9700 §4.14.2, RFC 6749
/// §4.1.2). Durable before the refusal leaves.
async fn end_family(app: &Arc<App>, client: &Client, grant_id: &str) -> Result<OAuthError, Internal> {
    let event = store::log::Event {
        client: Some(client.client_id.clone()),
        reference: Some(grant_id.to_owned()),
        ..store::log::Event::new("token_reuse", "revoked")
    };
    let mut attempt = 0;
    while let Err(error) = revoke(app, grant_id, event.clone()).await {
        attempt += 1;
        if !error.is_conflict() || attempt == ATTEMPTS {
            return Err(error);
        }
    }
    Ok(invalid_grant("presented again: its family is revoked"))
}

async fn revoke(app: &Arc<App>, grant_id: &str, event: store::log::Event) -> Result<(), Internal> {
    let Some(grant) = store::grant::by_id(app.db.read(), grant_id).await? else { return Ok(()) };
    let (app, now) = (app.clone(), app.clock.now());
    let db = app.db.clone();
    db.write(move |tx| {
        Box::pin(async move {
            if store::grant::revoke(tx, &grant.id, now).await? {
                store::log::append(tx, &app.seal, &grant.account_id, now, &event).await?;
            }
            Ok::<_, Internal>(())
        })
    })
    .await
}

/// A fresh refresh token and its row.
fn refresh_token(
    app: &App,
    grant_id: &str,
    expires_at: Millis,
) -> Result<(String, store::grant::refresh::Model), Internal> {
    let token = app.entropy.token()?;
    let row = store::grant::refresh::Model {
        hash: app.seal.hash("refresh", &token),
        grant_id: grant_id.to_owned(),
        created_at: app.clock.now(),
        expires_at,
        used_at: None,
    };
    Ok((token, row))
}

/// From what became of a credential to the refusal, if it was worth nothing.
async fn settle(app: &Arc<App>, client: &Client, grant_id: &str, spent: Spent) -> Result<(), Refusal> {
    match spent {
        Spent::Now => Ok(()),
        Spent::Before => Err(end_family(app, client, grant_id).await?.into()),
        Spent::Locked => Err(invalid_grant("the account is locked").into()),
        Spent::Replay(error) => Err(error.into()),
    }
}
