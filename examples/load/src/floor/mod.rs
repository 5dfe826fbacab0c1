//! The floor program: what a login costs before anybody checks anything.
//!
//! It speaks the same six requests as the provider and keeps the same promises about durability: two commits (seven
//! row writes) and two ES256 signatures for a login, three commits (nine row writes), two signatures and two
//! verifications for a payment. It checks nothing else, so a provider cannot be faster on the same libraries; the
//! provider's rate divided by this one says how much its checks cost.

mod crypto;
mod store;
mod writer;

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(crate) use crypto::{Sealer, Signer, Verifier, digest, random_text};
pub(crate) use store::{Store, audit};

use crate::Error;

/// How the floor is started.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Address to listen on; port 0 takes any.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Accounts `load0@example.test`, `load1@example.test`, … to create.
    #[arg(long, default_value_t = 10_000)]
    accounts: u32,
    /// Directory of the database file; a temporary one if absent.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Sign no ID token when a refresh token is rotated, as a provider that gives none then.
    #[arg(long)]
    refresh_without_id_token: bool,
    /// Public key of the client that pushes payments: uncompressed P-256 point in hexadecimal.
    #[arg(long)]
    client_key: Option<String>,
}

/// Everything a request needs.
struct Floor {
    store: Store,
    sealer: Sealer,
    signer: Signer,
    own_key: Verifier,
    client_key: Option<Verifier>,
    refresh_without_id_token: bool,
}

/// What travels in the browser between the pages.
#[derive(Serialize, Deserialize)]
struct Interaction {
    redirect_uri: String,
    state: String,
    nonce: String,
    account: Option<i64>,
    hint: Option<String>,
}

/// Serves until the process is ended. Prints `listening on ADDRESS` once it answers.
///
/// # Errors
/// When the database cannot be made or the address is taken.
#[expect(clippy::print_stdout, reason = "tells whoever started it where it listens")]
pub(crate) async fn run(options: Options) -> Result<(), Error> {
    let listener = TcpListener::bind(options.listen).await?;
    println!("listening on {}", listener.local_addr()?);
    serve(listener, options).await
}

/// Serves on a listener that is there already.
async fn serve(listener: TcpListener, options: Options) -> Result<(), Error> {
    let temporary = tempfile::tempdir()?;
    let dir = options.data_dir.as_deref().unwrap_or(temporary.path());
    let signer = Signer::generate()?;
    let floor = Arc::new(Floor {
        store: Store::create(&dir.join("floor.sqlite"), options.accounts).await?,
        sealer: Sealer::generate()?,
        own_key: Verifier::new(signer.public_key())?,
        signer,
        client_key: options.client_key.map(|key| Verifier::new(&hex::decode(key)?)).transpose()?,
        refresh_without_id_token: options.refresh_without_id_token,
    });
    let routes = Router::new()
        .route("/hello", get(|| async { "hello" }))
        .route("/par", post(push))
        .route("/authorize", get(authorize))
        .route("/login", get(page))
        .route("/login/email", post(email))
        .route("/login/answer", post(answer))
        .route("/token", post(token))
        .route("/userinfo", get(userinfo))
        .with_state(floor);
    let listener = listener.tap_io(|stream| {
        // A socket that is already gone fails its next read anyway.
        drop(stream.set_nodelay(true));
    });
    axum::serve(listener, routes).await?;
    Ok(())
}

/// Any failure: the floor only ever fails by mistake, so its text goes straight to the driver.
struct Failure(Error);

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let error: &dyn StdError = self.0.as_ref();
        (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
    }
}

type Answered = Result<Response, Failure>;
type Shared = State<Arc<Floor>>;

#[derive(Deserialize)]
struct Pushed {
    client_assertion: String,
    redirect_uri: String,
    state: String,
    nonce: String,
    login_hint: String,
    authorization_details: String,
}

/// Pushed authorization request: one verification, one commit of two rows.
async fn push(State(floor): Shared, Form(form): Form<Pushed>) -> Answered {
    let jti = verify_client(&floor, &form.client_assertion)?;
    let id = random_text()?;
    let request_uri = format!("urn:ietf:params:oauth:request_uri:{id}");
    let interaction = Interaction {
        redirect_uri: form.redirect_uri,
        state: form.state,
        nonce: form.nonce,
        account: None,
        hint: Some(form.login_hint),
    };
    floor
        .store
        .push(digest(&request_uri), jti, serde_json::to_string(&interaction)?, form.authorization_details)
        .await?;
    let body = Json(json!({ "request_uri": request_uri, "expires_in": 60 }));
    Ok((StatusCode::CREATED, body).into_response())
}

/// Checks a client assertion's signature and returns its `jti`.
fn verify_client(floor: &Floor, assertion: &str) -> Result<String, Error> {
    let claims = floor.client_key.as_ref().ok_or("started without --client-key")?.verify(assertion)?;
    Ok(claims["jti"].as_str().ok_or("assertion without jti")?.to_owned())
}

#[derive(Deserialize)]
struct Authorize {
    redirect_uri: Option<String>,
    state: Option<String>,
    nonce: Option<String>,
    request_uri: Option<String>,
}

/// Seals the request into the address of the login page; writes nothing.
async fn authorize(State(floor): Shared, Query(query): Query<Authorize>) -> Answered {
    let interaction = match query.request_uri {
        Some(uri) => serde_json::from_str(&floor.store.pushed(digest(&uri)).await?)?,
        None => Interaction {
            redirect_uri: query.redirect_uri.ok_or("no redirect_uri")?,
            state: query.state.unwrap_or_default(),
            nonce: query.nonce.unwrap_or_default(),
            account: None,
            hint: None,
        },
    };
    Ok(redirect(StatusCode::FOUND, &format!("/login?i={}", floor.sealer.seal(&interaction)?)))
}

fn redirect(status: StatusCode, location: &str) -> Response {
    (status, [(header::LOCATION, location)]).into_response()
}

#[derive(Deserialize)]
struct Sealed {
    i: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    answer: String,
}

/// The page that asks who it is; with a hint it is the challenge page already.
async fn page(State(floor): Shared, Query(query): Query<Sealed>) -> Answered {
    let interaction: Interaction = floor.sealer.open(&query.i)?;
    if let Some(email) = interaction.hint.clone() {
        return challenge(&floor, interaction, &email).await;
    }
    let form = format!(
        "<form method=\"post\" action=\"/login/email\"><input type=\"hidden\" name=\"i\" value=\"{}\">\
         <input id=\"email\" name=\"email\"><button id=\"continue\">Continue</button></form>",
        query.i
    );
    Ok(document(&form))
}

async fn email(State(floor): Shared, Form(form): Form<Sealed>) -> Answered {
    let interaction = floor.sealer.open(&form.i)?;
    challenge(&floor, interaction, &form.email).await
}

/// The challenge page: two point reads; the challenge itself is derived, so nothing is written.
async fn challenge(floor: &Floor, mut interaction: Interaction, email: &str) -> Answered {
    let (account, number) = floor.store.enrolment(email).await?;
    interaction.account = Some(account);
    let digits = floor.sealer.challenge(account, number);
    let form = format!(
        "<p id=\"challenge\" data-challenge=\"{digits}\">{digits}</p>\
         <form method=\"post\" action=\"/login/answer\"><input type=\"hidden\" name=\"i\" value=\"{}\">\
         <input id=\"answer\" name=\"answer\"><button id=\"continue\">Continue</button></form>",
        floor.sealer.seal(&interaction)?
    );
    Ok(document(&form))
}

fn document(body: &str) -> Response {
    Html(format!("<!doctype html><html lang=\"en\"><title>Floor</title><body>{body}</body></html>")).into_response()
}

/// The answer that the floor takes for a wrong one; any other is right.
pub(crate) const WRONG_ANSWER: &str = "00000000";

/// Commit 1 of a login.
async fn answer(State(floor): Shared, Form(form): Form<Sealed>) -> Answered {
    let interaction: Interaction = floor.sealer.open(&form.i)?;
    let account = interaction.account.ok_or("no account")?;
    if form.answer == WRONG_ANSWER {
        floor.store.wrong_answer(account).await?;
        let email = interaction.hint.clone().unwrap_or_else(|| store::email_of(account));
        return challenge(&floor, interaction, &email).await;
    }
    let code = random_text()?;
    floor.store.right_answer(account, digest(&random_text()?), digest(&code), interaction.nonce).await?;
    let target = format!("{}?code={code}&state={}&iss=floor", interaction.redirect_uri, interaction.state);
    Ok(redirect(StatusCode::SEE_OTHER, &target))
}

#[derive(Deserialize)]
struct TokenForm {
    #[serde(default)]
    code: String,
    #[serde(default)]
    refresh_token: String,
    client_assertion: Option<String>,
}

/// Commit 2 of a login, or the rotation of a refresh token: each consumes one row by a conditional update.
async fn token(State(floor): Shared, Form(form): Form<TokenForm>) -> Answered {
    if let Some(assertion) = &form.client_assertion {
        verify_client(&floor, assertion)?;
    }
    let refresh = random_text()?;
    let rotation = !form.refresh_token.is_empty();
    let (account, nonce) = if rotation {
        (floor.store.rotate(digest(&form.refresh_token), digest(&refresh)).await?, String::new())
    } else {
        floor.store.redeem(digest(&form.code), digest(&refresh)).await?
    };
    let now = crate::now::unix_seconds();
    let mut body = json!({ "refresh_token": refresh, "token_type": "Bearer", "expires_in": 300 });
    body["access_token"] = Value::String(floor.signer.sign(&json!({
        "iss": "floor", "sub": account.to_string(), "aud": "load", "iat": now, "exp": now + 300,
        "jti": random_text()?, "scope": "openid email", "client_id": "load",
    }))?);
    if !(rotation && floor.refresh_without_id_token) {
        body["id_token"] = Value::String(floor.signer.sign(&json!({
            "iss": "floor", "sub": account.to_string(), "aud": "load", "iat": now, "exp": now + 300,
            "nonce": nonce, "auth_time": now, "acr": "urn:enum:acr:2", "amr": ["otp"],
        }))?);
    }
    Ok(Json(body).into_response())
}

/// One verification and one read.
async fn userinfo(State(floor): Shared, headers: HeaderMap) -> Answered {
    let token = headers.get(header::AUTHORIZATION).ok_or("no token")?.to_str()?;
    let claims = floor.own_key.verify(token.trim_start_matches("Bearer "))?;
    let account: i64 = claims["sub"].as_str().ok_or("no sub")?.parse()?;
    let email = floor.store.email(account).await?;
    Ok(Json(json!({ "sub": claims["sub"], "email": email, "email_verified": true })).into_response())
}

#[cfg(test)]
pub(crate) mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// A floor with a few accounts in this process; ends with the test's runtime.
    pub(crate) async fn start(accounts: u32, client_key: String) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listen = listener.local_addr().unwrap();
        let client_key = Some(client_key);
        let options = Options { listen, accounts, data_dir: None, refresh_without_id_token: true, client_key };
        tokio::spawn(async move { serve(listener, options).await.map_err(|error| error.to_string()).unwrap() });
        listen
    }
}
