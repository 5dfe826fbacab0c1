//! Room 6: administrators, over HTTP. A JSON API for programs, among them the administrators' own pages: whoever asks shows an
//! access token (RFC 6750, or RFC 9449 with its key) with the scope `enum:admin`, which an ordinary client gets by OpenID Connect.
//!
//! A token alone is nothing: its account must be an administrator's at that moment, and its owner must have proven not long
//! ago, with more than a mailbox, who they are (RFC 9470 says how to ask for that). No cookie is looked at, so no other site
//! can have a browser ask in its owner's name.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts, response::Response};

use crate::{
    app::App,
    login::acr,
    oidc::{
        bearer::{self, Asked},
        error::{ErrorCode, OAuthError, Refusal},
        scope,
    },
    store::admin,
};

pub mod support;

/// An administrator has proven who they are within the last hour. Seconds.
const MAX_AGE: i64 = 3600;
/// And like this at least.
const LEAST: &str = acr::POSSESSION;

/// An administrator.
#[derive(Debug)]
pub struct Admin {
    /// What their decisions are signed with.
    pub name: String,
    /// Their account.
    pub account_id: String,
}

impl FromRequestParts<Arc<App>> for Admin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let holder = bearer::admit(app, &Asked::new(&parts.method, parts.uri.path(), &parts.headers)).await?;
        let forbidden = |why| holder.refuse(OAuthError::new(ErrorCode::InsufficientScope, why).into());
        if !holder.has(scope::ADMIN) {
            return Err(forbidden("the token has no enum:admin scope"));
        }
        let found = admin::by_account(app.db.read(), &holder.account.id).await;
        let found = found.map_err(|error| holder.refuse(Refusal::from(error)))?;
        let admin = found.ok_or_else(|| forbidden("the account is no administrator's"))?;
        let is_fresh = app.clock.seconds() - holder.auth_time <= MAX_AGE;
        if !is_fresh || !acr::satisfies(&holder.acr, LEAST) {
            return Err(holder.ask_for_more(LEAST, MAX_AGE));
        }
        Ok(Self { name: admin.name, account_id: admin.account_id })
    }
}
