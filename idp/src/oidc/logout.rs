//! RP-initiated logout 1.0.
//!
//! The person is always asked: a link from anywhere must not sign anybody out (§2: "the OP SHOULD ask the End-User").
//! Where the browser goes afterwards must be registered, byte for byte, by a client that the request names credibly: by an
//! ID token of ours, or by its `client_id` (§3), in both cases after the person has agreed.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::form_urlencoded;

use super::{
    checks::IdTokenHint,
    client::Client,
    code::Granted,
    params::{self, Params},
    response,
};
use crate::{
    app::App,
    clock::{MINUTE, Millis},
    error::Internal,
    login, pages, store,
};

/// How long the question waits for its answer.
const QUESTION_LIFE: Millis = 10 * MINUTE;
/// Slot of the sealed state in [`crate::seal::Seal::travel`].
const SLOT: &str = "logout";
/// Hidden field that carries it.
const FIELD: &str = "question";

/// `GET /logout`.
pub async fn get(State(app): State<Arc<App>>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let outcome = match Params::parse(query.as_bytes()) {
        Ok(params) if is_ours(&params) => again(&app, &headers, &params).await,
        _ => begin(&app, &headers, query.as_bytes()).await,
    };
    finish(&app, &headers, outcome)
}

/// Whether it is our own link. A relying party may send a parameter of that name as well: it means nothing to us
/// (RP-Initiated Logout §2).
fn is_ours(params: &Params) -> bool {
    let theirs = ["id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"];
    params.get(FIELD).is_some() && !theirs.iter().any(|name| params.get(name).is_some())
}

/// Our question in another language. What the relying party has sent is in its sealed state and in no link: an ID token
/// belongs into no history, and what is shown again was checked.
async fn again(app: &App, headers: &HeaderMap, params: &Params) -> Result<Response, Refused> {
    let Some(session) = login::session::current(app, headers).await? else {
        return Ok(app.pages.render("logged_out.html", pages::locale_of(headers, &[]), json!({}))?);
    };
    let mut destination = opened(app, &session, params)?;
    destination.locale = pages::locale_of(headers, std::slice::from_ref(&destination.locale)).to_owned();
    let mut client = None;
    if let Some(id) = &destination.client_id {
        client = app.clients.find(id).await?;
    }
    ask(app, &session, &destination, client.as_deref()).await
}

/// What our question was about.
fn opened(app: &App, session: &store::session::Model, params: &Params) -> Result<Destination, Refused> {
    let question = params.get(FIELD).unwrap_or_default();
    app.seal
        .open_travel(SLOT, &session.id_hash, app.clock.now(), question)
        .map_err(|_| Refused::Theirs("the question is too old, or was asked in another session"))
}

/// `POST /logout`: a relying party's request (§2), or the answer to our question.
pub async fn post(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    let outcome = match Params::parse(&body) {
        _ if !params::is_form(&headers) => Err(Refused::Theirs("the request is not a form")),
        Ok(form) if form.get(FIELD).is_some() => decide(&app, &headers, &form).await,
        _ => begin(&app, &headers, &body).await,
    };
    finish(&app, &headers, outcome)
}

/// Where the browser goes once it is signed out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Destination {
    client_id: Option<String>,
    /// Registered. With `state`, if there was one.
    location: Option<String>,
    locale: String,
}

enum Refused {
    /// For the page and the log.
    Theirs(&'static str),
    Ours(Internal),
}

impl<E: Into<Internal>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Ours(error.into())
    }
}

fn finish(app: &App, headers: &HeaderMap, outcome: Result<Response, Refused>) -> Response {
    let locale = pages::locale_of(headers, &[]);
    response::private(match outcome {
        Ok(response) => response,
        Err(Refused::Theirs(detail)) => {
            tracing::info!(detail, "logout refused");
            app.pages.problem(StatusCode::BAD_REQUEST, locale, "logout_invalid", &json!({ "detail": detail }))
        }
        Err(Refused::Ours(error)) => {
            tracing::error!(%error, "logout");
            app.pages.problem(StatusCode::INTERNAL_SERVER_ERROR, locale, "internal", &json!({}))
        }
    })
}

async fn begin(app: &App, headers: &HeaderMap, text: &[u8]) -> Result<Response, Refused> {
    let params = Params::parse(text).map_err(|_| Refused::Theirs("a parameter is repeated"))?;
    let client = client(app, &params).await?;
    let destination = Destination {
        client_id: client.as_ref().map(|client| client.client_id.clone()),
        location: location(client.as_deref(), &params)?,
        locale: pages::locale_of(headers, &params.list("ui_locales")).to_owned(),
    };
    match login::session::current(app, headers).await? {
        Some(session) => ask(app, &session, &destination, client.as_deref()).await,
        None => leave(app, headers, &destination, client.as_deref()).await,
    }
}

/// Who asks: the audience of `id_token_hint` (which may have expired, §2) or `client_id`, which must agree (§2).
async fn client(app: &App, params: &Params) -> Result<Option<Arc<Client>>, Refused> {
    let hinted = match params.get("id_token_hint") {
        None => None,
        Some(text) => Some(
            IdTokenHint::read(&app.keys, &app.config, text)
                .ok_or(Refused::Theirs("id_token_hint is not an ID token of ours"))?
                .aud,
        ),
    };
    let id = match (hinted, params.get("client_id")) {
        (Some(aud), Some(id)) if aud != id => return Err(Refused::Theirs("client_id is not that of id_token_hint")),
        (Some(aud), _) => aud,
        (None, Some(id)) => id.to_owned(),
        (None, None) => return Ok(None),
    };
    let client = app.clients.find(&id).await?;
    client.map(Some).ok_or(Refused::Theirs("the client is unknown"))
}

/// §3: never to an address that is not registered; nowhere at all when nobody says whose address it is.
fn location(client: Option<&Client>, params: &Params) -> Result<Option<String>, Refused> {
    let (Some(client), Some(uri)) = (client, params.get("post_logout_redirect_uri")) else { return Ok(None) };
    if !client.accepts_logout_redirect(uri) {
        return Err(Refused::Theirs("post_logout_redirect_uri is not registered for this client"));
    }
    Ok(Some(match params.get("state") {
        Some(state) if state.len() > 2048 => return Err(Refused::Theirs("state is too long")),
        Some(state) => response::with_query(uri, &[("state", state)]),
        None => uri.to_owned(),
    }))
}

async fn ask(
    app: &App,
    session: &store::session::Model,
    destination: &Destination,
    client: Option<&Client>,
) -> Result<Response, Refused> {
    let expires_at = app.clock.now() + QUESTION_LIFE;
    // Bound to this session: the answer of another browser, or of another session, does not open it.
    let question = app.seal.travel(SLOT, &session.id_hash, expires_at, destination)?;
    let account = store::account::by_id(app.db.read(), &session.account_id).await?;
    let mut context = json!({
        "action": "/logout",
        "query": form_urlencoded::Serializer::new(String::new()).append_pair(FIELD, &question).finish(),
        "hidden": { FIELD: question },
        "email": account.map(|account| account.email).unwrap_or_default(),
    });
    if let Some(client) = client {
        context["site"] = site(client, destination);
    }
    Ok(app.pages.render("logout.html", &destination.locale, context)?)
}

fn site(client: &Client, destination: &Destination) -> serde_json::Value {
    let home = destination.location.as_deref().or(client.redirect_uris.first().map(String::as_str));
    json!(client.site_for(home.unwrap_or_default()))
}

/// The answer to our question.
async fn decide(app: &App, headers: &HeaderMap, form: &Params) -> Result<Response, Refused> {
    let locale = pages::locale_of(headers, &[]);
    let Some(session) = login::session::current(app, headers).await? else {
        return Ok(app.pages.render("logged_out.html", locale, json!({}))?);
    };
    let destination = opened(app, &session, form)?;
    if form.get("decision") != Some("yes") {
        return Ok(response::redirect("/")?);
    }
    end_grants(app, &session).await?;
    let mut client = None;
    if let Some(id) = &destination.client_id {
        client = app.clients.find(id).await?;
    }
    leave(app, headers, &destination, client.as_deref()).await
}

/// Tokens that were given for this session only end with it; those with `offline_access` were meant to outlive it
/// (OpenID Connect Core §11).
///
/// # Errors
/// When the database fails.
pub async fn end_grants(app: &App, session: &store::session::Model) -> Result<(), Internal> {
    let now = app.clock.now();
    let mut ended = Vec::new();
    for grant in store::grant::of_session(app.db.read(), &session.account_id, &session.sid, now).await? {
        let granted: Granted = app.seal.open_record_json("token_grant", &grant.id, &grant.sealed)?;
        if !granted.has("offline_access") {
            ended.push(grant.id);
        }
    }
    if ended.is_empty() {
        return Ok(());
    }
    app.db
        .write(move |tx| {
            Box::pin(async move {
                for id in &ended {
                    store::grant::revoke(tx, id, now).await?;
                }
                Ok::<_, Internal>(())
            })
        })
        .await
}

/// Ends the session, if there is one, and sends the browser on.
async fn leave(
    app: &App,
    headers: &HeaderMap,
    destination: &Destination,
    client: Option<&Client>,
) -> Result<Response, Refused> {
    let cleared = login::session::end(app, headers).await?;
    let mut answer = if let Some(location) = &destination.location {
        response::redirect(location)?
    } else {
        let context = client.map_or_else(
            || json!({}),
            |client| {
                let query = form_urlencoded::Serializer::new(String::new())
                    .append_pair("client_id", &client.client_id)
                    .finish();
                json!({ "site": site(client, destination), "query": query })
            },
        );
        app.pages.render("logged_out.html", &destination.locale, context)?
    };
    answer.headers_mut().append(header::SET_COOKIE, cleared);
    Ok(answer)
}
