//! The host's side of enrolling a method: the plugin talks with the person or their device, the host keeps time, counts,
//! stores and delivers. Here an enrolment begins. It is completed by the device in [`exchange`], or by the person in
//! [`page`], as the plugin's manifest says; never by both, since only the one proves a code and only the other was led
//! there by the host.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use plugin_api::message::{AccountView, Context, Effect, EnrolBegin, Enrolled, Enrols, Purpose, Site, Step};

use super::Caller;
use crate::{
    app::App,
    clock::{DAY, MINUTE, Millis},
    courier::{Channel, Message},
    error::Internal,
    letter, limits,
    plugins::{CallError, FactorHandle},
    sms::{self, Admission, Traffic},
    store::{
        StoreError, Tx,
        account::{self, Model as Account},
        apply,
        enrolment::{self, Model as Enrolment, PageStep},
        log::{self, Event},
        plugin,
    },
};

mod admission;
mod exchange;
mod outcome;
pub(super) mod page;

pub use admission::{NotKept, activate_in, is_full};
pub use exchange::post;

/// How long an activation may take, from the message that starts it.
pub const LIFE: Millis = DAY;
/// Answers that an address block may send in a minute.
const PER_BLOCK: u32 = 30;
/// Answers about one account in a minute.
const PER_EMAIL: u32 = 10;

/// An enrolment that the plugin has begun and that nothing was written of yet.
#[derive(Clone)]
pub struct Prepared {
    row: Enrolment,
    messages: Vec<Message>,
    /// Whether the guard lets the text messages pass.
    admission: Admission,
    code: Option<String>,
}

impl Prepared {
    /// The activation code, if the plugin sends one as the argument `code`.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The row that [`begin_in`] writes.
    pub(super) fn row(&self) -> &Enrolment {
        &self.row
    }

    /// Leaves the messages out: whoever asked hands the code over in another way.
    #[must_use]
    pub fn without_messages(self) -> Self {
        Self { messages: Vec::new(), ..self }
    }

    /// Takes over how often the message was sent, as one more of `earlier`.
    #[must_use]
    pub(super) fn sent_again_after(mut self, earlier: &Enrolment, now: Millis) -> Self {
        self.row.resends = earlier.resends + 1;
        self.row.resent_at = Some(now);
        self
    }
}

/// Asks the plugin to begin enrolling for `account`. Writes nothing; [`begin_in`] does.
///
/// # Errors
/// When the plugin fails, or does not ask for anything.
pub async fn begin_prepare(
    app: &App,
    account: &Account,
    factor: &FactorHandle,
    replaces: Option<&Enrolment>,
) -> Result<Prepared, Internal> {
    let now = app.clock.now();
    if let Some(old) = replaces {
        readable(old, factor)?;
    }
    let others = beside(app, account, factor).await?;
    let replaces = replaces.filter(|_| factor.manifest().per_account == 1);
    let replaces = replaces.map(|old| old.state(&app.seal)).transpose()?;
    let random = app.entropy.bytes()?;
    let cx = context(app, view(account), &account.locale, now + LIFE, random);
    let step = factor.enrol_begin(&EnrolBegin { cx, replaces, others }).await?;
    let Step::Ask { page, data, state, effects } = step else {
        return Err(Internal::Other(format!("factor {} does not ask for anything when it enrols", factor.id())));
    };
    let mut row = Enrolment {
        id: app.entropy.id()?,
        account_id: account.id.clone(),
        factor: factor.id().to_owned(),
        label: String::new(),
        status: "pending".to_owned(),
        sealed: Vec::new(),
        version: 0,
        challenge_number: 0,
        wrong_here: 0,
        failures: 0,
        blocked_until: None,
        payments_blocked: false,
        resends: 0,
        resent_at: None,
        created_at: now,
        last_used_at: None,
        expires_at: Some(now + LIFE),
        data_version: enrolment::stored_version(factor.manifest().data_version),
        acr: None,
    };
    match factor.manifest().enrols {
        Enrols::Device => row.set_state(&app.seal, &state)?,
        Enrols::Page => page::keep(&mut row, &app.seal, &PageStep { page, data, state })?,
    }
    let code = effects.iter().find_map(code_of);
    let messages = effects
        .into_iter()
        .enumerate()
        .map(|(number, effect)| {
            letter::of_effect(app, factor, account.into(), format!("enrol:{}:{number}", row.id), effect)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let admission = admit(app, account, "", &messages).await?;
    Ok(Prepared { row, messages, admission, code })
}

/// What stays beside a new enrolment, where a factor allows an account several: all that it has in use.
async fn beside(app: &App, account: &Account, factor: &FactorHandle) -> Result<Vec<Enrolled>, Internal> {
    if factor.manifest().per_account == 1 {
        return Ok(Vec::new());
    }
    let rows = enrolment::of_account(app.db.read(), &account.id).await?;
    let mut others = Vec::new();
    for row in rows.into_iter().filter(|row| row.factor == factor.id() && row.status == "active") {
        readable(&row, factor)?;
        others.push(Enrolled { enrolment: row.state(&app.seal)?, id: row.id });
    }
    Ok(others)
}

/// Writes what [`begin_prepare`] made, in the caller's transaction: earlier waiting enrolments of the factor end, the
/// messages are queued, the log tells. Wake the courier after the commit.
///
/// # Errors
/// [`CallError::Busy`] when the catalog has another data version of the factor by now; when the database fails.
pub async fn begin_in(tx: &Tx, app: &App, prepared: Prepared, address: Option<String>) -> Result<(), Internal> {
    let Prepared { row, messages, admission, .. } = prepared;
    let block = address.as_deref().and_then(|address| address.parse().ok()).map(limits::block).unwrap_or_default();
    let (account, now) = (row.account_id.clone(), row.created_at);
    let event = Event {
        factor: Some(row.factor.clone()),
        reference: Some(row.id.clone()),
        address,
        ..Event::new("activation_sent", "ok")
    };
    enrolment::replace_others(tx, &row, &["pending"]).await?;
    let (factor, written_in) = (row.factor.clone(), row.data_version);
    enrolment::add(tx, row).await?;
    // In the order in which an upgrade takes them: enrolments, then the catalog.
    if plugin::data_version_held(tx, &factor).await?.is_some_and(|there| there != written_in) {
        return Err(CallError::Busy.into());
    }
    log::append(tx, &app.seal, &account, now, &event).await?;
    if let Some(text) = messages.iter().find(|message| message.channel == Channel::Sms) {
        // The log holds the account's row: the number stays what it is until this is over.
        let phone = account::phone(tx, &account).await?.map(|(phone, _)| phone);
        if phone.as_ref() != Some(&text.to) {
            return Err(StoreError::Conflict("phone number").into());
        }
    }
    if !messages.is_empty() {
        count_in(tx, app, admission, &block, texts(&messages)).await?;
    }
    for message in messages {
        app.courier.queue_in(tx, &app.seal, message).await?;
    }
    Ok(())
}

/// Asks the guard about the text messages among `messages`.
async fn admit(app: &App, account: &Account, block: &str, messages: &[Message]) -> Result<Admission, Internal> {
    let traffic = Traffic { to: Some(&account.phone), account: &account.id, block, messages: texts(messages) };
    sms::admit(app, traffic).await
}

/// How many of them are text messages.
fn texts(messages: &[Message]) -> usize {
    messages.iter().filter(|message| message.channel == Channel::Sms).count()
}

/// Writes what the guard counts of `messages`. What else was counted in between may have used up the last place.
///
/// # Errors
/// [`Internal::Held`] when it does not let them pass; when the database fails.
async fn count_in(tx: &Tx, app: &App, admission: Admission, block: &str, messages: usize) -> Result<(), Internal> {
    let Admission::Sent(counted) = admission else { return Err(Internal::Held) };
    match apply(tx, counted.into_iter().chain(sms::from_block(app, block, messages))).await {
        Err(StoreError::Conflict(_)) => Err(Internal::Held),
        done => Ok(done?),
    }
}

fn code_of(effect: &Effect) -> Option<String> {
    let (Effect::Sms { args, .. } | Effect::Mail { args, .. }) = effect;
    args.get("code").cloned()
}

fn view(account: &Account) -> AccountView {
    AccountView { id: account.id.clone(), email: account.email.clone(), name: account.name() }
}

fn context(app: &App, account: AccountView, locale: &str, expires_at: Millis, random: [u8; 32]) -> Context {
    Context {
        purpose: Purpose::Authorize,
        transaction: None,
        account,
        site: Site { name: "E-num".to_owned(), origin: app.config.issuer.clone() },
        locale: locale.to_owned(),
        now: app.clock.now(),
        expires_at,
        random: BASE64_URL_SAFE_NO_PAD.encode(random),
        issuer: app.config.issuer.clone(),
        summary: None,
    }
}

/// A row that another build has written is not handed to this one: the node is about to follow the catalog.
///
/// # Errors
/// [`CallError::Busy`].
fn readable(row: &Enrolment, factor: &FactorHandle) -> Result<(), Internal> {
    if row.is_of(factor.manifest().data_version) { Ok(()) } else { Err(CallError::Busy.into()) }
}

/// Whether another answer about `email` may be looked at.
fn allowed(app: &App, caller: &Caller, email: &str) -> bool {
    let now = app.clock.now();
    app.limits.allow("enrol", &caller.block, MINUTE, PER_BLOCK, now)
        && app.limits.allow("enrol-email", email, MINUTE, PER_EMAIL, now)
}

/// Whether an enrolment still waits to be completed.
pub(super) fn is_waiting(row: &Enrolment, now: Millis) -> bool {
    row.status == "pending" && row.expires_at.is_some_and(|until| now < until)
}
