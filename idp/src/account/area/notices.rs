//! `/account/notices`: of which attempts the owner of the account is told, and where. What guards the account is told in any
//! case. So that whoever finds a browser left open cannot silence them, a change needs a fresh proof and is told.

use axum::{extract::Query, response::Response};
use serde_json::{Value, json};

use super::{Area, Fields, Guarded, Said, change::Change};
use crate::{
    error::Internal,
    notice::choice::{Choice, Kind, Mail, Means},
    store::account,
};

/// `GET /account/notices`.
pub async fn page(area: Area, Query(said): Query<Said>) -> Response {
    area.answer(show(&area, &said).await)
}

/// What the account has chosen, or what holds while it has not.
pub(super) fn chosen(area: &Area) -> Choice {
    Choice::read(&area.account.notices, &area.app.config.notices)
}

async fn show(area: &Area, said: &Said) -> Result<Response, Internal> {
    let (choice, settings) = (chosen(area), &area.app.config.notices);
    let kinds = Kind::ALL.map(|kind| {
        let (name, means) = (kind.name(), choice.of(kind));
        let places = Mail::ALL.map(|(place, _)| json!({ "name": place, "title": format!("account_notice_{place}") }));
        let most = if kind.is_failure() { settings.failed_per_day } else { settings.done_per_day };
        json!({
            "name": name, "title": format!("account_notice_{name}"), "mail": means.mail.name(), "sms": means.sms,
            "places": places, "most": area.text_with("account_notice_most", &json!({ "most": most })),
        })
    });
    let sms =
        offers_sms(area).then(|| area.text_with("account_notice_sms_most", &json!({ "most": settings.sms_per_day })));
    let guard = area.guard().await?.shown(area);
    let context = json!({ "kinds": Value::from(kinds.to_vec()), "sms": sms, "guard": guard });
    area.render("account_notices.html", said.put_into(context))
}

fn offers_sms(area: &Area) -> bool {
    area.app.config.notices.sms && !area.account.phone.is_empty()
}

/// `POST /account/notices`.
pub async fn save(Guarded { area, fields }: Guarded) -> Response {
    area.answer(take(&area, &fields).await)
}

async fn take(area: &Area, fields: &Fields) -> Result<Response, Internal> {
    let Some(choice) = wished(area, fields) else { return area.back("account_not_notices") };
    let (id, text) = (area.account.id.clone(), serde_json::to_string(&choice)?);
    let change = Change { what: "notices_changed", factor: None, reference: None, args: json!({}), also: None };
    let done = area.changes(change, move |tx| {
        Box::pin(async move { Ok::<_, Internal>(account::set_notices(tx, &id, &text).await?) })
    });
    area.back(if done.await? { "account_said_changed" } else { "account_not_there" })
}

fn wished(area: &Area, fields: &Fields) -> Option<Choice> {
    let mut choice = Choice::default();
    for kind in Kind::ALL {
        let mail = Mail::named(fields.get(&format!("{}_mail", kind.name())))?;
        let sms = offers_sms(area) && !fields.get(&format!("{}_sms", kind.name())).is_empty();
        choice.set(kind, Means { mail, sms });
    }
    Some(choice)
}
