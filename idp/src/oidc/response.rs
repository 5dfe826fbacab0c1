//! The way back to the relying party: a redirect with a query, or a form that the browser posts.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::form_urlencoded;

use super::{error::OAuthError, request::ResponseMode};
use crate::{app::App, error::Internal};

/// Where and how an answer goes. Only ever made for a redirect URI that is registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnTo {
    /// The redirect URI of the request.
    pub redirect_uri: String,
    /// How.
    pub response_mode: ResponseMode,
    /// The request's `state`.
    pub state: Option<String>,
}

/// Sends a code (RFC 6749 §4.1.2).
pub fn succeed(app: &App, to: &ReturnTo, code: &str, locale: &str) -> Response {
    answer(app, to, vec![("code", code)], locale)
}

/// Sends a refusal (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6).
pub fn refuse(app: &App, to: &ReturnTo, error: &OAuthError, locale: &str) -> Response {
    error.trace();
    answer(app, to, vec![("error", error.code.name()), ("error_description", &error.description)], locale)
}

/// With `state` as it came and `iss` (RFC 9207 §2), so that the client can tell whose answer it is.
fn answer<'a>(app: &'a App, to: &'a ReturnTo, mut fields: Vec<(&'a str, &'a str)>, locale: &str) -> Response {
    if let Some(state) = &to.state {
        fields.push(("state", state));
    }
    fields.push(("iss", &app.config.issuer));
    let response = match to.response_mode {
        ResponseMode::Query => redirect(&with_query(&to.redirect_uri, &fields)),
        ResponseMode::FormPost => app.pages.form_post(locale, &to.redirect_uri, &fields),
    };
    private(response.unwrap_or_else(|error| {
        tracing::error!(%error, "an answer could not be sent");
        app.pages.problem(StatusCode::INTERNAL_SERVER_ERROR, locale, "internal", &json!({}))
    }))
}

/// Appends fields to the query of a URI that is otherwise left as it was registered.
pub(super) fn with_query(uri: &str, fields: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let joint = match uri.split_once('?') {
        None => "?",
        Some((_, known)) if known.is_empty() || known.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{uri}{joint}{query}")
}

/// 303 (RFC 9700 §4.12): never 307, which would make the browser post what it had posted to us.
pub(super) fn redirect(location: &str) -> Result<Response, Internal> {
    let location =
        HeaderValue::from_str(location).map_err(|_| Internal::Other("a URI is not a header value".into()))?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}

/// Nobody keeps it, and nobody learns by `Referer` where it came from (RFC 9700 §4.2.4).
pub(super) fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registered_query_stays_and_values_are_escaped() {
        let fields = [("code", "a b&c"), ("state", "\r\nSet-Cookie: x=\"<script>")];
        let escaped = "code=a+b%26c&state=%0D%0ASet-Cookie%3A+x%3D%22%3Cscript%3E";
        for (uri, expected) in [
            ("https://rp.example/cb", format!("https://rp.example/cb?{escaped}")),
            ("https://rp.example/cb?x=1", format!("https://rp.example/cb?x=1&{escaped}")),
            ("https://rp.example/cb?", format!("https://rp.example/cb?{escaped}")),
            ("com.example.app:/cb", format!("com.example.app:/cb?{escaped}")),
        ] {
            assert_eq!(with_query(uri, &fields), expected);
        }
    }
}
