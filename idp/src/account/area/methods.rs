//! `/account/methods`: the ways in that this account has. Whatever its owner switches off or removes, one stays.

use axum::{
    extract::Query,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use plugin_api::message::Purpose;
use serde_json::{Value, json};

use super::{Area, Guarded, Said, change::Change};
use crate::{
    account::{activation, enrol},
    clock::HOUR,
    error::Internal,
    plugins::FactorHandle,
    store::{
        StoreError, Tx,
        enrolment::{self, Model},
    },
};

/// Longest name of a method, in characters.
const LONGEST_NAME: usize = 60;
/// Enrolments that one account may begin in an hour: each may send a message.
const BEGUN_PER_HOUR: u32 = 5;

/// `GET /account/methods`.
pub async fn page(area: Area, Query(said): Query<Said>) -> Response {
    area.answer(show(&area, &said).await)
}

async fn show(area: &Area, said: &Said) -> Result<Response, Internal> {
    let rows = enrolment::of_account(area.app.db.read(), &area.account.id).await?;
    let ways = area.ways_in();
    let ways_left = rows.iter().filter(|row| row.status == "active" && ways.contains(&row.factor)).count();
    let kept = rows.iter().filter(|row| row.status != "pending");
    let methods: Vec<Value> = kept
        .map(|row| {
            let is_way = row.status == "active" && ways.contains(&row.factor);
            shown(area, row, is_way && ways_left == 1)
        })
        .collect();
    let factors: Vec<Value> = area
        .app
        .plugins
        .factors_for(Purpose::Authorize)
        .iter()
        .map(|factor| {
            let text = |key| factor.text(area.locale, key).unwrap_or_default();
            let has = rows.iter().any(|row| row.factor == factor.id() && row.status != "pending");
            json!({ "id": factor.id(), "name": text("name"), "description": text("description"), "has": has })
        })
        .collect();
    let guard = area.guard_of(&rows).shown(area);
    let context = json!({ "methods": methods, "factors": factors, "guard": guard });
    area.render("account_methods.html", said.put_into(context))
}

fn shown(area: &Area, row: &Model, is_last: bool) -> Value {
    let factor = area.app.plugins.factor(&row.factor);
    let paused = row.blocked_until.filter(|until| area.now() < *until);
    json!({
        "id": row.id,
        "name": area.factor_name(&row.factor),
        "label": row.label,
        "status": row.status,
        "here": factor.is_some(),
        "acr": factor.as_ref().and_then(|factor| area.level_of(factor, row.acr.as_deref())),
        "created": area.when(row.created_at),
        "used": row.last_used_at.map(|at| area.when(at)),
        "paused": paused.map(|until| area.when(until)),
        "payments_blocked": row.payments_blocked,
        "last": is_last,
    })
}

/// What to do with a method.
#[derive(Clone, Debug)]
enum Wish {
    Rename(String),
    Off,
    On,
    Remove,
}

impl Wish {
    fn what(&self) -> &'static str {
        match self {
            Self::Rename(_) => "method_renamed",
            Self::Off => "method_off",
            Self::On => "method_on",
            Self::Remove => "method_removed",
        }
    }

    /// The row as it is wished; `None` when it is in no state for that.
    fn applied_to(&self, row: Model) -> Option<Model> {
        let status = |status: &str| Model { status: status.to_owned(), ..row.clone() };
        match (self, row.status.as_str()) {
            (Self::Rename(label), "active" | "off" | "disabled") => Some(Model { label: label.clone(), ..row }),
            (Self::Off, "active") => Some(status("off")),
            (Self::On, "off") => Some(status("active")),
            (Self::Remove, "active" | "off" | "disabled") => Some(status("replaced")),
            _ => None,
        }
    }

    fn takes_a_way_in(&self) -> bool {
        matches!(self, Self::Off | Self::Remove)
    }
}

/// `POST /account/methods/rename`.
pub async fn rename(Guarded { area, fields }: Guarded) -> Response {
    let label = fields.get("label");
    let fits = !label.is_empty() && label.chars().count() <= LONGEST_NAME && !label.chars().any(char::is_control);
    let done = if fits {
        wish(&area, fields.get("id"), Wish::Rename(label.to_owned())).await
    } else {
        area.back("account_not_name")
    };
    area.answer(done)
}

/// `POST /account/methods/off`.
pub async fn off(Guarded { area, fields }: Guarded) -> Response {
    area.answer(wish(&area, fields.get("id"), Wish::Off).await)
}

/// `POST /account/methods/on`.
pub async fn on(Guarded { area, fields }: Guarded) -> Response {
    area.answer(wish(&area, fields.get("id"), Wish::On).await)
}

/// `POST /account/methods/remove`.
pub async fn remove(Guarded { area, fields }: Guarded) -> Response {
    area.answer(wish(&area, fields.get("id"), Wish::Remove).await)
}

/// Why a wish was not granted.
enum Refused {
    /// It would take the last way in.
    Last,
    /// The account has as many in use as it may have.
    Full,
    Failed(Internal),
}

impl<E: Into<Internal>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

async fn wish(area: &Area, id: &str, wish: Wish) -> Result<Response, Internal> {
    let row = enrolment::by_id(area.app.db.read(), id).await?.filter(|row| row.account_id == area.account.id);
    let Some(row) = row else { return area.back("account_not_there") };
    let name = format!("{} ({})", area.factor_name(&row.factor), row.label);
    let change = Change {
        what: wish.what(),
        factor: Some(row.factor.clone()),
        reference: Some(row.id.clone()),
        args: json!({ "method": name }),
        also: None,
    };
    let limit = area.app.plugins.factor(&row.factor).map_or(1, |factor| factor.manifest().per_account);
    let Some(changed) = wish.applied_to(row) else { return area.back("account_not_there") };
    let (account, ways) = (area.account.id.clone(), area.ways_in());
    let (takes, adds) = (wish.takes_a_way_in(), matches!(wish, Wish::On));
    let done = area.changes(change, move |tx| {
        Box::pin(async move {
            if takes {
                keep_a_way_in(tx, &account, &changed, &ways).await?;
            }
            let factor = changed.factor.clone();
            enrolment::saving(changed).apply(tx).await?;
            if adds {
                keep_to_the_limit(tx, &account, &factor, limit).await?;
            }
            Ok::<_, Refused>(true)
        })
    });
    match done.await {
        Ok(_) => area.back("account_said_changed"),
        Err(Refused::Last) => area.back("account_not_last"),
        Err(Refused::Full) => area.back("account_not_full"),
        // Used, or changed in another window, at the same moment.
        Err(Refused::Failed(error)) if error.is_conflict() => area.back("account_not_again"),
        Err(Refused::Failed(error)) => Err(error),
    }
}

/// Refuses when nothing but `taken` is left to sign in with. Holds the rows, so that of two at once the second sees what
/// the first took.
async fn keep_a_way_in(tx: &Tx, account: &str, taken: &Model, ways: &[String]) -> Result<(), Refused> {
    let active = enrolment::active_held(tx, account).await?;
    let is_way = |(_, factor): &&(String, String)| ways.contains(factor);
    let takes_one = active.iter().any(|(id, _)| *id == taken.id);
    let others = active.iter().filter(is_way).filter(|(id, _)| *id != taken.id).count();
    if takes_one && others == 0 { Err(Refused::Last) } else { Ok(()) }
}

/// Refuses when more of the factor are in use than the account may have. Holds the rows, so that of two at once the second
/// counts the first.
async fn keep_to_the_limit(tx: &Tx, account: &str, factor: &str, limit: u32) -> Result<(), Refused> {
    enrolment::active_held(tx, account).await?;
    let active = enrolment::count_active(tx, account, factor).await?;
    if active > u64::from(limit) { Err(Refused::Full) } else { Ok(()) }
}

/// `POST /account/methods/add`: begins to enrol, and leads to where that is completed.
pub async fn add(headers: HeaderMap, Guarded { area, fields }: Guarded) -> Response {
    area.answer(begin(&area, &headers, fields.get("factor")).await)
}

async fn begin(area: &Area, headers: &HeaderMap, factor: &str) -> Result<Response, Internal> {
    let (app, account) = (&area.app, &area.account);
    let known = app.plugins.factors_for(Purpose::Authorize).into_iter().find(|known| known.id() == factor);
    let Some(factor) = known else { return area.back("account_not_there") };
    if !app.limits.allow("account-enrol", &account.id, HOUR, BEGUN_PER_HOUR, area.now()) {
        return Ok(app.pages.problem(StatusCode::TOO_MANY_REQUESTS, area.locale, "too_many", &json!({})));
    }
    let active = newest_active(area, &factor).await?;
    let prepared = enrol::begin_prepare(app, account, &factor, active.as_ref()).await?;
    let (transaction, address) = (app.clone(), area.caller.address.clone());
    let begun = app
        .db
        .write(move |tx| Box::pin(async move { enrol::begin_in(tx, &transaction, prepared, Some(address)).await }));
    match begun.await {
        // The number has changed at the same moment.
        Err(error) if error.is_conflict() => return area.back("account_not_again"),
        done => done?,
    }
    app.courier.wake();
    activation::lead_to(app, headers, &account.id, factor.id())
}

/// What a new enrolment of the factor takes over from.
async fn newest_active(area: &Area, factor: &FactorHandle) -> Result<Option<Model>, StoreError> {
    let rows = enrolment::of_account(area.app.db.read(), &area.account.id).await?;
    Ok(rows.into_iter().rev().find(|row| row.factor == factor.id() && row.status == "active"))
}
