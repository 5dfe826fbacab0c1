//! What anybody may ask of the log. The answers hold hashes and numbers only: who has no receipt learns nothing from them.

use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use enum_receipt::{Growth, Proof};
use serde_json::json;

use super::{hashes, plan, signed};
use crate::{
    app::App,
    entropy::is_id,
    oidc::{
        cors,
        error::{ErrorCode, OAuthError, Refusal},
        params::Params,
    },
    store::{
        confirmation,
        receipt_log::{self, Tree},
    },
};

/// Leaves in one answer at most.
const MOST_ENTRIES: u64 = 1000;

/// `GET /receipts/log`: `{"head": JWS}`, how the log stands now.
pub async fn head(State(app): State<Arc<App>>) -> Response {
    let read = async {
        let tree = receipt_log::tree(app.db.read()).await?;
        Ok(Json(json!({ "head": signed(&app, &tree).await? })).into_response())
    };
    answer(read.await)
}

/// `GET /receipts/log/proof?jti=…`: that the receipt with this `jti` is in the log, a [`Proof`]. With `&size=SIZE`: that it was
/// in there when the log had `SIZE` receipts.
pub async fn proof(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    let read = async {
        let params = params(query.as_deref())?;
        let jti = params.require("jti")?;
        let row = if is_id(jti) { confirmation::by_id(app.db.read(), jti).await? } else { None };
        let Some(row) = row else {
            return Ok(missing("unknown_receipt", "no receipt has this jti", false));
        };
        let Some(index) = row.log_index.and_then(|index| u64::try_from(index).ok()) else {
            return Ok(missing(
                "not_logged_yet",
                "the receipt is on its way into the log: ask again in a moment",
                true,
            ));
        };
        // Read after the number, so that it is behind it.
        let tree = receipt_log::tree(app.db.read()).await?;
        let size = match params.get("size") {
            Some(_) => within(&tree, number(&params, "size")?, "size")?,
            None => tree.size,
        };
        if index >= size {
            return Ok(missing("not_in_that_state", "the receipt was put into the log later", false));
        }
        let path = hashes(&app, &plan::inclusion(index, size)).await?;
        Ok(Json(Proof { index, path, head: signed(&app, &tree).await? }).into_response())
    };
    answer(read.await)
}

/// `GET /receipts/log/consistency?from=SIZE`: that the log continues the state in which it had `SIZE` receipts, a
/// [`Growth`].
pub async fn consistency(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    let read = async {
        let from = number(&params(query.as_deref())?, "from")?;
        let tree = receipt_log::tree(app.db.read()).await?;
        let from = within(&tree, from, "from")?;
        let path = hashes(&app, &plan::consistency(from, tree.size)).await?;
        Ok(Json(Growth { from, path, head: signed(&app, &tree).await? }).into_response())
    };
    answer(read.await)
}

/// `GET /receipts/log/entries?from=N&to=N`: hashes of the leaves from number `from` up to, and without, `to`, for whoever
/// wants to compute the tree anew. At most a thousand come at once.
pub async fn entries(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    let read = async {
        let params = params(query.as_deref())?;
        let (from, to) = (number(&params, "from")?, number(&params, "to")?);
        if to < from {
            return Err(invalid("to is less than from").into());
        }
        let leaves = receipt_log::leaves(app.db.read(), from, to.min(from.saturating_add(MOST_ENTRIES))).await?;
        let hashes: Vec<String> = leaves.iter().map(|hash| BASE64_URL_SAFE_NO_PAD.encode(hash)).collect();
        Ok(Json(json!({ "from": from, "hashes": hashes })).into_response())
    };
    answer(read.await)
}

fn params(query: Option<&str>) -> Result<Params, OAuthError> {
    Ok(Params::parse(query.unwrap_or_default().as_bytes())?)
}

/// A state that the log was in.
fn within(tree: &Tree, size: u64, name: &str) -> Result<u64, OAuthError> {
    if size <= tree.size {
        return Ok(size);
    }
    Err(invalid(format!("the log has {} receipts, which is less than {name}", tree.size)))
}

fn number(params: &Params, name: &str) -> Result<u64, OAuthError> {
    let text = params.require(name)?;
    // `parse` alone would take a sign.
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| invalid(format!("{name} must be a number")))
}

fn invalid(reason: impl Into<std::borrow::Cow<'static, str>>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidRequest, reason)
}

fn missing(error: &str, description: &str, soon: bool) -> Response {
    let body = json!({ "error": error, "error_description": description });
    let mut response = (StatusCode::NOT_FOUND, Json(body)).into_response();
    if soon {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

fn answer(read: Result<Response, Refusal>) -> Response {
    let mut response = read.unwrap_or_else(IntoResponse::into_response);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    cors::allow(response)
}
