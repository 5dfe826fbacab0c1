//! `/account/profile`: name, language and time zone.

use axum::{extract::Query, http::StatusCode, response::Response};
use jiff::tz::{self, TimeZone};
use serde_json::{Value, json};

use super::{Area, Fields, Said, Submitted};
use crate::{
    account::{form, phone},
    error::Internal,
    pages::LOCALES,
    store::{
        account::{self, Profile},
        log::{self, Event},
    },
};

/// What languages call themselves.
const LANGUAGES: [(&str, &str); 3] = [("en", "English"), ("ru", "Русский"), ("vi", "Tiếng Việt")];

/// `GET /account/profile`.
pub async fn page(area: Area, Query(said): Query<Said>) -> Response {
    let account = &area.account;
    let now = Profile {
        first_name: account.first_name.clone(),
        last_name: account.last_name.clone(),
        locale: account.locale.clone(),
        time_zone: account.time_zone.clone(),
    };
    area.answer(show(&area, &now, &said, None))
}

fn show(area: &Area, shown: &Profile, said: &Said, mistake: Option<&str>) -> Result<Response, Internal> {
    let languages: Vec<Value> = LANGUAGES.iter().map(|(id, name)| json!({ "id": id, "name": name })).collect();
    let zone = if shown.time_zone.is_empty() { "UTC" } else { &shown.time_zone };
    let mut context = said.put_into(json!({
        "values": shown, "zone": zone, "zones": zones(), "languages": languages,
        "phone": phone::international(&area.account.phone),
    }));
    let status = if let Some(mistake) = mistake {
        context["error"] = mistake.into();
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    area.render_as(status, "account_profile.html", context)
}

/// Names of time zones: of places, and UTC.
fn zones() -> Vec<String> {
    let places = tz::db().available().map(|name| name.to_string());
    let is_place = |name: &String| name == "UTC" || (name.contains('/') && !name.starts_with("Etc/"));
    let mut zones: Vec<String> = places.filter(is_place).collect();
    zones.sort();
    zones
}

/// `POST /account/profile`.
pub async fn save(Submitted { area, fields }: Submitted) -> Response {
    area.answer(take(&area, &fields).await)
}

async fn take(area: &Area, fields: &Fields) -> Result<Response, Internal> {
    let wished = Profile {
        first_name: fields.get("first_name").to_owned(),
        last_name: fields.get("last_name").to_owned(),
        locale: fields.get("language").to_owned(),
        time_zone: fields.get("zone").to_owned(),
    };
    let Some(profile) = fitting(&wished) else {
        return show(area, &wished, &Said::default(), Some("account_not_profile"));
    };
    let (app, id, now) = (area.app.clone(), area.account.id.clone(), area.now());
    let event = Event { address: Some(area.caller.address.clone()), ..Event::new("profile_changed", "ok") };
    let language = profile.locale.clone();
    area.app
        .db
        .write(move |tx| {
            Box::pin(async move {
                account::set_profile(tx, &id, profile).await?;
                Ok::<_, Internal>(log::append(tx, &app.seal, &id, now, &event).await?)
            })
        })
        .await?;
    // The page that follows is in the language that was chosen.
    super::see_other(&format!("{}?said=account_said_saved&lang={language}", area.place.link()))
}

fn fitting(wished: &Profile) -> Option<Profile> {
    let locale = LOCALES.into_iter().find(|known| *known == wished.locale)?;
    let zone = TimeZone::get(&wished.time_zone).ok()?;
    Some(Profile {
        first_name: form::name(&wished.first_name)?,
        last_name: form::name(&wished.last_name)?,
        locale: locale.to_owned(),
        time_zone: zone.iana_name()?.to_owned(),
    })
}
