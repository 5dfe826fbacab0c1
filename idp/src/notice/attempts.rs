//! Notices about attempts to prove something, as far as the owner of the account wants them ([`super::choice`]).
//!
//! What is told is written in the transaction of the log entry that it tells of. Notices of one kind are counted for a day,
//! so that whoever fails on purpose cannot flood a mailbox; the last one says that no more will come. Each kind has a
//! count of its own: failures in numbers do not hide a sign-in.
//!
//! A failure is put into words whether or not it is told, and for addresses without an account as well: who fails must not
//! learn from the time which addresses have an account whose owner wants to know.

use jiff::tz::TimeZone;
use plugin_api::message::Transaction;
use serde_json::{Value, json};

use super::choice::{Choice, Kind, Mail, Means};
use crate::{
    app::App,
    clock::{DAY, HOUR, Millis},
    courier::Message,
    error::Internal,
    letter::{self, plain},
    sms::{self, Admission},
    store::{Change, account, address, code_pace, log::Event},
    when,
};

/// What stands for what is not known.
const NOTHING: &str = "–";

/// Whose account an attempt was about.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    id: &'a str,
    email: &'a str,
    locale: &'a str,
    account: Option<&'a account::Model>,
}

impl<'a> From<&'a account::Model> for Owner<'a> {
    fn from(account: &'a account::Model) -> Self {
        Self { id: &account.id, email: &account.email, locale: &account.locale, account: Some(account) }
    }
}

impl<'a> Owner<'a> {
    /// Stands for an address without an account, under a made-up `id`.
    pub fn nobody(id: &'a str, email: &'a str, locale: &'a str) -> Self {
        Self { id, email, locale, account: None }
    }

    fn chosen(&self) -> &'a str {
        self.account.map_or("", |account| &account.notices)
    }

    /// The number; while it is held for new, what happens is told by mail, as whoever has changed it might not be the owner.
    fn phone(&self, app: &App, now: Millis) -> Option<&'a str> {
        let new_for = app.config.account.phone_cooldown_hours * HOUR;
        let is_old = |account: &&account::Model| account.phone_changed_at.is_none_or(|at| now - at >= new_for);
        self.account.filter(is_old).map(|account| account.phone.as_str()).filter(|phone| !phone.is_empty())
    }

    fn zone(&self) -> TimeZone {
        self.account.map_or(TimeZone::UTC, when::zone)
    }
}

/// What tells `owner` of `event`: write it in the transaction of the log entry, and wake the courier after it. Nothing if
/// they do not want to know, or were told enough. A conflict over it means that something else was told first.
///
/// # Errors
/// When the database fails or a message cannot be put together.
pub async fn telling(app: &App, owner: Owner<'_>, event: &Event, at: Millis) -> Result<Vec<Change>, Internal> {
    let Some(kind) = Kind::of(event) else { return Ok(Vec::new()) };
    let chosen = Choice::read(owner.chosen(), &app.config.notices).of(kind);
    let is_told = owner.account.is_some() && !chosen.is_off();
    if !is_told && !kind.is_failure() {
        return Ok(Vec::new());
    }
    let means = if is_told { chosen } else { Means { mail: Mail::Main, sms: false } };
    let told = Telling { app, owner, kind, event, at }.by(means).await?;
    Ok(if is_told { told } else { Vec::new() })
}

/// One notice.
struct Telling<'a> {
    app: &'a App,
    owner: Owner<'a>,
    kind: Kind,
    event: &'a Event,
    at: Millis,
}

impl Telling<'_> {
    async fn by(&self, Means { mail, sms }: Means) -> Result<Vec<Change>, Internal> {
        let settings = &self.app.config.notices;
        let most = if self.kind.is_failure() { settings.failed_per_day } else { settings.done_per_day };
        let count = self.count(self.kind.name(), most).await?;
        let args = self.args(count.last_until()).await?;
        let text = if sms { self.text_message(&args).await? } else { None };
        let mail = if sms && text.is_none() && mail == Mail::Off { Mail::Main } else { mail };
        let mut messages = self.mails(mail, &args).await?;
        if count.is_reached() {
            return Ok(Vec::new());
        }
        let mut changes = vec![count.one_more()];
        let mut guarded = Vec::new();
        if let Some(text) = text {
            messages.push(text.message);
            changes.push(text.counted);
            guarded = text.guarded;
        }
        for message in messages {
            changes.push(self.app.courier.queueing(&self.app.seal, message)?);
        }
        // The guard's rows are the last that a transaction touches.
        changes.extend(guarded);
        Ok(changes)
    }

    /// How often this was told, under `what`.
    async fn count(&self, what: &str, most: u32) -> Result<Count, Internal> {
        let key = format!("notice:{what}:{}", self.owner.id);
        let seen = code_pace::find(self.app.db.read(), &key).await?;
        let mut told = seen.as_ref().map_or(Ok(Vec::new()), code_pace::Model::times)?;
        told.retain(|at| self.at - at < DAY);
        Ok(Count { key, seen, told, most: usize::try_from(most).unwrap_or(usize::MAX), now: self.at })
    }

    /// What the texts are filled with.
    async fn args(&self, last_until: Option<Millis>) -> Result<Value, Internal> {
        let (app, locale, zone) = (self.app, self.owner.locale, self.owner.zone());
        let site = match &self.event.client {
            Some(id) => plain(&app.name_of_site(id).await?.unwrap_or_else(|| id.clone())),
            None => NOTHING.to_owned(),
        };
        let until = last_until.map(|until| json!({ "until": when::shown(until, &zone) }));
        let last = until.map(|until| format!("\n\n{}", app.pages.text(locale, "mail_attempt_last", &until)));
        let payment = self.event.transaction.as_ref();
        let result = format!("account_result_{}", self.event.result);
        Ok(json!({
            "name": self.owner.account.map_or(NOTHING, |account| &account.first_name),
            "site": site,
            "method": self.method(),
            "time": when::shown(self.at, &zone),
            "address": self.event.address.as_deref().map_or(NOTHING.to_owned(), |from| app.places.told(from, locale)),
            "result": app.pages.text(locale, &result, &json!({})),
            "amount": payment.map(|payment| format!("{} {}", payment.amount(), plain(&payment.currency))),
            "payee": payment.map(|payment| self.payee(payment)),
            "last": last.unwrap_or_default(),
            "link": app.config.url("/account/log"),
        }))
    }

    /// Which texts tell of it: those of payments name an amount and a payee.
    fn worded_as(&self) -> &'static str {
        let has_subject = self.event.transaction.as_ref().is_some_and(|payment| payment.subject.is_some());
        match self.kind {
            Kind::Payment if has_subject => "approval",
            Kind::PaymentFailed if has_subject => "approval_failed",
            kind => kind.name(),
        }
    }

    /// Whom, or what else it was.
    fn payee(&self, payment: &Transaction) -> String {
        if payment.subject.is_some() {
            return plain(&self.app.pages.summary(self.owner.locale, payment));
        }
        format!("{} ({})", plain(&payment.payee_name), payment.payee_account)
    }

    /// `cipherpad 1.0.0` is written into the log; people know it by its name.
    fn method(&self) -> String {
        let Some(written) = &self.event.factor else { return NOTHING.to_owned() };
        let id = written.split(' ').next().unwrap_or(written);
        let factor = self.app.plugins.factor(id);
        factor.as_ref().and_then(|factor| factor.text(self.owner.locale, "name")).unwrap_or(id).to_owned()
    }

    fn effect(&self, what: &str) -> Result<String, Internal> {
        Ok(format!("attempt:{}:{}:{what}", self.kind.name(), self.app.entropy.id()?))
    }

    async fn mails(&self, mail: Mail, args: &Value) -> Result<Vec<Message>, Internal> {
        let to = match mail {
            Mail::Off => Vec::new(),
            Mail::Main => vec![self.owner.email.to_owned()],
            Mail::All => {
                let all = address::of_account(self.app.db.read(), self.owner.id).await?;
                all.into_iter().map(|address| address.email).collect()
            }
        };
        let (key, effect) = (format!("attempt_{}", self.worded_as()), self.effect("mail")?);
        let one = |(number, to): (usize, &String)| {
            letter::of_key(self.app, self.owner.locale, &key, format!("{effect}:{number}"), to, args)
        };
        to.iter().enumerate().map(one).collect()
    }

    /// `None` when there is no number, or a new one that may be somebody else's doing, the day's text messages are used up, or the guard holds this one back.
    async fn text_message(&self, args: &Value) -> Result<Option<Text>, Internal> {
        let Some(phone) = self.owner.phone(self.app, self.at) else { return Ok(None) };
        let count = self.count("sms", self.app.config.notices.sms_per_day).await?;
        if count.is_reached() {
            return Ok(None);
        }
        let Admission::Sent(guarded) = sms::admit_notice(self.app, phone).await? else { return Ok(None) };
        // A place would lengthen the message, which is paid for by the part.
        let mut args = args.clone();
        args["address"] = json!(self.event.address.as_deref().unwrap_or(NOTHING));
        let text = self.app.pages.text(self.owner.locale, &format!("sms_attempt_{}", self.worded_as()), &args);
        let message = letter::sms(self.effect("sms")?, phone, text);
        Ok(Some(Text { message, counted: count.one_more(), guarded }))
    }
}

/// A text message, and what is counted of it.
struct Text {
    message: Message,
    counted: Change,
    guarded: Vec<Change>,
}

/// What was told of one kind within a day.
struct Count {
    key: String,
    seen: Option<code_pace::Model>,
    /// Oldest first.
    told: Vec<Millis>,
    most: usize,
    now: Millis,
}

impl Count {
    fn is_reached(&self) -> bool {
        self.told.len() >= self.most
    }

    /// When more can be told again, if the next one is the last for now.
    fn last_until(&self) -> Option<Millis> {
        (self.told.len() + 1 == self.most).then(|| self.told.first().copied().unwrap_or(self.now) + DAY)
    }

    fn one_more(&self) -> Change {
        let told: Vec<Millis> = self.told.iter().copied().chain([self.now]).collect();
        code_pace::saving(&self.key, self.seen.as_ref(), &told, self.now + DAY)
    }
}
