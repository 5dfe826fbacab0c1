//! `/recover/pad`: another activation code, for whoever has forgotten theirs. The mailbox leads to a link, and the link to
//! the SMS. It ends no method; where one was ever in use, it waits like a recovery, and can be stopped like one.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Form as Body,
    extract::{ConnectInfo, State, rejection::FormRejection},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use plugin_api::message::Enrols;
use serde_json::json;

use super::{
    Sought,
    counted::Sent,
    sending::{self, Proof},
    visit::{self, Form, Wanted},
};
use crate::{
    account::{Caller, or_problem},
    app::App,
    error::Internal,
    pages,
    store::{enrolment, recovery},
};

const CODE: Wanted = Wanted { path: "/recover/pad", title: "recover_pad_title", lead: "recover_pad_lead" };

/// `GET /recover/pad`.
pub async fn form(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    visit::empty(&app, &headers, CODE)
}

/// `POST /recover/pad`: mails the link, if there is a device that can be activated.
pub async fn submit(
    State(app): State<Arc<App>>,
    peer: ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Result<Body<Form>, FormRejection>,
) -> Response {
    let locale = pages::locale_of(&headers, &[]);
    let caller = Caller::from(peer);
    let taken = async {
        match visit::take(&app, locale, CODE, &caller, body).await? {
            Ok(email) => ask(&app, locale, &caller, email).await,
            Err(response) => Ok(response),
        }
    };
    or_problem(&app, locale, taken.await)
}

async fn ask(app: &Arc<App>, locale: &str, caller: &Caller, email: String) -> Result<Response, Internal> {
    let sought = Sought::find(app, email).await?;
    let device = device_of(app, &sought).await?;
    let proof = Proof { is_right: device.is_some(), factor: device.unwrap_or_default(), ..Proof::of(recovery::PAD) };
    let problem = |status, key| Ok(app.pages.problem(status, locale, key, &json!({})));
    match sending::send(app, caller, &sought, &proof).await? {
        Sent::Done => {
            let context = json!({ "email": sought.email, "lead": "recover_pad_sent", "hint": "recover_pad_sent_hint", "again": CODE.path });
            app.pages.render("recover_sent.html", locale, context)
        }
        Sent::Enough => problem(StatusCode::TOO_MANY_REQUESTS, "recover_enough"),
        Sent::Busy => problem(StatusCode::SERVICE_UNAVAILABLE, "busy"),
    }
}

/// The method of the newest device that is activated, or waits to be.
async fn device_of(app: &App, sought: &Sought) -> Result<Option<String>, Internal> {
    let rows = enrolment::of_account(app.db.read(), &sought.subject).await?;
    let is_device = |id: &str| app.plugins.factor(id).is_some_and(|factor| factor.manifest().enrols == Enrols::Device);
    Ok(rows.into_iter().rev().map(|row| row.factor).find(|factor| is_device(factor)))
}
