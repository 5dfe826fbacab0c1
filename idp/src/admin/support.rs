//! Requests of people who have lost mail and phone.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, RawQuery, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::Admin;
use crate::{
    account::recovery::approval::{self, Approved, Decider, SupportError},
    app::App,
    oidc::{
        error::{ErrorCode, OAuthError, server_error},
        params::Params,
    },
};

/// Requests in one answer at most.
const MOST: u64 = 200;

/// `GET /admin/api/support?limit=…`: `{"requests": […]}`, those that are open, the oldest first, without what was written in them.
pub async fn list(_: Admin, State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    let limit = match wanted(query.as_deref().unwrap_or_default()) {
        Ok(limit) => limit.min(MOST),
        Err(error) => return error.into_response(),
    };
    answer(approval::list(&app, limit).await.map(|requests| json!({ "requests": requests })))
}

/// `limit` of the query.
fn wanted(query: &str) -> Result<u64, OAuthError> {
    let params = Params::parse(query.as_bytes())?;
    let limit = params.get("limit").map_or(Ok(MOST), str::parse);
    limit.map_err(|_| OAuthError::new(ErrorCode::InvalidRequest, "limit must be a number"))
}

/// `GET /admin/api/support/{id}`: one, with what was written in it.
pub async fn show(_: Admin, State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    answer(approval::show(&app, &id).await.map(|request| json!(request)))
}

/// `POST /admin/api/support/{id}/approve`: `{"id", "status"}`; `open` until another administrator approves as well, then
/// `approved`.
pub async fn approve(admin: Admin, State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    let approved = approval::approve(&app, &id, decider(&admin)).await;
    answer(approved.map(|approved| decided(&id, if approved == Approved::First { "open" } else { "approved" })))
}

/// `POST /admin/api/support/{id}/reject`: `{"id", "status"}`.
pub async fn reject(admin: Admin, State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    answer(approval::reject(&app, &id, decider(&admin)).await.map(|()| decided(&id, "rejected")))
}

fn decider(admin: &Admin) -> Decider<'_> {
    Decider { name: &admin.name, account: Some(&admin.account_id) }
}

fn decided(id: &str, status: &str) -> Value {
    json!({ "id": id, "status": status })
}

fn answer(done: Result<Value, SupportError>) -> Response {
    let mut response = match done {
        Ok(told) => Json(told).into_response(),
        Err(error) => refusal(&error),
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn refusal(error: &SupportError) -> Response {
    let (status, name) = match error {
        SupportError::Unknown(_) => (StatusCode::NOT_FOUND, "unknown_request"),
        SupportError::NotOpen(_) => (StatusCode::CONFLICT, "not_open"),
        SupportError::SameAdmin(_) => (StatusCode::CONFLICT, "same_administrator"),
        SupportError::OwnAccount(_) => (StatusCode::FORBIDDEN, "own_account"),
        SupportError::NoName => (StatusCode::BAD_REQUEST, "invalid_request"),
        SupportError::Taken(_) => (StatusCode::CONFLICT, "address_taken"),
        SupportError::Locked(_) => (StatusCode::CONFLICT, "locked"),
        SupportError::UnderWay(_) => (StatusCode::CONFLICT, "under_way"),
        SupportError::Busy => (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable"),
        SupportError::Internal(error) => return server_error(error).into_response(),
    };
    (status, Json(json!({ "error": name, "error_description": error.to_string() }))).into_response()
}
