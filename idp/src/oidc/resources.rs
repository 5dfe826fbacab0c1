//! Resources that service plugins offer below `/services/{plugin}/`: a program shows an access token, the host holds token and
//! request against what the plugin's manifest says of the resource, and the plugin answers about the token's account.
//!
//! The plugin sees no token and no header, and sends none: a status from a short list, and JSON or octets. Every access stands in
//! the account's log before it is answered.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use axum::{
    Json,
    body::Bytes,
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use percent_encoding::percent_decode_str;
use plugin_api::message::{AccountView, ClientView, Content, Resource, Serve, ServeContext, Served, permission};
use serde_json::json;

use super::{
    bearer::{self, Asked, Holder},
    cors, dpop,
    error::{ErrorCode, OAuthError, Refusal},
    params::Params,
};
use crate::{
    app::{App, Peer},
    clock::{MINUTE, SECOND},
    error::Internal,
    login::acr,
    notice,
    plugins::ServiceHandle,
    store::{self, log::Event},
};

const PREFIX: &str = "/services/";
/// What a proof may be as old as where a resource names a level alone. Seconds.
const MAX_AGE: u32 = 3600;

/// A resource that fits a request.
struct Found {
    service: ServiceHandle,
    resource: Resource,
    segments: BTreeMap<String, String>,
}

/// What a request brings besides its token.
struct Brought {
    method: Method,
    query: BTreeMap<String, String>,
    body: Bytes,
    address: String,
}

/// Any request below `/services/`.
pub async fn serve(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): Peer,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    // A task of its own: what the plugin has changed is logged and told of even when whoever has asked hangs up.
    let responding = tokio::spawn(async move { respond(&app, peer, &Head { method, uri, headers }, body).await });
    responding.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request of a service broke off");
        told(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "something went wrong here; try again later")
    })
}

/// What a request begins with.
struct Head {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

async fn respond(app: &Arc<App>, peer: SocketAddr, head: &Head, body: Bytes) -> Response {
    let Head { method, uri, headers } = head;
    let response = match (find(app, method, uri.path()), parameters(uri.query())) {
        (Ok(found), Some(query)) => {
            let asked = Asked::new(method, uri.path(), headers);
            let brought = Brought { method: method.clone(), query, body, address: peer.ip().to_string() };
            admitted(app, &found, &asked, brought).await
        }
        (Err(status), _) => told(status, "not_found", "there is no such resource, or it has no such method"),
        (_, None) => told(StatusCode::BAD_REQUEST, "invalid_request", "a parameter is repeated"),
    };
    cors::allow(dpop::offer(app, headers, response))
}

fn told(status: StatusCode, code: &str, description: &str) -> Response {
    let body = json!({ "error": code, "error_description": description });
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

fn parameters(query: Option<&str>) -> Option<BTreeMap<String, String>> {
    let params = Params::parse(query.unwrap_or_default().as_bytes()).ok()?;
    Some(params.all().iter().cloned().collect())
}

/// The first resource that fits the path, if the method is one of its own.
fn find(app: &App, method: &Method, path: &str) -> Result<Found, StatusCode> {
    let unknown = StatusCode::NOT_FOUND;
    let (id, rest) = path.strip_prefix(PREFIX).and_then(|rest| rest.split_once('/')).ok_or(unknown)?;
    let segments: Vec<String> = rest.split('/').map(decoded).collect::<Option<_>>().ok_or(unknown)?;
    let service = app.plugins.service(id).ok_or(unknown)?;
    let fits = |resource: &&Resource| fitting(&resource.path, &segments).is_some();
    let resource = service.manifest().resources.iter().find(fits).cloned().ok_or(unknown)?;
    if !resource.methods.iter().any(|known| known == method.as_str()) {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    let segments = fitting(&resource.path, &segments).unwrap_or_default();
    Ok(Found { service, resource, segments })
}

/// One segment of a path: text without what could make it another path.
fn decoded(segment: &str) -> Option<String> {
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    let fits = !text.is_empty() && text != "." && text != ".." && !text.contains(|c: char| c == '/' || c.is_control());
    fits.then(|| text.into_owned())
}

/// What stands for each name in the pattern, if it fits.
fn fitting(pattern: &str, segments: &[String]) -> Option<BTreeMap<String, String>> {
    let patterns: Vec<&str> = pattern.split('/').collect();
    if patterns.len() != segments.len() {
        return None;
    }
    let mut named = BTreeMap::new();
    for (pattern, segment) in patterns.into_iter().zip(segments) {
        match pattern.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => drop(named.insert(name.to_owned(), segment.clone())),
            None if pattern == segment => {}
            None => return None,
        }
    }
    Some(named)
}

async fn admitted(app: &Arc<App>, found: &Found, asked: &Asked<'_>, brought: Brought) -> Response {
    let holder = match bearer::admit(app, asked).await {
        Ok(holder) => holder,
        Err(refusal) => return refusal,
    };
    if let Some(refusal) = refused(app, found, &holder) {
        return refusal;
    }
    let key = format!("{} {} {}", found.service.id(), found.resource.path, holder.account.id);
    if !app.limits.allow("service", &key, MINUTE, found.resource.per_minute, app.clock.now()) {
        let text = "too many requests for this account: wait a minute";
        let mut response = told(StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable", text);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        return response;
    }
    match answered(app, found, &holder, brought).await {
        Ok(response) => response,
        Err(Internal::Plugin(error)) if error.is_temporary() => {
            tracing::warn!(plugin = found.service.id(), %error, "a service cannot serve");
            told(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", "try again in a minute")
        }
        Err(error) => holder.refuse(Refusal::Internal(error)),
    }
}

/// RFC 6750 §3.1, RFC 9449 §7.1, RFC 9470 §3: what the token lacks for this resource.
fn refused(app: &App, found: &Found, holder: &Holder) -> Option<Response> {
    let Resource { scope, acr: least, max_age, bound, .. } = &found.resource;
    if !holder.has(scope) {
        let text = format!("the token has no scope {scope}");
        return Some(holder.refuse(OAuthError::new(ErrorCode::InsufficientScope, text).into()));
    }
    if *bound && holder.jkt.is_none() {
        let text = "this resource takes only tokens that are bound to a key (RFC 9449)";
        return Some(holder.refuse(OAuthError::new(ErrorCode::InvalidToken, text).into()));
    }
    let is_strong = least.as_ref().is_none_or(|least| acr::satisfies(&holder.acr, least));
    let age = app.clock.seconds() - holder.auth_time;
    let is_fresh = max_age.is_none_or(|most| age <= i64::from(most));
    if is_strong && is_fresh {
        return None;
    }
    let wanted = least.as_deref().unwrap_or(&holder.acr);
    Some(holder.ask_for_more(wanted, max_age.unwrap_or(MAX_AGE).into()))
}

async fn answered(app: &Arc<App>, found: &Found, holder: &Holder, brought: Brought) -> Result<Response, Internal> {
    let (reading, address) = (brought.method == Method::GET, brought.address.clone());
    let request = request(app, found, holder, brought).await?;
    let served = found.service.about(&holder.account.id).serve(&request).await;
    let result = match &served {
        Ok(served) if served.status < 400 => "ok",
        _ => "failed",
    };
    let new_key = served.as_ref().is_ok_and(|served| served.new_key);
    let event = Event {
        client: Some(holder.client_id.clone()),
        address: Some(address),
        reference: Some(format!("{} {} {}", found.service.id(), request.method, request.resource)),
        ..Event::new(if reading { "service_read" } else { "service_write" }, result)
    };
    write_down(app, holder, event, (new_key, &request.cx.client.name)).await?;
    Ok(rendered(served?))
}

async fn request(app: &App, found: &Found, holder: &Holder, brought: Brought) -> Result<Serve, Internal> {
    let client = app.clients.find(&holder.client_id).await?;
    let name = client.map_or_else(|| holder.client_id.clone(), |client| client.client_name.clone());
    let account = &holder.account;
    let told = found.service.manifest().permissions.iter().any(|asked| asked == permission::ADDRESSES);
    let mut addresses = if told { notice::addresses(app, account).await? } else { Vec::new() };
    addresses.sort_by_key(|address| *address != account.email);
    let cx = ServeContext {
        account: AccountView { id: account.id.clone(), email: account.email.clone(), name: account.name() },
        addresses,
        client: ClientView { id: holder.client_id.clone(), name },
        key: holder.jkt.clone(),
        acr: holder.acr.clone(),
        proven_at: holder.auth_time * SECOND,
        now: app.clock.now(),
        random: BASE64_URL_SAFE_NO_PAD.encode(app.entropy.bytes::<32>()?),
    };
    Ok(Serve {
        cx,
        resource: found.resource.path.clone(),
        method: brought.method.as_str().to_owned(),
        segments: found.segments.clone(),
        query: brought.query,
        body: BASE64_URL_SAFE_NO_PAD.encode(&brought.body),
    })
}

/// The entry of the account's log, and what its owner is told, in one transaction.
async fn write_down(
    app: &Arc<App>,
    holder: &Holder,
    event: Event,
    (new_key, program): (bool, &str),
) -> Result<(), Internal> {
    let now = app.clock.now();
    let letters = if new_key {
        notice::program::letters(app, &holder.account, program, event.address.as_deref().unwrap_or_default()).await?
    } else {
        Vec::new()
    };
    let tells = !letters.is_empty();
    let (means, account) = (app.clone(), holder.account.id.clone());
    app.db
        .write(move |tx| {
            Box::pin(async move {
                store::log::append(tx, &means.seal, &account, now, &event).await?;
                for letter in letters {
                    means.courier.queue_in(tx, &means.seal, letter).await?;
                }
                Ok::<_, Internal>(())
            })
        })
        .await?;
    if tells {
        app.courier.wake();
    }
    Ok(())
}

/// Nothing of it is the plugin's but status and body; a browser neither keeps nor runs it.
fn rendered(served: Served) -> Response {
    let status = StatusCode::from_u16(served.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match served.content {
        Content::Nothing => status.into_response(),
        Content::Json(body) => (status, Json(body)).into_response(),
        Content::Octets(text) => match BASE64_URL_SAFE_NO_PAD.decode(text) {
            Ok(octets) => (status, [(header::CONTENT_TYPE, "application/octet-stream")], octets).into_response(),
            Err(_) => told(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "the service's answer is malformed"),
        },
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_fits_by_its_segments() {
        let fits = |pattern: &str, path: &str| {
            let segments: Option<Vec<String>> = path.split('/').map(decoded).collect();
            segments.and_then(|segments| fitting(pattern, &segments))
        };
        assert_eq!(fits("files", "files"), Some(BTreeMap::new()));
        let named = |value: &str| Some(BTreeMap::from([("name".to_owned(), value.to_owned())]));
        assert_eq!(fits("files/{name}", "files/my%20keys"), named("my keys"));
        assert_eq!(fits("files/{name}/move", "files/%D0%BA/move"), named("к"));
        for path in
            ["files/", "files/a/b", "files/..", "files/%2e%2e", "files/a%2Fb", "files/%00", "files/%ff", "other/a"]
        {
            assert_eq!(fits("files/{name}", path), None, "{path}");
        }
    }
}
