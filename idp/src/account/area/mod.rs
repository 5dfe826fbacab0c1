//! `/account`: what somebody sees and changes of their own account.
//!
//! It opens by a proof like any other, made on `/authorize` for a client that is part of this program ([`entry`]), so that
//! ceremonies, budgets and the log are the ordinary ones. A handler that takes an [`Area`] runs only where it is open; one
//! that takes [`Submitted`] only for a form of ours; one that takes [`Guarded`] only after a fresh proof of the account's
//! highest level.

use std::sync::Arc;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::tz::TimeZone;
use plugin_api::message::Purpose;
use serde_json::{Value, json};

use super::{Caller, or_problem};
use crate::{
    app::App,
    clock::Millis,
    error::Internal,
    plugins::FactorHandle,
    store::{account::Model as Account, session::Model as Session},
};

pub mod access;
mod change;
pub mod codes;
pub mod data;
pub mod deleting;
mod download;
pub mod emails;
pub mod entry;
pub mod fees;
mod form;
mod guard;
pub mod log;
pub mod methods;
pub mod notices;
mod open;
pub mod overview;
pub mod phone;
pub mod profile;
pub mod requests;
mod said;
pub mod sessions;
mod undo;
mod when;

pub(super) use change::letters;
pub use entry::client;
pub use form::{Fields, Submitted};
pub use guard::Guarded;
pub use said::Said;

/// A page of the area: what stands behind `/account/`, and the key of its name.
#[derive(Debug)]
struct Place {
    path: &'static str,
    title: &'static str,
}

/// The pages, in the order of the navigation. A further page is a line here and its routes.
const PLACES: &[Place] = &[
    Place { path: "", title: "account_overview" },
    Place { path: "requests", title: "account_requests" },
    Place { path: "log", title: "account_log" },
    Place { path: "methods", title: "account_methods" },
    Place { path: "emails", title: "account_emails" },
    Place { path: "phone", title: "account_phone" },
    Place { path: "codes", title: "account_codes" },
    Place { path: "notices", title: "account_notices" },
    Place { path: "sessions", title: "account_sessions" },
    Place { path: "access", title: "account_access" },
    Place { path: "fees", title: "account_fees" },
    Place { path: "profile", title: "account_profile" },
    Place { path: "data", title: "account_data" },
];

impl Place {
    /// The page that a path below `/account` belongs to.
    fn of(path: &str) -> &'static Self {
        let below = path.strip_prefix("/account/").unwrap_or_default();
        Self::named(below.split('/').next().unwrap_or_default())
    }

    /// The page of this name, else the first one.
    fn named(name: &str) -> &'static Self {
        PLACES.iter().find(|place| place.path == name).unwrap_or(&PLACES[0])
    }

    fn link(&self) -> String {
        if self.path.is_empty() { "/account".to_owned() } else { format!("/account/{}", self.path) }
    }
}

/// The answer to whoever asked for something of the area and does not get it.
#[derive(Debug)]
pub struct Turned(Box<Response>);

impl Turned {
    fn to(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl IntoResponse for Turned {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// The open area of one person in one browser.
#[derive(Debug)]
pub struct Area {
    app: Arc<App>,
    locale: &'static str,
    session: Session,
    account: Account,
    caller: Caller,
    place: &'static Place,
    /// In which moments are shown, and days begin.
    zone: TimeZone,
    /// Keeps it open for longer.
    stay: HeaderValue,
}

impl Area {
    /// The answer of a handler, which also keeps the area open.
    fn answer(&self, done: Result<Response, Internal>) -> Response {
        let mut response = or_problem(&self.app, self.locale, done);
        response.headers_mut().append(header::SET_COOKIE, self.stay.clone());
        response
    }

    /// Renders a page, with what all of them show.
    fn render(&self, template: &str, context: Value) -> Result<Response, Internal> {
        self.render_as(StatusCode::OK, template, context)
    }

    fn render_as(&self, status: StatusCode, template: &str, mut context: Value) -> Result<Response, Internal> {
        let links: Vec<Value> = PLACES
            .iter()
            .map(|place| {
                let current = std::ptr::eq(place, self.place);
                json!({ "link": place.link(), "title": place.title, "current": current })
            })
            .collect();
        context["places"] = links.into();
        context["email"] = self.account.email.as_str().into();
        context["leaving"] = self.account.delete_at.map(|at| self.when(at)).into();
        context["token"] = form::token(&self.app, &self.session).into();
        let options = crate::pages::Options::for_template(template).status(status);
        self.app.pages.render_with(template, self.locale, context, &options)
    }

    /// Back to the page that a form came from, with the key of a text to show there.
    fn back(&self, said: &'static str) -> Result<Response, Internal> {
        see_other(&format!("{}?said={said}", self.place.link()))
    }

    fn text(&self, key: &str) -> String {
        self.text_with(key, &json!({}))
    }

    fn text_with(&self, key: &str, args: &Value) -> String {
        self.app.pages.text(self.locale, key, args)
    }

    /// A network address with the name of its place.
    fn told(&self, address: &str) -> String {
        self.app.places.told(address, self.locale)
    }

    fn now(&self) -> Millis {
        self.app.clock.now()
    }

    /// What a factor calls itself; its id when it is not running.
    fn factor_name(&self, id: &str) -> String {
        let factor = self.app.plugins.factor(id);
        factor.as_ref().and_then(|factor| factor.text(self.locale, "name")).unwrap_or(id).to_owned()
    }

    /// Ids of the factors that can sign somebody in here at present.
    fn ways_in(&self) -> Vec<String> {
        let factors = self.app.plugins.factors_for(Purpose::Authorize);
        let ways = factors.iter().filter(|factor| self.level_of(factor, None).is_some());
        ways.map(|factor| factor.id().to_owned()).collect()
    }

    /// The level that a proof by an enrolment of `factor` that claims to be worth `claimed` is worth here; `None` when the policy
    /// has none of it.
    fn level_of(&self, factor: &FactorHandle, claimed: Option<&str>) -> Option<String> {
        let policy = self.app.policy.now();
        policy.level(factor.manifest(), claimed, entry::CLIENT, Purpose::Authorize).map(str::to_owned)
    }
}

fn see_other(location: &str) -> Result<Response, Internal> {
    let location = HeaderValue::from_str(location).map_err(|error| Internal::Other(format!("location: {error}")))?;
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}
