//! `/account/sessions`: the browsers that are signed in, and how to end that; those that the account knows, and how to
//! forget one.

use axum::{extract::Query, http::HeaderMap, response::Response};
use serde_json::{Value, json};

use super::{Area, Said, Submitted};
use crate::{
    error::Internal,
    login::{risk::device::Brought, session},
    store::{
        self,
        log::{self, Event},
        session::Model,
    },
};

/// `GET /account/sessions`.
pub async fn page(area: Area, headers: HeaderMap, Query(said): Query<Said>) -> Response {
    area.answer(show(&area, &headers, &said).await)
}

async fn show(area: &Area, headers: &HeaderMap, said: &Said) -> Result<Response, Internal> {
    let mut sessions = store::session::of_account(area.app.db.read(), &area.account.id, area.now()).await?;
    // The one that looks stands first.
    sessions.sort_by_key(|session| session.sid != area.session.sid);
    let has_others = sessions.iter().any(|session| session.sid != area.session.sid);
    let sessions: Vec<Value> = sessions.iter().map(|session| shown(area, session)).collect();
    let browsers = browsers(area, headers).await?;
    let shown = json!({ "sessions": sessions, "has_others": has_others, "browsers": browsers });
    area.render("account_sessions.html", said.put_into(shown))
}

async fn browsers(area: &Area, headers: &HeaderMap) -> Result<Vec<Value>, Internal> {
    let here = Brought::of(&area.app, headers).hashes(&area.app);
    let mut rows = store::device::of_account(area.app.db.read(), &area.account.id).await?;
    rows.retain(|row| row.is_live(area.now()));
    let shown = rows.iter().map(|row| {
        json!({
            "hash": row.hash, "current": here.contains(&row.hash), "agent": row.agent,
            "address": area.told(&row.address),
            "first": area.when(row.created_at), "last": area.when(row.seen_at),
        })
    });
    Ok(shown.collect())
}

/// `POST /account/sessions/forget`: a browser that is forgotten is a new one when it comes again. Its session goes on.
pub async fn forget(Submitted { area, fields }: Submitted) -> Response {
    area.answer(forget_one(&area, fields.get("browser").to_owned()).await)
}

async fn forget_one(area: &Area, hash: String) -> Result<Response, Internal> {
    let (app, account, now) = (area.app.clone(), area.account.id.clone(), area.now());
    let event = Event { address: Some(area.caller.address.clone()), ..Event::new("browser_forgotten", "ok") };
    let done = area.app.db.write(move |tx| {
        Box::pin(async move {
            if !store::device::end(tx, &account, &hash, now).await? {
                return Ok(false);
            }
            log::append(tx, &app.seal, &account, now, &event).await?;
            Ok::<_, Internal>(true)
        })
    });
    area.back(if done.await? { "account_said_forgotten" } else { "account_not_there" })
}

fn shown(area: &Area, session: &Model) -> Value {
    json!({
        "sid": session.sid,
        "current": session.sid == area.session.sid,
        "agent": session.agent,
        "address": area.told(&session.address),
        "amr": session::amr(session).join(", "),
        "started": area.when(session.created_at),
        "proven": area.when(session.auth_time),
        "ends": area.when(session.expires_at),
    })
}

/// `POST /account/sessions/end`: ends one of this account's sessions, with the tokens that were given for it only.
pub async fn end(Submitted { area, fields }: Submitted) -> Response {
    area.answer(end_one(&area, fields.get("sid")).await)
}

async fn end_one(area: &Area, sid: &str) -> Result<Response, Internal> {
    let sessions = store::session::of_account(area.app.db.read(), &area.account.id, area.now()).await?;
    let Some(session) = sessions.into_iter().find(|session| session.sid == sid) else {
        return area.back("account_not_there");
    };
    end_all(area, vec![session]).await?;
    area.back("account_said_ended")
}

/// `POST /account/sessions/end-others`: ends all but the one that asks.
pub async fn end_others(Submitted { area, .. }: Submitted) -> Response {
    let done = async {
        let mut sessions = store::session::of_account(area.app.db.read(), &area.account.id, area.now()).await?;
        sessions.retain(|session| session.sid != area.session.sid);
        end_all(&area, sessions).await?;
        area.back("account_said_ended")
    };
    area.answer(done.await)
}

/// Tokens go first: should the second half fail, a session is left that can be ended again.
async fn end_all(area: &Area, sessions: Vec<Model>) -> Result<(), Internal> {
    for session in &sessions {
        area.app.end_tokens_of(session).await?;
    }
    let (app, account, now) = (area.app.clone(), area.account.id.clone(), area.now());
    let event = Event { address: Some(area.caller.address.clone()), ..Event::new("session_ended", "ok") };
    area.app
        .db
        .write(move |tx| {
            Box::pin(async move {
                for session in sessions {
                    if store::session::end_of_account(tx, &account, &session.sid, now).await? {
                        let event = Event { reference: Some(session.sid), ..event.clone() };
                        log::append(tx, &app.seal, &account, now, &event).await?;
                    }
                }
                Ok::<_, Internal>(())
            })
        })
        .await
}
