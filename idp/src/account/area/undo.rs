//! "This was not me": mailed links that undo a change. They need no sign-in, since whoever made the change may have taken the
//! ways in as well. Opening one changes nothing, since mail filters open links too; its button does.

use std::sync::Arc;

use axum::{
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde_json::{Value, json};

use crate::{
    account::{Caller, or_problem},
    app::App,
    error::Internal,
    pages,
};

/// A link that works.
pub(super) trait Undo: Sized + Send {
    /// Shows what the link does, and with `done` that it was done.
    const TEMPLATE: &'static str;
    /// The problem that a link is which works no more.
    const GONE: &'static str;

    /// The link with this token.
    fn find(app: &App, token: &str) -> impl Future<Output = Result<Option<Self>, Internal>> + Send;

    /// What it puts back, for the page.
    fn shown(&self) -> Value;

    /// Uses it up and does what it is for. `Ok(false)` when it works no more.
    fn put_back(self, app: &Arc<App>, from: String) -> impl Future<Output = Result<bool, Internal>> + Send;
}

/// What the link does.
pub(super) async fn page<U: Undo>(app: &Arc<App>, token: &str, headers: &HeaderMap) -> Response {
    let locale = pages::locale_of(headers, &[]);
    let shown = async {
        match U::find(app, token).await? {
            Some(link) => app.pages.render(U::TEMPLATE, locale, link.shown()),
            None => Ok(gone::<U>(app, locale)),
        }
    };
    or_problem(app, locale, shown.await)
}

/// Its button.
pub(super) async fn press<U: Undo>(app: &Arc<App>, caller: Caller, token: &str, headers: &HeaderMap) -> Response {
    let locale = pages::locale_of(headers, &[]);
    let done = async {
        let Some(link) = U::find(app, token).await? else { return Ok(gone::<U>(app, locale)) };
        if !link.put_back(app, caller.address).await? {
            return Ok(gone::<U>(app, locale));
        }
        app.pages.render(U::TEMPLATE, locale, json!({ "done": true }))
    };
    or_problem(app, locale, done.await)
}

fn gone<U: Undo>(app: &App, locale: &str) -> Response {
    app.pages.problem(StatusCode::GONE, locale, U::GONE, &json!({}))
}
