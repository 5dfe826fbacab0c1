//! The website's pages: Tera templates, escaped by default.

use std::sync::LazyLock;

use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use serde_json::{Value, json};
use tera::{Context, Tera, TeraResult};

use crate::sign_in::{Person, Trouble};

static TEMPLATES: LazyLock<TeraResult<Tera>> = LazyLock::new(|| {
    let mut tera = Tera::new();
    tera.add_raw_templates([
        ("base.html", include_str!("../templates/base.html")),
        ("home.html", include_str!("../templates/home.html")),
        ("signed-in.html", include_str!("../templates/signed-in.html")),
        ("trouble.html", include_str!("../templates/trouble.html")),
    ])?;
    Ok(tera)
});

/// Nothing runs, nothing is loaded from elsewhere, nobody frames us; addresses with codes in them are told to nobody.
const HEADERS: [(header::HeaderName, &str); 3] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
];

fn page(status: StatusCode, name: &str, data: &Value) -> Response {
    let html = TEMPLATES.as_ref().map_err(ToString::to_string).and_then(|templates| {
        Context::from_serialize(data).and_then(|cx| templates.render(name, &cx)).map_err(|e| e.to_string())
    });
    match html {
        Ok(html) => (status, HEADERS, Html(html)).into_response(),
        Err(e) => (StatusCode::INTERNAL_SERVER_ERROR, format!("The page {name} cannot be shown: {e}")).into_response(),
    }
}

pub(crate) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../templates/style.css"))
}

pub(crate) fn home(issuer: &str, signed_out: bool) -> Response {
    page(StatusCode::OK, "home.html", &json!({ "issuer": issuer, "signed_out": signed_out }))
}

pub(crate) fn signed_in(person: &Person) -> Response {
    let data = json!({
        "name": person.name, "email": person.email, "sub": person.sub, "acr": person.acr, "amr": person.amr.join(" "),
        "can_refresh": person.refresh_token.is_some(), "refreshed": person.refreshed,
    });
    page(StatusCode::OK, "signed-in.html", &data)
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let (status, title, text, detail) = match self {
            Self::Provider(detail) => {
                (StatusCode::BAD_GATEWAY, "E-num cannot be reached", "Please try again in a moment.", detail)
            }
            Self::Declined { error, description } if error == "access_denied" => {
                (StatusCode::FORBIDDEN, "You declined", "You are not signed in, and nothing was shared.", description)
            }
            Self::Declined { error, description } => (
                StatusCode::BAD_REQUEST,
                "E-num did not sign you in",
                "You can start again from the first page.",
                format!("{error}: {description}"),
            ),
            Self::Unexpected(detail) => {
                (StatusCode::BAD_REQUEST, "That did not work", "You can start again from the first page.", detail)
            }
        };
        page(status, "trouble.html", &json!({ "title": title, "text": text, "detail": detail }))
    }
}
