//! Known browsers: which accounts were proven in one, and what is kept of it.
//!
//! A browser has a name of its own for each account, made when something is proven, so that a cookie planted before a
//! proof is worth nothing after it. The names travel in one sealed cookie; of each an account keeps a keyed hash.

use axum::http::{HeaderMap, HeaderValue};

use crate::{
    app::App,
    clock::{DAY, Millis},
    error::Internal,
    login::{agent, session},
    store::{
        Change,
        device::{self, Model},
    },
};

const COOKIE: &str = "enum_device";
const SLOT: &str = "device";

/// Accounts that one browser is remembered for; the oldest gives way.
const MOST_ACCOUNTS: usize = 5;
/// A browser that was seen on one day only is remembered for so long at most: it may have kept nothing.
const SEEN_ONCE: Millis = 30 * DAY;

/// What a browser brings: accounts, and its name for each, newest last.
#[derive(Clone, Default)]
pub struct Brought(Vec<(String, String)>);

impl Brought {
    /// What its cookie says, as far as it is ours.
    pub fn of(app: &App, headers: &HeaderMap) -> Self {
        let opened = session::cookie(app, headers, COOKIE)
            .and_then(|sealed| app.seal.open_travel(SLOT, "", app.clock.now(), sealed).ok());
        Self(opened.unwrap_or_default())
    }

    /// Whether this account was proven here; it may have forgotten the browser since.
    pub fn names(&self, account_id: &str) -> bool {
        self.0.iter().any(|(account, _)| account == account_id)
    }

    /// What accounts keep of its names.
    pub fn hashes(&self, app: &App) -> Vec<String> {
        self.0.iter().map(|(account, name)| hash(app, account, name)).collect()
    }

    /// With a new name for this account in the place of any other.
    fn renamed(mut self, account_id: &str, name: String) -> Self {
        self.0.retain(|(account, _)| account != account_id);
        self.0.push((account_id.to_owned(), name));
        let beyond = self.0.len().saturating_sub(MOST_ACCOUNTS);
        self.0.drain(..beyond);
        self
    }

    fn cookie(&self, app: &App, now: Millis) -> Result<HeaderValue, Internal> {
        let days = app.config.account.device_days;
        let sealed = app.seal.travel(SLOT, "", now + days * DAY, &self.0)?;
        session::set_cookie(app, COOKIE, &sealed, days * DAY / 1000)
    }
}

fn hash(app: &App, account_id: &str, name: &str) -> String {
    app.seal.hash("device", &format!("{account_id} {name}"))
}

/// A browser that is about to be remembered, or remembered for longer.
#[derive(Clone)]
pub struct Remembered {
    /// Adds or prolongs it.
    pub change: Change,
    /// Those of the account that it crowds out.
    pub crowded_out: Vec<String>,
    /// The `Set-Cookie` value, to be sent after the commit.
    pub cookie: HeaderValue,
}

/// Prolongs a known one, once a day; `None` when that was done of late.
pub(super) fn again(
    app: &App,
    account_id: &str,
    seen: &device::Seen,
    (headers, address): (&HeaderMap, &str),
) -> Result<Option<Remembered>, Internal> {
    let now = app.clock.now();
    if now - seen.seen_at < DAY {
        return Ok(None);
    }
    let row = Model {
        account_id: account_id.to_owned(),
        hash: seen.hash.clone(),
        agent: agent::of(headers),
        address: address.to_owned(),
        created_at: seen.seen_at,
        seen_at: now,
        expires_at: now + app.config.account.device_days * DAY,
        ended_at: None,
    };
    let cookie = Brought::of(app, headers).cookie(app, now)?;
    Ok(Some(Remembered { change: device::seeing(row), crowded_out: Vec::new(), cookie }))
}

/// Remembers a new one beside those of the account that are in `rows`.
pub(super) fn anew(
    app: &App,
    account_id: &str,
    rows: &[Model],
    (headers, address): (&HeaderMap, &str),
) -> Result<Remembered, Internal> {
    let (now, settings) = (app.clock.now(), &app.config.account);
    let name = app.entropy.token()?;
    let row = Model {
        account_id: account_id.to_owned(),
        hash: hash(app, account_id, &name),
        agent: agent::of(headers),
        address: address.to_owned(),
        created_at: now,
        seen_at: now,
        expires_at: now + SEEN_ONCE.min(settings.device_days * DAY),
        ended_at: None,
    };
    let cookie = Brought::of(app, headers).renamed(account_id, name).cookie(app, now)?;
    let crowded_out = crowded_out(rows, settings.devices, now);
    Ok(Remembered { change: device::adding(row), crowded_out, cookie })
}

/// Those that make room for one more. Browsers that were seen once go first, so that one which keeps no cookies does not
/// push out those that do.
fn crowded_out(rows: &[Model], most: usize, now: Millis) -> Vec<String> {
    let mut live: Vec<&Model> = rows.iter().filter(|row| row.is_live(now)).collect();
    live.sort_by_key(|row| (row.seen_at > row.created_at, row.seen_at));
    let beyond = (live.len() + 1).saturating_sub(most);
    live.into_iter().take(beyond).map(|row| row.hash.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, created_at: Millis, seen_at: Millis) -> Model {
        Model {
            account_id: "ann".into(),
            hash: name.into(),
            agent: String::new(),
            address: String::new(),
            created_at,
            seen_at,
            expires_at: 1000,
            ended_at: None,
        }
    }

    #[test]
    fn browsers_that_were_seen_once_make_room_first() {
        let ended = Model { ended_at: Some(1), ..row("ended", 1, 1) };
        let expired = Model { expires_at: 90, ..row("expired", 1, 1) };
        let rows = [row("home", 1, 50), row("once", 80, 80), row("phone", 2, 40), row("twice", 70, 71), ended, expired];
        for (most, gone) in [
            (5, &[][..]),
            (4, &["once"]),
            (3, &["once", "phone"]),
            (2, &["once", "phone", "home"]),
            (1, &["once", "phone", "home", "twice"]),
        ] {
            assert_eq!(crowded_out(&rows, most, 100), gone, "{most}");
        }
    }

    #[test]
    fn a_browser_has_one_name_for_each_of_a_few_accounts() {
        let mut brought = Brought::default();
        for (account, name) in [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4"), ("d", "5"), ("e", "6"), ("f", "7")] {
            brought = brought.renamed(account, name.to_owned());
        }
        let kept: Vec<&str> = brought.0.iter().map(|(account, _)| account.as_str()).collect();
        assert_eq!(kept, ["a", "c", "d", "e", "f"]);
        assert!(brought.names("a") && !brought.names("b"));
        assert_eq!(brought.0[0].1, "3");
    }
}
