//! `/account/phone`: the number that text messages go to. A new one is proven by a code that is sent to it.
//!
//! What belonged to the earlier number ends with the change ([`changing`]): methods whose codes come by text message, and
//! activations that wait for a code. It is refused where they are the only way in. Every address and the earlier number are
//! told, and the addresses get a link that puts that number back ([`restoring`]).

use axum::{extract::Query, http::StatusCode, response::Response};
use serde_json::{Value, json};
use url::Url;

use super::{Area, Fields, Guarded, Said, Submitted};
use crate::{
    account::phone::{e164, international, parse},
    error::Internal,
    letter,
    login::number,
    sms::{self, Admission, Traffic},
    store::{
        self, enrolment,
        log::{self, Event},
    },
};

mod changing;
pub mod restoring;
mod waiting;

use waiting::Waiting;

/// What a page says is wrong, by the key of a text, and what was typed.
type Mistake<'a> = (&'a str, &'a str);

/// `GET /account/phone`.
pub async fn page(area: Area, Query(said): Query<Said>) -> Response {
    area.answer(show(&area, &said, None).await)
}

async fn show(area: &Area, said: &Said, mistake: Option<Mistake<'_>>) -> Result<Response, Internal> {
    let rows = enrolment::of_account(area.app.db.read(), &area.account.id).await?;
    let waiting = Waiting::of(&area.app, &area.account.id).await?;
    let settles_at = number::settles_at(&area.app, &area.account);
    let texted = number::texted(&area.app);
    let mut context = said.put_into(json!({
        "guard": area.guard_of(&rows).shown(area),
        "phone": international(&area.account.phone),
        "changed": area.account.phone_changed_at.map(|at| area.when(at)),
        "settles": settles_at.map(|at| area.when(at)),
        "waits": waiting.phone(area.now()).map(international),
        "is_only_way": changing::is_only_way(area, &rows, &texted),
        "ends": rows.iter().any(|row| row.status != "pending" && texted.contains(&row.factor)),
        "cooldown": area.app.config.account.phone_cooldown_hours,
    }));
    let Some((complaint, typed)) = mistake else { return area.render("account_phone.html", context) };
    context["error"] = complaint.into();
    // A form was sent here: its address shows nothing.
    context["here"] = area.place.link().into();
    context["typed"] = typed.into();
    area.render_as(StatusCode::UNPROCESSABLE_ENTITY, "account_phone.html", context)
}

/// `POST /account/phone/send`: sends a code to a new number.
pub async fn send(Guarded { area, fields }: Guarded) -> Response {
    area.answer(begin(&area, &fields).await)
}

async fn begin(area: &Area, fields: &Fields) -> Result<Response, Internal> {
    let typed = fields.get("phone");
    let phone = match parse(typed) {
        Ok(number) => e164(&number),
        Err(mistake) => return show(area, &Said::default(), Some((mistake, typed))).await,
    };
    if phone == area.account.phone {
        return show(area, &Said::default(), Some(("account_not_phone", typed))).await;
    }
    if number::settles_at(&area.app, &area.account).is_some() {
        return area.back("account_not_settled");
    }
    let rows = enrolment::of_account(area.app.db.read(), &area.account.id).await?;
    if changing::is_only_way(area, &rows, &number::texted(&area.app)) {
        return area.back("account_not_texted");
    }
    send_code(area, &Waiting::of(&area.app, &area.account.id).await?, &phone).await
}

/// `POST /account/phone/again`: sends another code to the number that waits. The earlier one ends; no budget is refilled.
pub async fn again(Guarded { area, .. }: Guarded) -> Response {
    let done = async {
        let waiting = Waiting::of(&area.app, &area.account.id).await?;
        match waiting.last_phone() {
            Some(phone) => send_code(&area, &waiting, phone).await,
            None => area.back("account_not_code_over"),
        }
    };
    area.answer(done.await)
}

/// Count, code and message are one transaction.
async fn send_code(area: &Area, waiting: &Waiting, phone: &str) -> Result<Response, Internal> {
    let (app, now) = (area.app.clone(), area.now());
    if waiting.sends_at(&app, now).is_some() {
        return area.back("account_not_code_soon");
    }
    if !waiting.may_guess(now) {
        return area.back("account_not_guesses");
    }
    let block = &area.caller.block;
    let traffic = Traffic { to: Some(phone), account: &area.account.id, block, messages: 1 };
    let Admission::Sent(admitted) = sms::admit(&app, traffic).await? else { return area.back("account_not_sms") };
    let (counted, code) = waiting.sending(&app, phone, now)?;
    let args = json!({ "code": code.expose(), "host": host(&app.config.issuer) });
    let text = app.pages.text(&area.account.locale, "sms_phone_code", &args);
    let message = letter::sms(format!("phone_code:{}:{}", area.account.id, app.entropy.id()?), phone, text);
    let event = Event { address: Some(area.caller.address.clone()), ..Event::new("phone_code", "ok") };
    let account = area.account.id.clone();
    let done = area.app.db.write(move |tx| {
        Box::pin(async move {
            counted.apply(tx).await?;
            log::append(tx, &app.seal, &account, now, &event).await?;
            app.courier.queue_in(tx, &app.seal, message).await?;
            Ok::<_, Internal>(store::apply(tx, admitted).await?)
        })
    });
    match done.await {
        Ok(()) => {
            area.app.courier.wake();
            area.back("account_said_code")
        }
        // Another sending, or something else of the guard's, was counted first.
        Err(error) if error.is_conflict() => area.back("account_not_again"),
        Err(error) => Err(error),
    }
}

/// `POST /account/phone/cancel`: nothing waits any more.
pub async fn cancel(Submitted { area, .. }: Submitted) -> Response {
    let account = area.account.id.clone();
    let done = area
        .app
        .db
        .write(move |tx| Box::pin(async move { Ok::<_, Internal>(store::phone_change::void(tx, &account).await?) }));
    let done = match done.await {
        Ok(()) => area.back("account_said_code_cancelled"),
        Err(error) => Err(error),
    };
    area.answer(done)
}

/// `POST /account/phone/confirm`: the code that came to the new number.
pub async fn confirm(Guarded { area, fields }: Guarded) -> Response {
    area.answer(take(&area, fields.get("code")).await)
}

async fn take(area: &Area, typed: &str) -> Result<Response, Internal> {
    let (app, now) = (&area.app, area.now());
    let waiting = Waiting::of(app, &area.account.id).await?;
    let Some(awaited) = waiting.live(now) else { return area.back("account_not_code_over") };
    // A slip costs nothing.
    if !awaited.code.has_form(typed) {
        return area.back("account_not_code_form");
    }
    if !waiting.may_guess(now) {
        return area.back("account_not_guesses");
    }
    let done = if awaited.code.is(typed) {
        changing::change(area, &waiting, awaited).await
    } else {
        count_wrong(area, &waiting).await.map(|()| "account_not_code")
    };
    match done {
        Ok(said) => area.back(said),
        Err(error) if error.is_conflict() => area.back("account_not_again"),
        Err(error) => Err(error),
    }
}

async fn count_wrong(area: &Area, waiting: &Waiting) -> Result<(), Internal> {
    let (app, account, now) = (area.app.clone(), area.account.id.clone(), area.now());
    let counted = waiting.wrong(now);
    let event = Event { address: Some(area.caller.address.clone()), ..Event::new("phone_code", "wrong") };
    area.app
        .db
        .write(move |tx| {
            Box::pin(async move {
                counted.apply(tx).await?;
                Ok::<_, Internal>(log::append(tx, &app.seal, &account, now, &event).await?)
            })
        })
        .await
}

/// For the last line of the message, which binds the code to our own origin.
fn host(issuer: &str) -> String {
    Url::parse(issuer).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

/// What is shown of a number to somebody who may not be its owner.
fn arguments(area: &Area, more: &Value) -> Value {
    let mut args = json!({
        "name": area.account.first_name, "address": area.app.places.told(&area.caller.address, &area.account.locale),
        "time": super::when::of(&area.account, area.now()),
    });
    if let (Some(args), Some(more)) = (args.as_object_mut(), more.as_object()) {
        args.extend(more.clone());
    }
    args
}
