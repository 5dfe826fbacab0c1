//! The shop's pages: Tera templates, escaped by default.

use std::sync::LazyLock;

use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use serde_json::{Value, json};
use tera::{Context, Tera, TeraResult};

use crate::{
    orders::{ARTICLES, Order, SHOP, Status},
    payment::Confirmed,
};

static TEMPLATES: LazyLock<TeraResult<Tera>> = LazyLock::new(|| {
    let mut tera = Tera::new();
    tera.add_raw_templates([
        ("base.html", include_str!("../templates/base.html")),
        ("home.html", include_str!("../templates/home.html")),
        ("order.html", include_str!("../templates/order.html")),
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

pub(crate) fn home() -> Response {
    let articles: Vec<Value> = ARTICLES
        .iter()
        .map(|a| json!({ "id": a.id, "name": a.name, "amount": a.amount(), "currency": a.currency }))
        .collect();
    page(StatusCode::OK, "home.html", &json!({ "articles": articles }))
}

/// `issuer` is where the buyer has their personal area.
pub(crate) fn order(order: &Order, issuer: &str) -> Response {
    let (status, receipt, detail) = match &order.status {
        Status::Unpaid => ("unpaid", Value::Null, ""),
        Status::Waiting(_) => ("waiting", Value::Null, ""),
        Status::Asked(message) => ("asked", Value::Null, message.as_str()),
        Status::Settling => ("settling", Value::Null, ""),
        Status::Declined => ("declined", Value::Null, ""),
        Status::Failed(detail) => ("failed", Value::Null, detail.as_str()),
        Status::Paid(confirmed) => {
            let Confirmed { token, receipt, fee } = confirmed.as_ref();
            let shown = json!({
                "token": token, "jti": receipt.jti, "sub": receipt.sub, "factor": receipt.factor, "acr": receipt.acr,
                "iat": receipt.iat, "fee": fee,
            });
            ("paid", shown, "")
        }
    };
    let data = json!({
        "id": order.id, "status": status, "detail": detail, "receipt": receipt, "payable": order.payable(),
        "article": order.article.name, "amount": order.article.amount(), "currency": order.article.currency,
        "issuer": issuer, "payee": SHOP, "purse": order.article.purse,
    });
    page(StatusCode::OK, "order.html", &data)
}

fn trouble(status: StatusCode, title: &str, text: &str, detail: &str) -> Response {
    page(status, "trouble.html", &json!({ "title": title, "text": text, "detail": detail }))
}

pub(crate) fn unreachable(detail: &str) -> Response {
    let text = "Nothing was paid. Please try again in a moment.";
    trouble(StatusCode::BAD_GATEWAY, "E-num cannot be reached", text, detail)
}

pub(crate) fn refused(detail: &str) -> Response {
    trouble(StatusCode::BAD_GATEWAY, "E-num did not take the order", "Nothing was paid.", detail)
}

pub(crate) fn not_found() -> Response {
    trouble(StatusCode::NOT_FOUND, "There is no such order", "At least not in this browser.", "")
}

pub(crate) fn unexpected() -> Response {
    let text = "It was used before, or was started in another browser. Nothing was paid by it.";
    trouble(StatusCode::BAD_REQUEST, "This answer belongs to no payment of yours", text, "")
}
