//! Challenges that are sent to somebody: made anew, kept in a row, and shown only when that and the message are durable.
//!
//! The browser carries what names the row and nothing else. There is at most one row for an enrolment and an interaction;
//! showing it again sends nothing. Another sending makes another challenge in its place and refills no budget.
//!
//! An address without an account goes the same way up to the outbox: the same reads, a row under a made-up enrolment,
//! the same limits. Nothing is sent, and no answer is right.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use plugin_api::message::{Begin, Effect, Purpose, Step};

use super::{
    Asked, Issued, Method, Offer, Question, Surroundings, build, decoy_address, decoy_key,
    pace::{self, Limits, PER_INTERACTION},
    price::{Asking, Deal, Terms},
};
use crate::{
    app::App,
    clock::{DAY, MINUTE, Millis, SECOND},
    courier::Message,
    error::Internal,
    letter::{self, Recipient},
    login::{interaction::Interaction, number},
    plugins::FactorHandle,
    sms::{self, Admission, Traffic},
    store::{self, Change, challenge, code_pace, enrolment},
};

/// What a manifest may ask for at most.
const LONGEST: Millis = 10 * MINUTE;
/// How often sending is tried again when others send in between.
const RETRIES: usize = 3;

/// What the person did to get here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    /// Opened a page, or pressed a button of something else: what is there is shown, and nothing is sent.
    None,
    /// Asked to be asked by this method: what is there is shown, or something is sent.
    Ask,
    /// Asked for another message: what is there ends.
    Again,
}

/// Why there is nothing to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Later {
    /// The person has to ask for it.
    Unasked,
    /// The method pauses after wrong answers.
    Paused,
    /// Too much was sent in too short a time; from this moment on it can be tried again.
    At(Millis),
    /// Enough was sent in this interaction.
    Enough,
    /// No text message can be sent now.
    Held,
}

/// Shows what was sent in this interaction, or sends something.
pub(super) async fn issue(
    app: &App,
    interaction: &Interaction,
    email: &str,
    (offer, method): (&Offer, &Method),
    press: Press,
    issued: Issued,
) -> Result<Asked, Internal> {
    let sending = Sending { app, interaction, email, offer, method };
    let issued = Issued { stored: true, ..issued };
    for _ in 0..RETRIES {
        match sending.once(press, &issued).await {
            Err(error) if error.is_conflict() => {}
            done => return done,
        }
    }
    Ok(Asked::Later(Later::At(app.clock.now() + MINUTE)))
}

/// What a challenge that was issued shows, if it is live and the build that asked is the one that runs.
pub(super) async fn question(
    app: &App,
    interaction: &Interaction,
    email: &str,
    issued: &Issued,
) -> Result<Option<Question>, Internal> {
    let Some(row) = find(app, interaction, &issued.enrolment).await? else { return Ok(None) };
    let enrolment = enrolment::by_id(app.db.read(), &issued.enrolment).await?;
    let number = enrolment.map_or_else(
        || app.decoys.number(&decoy_key(&app.seal, email, &issued.factor)),
        |enrolment| enrolment.challenge_number,
    );
    shown(app, issued, &row, number)
}

fn shown(app: &App, issued: &Issued, row: &challenge::Model, number: i64) -> Result<Option<Question>, Internal> {
    if !row.is_live(number, app.clock.now()) {
        return Ok(None);
    }
    let challenge::Step { build, page, data, .. } = row.step(&app.seal)?;
    Ok((build == issued.build).then_some(Question { page, data }))
}

/// The row of an enrolment in an interaction.
pub(super) async fn find(
    app: &App,
    interaction: &Interaction,
    enrolment: &str,
) -> Result<Option<challenge::Model>, Internal> {
    Ok(challenge::find(app.db.read(), enrolment, &hash(app, interaction)).await?)
}

fn hash(app: &App, interaction: &Interaction) -> String {
    app.seal.hash("challenge", &interaction.id)
}

/// Fresh, as the plugin's context holds it.
pub(super) fn random(app: &App) -> Result<String, Internal> {
    Ok(BASE64_URL_SAFE_NO_PAD.encode(app.entropy.bytes::<32>()?))
}

/// When a challenge that is made now ends. A payment has no more time than with any other method.
fn expires_at(app: &App, interaction: &Interaction, factor: &FactorHandle) -> Millis {
    let usual = app.config.limits.challenge_seconds * SECOND;
    let wanted = factor.manifest().challenge_seconds.map(|seconds| (Millis::from(seconds) * SECOND).min(LONGEST));
    let life = match interaction.demand.purpose() {
        Purpose::Authorize => wanted.unwrap_or(usual),
        Purpose::Payment => wanted.unwrap_or(usual).min(usual),
    };
    (app.clock.now() + life).min(interaction.expires_at())
}

struct Sending<'a> {
    app: &'a App,
    interaction: &'a Interaction,
    email: &'a str,
    offer: &'a Offer,
    method: &'a Method,
}

/// A question that is about to be asked.
struct Posing {
    factor: FactorHandle,
    /// The enrolment's challenge number.
    number: i64,
    request: Begin,
}

impl Sending<'_> {
    async fn once(&self, press: Press, issued: &Issued) -> Result<Asked, Internal> {
        let (app, now) = (self.app, self.app.clock.now());
        // In this order: whoever sees that another request has just sent something also sees what.
        let pace = code_pace::find(app.db.read(), &issued.enrolment).await?;
        let earlier = find(app, self.interaction, &issued.enrolment).await?;
        let (number, paused) = self.stand();
        if press != Press::Again
            && let Some(row) = &earlier
            && let Some(question) = shown(app, issued, row, number)?
        {
            let issued = Issued { expires_at: row.expires_at, ..issued.clone() };
            return Ok(Asked::Question(Box::new(issued), question));
        }
        if press == Press::None {
            return Ok(Asked::Later(Later::Unasked));
        }
        if paused {
            return Ok(Asked::Later(Later::Paused));
        }
        if earlier.as_ref().is_some_and(|row| row.sends >= PER_INTERACTION) {
            return Ok(Asked::Later(Later::Enough));
        }
        let sent = pace.as_ref().map_or(Ok(Vec::new()), code_pace::Model::times)?;
        if let Some(at) = pace::allowed_at(&sent, self.limits(), now) {
            return Ok(Asked::Later(Later::At(at)));
        }
        let counted = code_pace::saving(&issued.enrolment, pace.as_ref(), &pace::with_one_more(&sent, now), now + DAY);
        let posing = self.pose().await?;
        let deal = match self.asking().terms(&posing.factor, &posing.request.cx, press, earlier.as_ref()).await? {
            Terms::Asks(fee) => return Ok(Asked::Fee(fee)),
            Terms::Later(later) => return Ok(Asked::Later(later)),
            Terms::Agreed(deal) => deal,
        };
        self.send(issued, earlier, posing, (counted, deal)).await
    }

    fn asking(&self) -> Asking<'_> {
        let Self { app, interaction, email, offer, method } = *self;
        Asking { app, interaction, email, offer, method }
    }

    /// All that the plugin is asked with, once it is clear that something may be sent.
    async fn pose(&self) -> Result<Posing, Internal> {
        let (app, expires_at) = (self.app, expires_at(self.app, self.interaction, &self.method.factor));
        let (interaction, email) = (self.interaction, self.email);
        let asked = Surroundings { app, interaction, email, nameless: None, slice: 0, expires_at };
        let (factor, number, mut request) = asked.begin(self.offer, self.method).await?;
        request.cx.random = random(app)?;
        Ok(Posing { factor, number, request })
    }

    /// The enrolment's challenge number, and whether it pauses.
    fn stand(&self) -> (i64, bool) {
        let now = self.app.clock.now();
        if let Some(row) = &self.method.enrolment {
            return (row.challenge_number, row.blocked_until.is_some_and(|until| now < until));
        }
        let key = decoy_key(&self.app.seal, self.email, self.method.factor.id());
        (self.app.decoys.number(&key), self.app.decoys.is_paused(&key, now))
    }

    fn limits(&self) -> Limits {
        let count = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
        let limits = &self.app.config.limits;
        Limits { per_hour: count(limits.codes_per_hour), per_day: count(limits.codes_per_day) }
    }

    /// Makes another challenge. Row, counts, charge and messages are one transaction, and durable when this returns.
    async fn send(
        &self,
        issued: &Issued,
        earlier: Option<challenge::Model>,
        posing: Posing,
        (counted, deal): (Change, Deal),
    ) -> Result<Asked, Internal> {
        let app = self.app;
        let Step::Ask { page, data, state, effects } = posing.factor.begin(&posing.request).await? else {
            return Err(Internal::Other(format!("factor {} did not ask", self.method.factor.id())));
        };
        let question = Question { page: page.clone(), data: data.clone() };
        let step = challenge::Step {
            build: build(&self.method.factor),
            data_version: self.method.factor.manifest().data_version,
            page,
            data,
            state,
            agreed: deal.agreed.clone(),
        };
        let row = self.row(issued, earlier.as_ref(), &posing, &step)?;
        let (expires_at, now) = (row.expires_at, row.sent_at);
        let (admitted, is_sent) = match self.admit(&effects).await? {
            Admission::Sent(counted) => (counted, self.method.enrolment.is_some()),
            Admission::Withheld(counted) => (counted, false),
            Admission::Held => return Ok(Asked::Later(Later::Held)),
        };
        let mut messages = self.messages(&row, effects)?;
        if !is_sent {
            messages.clear();
        }
        let charge = messages.first().and_then(|message| self.asking().charge(&deal, &message.effect, &row, now));
        let kept = if earlier.is_some() { challenge::replacing(row) } else { challenge::adding(row) };
        let changes: Vec<Change> =
            [counted, kept].into_iter().chain(deal.counted).chain(charge).chain(admitted).collect();
        let (seal, courier) = (app.seal.clone(), app.courier.clone());
        app.db
            .write(move |tx| {
                Box::pin(async move {
                    store::apply(tx, changes).await?;
                    for message in messages {
                        courier.queue_in(tx, &seal, message).await?;
                    }
                    Ok::<_, Internal>(())
                })
            })
            .await?;
        app.courier.wake();
        Ok(Asked::Question(Box::new(Issued { expires_at, ..issued.clone() }), question))
    }

    /// Whether the text messages among `effects` may be sent.
    async fn admit(&self, effects: &[Effect]) -> Result<Admission, Internal> {
        let messages = effects.iter().filter(|effect| matches!(effect, Effect::Sms { .. })).count();
        let account = self.offer.account.as_ref().filter(|_| self.method.enrolment.is_some());
        if let (Some(account), Some(row)) = (account, &self.method.enrolment)
            && messages > 0
            && !number::may_be_texted(self.app, account, row, self.interaction.demand.purpose())
        {
            return Ok(Admission::Held);
        }
        let nobody = hex::encode(decoy_address(&self.app.seal, self.email));
        let traffic = Traffic {
            to: account.map(|account| account.phone.as_str()),
            account: account.map_or(&nobody, |account| &account.id),
            block: &self.interaction.block,
            messages,
        };
        sms::admit(self.app, traffic).await
    }

    fn row(
        &self,
        issued: &Issued,
        earlier: Option<&challenge::Model>,
        posing: &Posing,
        step: &challenge::Step,
    ) -> Result<challenge::Model, Internal> {
        let (seal, now) = (&self.app.seal, self.app.clock.now());
        let interaction_hash = hash(self.app, self.interaction);
        Ok(challenge::Model {
            sealed: challenge::seal(seal, &issued.enrolment, &interaction_hash, step)?,
            enrolment: issued.enrolment.clone(),
            interaction_hash,
            number: posing.number,
            sends: earlier.map_or(1, |row| row.sends + 1),
            created_at: earlier.map_or(now, |row| row.created_at),
            sent_at: now,
            expires_at: posing.request.cx.expires_at,
            used_at: None,
        })
    }

    /// What goes out. It is made for an address without an account as well, at the same cost.
    fn messages(&self, row: &challenge::Model, effects: Vec<Effect>) -> Result<Vec<Message>, Internal> {
        let place = format!("challenge:{}:{}:{}", row.enrolment, row.interaction_hash, row.sends);
        let (app, factor) = (self.app, &self.method.factor);
        effects
            .into_iter()
            .enumerate()
            .map(|(index, effect)| letter::of_effect(app, factor, self.recipient(), format!("{place}:{index}"), effect))
            .collect()
    }

    fn recipient(&self) -> Recipient<'_> {
        let nobody = Recipient { email: self.email, phone: "", locale: &self.interaction.locale };
        self.offer.account.as_ref().map_or(nobody, Recipient::from)
    }
}
