//! Sessions and the two cookies: one names the browser, one the session.
//!
//! A session gets a new name whenever its level rises or its account changes, so that a name planted or seen before a
//! proof is worth nothing after it.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderValue, header::COOKIE};
use serde_json::json;

use super::{agent, next::SessionView, policy::Proof};
use crate::{
    app::App,
    clock::{Millis, SECOND},
    error::Internal,
    store::{self, Change, Tx, session::Model},
};

const SESSION: &str = "enum_session";
const BROWSER: &str = "enum_browser";

fn cookie_name(app: &App, name: &str) -> String {
    // The prefix makes browsers refuse the cookie from plain HTTP and from sibling domains (RFC 6265bis §4.1.3.2).
    if app.config.is_https() { format!("__Host-{name}") } else { name.to_owned() }
}

/// The value of one of our cookies.
pub(crate) fn cookie<'h>(app: &App, headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let wanted = cookie_name(app, name);
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == wanted).then_some(value))
}

/// A header that sets one of our cookies for so many seconds; 0 removes it.
pub(crate) fn set_cookie(app: &App, name: &str, value: &str, max_age: i64) -> Result<HeaderValue, Internal> {
    let secure = if app.config.is_https() { "; Secure" } else { "" };
    let name = cookie_name(app, name);
    HeaderValue::from_str(&format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age}{secure}"))
        .map_err(|error| Internal::Other(format!("cookie: {error}")))
}

/// The browser's own random name, to which everything that travels through it is bound.
pub fn browser<'h>(app: &App, headers: &'h HeaderMap) -> Option<&'h str> {
    cookie(app, headers, BROWSER).filter(|value| value.len() == 43)
}

/// A name for a browser that has none, with the header that sets it.
///
/// # Errors
/// When the generator fails.
pub fn name_browser(app: &App) -> Result<(String, HeaderValue), Internal> {
    let name = app.entropy.token()?;
    let header = set_cookie(app, BROWSER, &name, 365 * 24 * 3600)?;
    Ok((name, header))
}

/// The browser's session, if it has one that is alive and whose account is not locked.
///
/// # Errors
/// When the database fails.
pub async fn current(app: &App, headers: &HeaderMap) -> Result<Option<Model>, Internal> {
    let Some(token) = cookie(app, headers, SESSION) else { return Ok(None) };
    let hash = app.seal.hash("session", token);
    let Some(session) = store::session::live(app.db.read(), &hash, app.clock.now()).await? else { return Ok(None) };
    let account = store::account::by_id(app.db.read(), &session.account_id).await?;
    Ok(account.is_some_and(|account| account.is_active()).then_some(session))
}

/// What [`super::next()`] needs of it.
pub fn view(session: &Model) -> SessionView {
    SessionView { account_id: session.account_id.clone(), proofs: proofs(&session.levels) }
}

/// What does not parse proves nothing.
fn proofs(levels: &str) -> Vec<Proof> {
    serde_json::from_str(levels).unwrap_or_else(|_| proofs_of_before(levels))
}

/// A release before this one did not write down by which factor.
fn proofs_of_before(levels: &str) -> Vec<Proof> {
    let levels: BTreeMap<String, Millis> = serde_json::from_str(levels).unwrap_or_default();
    levels.into_iter().map(|(acr, at)| Proof { acr, factor: None, at }).collect()
}

/// `amr` of the session's newest proof.
pub fn amr(session: &Model) -> Vec<String> {
    serde_json::from_str(&session.amr).unwrap_or_default()
}

/// What was proven in a session and when, as far as it is worth something to this relying party today.
pub fn worth(app: &App, session: &Model, client: &str) -> Vec<(String, Millis)> {
    let policy = app.policy.now();
    let proofs = proofs(&session.levels);
    proofs.iter().filter_map(|proof| Some((policy.still_proves(proof, client)?.to_owned(), proof.at))).collect()
}

/// What a session is opened by.
#[derive(Clone, Copy, Debug)]
pub struct OpenedBy<'a> {
    /// Whose.
    pub account_id: &'a str,
    /// Level that was proven.
    pub acr: &'a str,
    /// By which factor.
    pub factor: &'a str,
    /// References of the methods.
    pub amr: &'a [String],
    /// Network address that it came from.
    pub address: &'a str,
    /// Headers that it came with: they name the browser.
    pub headers: &'a HeaderMap,
}

/// A session about to be stored, and the cookie that will name it.
#[derive(Clone)]
pub struct Opening {
    row: Model,
    replaces: Option<String>,
    cookie: HeaderValue,
}

impl Opening {
    /// Prepares the session that a proof opens. It replaces `old`; what was proven there is kept when the
    /// account is the same, each proof with its own age.
    ///
    /// # Errors
    /// When the generator fails.
    pub fn prepare(app: &App, old: Option<&Model>, by: &OpenedBy<'_>) -> Result<Self, Internal> {
        let OpenedBy { account_id, acr, factor, amr, address, headers } = *by;
        let now = app.clock.now();
        let token = app.entropy.token()?;
        let kept = old.filter(|old| old.account_id == account_id);
        let mut proofs = kept.map(|old| proofs(&old.levels)).unwrap_or_default();
        proofs.retain(|proof| proof.acr != acr || proof.factor.as_deref().is_some_and(|other| other != factor));
        proofs.push(Proof { acr: acr.to_owned(), factor: Some(factor.to_owned()), at: now });
        let seconds = app.config.limits.session_seconds;
        let row = Model {
            id_hash: app.seal.hash("session", &token),
            sid: kept.map_or_else(|| app.entropy.id(), |old| Ok(old.sid.clone()))?,
            account_id: account_id.to_owned(),
            levels: json!(proofs).to_string(),
            amr: json!(amr).to_string(),
            auth_time: now,
            created_at: kept.map_or(now, |old| old.created_at),
            expires_at: now + seconds * SECOND,
            ended_at: None,
            agent: agent::of(headers),
            address: address.to_owned(),
        };
        let cookie = set_cookie(app, SESSION, &token, seconds)?;
        Ok(Self { row, replaces: old.map(|old| old.id_hash.clone()), cookie })
    }

    /// The session as it will be.
    pub fn session(&self) -> &Model {
        &self.row
    }

    /// The `Set-Cookie` value, to be sent only after the commit.
    pub fn cookie(&self) -> HeaderValue {
        self.cookie.clone()
    }

    /// Ends the one that it replaces, if that still lives.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_old_in(&self, tx: &Tx, now: Millis) -> Result<(), Internal> {
        if let Some(old) = &self.replaces {
            store::session::end(tx, old, now).await?;
        }
        Ok(())
    }

    /// Stores it.
    pub fn change(self) -> Change {
        store::session::adding(self.row)
    }
}

/// Ends the browser's session; returns the header that clears its cookie.
///
/// # Errors
/// When the database fails.
pub async fn end(app: &App, headers: &HeaderMap) -> Result<HeaderValue, Internal> {
    if let Some(session) = current(app, headers).await? {
        let now = app.clock.now();
        let seal = app.seal.clone();
        app.db
            .write(move |tx| {
                Box::pin(async move {
                    if store::session::end(tx, &session.id_hash, now).await? {
                        let event = store::log::Event::new("logout", "ok");
                        store::log::append(tx, &seal, &session.account_id, now, &event).await?;
                    }
                    Ok::<_, Internal>(())
                })
            })
            .await?;
    }
    set_cookie(app, SESSION, "", 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_of_a_release_before_prove_what_they_did() {
        let old = proofs(r#"{"urn:enum:acr:2":7}"#);
        assert_eq!(old, [Proof { acr: "urn:enum:acr:2".to_owned(), factor: None, at: 7 }]);
        let new = proofs(r#"[{"acr":"phr","factor":"finger","at":8}]"#);
        assert_eq!(new, [Proof { acr: "phr".to_owned(), factor: Some("finger".to_owned()), at: 8 }]);
        assert_eq!(proofs("nonsense"), []);
    }
}
