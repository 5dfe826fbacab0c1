//! The change itself: number, what ends with the earlier one, the link that undoes it, log and messages are one transaction.

use serde_json::json;

use super::{
    Area, arguments, restoring,
    waiting::{Awaited, Waiting},
};
use crate::{
    account::phone::masked,
    clock::HOUR,
    courier::Message,
    error::Internal,
    letter,
    login::number,
    notice, sms,
    store::{
        StoreError, Tx, account,
        enrolment::{self, Model as Enrolment},
        log::{self, Event},
        phone_undo,
    },
};

/// Whether nothing but such factors signs the account in.
pub(super) fn is_only_way(area: &Area, rows: &[Enrolment], texted: &[String]) -> bool {
    let ways = area.ways_in();
    let active = rows.iter().filter(|row| row.status == "active").map(|row| row.factor.as_str());
    takes_last(active, &ways, texted)
}

fn takes_last<'a>(active: impl Iterator<Item = &'a str>, ways: &[String], texted: &[String]) -> bool {
    let has = |list: &[String], factor: &str| list.iter().any(|id| id == factor);
    let (ending, staying): (Vec<&str>, Vec<&str>) = active.partition(|factor| has(texted, factor));
    !ending.is_empty() && !staying.iter().any(|factor| has(ways, factor))
}

/// Makes the number that was proven that of the account; gives the key of what to say.
///
/// # Errors
/// A conflict when another answer was first; when the database or the generator fails.
pub(super) async fn change(area: &Area, waiting: &Waiting, awaited: &Awaited) -> Result<&'static str, Internal> {
    let (app, now) = (area.app.clone(), area.now());
    if number::settles_at(&app, &area.account).is_some() {
        return Ok("account_not_settled");
    }
    let (link, token) = restoring::prepare(area)?;
    let messages = messages(area, &awaited.phone, &token).await?;
    let used_up = waiting.using_up(now);
    let event = Event { address: Some(area.caller.address.clone()), ..Event::new("phone_changed", "ok") };
    let (id, old, new) = (area.account.id.clone(), area.account.phone.clone(), awaited.phone.clone());
    let (ways, texted) = (area.ways_in(), number::texted(&area.app));
    let done = area.app.db.write(move |tx| {
        Box::pin(async move {
            // In the order in which a login takes these rows: enrolments, then the account.
            if would_lock_out(tx, &id, &ways, &texted).await? {
                return Ok(false);
            }
            enrolment::replace_of_number(tx, &id, &texted).await?;
            used_up.apply(tx).await?;
            if !account::set_phone(tx, &id, Some(&old), &new, now).await? {
                return Err(StoreError::Conflict("phone number").into());
            }
            phone_undo::add(tx, link).await?;
            log::append(tx, &app.seal, &id, now, &event).await?;
            for message in messages {
                app.courier.queue_in(tx, &app.seal, message).await?;
            }
            sms::used(&new, now).apply(tx).await?;
            Ok::<_, Internal>(true)
        })
    });
    let done = done.await?;
    area.app.courier.wake();
    Ok(if done { "account_said_phone" } else { "account_not_texted" })
}

/// Holds the enrolments, so that of two changes at once the second sees what the first took.
async fn would_lock_out(tx: &Tx, account: &str, ways: &[String], texted: &[String]) -> Result<bool, StoreError> {
    let active = enrolment::active_held(tx, account).await?;
    Ok(takes_last(active.iter().map(|(_, factor)| factor.as_str()), ways, texted))
}

/// A mail to every address, with the link that undoes the change, and a text message to the earlier number. That one has no
/// link: a number is often changed because somebody else has the phone.
async fn messages(area: &Area, new: &str, token: &str) -> Result<Vec<Message>, Internal> {
    let (app, account) = (&area.app, &area.account);
    let settings = &app.config.account;
    let until = area.now() + settings.phone_cooldown_hours * HOUR;
    let args = arguments(
        area,
        &json!({
            "phone": masked(new), "old": masked(&account.phone), "days": settings.restore_days,
            "until": super::super::when::of(account, until),
            "link": app.config.url(&format!("/account/phone/restore/{token}")),
        }),
    );
    let id = format!("{}:{}", account.id, app.entropy.id()?);
    let mut messages = Vec::new();
    for (number, to) in notice::addresses(app, account).await?.iter().enumerate() {
        let effect = format!("phone_changed:{id}:{number}");
        messages.push(letter::of_key(app, &account.locale, "phone_changed", effect, to, &args)?);
    }
    let text = app.pages.text(&account.locale, "sms_phone_changed", &args);
    messages.push(letter::sms(format!("phone_changed:{id}:sms"), &account.phone, text));
    Ok(messages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_way_in_is_seen() {
        let list = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let (ways, texted) = (list(&["sms", "pad", "email"]), list(&["sms"]));
        let takes = |active: &[&str], ways: &[String]| takes_last(active.iter().copied(), ways, &texted);
        assert!(takes(&["sms"], &ways));
        assert!(takes(&["sms", "gone"], &ways), "what no plugin serves is no way in");
        assert!(takes(&["sms", "email"], &list(&["sms", "pad"])), "nor what the policy makes worth nothing");
        assert!(!takes(&["sms", "pad"], &ways));
        assert!(!takes(&["pad"], &ways));
        assert!(!takes(&[], &ways), "nothing is taken");
    }
}
