//! An ordinary website that lets people sign in with E-num. `sign_in.rs` is the part to copy; this is the site around it.

mod pages;
mod sign_in;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Form, Router,
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};
use clap::Parser;
use openidconnect::{ClientId, ClientSecret, CsrfToken, IssuerUrl, url::Url};
use serde::Deserialize;

use sign_in::{Callback, Pending, Person, SignIn, Trouble};

/// A website that signs people in with E-num.
#[derive(Parser)]
struct Settings {
    /// Address of the OpenID provider
    #[arg(long, env = "WEBSITE_ISSUER", default_value = "http://localhost:8080")]
    issuer: String,
    /// Where to listen
    #[arg(long, env = "WEBSITE_LISTEN", default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    /// Address of this website as browsers see it; `/callback` and `/` below it are registered with the provider
    #[arg(long, env = "WEBSITE_BASE_URL", default_value = "http://localhost:8081")]
    base_url: Url,
    /// Client identifier that the provider knows this website by
    #[arg(long, env = "WEBSITE_CLIENT_ID", default_value = "website")]
    client_id: String,
    /// File with the client secret; without it, the secret is taken from `WEBSITE_CLIENT_SECRET`
    #[arg(long, env = "WEBSITE_CLIENT_SECRET_FILE")]
    client_secret_file: Option<PathBuf>,
}

/// The website. A real one keeps the two maps in its database.
struct Site {
    sign_in: SignIn,
    secure: bool,
    /// Who has signed in, by session cookie.
    people: Mutex<HashMap<String, Person>>,
    /// What awaits the return of a browser, by `state`; beside it the cookie of the browser that may claim it.
    errands: Mutex<HashMap<String, (String, Errand)>>,
}

/// Why a browser was sent to the provider.
enum Errand {
    SignIn(Pending),
    SignOut,
}

const COOKIE: &str = "website-session";
/// Browsers that leave and never return must not fill the memory.
const MOST_ERRANDS: usize = 10_000;

#[tokio::main]
async fn main() -> Result<(), String> {
    let settings = Settings::parse();
    let secret = match &settings.client_secret_file {
        Some(file) => std::fs::read_to_string(file).map_err(|e| format!("cannot read {}: {e}", file.display()))?,
        None => std::env::var("WEBSITE_CLIENT_SECRET")
            .map_err(|_| "give --client-secret-file, or the secret in WEBSITE_CLIENT_SECRET")?,
    };
    let site = Site::new(&settings, secret.trim().to_owned())?;
    let listener = tokio::net::TcpListener::bind(settings.listen)
        .await
        .map_err(|e| format!("cannot listen on {}: {e}", settings.listen))?;
    #[expect(clippy::print_stdout, reason = "a program that says where it is")]
    {
        println!("website: {} (listens on {})", settings.base_url, settings.listen);
    }
    axum::serve(listener, site.routes()).await.map_err(|e| e.to_string())
}

impl Site {
    fn new(settings: &Settings, secret: String) -> Result<Self, String> {
        let client_id = ClientId::new(settings.client_id.clone());
        let issuer =
            IssuerUrl::new(settings.issuer.clone()).map_err(|e| format!("--issuer {}: {e}", settings.issuer))?;
        let sign_in =
            SignIn::new(issuer, client_id, ClientSecret::new(secret), &settings.base_url).map_err(|e| e.to_string())?;
        let secure = settings.base_url.scheme() == "https";
        Ok(Self { sign_in, secure, people: Mutex::default(), errands: Mutex::default() })
    }

    fn routes(self) -> Router {
        Router::new()
            .route("/", get(home))
            .route("/sign-in", post(sign_in))
            .route("/callback", get(callback))
            .route("/refresh", post(refresh))
            .route("/sign-out", post(sign_out))
            .route("/style.css", get(pages::style))
            .with_state(Arc::new(self))
    }

    fn remember(&self, state: &CsrfToken, browser: &str, errand: Errand) {
        let mut errands = lock(&self.errands);
        if errands.len() >= MOST_ERRANDS {
            errands.clear();
        }
        errands.insert(state.secret().clone(), (browser.to_owned(), errand));
    }

    /// What this browser was sent away for, once.
    fn claim(&self, state: Option<&str>, browser: &str) -> Option<Errand> {
        let mut errands = lock(&self.errands);
        let state = state.filter(|state| errands.get(*state).is_some_and(|(owner, _)| owner == browser))?;
        errands.remove(state).map(|(_, errand)| errand)
    }

    fn cookie(&self, value: String) -> Cookie<'static> {
        Cookie::build((COOKIE, value)).path("/").http_only(true).same_site(SameSite::Lax).secure(self.secure).build()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn browser(jar: &CookieJar) -> String {
    jar.get(COOKIE).map(|cookie| cookie.value().to_owned()).unwrap_or_default()
}

fn random() -> String {
    CsrfToken::new_random().into_secret()
}

#[derive(Deserialize)]
struct HomeQuery {
    state: Option<String>,
}

async fn home(State(site): State<Arc<Site>>, Query(query): Query<HomeQuery>, jar: CookieJar) -> Response {
    let browser = browser(&jar);
    if let Some(person) = lock(&site.people).get(&browser) {
        return pages::signed_in(person);
    }
    let signed_out = matches!(site.claim(query.state.as_deref(), &browser), Some(Errand::SignOut));
    pages::home(site.sign_in.issuer.as_str(), signed_out)
}

#[derive(Deserialize)]
struct SignInForm {
    #[serde(default)]
    email: String,
}

async fn sign_in(
    State(site): State<Arc<Site>>,
    jar: CookieJar,
    Form(form): Form<SignInForm>,
) -> Result<impl IntoResponse, Trouble> {
    let (url, state, pending) = site.sign_in.start(&form.email).await?;
    let browser = match browser(&jar) {
        known if known.is_empty() => random(),
        known => known,
    };
    site.remember(&state, &browser, Errand::SignIn(pending));
    Ok((jar.add(site.cookie(browser)), Redirect::to(url.as_str())))
}

async fn callback(
    State(site): State<Arc<Site>>,
    Query(answer): Query<Callback>,
    jar: CookieJar,
) -> Result<impl IntoResponse, Trouble> {
    let browser = browser(&jar);
    let Some(Errand::SignIn(pending)) = site.claim(answer.state.as_deref(), &browser) else {
        return Err(Trouble::Unexpected("This answer belongs to no sign-in that was started in this browser.".into()));
    };
    let person = site.sign_in.finish(pending, answer).await?;
    // A new cookie: whoever knew the one from before the sign-in must not share the session.
    let session = random();
    let mut people = lock(&site.people);
    people.remove(&browser);
    people.insert(session.clone(), person);
    Ok((jar.add(site.cookie(session)), Redirect::to("/")))
}

async fn refresh(State(site): State<Arc<Site>>, jar: CookieJar) -> Result<Redirect, Trouble> {
    let browser = browser(&jar);
    // Taken out before it is used: a double click must not send one token twice.
    let (token, person) = lock(&site.people)
        .get_mut(&browser)
        .and_then(|person| Some((person.refresh_token.take()?, person.clone())))
        .ok_or_else(|| Trouble::Unexpected("There is no refresh token to use.".into()))?;
    let refreshed = site.sign_in.refresh(person, token).await?;
    if let Some(person) = lock(&site.people).get_mut(&browser) {
        *person = refreshed;
    }
    Ok(Redirect::to("/"))
}

async fn sign_out(State(site): State<Arc<Site>>, jar: CookieJar) -> Result<Redirect, Trouble> {
    let browser = browser(&jar);
    let Some(person) = lock(&site.people).remove(&browser) else { return Ok(Redirect::to("/")) };
    let state = CsrfToken::new_random();
    let url = site.sign_in.sign_out(&person, state.clone()).await?;
    site.remember(&state, &browser, Errand::SignOut);
    Ok(Redirect::to(url.as_ref().map_or("/", Url::as_str)))
}
