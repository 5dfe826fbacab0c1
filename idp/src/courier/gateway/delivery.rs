//! Delivery reports over HTTP: `/sms/delivery/{token}`.
//!
//! The token names one message and carries a MAC over that name, so that nobody can make one up and nothing is looked for
//! whose token is not ours. Gateways get it with the message.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::{report::Arrival, settings::ReportConfig};
use crate::{app::App, courier::IDENTIFIER, error::Internal, seal::Seal};

/// Octets of the MAC.
const MAC: usize = 16;

/// How a gateway's reports read.
#[derive(Clone, Debug)]
pub(in crate::courier) enum Form {
    /// `?dlr=` and a number, as we ask Kannel to report.
    Kannel,
    /// As the administrator wrote it down.
    Written(ReportConfig),
}

/// The token of the message with this identifier.
pub(in crate::courier) fn token(seal: &Seal, id: &str) -> String {
    let mut octets = hex::decode(id).unwrap_or_default();
    octets.extend(mac(seal, id));
    BASE64_URL_SAFE_NO_PAD.encode(octets)
}

fn mac(seal: &Seal, id: &str) -> [u8; MAC] {
    let mut short = [0; MAC];
    short.copy_from_slice(&seal.derive(&[b"sms delivery", id.as_bytes()])[..MAC]);
    short
}

/// The identifier that a token names, if it is one of ours.
fn named(seal: &Seal, token: &str) -> Option<String> {
    let octets = BASE64_URL_SAFE_NO_PAD.decode(token).ok().filter(|octets| octets.len() == IDENTIFIER + MAC)?;
    let (id, given) = octets.split_at(IDENTIFIER);
    let id = hex::encode(id);
    bool::from(mac(seal, &id).ct_eq(given)).then_some(id)
}

/// A gateway reports. 404 for a token that is not ours or no longer known, 400 for a report that says nothing, 503 when it
/// could not be written down; else 200, however often it comes.
pub async fn take(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let Some(id) = named(&app.seal, &token) else { return StatusCode::NOT_FOUND };
    match written_down(&app, &id, &said(query, &headers, &body)).await {
        Ok(status) => status,
        Err(error) => {
            tracing::error!(%error, "courier: a delivery report could not be written down");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

async fn written_down(app: &App, id: &str, said: &Value) -> Result<StatusCode, Internal> {
    let reports = app.courier.reports(&app.db);
    let Some(part) = reports.of_message(id).await? else { return Ok(StatusCode::NOT_FOUND) };
    let Some(form) = app.courier.form_of_reports(&part.gateway) else { return Ok(StatusCode::NOT_FOUND) };
    let Some(arrival) = form.read(said) else {
        tracing::warn!(gateway = part.gateway, "courier: a delivery report cannot be read");
        return Ok(StatusCode::BAD_REQUEST);
    };
    reports.write(part, arrival).await.map(|()| StatusCode::OK)
}

/// Query, form and JSON as one value: of a field that comes twice, the body's.
fn said(query: BTreeMap<String, String>, headers: &HeaderMap, body: &[u8]) -> Value {
    let mut all: serde_json::Map<String, Value> =
        query.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/x-www-form-urlencoded") {
        all.extend(url::form_urlencoded::parse(body).map(|(name, value)| (name.into(), Value::String(value.into()))));
    } else if let Ok(json) = serde_json::from_slice::<Value>(body) {
        match json {
            Value::Object(members) => all.extend(members),
            list => return list,
        }
    }
    Value::Object(all)
}

impl Form {
    /// `None` when it says nothing of a state.
    pub(super) fn read(&self, said: &Value) -> Option<Arrival> {
        match self {
            Self::Kannel => match said.pointer("/dlr")?.as_str()? {
                "1" => Some(Arrival::Delivered),
                "2" | "16" => Some(Arrival::Undelivered),
                "4" | "8" => Some(Arrival::UnderWay),
                _ => None,
            },
            Self::Written(config) => {
                let state = match said.pointer(&config.state)? {
                    Value::String(state) => state.clone(),
                    Value::Number(state) => state.to_string(),
                    Value::Bool(state) => state.to_string(),
                    _ => return None,
                };
                Some(if config.delivered.contains(&state) {
                    Arrival::Delivered
                } else if config.undelivered.contains(&state) {
                    Arrival::Undelivered
                } else {
                    Arrival::UnderWay
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;
    use crate::entropy::Entropy;

    const ID: &str = "00112233445566778899aabbccddeeff";

    #[test]
    fn a_token_that_was_not_made_here_names_nothing() {
        let seal = |key: u8| Seal::new(&[key; 32], Entropy::system()).unwrap();
        let ours = token(&seal(7), ID);
        assert_eq!(named(&seal(7), &ours).as_deref(), Some(ID));
        assert_eq!(named(&seal(8), &ours), None, "another server's");
        for at in 0..32 {
            let mut octets = BASE64_URL_SAFE_NO_PAD.decode(&ours).unwrap();
            octets[at] ^= 1;
            assert_eq!(named(&seal(7), &BASE64_URL_SAFE_NO_PAD.encode(octets)), None, "octet {at} changed");
        }
        for made_up in ["", "x", &ours[1..], &format!("{ours}A"), "../../etc"] {
            assert_eq!(named(&seal(7), made_up), None, "{made_up}");
        }
    }

    #[test]
    fn kannel_reports_by_number() {
        let read = |dlr: &str| Form::Kannel.read(&json!({ "dlr": dlr }));
        assert_eq!(read("8"), Some(Arrival::UnderWay));
        assert_eq!(read("1"), Some(Arrival::Delivered));
        assert_eq!(read("2"), Some(Arrival::Undelivered));
        assert_eq!(read("16"), Some(Arrival::Undelivered));
        assert_eq!(read("%d"), None);
        assert_eq!(Form::Kannel.read(&json!({})), None);
    }

    #[test]
    fn written_forms_read_json_forms_and_queries() {
        let form = Form::Written(ReportConfig {
            state: "/message/0/state".into(),
            delivered: vec!["ok".into()],
            undelivered: vec!["5".into()],
        });
        let read = |json: &str| form.read(&said(BTreeMap::new(), &HeaderMap::new(), json.as_bytes()));
        assert_eq!(read(r#"{"message":[{"state":"ok"}]}"#), Some(Arrival::Delivered));
        assert_eq!(read(r#"{"message":[{"state":5}]}"#), Some(Arrival::Undelivered));
        assert_eq!(read(r#"{"message":[{"state":"queued"}]}"#), Some(Arrival::UnderWay));
        assert_eq!(read(r#"{"message":[{"state":[]}]}"#), None);
        assert_eq!(read("no json"), None);
        let kind = header::HeaderValue::from_static("application/x-www-form-urlencoded; charset=UTF-8");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind)]);
        let query = [("state".to_owned(), "queried".to_owned())].into();
        assert_eq!(said(query, &headers, b"state=d%20one&x=1"), json!({ "state": "d one", "x": "1" }));
    }
}
