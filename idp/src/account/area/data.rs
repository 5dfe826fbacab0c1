//! `/account/data`: all that is kept about a person, as one file.

use axum::{
    extract::Query,
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{Area, Guarded, Said, download, fees, notices, when::rfc3339};
use crate::{
    clock::DAY,
    error::Internal,
    login::risk::place::Known,
    store::{
        Reader, address, admin, backchannel_mute, consent, device, enrolment, grant,
        log::{self, Event},
        recovery_code, session,
    },
};

/// Log entries that are read at once.
const BATCH: u64 = 500;

/// `GET /account/data`.
pub async fn page(area: Area, Query(said): Query<Said>) -> Response {
    let shown = async {
        let guard = area.guard().await?.shown(&area);
        let days = area.app.config.account.deletion_wait_days;
        area.render("account_data.html", said.put_into(json!({ "guard": guard, "days": days })))
    };
    area.answer(shown.await)
}

/// `POST /account/data/export`: needs a fresh proof, since the file tells all at once.
pub async fn export(Guarded { area, .. }: Guarded) -> Response {
    area.answer(write(&area).await)
}

async fn write(area: &Area) -> Result<Response, Internal> {
    let text = serde_json::to_string_pretty(&everything(area).await?)?;
    let (app, account, now) = (area.app.clone(), area.account.id.clone(), area.now());
    let event = Event { address: Some(area.caller.address.clone()), ..Event::new("data_exported", "ok") };
    area.app
        .db
        .write(move |tx| {
            Box::pin(async move { Ok::<_, Internal>(log::append(tx, &app.seal, &account, now, &event).await?) })
        })
        .await?;
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"e-num-data.json\""),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, text).into_response())
}

/// Secrets are not in it: states of methods, the security answer, tokens and names of sessions.
async fn everything(area: &Area) -> Result<Value, Internal> {
    let (db, account) = (area.app.db.read(), &area.account);
    let id = &account.id;
    let addresses = address::of_account(db, id).await?.into_iter().map(|address| {
        let is_main = address.email == account.email;
        json!({ "email": address.email, "main": is_main, "confirmed": rfc3339(address.confirmed_at) })
    });
    let methods = enrolment::of_account(db, id).await?.into_iter().map(|row| {
        json!({
            "method": row.factor, "name": row.label, "status": row.status, "created": rfc3339(row.created_at),
            "last_used": row.last_used_at.map(rfc3339), "payments_blocked": row.payments_blocked,
        })
    });
    let place = |address: &str| area.app.places.name(address, area.locale);
    let sessions = session::of_account(db, id, area.now()).await?.into_iter().map(|session| {
        json!({
            "browser": session.agent, "address": session.address, "place": place(&session.address),
            "started": rfc3339(session.created_at),
            "last_proof": rfc3339(session.auth_time), "ends": rfc3339(session.expires_at),
        })
    });
    let browsers = device::of_account(db, id).await?.into_iter().filter(|row| row.is_live(area.now())).map(|row| {
        json!({
            "browser": row.agent, "address": row.address, "place": place(&row.address),
            "first_proof": rfc3339(row.created_at),
            "last_proof": rfc3339(row.seen_at), "forgotten_after": rfc3339(row.expires_at),
        })
    });
    let consents = consent::of_account(db, id).await?.into_iter().map(|consent| {
        json!({ "client_id": consent.client_id, "scope": consent.scope, "allowed": rfc3339(consent.granted_at) })
    });
    let grants = grant::of_account(db, id, area.now()).await?.into_iter().map(|grant| {
        json!({
            "client_id": grant.client_id, "created": rfc3339(grant.created_at), "ends": rfc3339(grant.expires_at),
        })
    });
    let muted = backchannel_mute::of_account(db, id).await?.into_iter();
    let muted = muted.map(|mute| json!({ "client_id": mute.client_id, "since": rfc3339(mute.since) }));
    Ok(json!({
        "account": {
            "id": id, "first_name": account.first_name, "last_name": account.last_name, "phone": account.phone,
            "language": account.locale, "time_zone": account.time_zone, "status": account.status,
            "to_be_deleted": account.delete_at.map(rfc3339), "security_question": account.security_question,
            "notices": notices::chosen(area), "created": rfc3339(account.created_at), "administrator": rights(area).await?,
        },
        "addresses": addresses.collect::<Value>(),
        "methods": methods.collect::<Value>(),
        "recovery_codes": recovery_codes(area).await?,
        "sessions": sessions.collect::<Value>(),
        "browsers": browsers.collect::<Value>(),
        "places": places(area),
        "consents": consents.collect::<Value>(),
        "tokens": grants.collect::<Value>(),
        "requests": requests(area).await?,
        "muted": muted.collect::<Value>(),
        "fees": download::whole(area, fees::export::Charges::default()).await?,
        "log": whole_log(db, id).await?,
    }))
}

/// What waits for an answer without a browser.
async fn requests(area: &Area) -> Result<Value, Internal> {
    let waiting = area.app.requests_waiting(&area.account.id, area.locale).await?.into_iter().map(|request| {
        json!({
            "client_id": request.client_id, "binding_message": request.binding_message, "payment": request.payment,
            "came": rfc3339(request.created_at), "ends": rfc3339(request.expires_at),
        })
    });
    Ok(waiting.collect())
}

/// When recovery codes were made and used.
async fn recovery_codes(area: &Area) -> Result<Value, Internal> {
    let codes = recovery_code::of_account(area.app.db.read(), &area.account.id).await?;
    let shown = codes.iter().map(|code| json!({ "made": rfc3339(code.created_at), "used": code.used_at.map(rfc3339) }));
    Ok(shown.collect())
}

/// That of an administrator, past or present; null for anybody else.
async fn rights(area: &Area) -> Result<Option<Value>, Internal> {
    let row = admin::ever(area.app.db.read(), &area.account.id).await?;
    Ok(row.map(|row| json!({ "name": row.name, "since": rfc3339(row.created_at), "until": row.ended_at.map(rfc3339) })))
}

/// Where the account was used, as far as it is remembered.
fn places(area: &Area) -> Value {
    let memory = area.app.config.account.device_days * DAY;
    let known = Known::read(&area.account.places, area.now(), memory);
    let shown = known.all().iter().map(|been| {
        json!({
            "country": been.country, "latitude": been.spot.map(|spot| spot.latitude),
            "longitude": been.spot.map(|spot| spot.longitude), "within_km": been.spot.map(|spot| spot.radius),
            "last_proof": rfc3339(been.at), "forgotten_after": rfc3339(been.at + memory),
        })
    });
    shown.collect()
}

async fn whole_log(db: &Reader, account_id: &str) -> Result<Vec<Value>, Internal> {
    let (mut entries, mut before) = (Vec::new(), i64::MAX);
    loop {
        let batch = log::before(db, account_id, before, BATCH).await?;
        let Some(last) = batch.last() else { return Ok(entries) };
        before = last.seq;
        for entry in &batch {
            entries.push(json!({ "number": entry.seq, "time": rfc3339(entry.at), "event": entry.event()? }));
        }
    }
}
