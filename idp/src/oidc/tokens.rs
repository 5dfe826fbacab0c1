//! Making the tokens of a response: access token (RFC 9068), ID token (OpenID Connect Core §2), and what goes with them.

use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{
    claims,
    client::Client,
    code::{Confirmed, Granted},
    subject,
};
use crate::{
    app::App,
    clock::{Millis, SECOND},
    error::Internal,
    keys::jws::Alg,
    store,
};

/// `typ` of access tokens (RFC 9068 §2.1).
pub(super) const ACCESS_TOKEN: &str = "at+jwt";
/// `typ` of ID tokens.
pub(super) const ID_TOKEN: &str = "JWT";

/// How long an ID token is good for, in seconds: long enough to be read once.
const ID_TOKEN_LIFE: i64 = 300;

/// What a grant hands over to have tokens made of it.
pub(super) struct Issue {
    pub(super) grant_id: String,
    pub(super) account_id: String,
    pub(super) sid: String,
    /// What the family stands on; its `scope` is that of this response.
    pub(super) granted: Granted,
    pub(super) nonce: Option<String>,
    pub(super) confirmation: Option<Confirmed>,
    pub(super) refresh_token: Option<String>,
    /// Thumbprint of the key that the access token is bound to.
    pub(super) jkt: Option<String>,
    /// When the family ends: no access token outlives it.
    pub(super) family_expires_at: Millis,
}

/// Claims of an access token (RFC 9068 §2.2).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct AccessToken {
    pub(super) iss: String,
    pub(super) sub: String,
    pub(super) aud: String,
    pub(super) exp: i64,
    pub(super) iat: i64,
    pub(super) jti: String,
    pub(super) client_id: String,
    pub(super) scope: String,
    pub(super) auth_time: i64,
    pub(super) acr: String,
    pub(super) amr: Vec<String>,
    pub(super) sid: String,
    /// Our own: the grant, so that revoking it ends the token.
    pub(super) grant: String,
    /// RFC 7800 §3: what whoever shows it has to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cnf: Option<Confirmation>,
}

/// RFC 9449 §6.1.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Confirmation {
    /// Thumbprint of a key.
    pub(super) jkt: String,
}

#[derive(Serialize)]
struct IdToken<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
    iat: i64,
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    acr: &'a str,
    amr: &'a [String],
    sid: &'a str,
    at_hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_details: Option<[&'a Value; 1]>,
    #[serde(flatten)]
    person: Map<String, Value>,
}

/// RFC 6749 §5.1, OpenID Connect Core §3.1.3.3, RFC 9396 §7.
#[derive(Debug, Serialize)]
pub(super) struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_details: Option<[Value; 1]>,
    /// Our own: the receipt of an approved payment, which is in `authorization_details` too.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<String>,
    /// Our own: what the person was charged for the message that a payment was approved with.
    #[serde(skip_serializing_if = "Option::is_none")]
    enum_fee: Option<FeeTold>,
}

/// A fee for a message, as the relying party is told of it.
#[derive(Debug, Serialize)]
struct FeeTold {
    /// Decimal with a point.
    amount: String,
    currency: String,
    /// `pending` until the gateway has taken the message, then `charged` or `void`; `reversed` when it did not arrive.
    status: String,
}

impl IntoResponse for TokenResponse {
    /// RFC 6749 §5.1: never cached.
    fn into_response(self) -> Response {
        let mut response = Json(self).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        response
    }
}

/// Makes the response. What it rests on is durable by now.
pub(super) async fn respond(app: &App, client: &Client, issue: Issue) -> Result<TokenResponse, Internal> {
    let now = app.clock.seconds();
    let sub = subject::subject(&app.seal, client, &issue.account_id);
    let expires_in = app.config.limits.access_token_seconds.min(issue.family_expires_at / SECOND - now).max(1);
    let access_token = access_token(app, client, &issue, &sub, now + expires_in)?;
    let id_token = if issue.granted.has("openid") {
        let person = person(app, &issue).await?;
        Some(id_token(app, client, &issue, (&sub, &access_token, person))?)
    } else {
        None
    };
    let enum_fee = fee(app, &issue).await?;
    let (details, receipt) = issue.confirmation.map(|confirmed| (confirmed.details, confirmed.receipt)).unzip();
    Ok(TokenResponse {
        access_token,
        token_type: if issue.jkt.is_some() { "DPoP" } else { "Bearer" },
        expires_in,
        scope: issue.granted.scope.join(" "),
        id_token,
        refresh_token: issue.refresh_token,
        authorization_details: details.map(|details| [details]),
        receipt,
        enum_fee,
    })
}

async fn fee(app: &App, issue: &Issue) -> Result<Option<FeeTold>, Internal> {
    let Some(charge) = issue.confirmation.as_ref().and_then(|confirmed| confirmed.charge.as_ref()) else {
        return Ok(None);
    };
    let line = store::fee::by_id(app.db.read(), charge).await?;
    Ok(line.map(|line| FeeTold {
        amount: line.amount(),
        currency: line.currency.clone(),
        status: line.status().to_owned(),
    }))
}

fn access_token(app: &App, client: &Client, issue: &Issue, sub: &str, exp: i64) -> Result<String, Internal> {
    let claims = AccessToken {
        iss: app.config.issuer.clone(),
        sub: sub.to_owned(),
        aud: app.config.issuer.clone(),
        exp,
        iat: app.clock.seconds(),
        jti: app.entropy.id()?,
        client_id: client.client_id.clone(),
        scope: issue.granted.scope.join(" "),
        auth_time: issue.granted.auth_time,
        acr: issue.granted.acr.clone(),
        amr: issue.granted.amr.clone(),
        sid: issue.sid.clone(),
        grant: issue.grant_id.clone(),
        cnf: issue.jkt.clone().map(|jkt| Confirmation { jkt }),
    };
    app.keys.sign(Alg::Es256, ACCESS_TOKEN, &claims)
}

type Parts<'a> = (&'a str, &'a str, Map<String, Value>);

fn id_token(app: &App, client: &Client, issue: &Issue, (sub, access, person): Parts<'_>) -> Result<String, Internal> {
    let now = app.clock.seconds();
    let claims = IdToken {
        iss: &app.config.issuer,
        sub,
        aud: &client.client_id,
        exp: now + ID_TOKEN_LIFE,
        iat: now,
        auth_time: issue.granted.auth_time,
        nonce: issue.nonce.as_deref(),
        acr: &issue.granted.acr,
        amr: &issue.granted.amr,
        sid: &issue.sid,
        at_hash: at_hash(access),
        authorization_details: issue.confirmation.as_ref().map(|confirmed| [&confirmed.details]),
        person,
    };
    app.keys.sign(client.id_token_alg, ID_TOKEN, &claims)
}

/// Claims about the person go to userinfo (§5.4), save those wished for here one by one (§5.5).
async fn person(app: &App, issue: &Issue) -> Result<Map<String, Value>, Internal> {
    let wished = &issue.granted.claims.id_token;
    if wished.is_empty() {
        return Ok(Map::new());
    }
    let account = store::account::by_id(app.db.read(), &issue.account_id).await?;
    Ok(account.map(|account| claims::of_account(&account, &[], wished)).unwrap_or_default())
}

/// OpenID Connect Core §3.1.3.6: the left half of the hash that the signature uses; SHA-256 for all of ours.
fn at_hash(access_token: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(access_token)[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_hash_is_that_of_the_example_in_core_a3() {
        assert_eq!(at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
    }
}
