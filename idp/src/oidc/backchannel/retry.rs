//! `Idempotency-Key`: a client that does not know whether its request arrived repeats it under the same key, and is told of
//! the one request that there is. A key holds until a day after its request has ended.

use axum::http::HeaderMap;

use super::{Told, kept::Asked};
use crate::{
    app::App,
    oidc::{
        client::Client,
        client_auth::Caller,
        error::{ErrorCode, OAuthError, Refusal},
        params::Params,
    },
    store::backchannel,
};

const HEADER: &str = "idempotency-key";
/// Longest key, in bytes.
const LONGEST: usize = 255;
/// Parameters that prove who asks and are no part of what is asked.
const PROOFS: [&str; 4] = ["client_id", "client_secret", "client_assertion", "client_assertion_type"];

/// Under what a request can be repeated, and by what it is recognised.
pub(super) struct Retry {
    /// Keyed hash of client and key, if there is a key.
    pub(super) hash: Option<String>,
    /// Keyed hash of what is asked.
    pub(super) fingerprint: String,
}

impl Retry {
    /// Reads the header, a string in quotes or without.
    ///
    /// # Errors
    /// `invalid_request` when it is there twice, or is not 1 to 255 printable ASCII characters.
    pub(super) fn read(app: &App, client: &Client, headers: &HeaderMap, params: &Params) -> Result<Self, OAuthError> {
        let mut asked: Vec<_> = params.all().iter().filter(|(name, _)| !PROOFS.contains(&name.as_str())).collect();
        asked.sort();
        let text = serde_json::to_string(&asked).unwrap_or_default();
        let fingerprint = app.seal.hash("backchannel fingerprint", &text);
        let bad =
            || OAuthError::new(ErrorCode::InvalidRequest, "Idempotency-Key must have 1 to 255 printable characters");
        let mut given = headers.get_all(HEADER).iter();
        let Some(value) = given.next() else { return Ok(Self { hash: None, fingerprint }) };
        let key = value.to_str().map_err(|_| bad())?.trim();
        let key = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
        if given.next().is_some() || key.is_empty() || key.len() > LONGEST {
            return Err(bad());
        }
        let hash = app.seal.hash("backchannel retry", &format!("{}\0{key}", client.client_id));
        Ok(Self { hash: Some(hash), fingerprint })
    }

    /// What the client was told, or would have been, when it sent this before.
    ///
    /// # Errors
    /// `invalid_request` when something else was sent under the key, or what was sent has ended.
    pub(super) async fn before(&self, app: &App, caller: &Caller) -> Result<Option<Told>, Refusal> {
        let Some(hash) = &self.hash else { return Ok(None) };
        let Some(row) = backchannel::by_retry(app.db.read(), hash).await? else { return Ok(None) };
        let asked = Asked::open(app, &row)?;
        if asked.fingerprint != self.fingerprint {
            let reason = "another request was sent under this Idempotency-Key";
            return Err(OAuthError::new(ErrorCode::InvalidRequest, reason).into());
        }
        caller.spend(app).await?;
        if app.clock.now() >= row.expires_at {
            let reason = "the request that was sent under this Idempotency-Key has ended";
            return Err(OAuthError::new(ErrorCode::InvalidRequest, reason).into());
        }
        Ok(Some(Told::of(app, &row, asked.auth_req_id)))
    }
}
