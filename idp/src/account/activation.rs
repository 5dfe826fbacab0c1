//! `/activate/{sealed}`: what to do between the account and the first login; and `/pad`: how to use the cipherpad.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Caller, enrol, or_problem, phone};
use crate::{
    app::App,
    clock::{DAY, MINUTE, Millis},
    error::Internal,
    login::session,
    pages,
    seal::SealError,
    store::{
        account::{self, Model as Account},
        enrolment::{self, Model as Enrolment},
    },
};

const SLOT: &str = "activate";
/// How long the page can be come back to.
const PAGE_LIFE: Millis = 2 * DAY;
/// How often the message can be sent again.
const RESENDS: i32 = 3;
/// How long to wait before that.
const BETWEEN_RESENDS: Millis = MINUTE;

/// What the page is about.
#[derive(Serialize, Deserialize)]
struct About {
    account: String,
    factor: String,
}

/// Leads the browser to the page, and binds the page to it.
///
/// # Errors
/// When sealing or the generator fails.
pub(super) fn lead_to(app: &App, headers: &HeaderMap, account: &str, factor: &str) -> Result<Response, Internal> {
    let (browser, cookie) = match session::browser(app, headers) {
        Some(browser) => (browser.to_owned(), None),
        None => session::name_browser(app).map(|(browser, cookie)| (browser, Some(cookie)))?,
    };
    let about = About { account: account.to_owned(), factor: factor.to_owned() };
    let sealed = app.seal.travel(SLOT, &browser, app.clock.now() + PAGE_LIFE, &about)?;
    let mut response = see_other(&format!("/activate/{sealed}"))?;
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

fn see_other(location: &str) -> Result<Response, Internal> {
    let location = HeaderValue::from_str(location).map_err(|error| Internal::Other(format!("location: {error}")))?;
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

/// How an enrolment stands.
enum Stand {
    Active,
    Waiting(Enrolment),
    /// Too late, or too many wrong answers.
    Ended(Option<Enrolment>),
}

/// What the page says after a resend.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Said {
    sent: Option<String>,
}

/// `GET /activate/{sealed}`.
pub async fn page(
    State(app): State<Arc<App>>,
    Path(sealed): Path<String>,
    Query(said): Query<Said>,
    headers: HeaderMap,
) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let shown = async {
        match open(&app, locale, &headers, &sealed).await? {
            Ok((account, about)) => {
                let stand = stand(&app, &about).await?;
                let notice = match said.sent.as_deref() {
                    Some("yes") => Some("resend_done"),
                    Some("wait") => Some("resend_wait"),
                    _ => None,
                };
                show(&app, locale, &account, &stand, notice)
            }
            Err(problem) => Ok(problem),
        }
    };
    or_problem(&app, locale, shown.await)
}

/// `POST /activate/{sealed}`: "I got no SMS". The code itself is not kept, so another message means another code; the
/// earlier one ends.
pub async fn resend(
    State(app): State<Arc<App>>,
    peer: ConnectInfo<SocketAddr>,
    Path(sealed): Path<String>,
    headers: HeaderMap,
) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let done = async {
        match open(&app, locale, &headers, &sealed).await? {
            Ok((account, about)) => {
                let said = send_again(&app, &account, &about, Caller::from(peer)).await?;
                see_other(&format!("/activate/{sealed}{said}"))
            }
            Err(problem) => Ok(problem),
        }
    };
    or_problem(&app, locale, done.await)
}

/// `GET /pad`.
pub async fn pad(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    or_problem(&app, locale, app.pages.render("pad.html", locale, json!({ "issuer": app.config.issuer })))
}

async fn open(
    app: &App,
    locale: &str,
    headers: &HeaderMap,
    sealed: &str,
) -> Result<Result<(Account, About), Response>, Internal> {
    let problem = |key| Ok(Err(app.pages.problem(StatusCode::BAD_REQUEST, locale, key, &json!({}))));
    let Some(browser) = session::browser(app, headers) else { return problem("foreign_browser") };
    let about: About = match app.seal.open_travel(SLOT, browser, app.clock.now(), sealed) {
        Ok(about) => about,
        Err(SealError::Expired) => return problem("expired"),
        Err(_) => return problem("foreign_browser"),
    };
    match account::by_id(app.db.read(), &about.account).await?.filter(Account::is_active) {
        Some(account) => Ok(Ok((account, about))),
        None => problem("expired"),
    }
}

async fn stand(app: &App, about: &About) -> Result<Stand, Internal> {
    let now = app.clock.now();
    let rows = enrolment::of_account(app.db.read(), &about.account).await?;
    let mut newest_pending = None;
    for row in rows.into_iter().filter(|row| row.factor == about.factor) {
        match row.status.as_str() {
            "active" => return Ok(Stand::Active),
            "pending" => newest_pending = Some(row),
            _ => {}
        }
    }
    Ok(match newest_pending {
        Some(row) if enrol::is_waiting(&row, now) => Stand::Waiting(row),
        ended => Stand::Ended(ended),
    })
}

fn show(app: &App, locale: &str, account: &Account, stand: &Stand, notice: Option<&str>) -> Result<Response, Internal> {
    let (state, row) = match stand {
        Stand::Active => ("active", None),
        Stand::Waiting(row) => ("waiting", Some(row)),
        Stand::Ended(row) => ("ended", row.as_ref()),
    };
    let mut context = json!({
        "state": state,
        "email": account.email,
        "phone": phone::masked(&account.phone),
        "resends_left": row.map_or(0, |row| (RESENDS - row.resends).max(0)),
    });
    if let Some(notice) = notice {
        context["notice"] = notice.into();
    }
    app.pages.render("activate.html", locale, context)
}

/// Sends a new code if one may be sent, and gives what to add to the page's address.
async fn send_again(
    app: &Arc<App>,
    account: &Account,
    about: &About,
    caller: Caller,
) -> Result<&'static str, Internal> {
    let now = app.clock.now();
    let earlier = match stand(app, about).await? {
        Stand::Waiting(row) | Stand::Ended(Some(row)) => row,
        Stand::Active | Stand::Ended(None) => return Ok(""),
    };
    if earlier.resends >= RESENDS {
        return Ok("");
    }
    if now < earlier.resent_at.unwrap_or(earlier.created_at) + BETWEEN_RESENDS {
        return Ok("?sent=wait");
    }
    let Some(factor) = app.plugins.factor(&about.factor) else {
        return Err(Internal::Other(format!("factor {} is off", about.factor)));
    };
    let prepared = enrol::begin_prepare(app, account, &factor, None).await?.sent_again_after(&earlier, now);
    let transaction = app.clone();
    let written = app.db.write(move |tx| {
        Box::pin(async move {
            // Of two requests at once the second finds the row changed: the count cannot be passed by.
            enrolment::saving(Enrolment { status: "replaced".to_owned(), ..earlier }).apply(tx).await?;
            enrol::begin_in(tx, &transaction, prepared, Some(caller.address)).await
        })
    });
    match written.await {
        Ok(()) => {
            app.courier.wake();
            Ok("?sent=yes")
        }
        Err(error) if error.is_conflict() => Ok("?sent=wait"),
        Err(error) => Err(error),
    }
}
