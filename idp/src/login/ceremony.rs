//! The ceremony: issue, answer, verdict. Every proof in this program goes through here.
//!
//! A challenge is derived from the enrolment, its durable challenge number, the purpose, the transaction, the
//! interaction and a slice of time: asking again shows the same one, and issuing writes nothing. What has to be sent to
//! somebody is made anew instead, and kept in a row of its own ([`stored`]). Whoever is there may be asked before they have
//! said who they are ([`nameless`]). The budgets belong to the enrolment's row, so
//! that neither a new challenge nor a new browser refills them:
//!
//! - three wrong answers burn the challenge (its number rises),
//! - five failures in a row pause the enrolment for 15 minutes, with a notice,
//! - twenty (or fewer, by policy) disable it until it is activated again, with a notice.
//!
//! Verdicts commit by compare-and-set on the row that was judged: of two right answers one wins, and of two hundred
//! wrong ones none goes uncounted.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use plugin_api::message::{AccountView, Begin, ChallengeKind, Context, Decoy, Fee, Purpose, Step};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    interaction::{Demand, Interaction},
    number,
    risk::device::Brought,
    sets,
};
use crate::{
    app::App,
    clock::{DAY, MINUTE, Millis, SECOND},
    error::Internal,
    plugins::FactorHandle,
    seal::Seal,
    store::{account, enrolment, plugin},
};

mod nameless;
mod pace;
mod passed;
mod posed;
mod price;
mod several;
mod stored;
mod tariff;
mod verdict;

pub use nameless::{Named, claimant, invite, named};
pub use pace::free_at;
pub use passed::Passed;
use several::Led;
pub use stored::{Later, Press};
pub use tariff::{Free, Tariff, tariff};
pub use verdict::{Attempt, Verdict, declined, judge, tell_nobody};

/// Wrong answers that burn a challenge.
pub const BURN_AFTER: i32 = 3;
/// Consecutive failures that pause an enrolment.
pub const PAUSE_AFTER: i32 = 5;
/// How long it pauses.
pub const PAUSE: Millis = 15 * MINUTE;

/// How many digits of a build's SHA-256 tell it from the next.
const BUILD: usize = 16;

/// A challenge that was shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Issued {
    /// Which factor.
    pub factor: String,
    /// Beginning of the SHA-256 of the build that asked.
    #[serde(default)]
    build: String,
    /// Its data version: a build of another one is not handed the state.
    #[serde(default)]
    data_version: u32,
    /// Which enrolment; for an address that cannot sign in one that does not exist, equally long.
    enrolment: String,
    /// Everything further is in the row of the challenge; the fields below say nothing.
    #[serde(default)]
    stored: bool,
    /// What it was derived from, if it was shown before anybody had said who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nameless: Option<String>,
    /// Its challenge number when it was shown.
    number: i64,
    /// Slice of time that it was derived in.
    slice: i64,
    /// When it stops being accepted.
    expires_at: Millis,
    /// The plugin's page.
    page: String,
    /// What the page is given.
    data: Value,
    /// The plugin's state.
    state: Value,
}

impl Issued {
    /// Whether the build that asked is the one that runs now: another one may show or judge it differently, or not at all.
    pub fn is_current(&self, app: &App) -> bool {
        app.plugins.factor(&self.factor).is_some_and(|factor| factor.sha256().starts_with(&self.build))
    }

    /// Whether its factor runs and may be asked for this.
    pub fn is_allowed(&self, app: &App, demand: &Demand) -> bool {
        let factor = app.plugins.factor(&self.factor);
        factor.is_some_and(|factor| app.policy.now().earns(factor.manifest(), demand).is_some())
    }

    /// Whether it was sent to somebody, so that it can be sent again.
    pub fn is_sent(&self) -> bool {
        self.stored
    }
}

/// What a challenge shows.
#[derive(Clone, Debug)]
pub struct Question {
    /// The plugin's page.
    pub page: String,
    /// What the page is given.
    pub data: Value,
}

/// What came of asking for a challenge.
#[derive(Debug)]
pub enum Asked {
    /// It can be shown.
    Question(Box<Issued>, Question),
    /// Nothing was sent: the person has to accept this fee first.
    Fee(Fee),
    /// Nothing was sent, and there is nothing to show.
    Later(Later),
}

/// What a challenge that was issued shows; `None` when no answer to it can be right any more.
///
/// # Errors
/// When the database fails.
pub async fn question(
    app: &App,
    interaction: &Interaction,
    email: &str,
    issued: &Issued,
) -> Result<Option<Question>, Internal> {
    if issued.stored {
        return stored::question(app, interaction, email, issued).await;
    }
    let question = Question { page: issued.page.clone(), data: issued.data.clone() };
    Ok((app.clock.now() < issued.expires_at).then_some(question))
}

/// A way in that can be offered.
#[derive(Clone, Debug)]
pub struct Method {
    /// The factor.
    pub factor: FactorHandle,
    enrolment: Option<enrolment::Model>,
    others: Vec<enrolment::Model>,
}

/// Who would answer, and how. Looks alike for known and unknown addresses.
#[derive(Debug)]
pub struct Offer {
    account: Option<account::Model>,
    /// None while no factor is running that serves the demand, and while those that would are of another data version than
    /// what people have of them: a node follows the catalog within seconds.
    pub methods: Vec<Method>,
    /// There are methods, and none of them may be used for this demand.
    pub unmet: bool,
}

impl Offer {
    /// The levels that its methods prove where this is demanded.
    pub fn levels(&self, app: &App, demand: &Demand) -> Vec<String> {
        let (policy, purpose) = (app.policy.now(), demand.purpose());
        let level = |method: &Method| {
            policy.level_at_best(method.factor.manifest(), &demand.client_id, purpose).map(str::to_owned)
        };
        self.methods.iter().filter_map(level).collect()
    }

    /// Whether the account that would answer is one that a browser has a name for.
    pub fn is_of_one_in(&self, brought: &Brought) -> bool {
        self.account.as_ref().is_some_and(|account| brought.names(&account.id))
    }

    /// Leaves out what will not do for `demand`.
    pub fn keep_for(&mut self, app: &App, demand: &Demand) {
        let policy = app.policy.now();
        self.methods.retain(|method| policy.earns(method.factor.manifest(), demand).is_some());
    }
}

/// Finds the ways in for `email` that serve `demand`.
///
/// # Errors
/// When the database fails.
pub async fn offer(app: &App, email: &str, demand: &Demand) -> Result<Offer, Internal> {
    let db = app.db.read();
    let (account, enrolments) = account::with_enrolments(db, email).await?;
    let account = account.filter(account::Model::is_active);
    let (purpose, policy) = (demand.purpose(), app.policy.now());
    let mut methods: Vec<Method> = Vec::new();
    let mut unreadable = false;
    for factor in sets::serving(app, &policy, demand) {
        if let Some(account) = &account
            && number::serves(app, account, factor.manifest(), purpose)
            && let Some(led) = Led::of(&enrolments, &factor, purpose)
        {
            if led.is_of(factor.manifest().data_version) {
                methods.push(Method { factor: factor.clone(), enrolment: Some(led.lead), others: led.others });
            } else {
                unreadable = true;
            }
        }
    }
    // Counted for known addresses as well, so that both take alike.
    let sets = app.sets.of(app, &policy, demand).await?;
    let account = account.filter(|_| !methods.is_empty());
    if methods.is_empty() && !unreadable {
        for factor in sets.drawn_for(&decoy_address(&app.seal, email)) {
            if is_in_step(app, &factor).await? {
                methods.push(Method { factor, enrolment: None, others: Vec::new() });
            }
        }
    }
    let had = !methods.is_empty();
    methods.retain(|method| policy.earns(method.factor.manifest(), demand).is_some());
    Ok(Offer { account, unmet: had && methods.is_empty(), methods })
}

/// The running factors that `demand` may be met with, whoever has them.
pub fn meeting(app: &App, demand: &Demand) -> Vec<FactorHandle> {
    let policy = app.policy.now();
    let mut running = app.plugins.factors_for(demand.purpose());
    running.retain(|factor| policy.earns(factor.manifest(), demand).is_some());
    running
}

/// Whether a factor would be offered to somebody who has one: an address without an account must meet with the same.
async fn is_in_step(app: &App, factor: &FactorHandle) -> Result<bool, Internal> {
    let there = plugin::data_version(app.db.read(), factor.id()).await?;
    Ok(there.is_none_or(|there| there == enrolment::stored_version(factor.manifest().data_version)))
}

/// Shows the challenge of one method of `offer`. One that is derived is there to be shown, and nothing is written; what
/// has to be sent is sent as `press` allows.
///
/// # Errors
/// When the plugin fails or breaks the contract; when the database fails.
pub async fn issue(
    app: &App,
    interaction: &Interaction,
    email: &str,
    (offer, method): (&Offer, &Method),
    press: Press,
) -> Result<Asked, Internal> {
    let issued = Issued {
        factor: method.factor.id().to_owned(),
        build: build(&method.factor),
        data_version: method.factor.manifest().data_version,
        enrolment: method
            .enrolment
            .as_ref()
            .map_or_else(|| decoy_id(&app.seal, email, method.factor.id()), |row| row.id.clone()),
        stored: false,
        nameless: None,
        number: 0,
        slice: 0,
        expires_at: 0,
        page: String::new(),
        data: Value::Null,
        state: Value::Null,
    };
    if method.factor.manifest().challenge == ChallengeKind::Stored {
        return stored::issue(app, interaction, email, (offer, method), press, issued).await;
    }
    let (slice, expires_at) = slice(app, interaction, app.clock.now());
    let asked = Surroundings { app, interaction, email, nameless: None, slice, expires_at };
    let (factor, number, request) = asked.begin(offer, method).await?;
    let Step::Ask { page, data, state, .. } = factor.begin(&request).await? else {
        return Err(Internal::Other(format!("factor {} did not ask", method.factor.id())));
    };
    let question = Question { page: page.clone(), data: data.clone() };
    Ok(Asked::Question(Box::new(Issued { number, slice, expires_at, page, data, state, ..issued }), question))
}

fn build(factor: &FactorHandle) -> String {
    factor.sha256().chars().take(BUILD).collect()
}

/// A challenge lives for two slices less what has passed of the first: between half of and the whole life time.
fn slice(app: &App, interaction: &Interaction, now: Millis) -> (i64, Millis) {
    let length = app.config.limits.challenge_seconds * SECOND / 2;
    let slice = (now - interaction.opened_at).div_euclid(length);
    (slice, interaction.opened_at + (slice + 2) * length)
}

/// What a challenge is derived from, and the plugin's surroundings.
struct Surroundings<'a> {
    app: &'a App,
    interaction: &'a Interaction,
    email: &'a str,
    /// As in [`Issued`].
    nameless: Option<&'a str>,
    slice: i64,
    expires_at: Millis,
}

impl Surroundings<'_> {
    /// The plugin that begins, the challenge number, and what the plugin is handed.
    async fn begin(&self, offer: &Offer, method: &Method) -> Result<(FactorHandle, i64, Begin), Internal> {
        if let (Some(account), Some(row)) = (&offer.account, &method.enrolment) {
            let cx = self.context(&row.id, row.challenge_number, account_view(account));
            let enrolment = row.state(&self.app.seal)?;
            let others = several::handed(&self.app.seal, &method.others)?;
            return Ok((method.factor.clone(), row.challenge_number, Begin { cx, enrolment, others }));
        }
        let (number, enrolment, cx) = self.decoy(&method.factor).await?;
        Ok((method.factor.for_nobody(), number, Begin { cx, enrolment, others: Vec::new() }))
    }

    fn context(&self, enrolment: &str, number: i64, account: AccountView) -> Context {
        let demand = &self.interaction.demand;
        let purpose: &[u8] = match demand.purpose() {
            Purpose::Authorize => b"authorize",
            Purpose::Payment => b"payment",
        };
        let (visit, slice) = (self.interaction.id.as_bytes(), self.slice.to_be_bytes());
        let random = match self.nameless {
            // Nobody's in particular, so that it can be asked before it is known whose it will be.
            Some(drawn) => self.app.seal.derive(&[b"nameless", drawn.as_bytes(), visit]),
            None => self.app.seal.derive(&[
                b"challenge",
                enrolment.as_bytes(),
                &number.to_be_bytes(),
                purpose,
                &demand.transaction_digest(),
                visit,
                &slice,
            ]),
        };
        Context {
            purpose: demand.purpose(),
            transaction: demand.transaction.clone(),
            account,
            site: demand.site.clone(),
            locale: self.interaction.locale.clone(),
            now: self.app.clock.now(),
            expires_at: self.expires_at,
            random: BASE64_URL_SAFE_NO_PAD.encode(random),
            issuer: self.app.config.issuer.clone(),
            summary: self.summary(),
        }
    }

    /// Words for what is not a payment to one purse.
    fn summary(&self) -> Option<String> {
        let transaction = self.interaction.demand.transaction.as_ref()?;
        transaction.subject.as_ref()?;
        Some(self.app.pages.summary(&self.interaction.locale, transaction))
    }

    /// A plausible enrolment of an address that cannot sign in; the same for the same address for a day.
    async fn decoy(&self, factor: &FactorHandle) -> Result<(i64, Value, Context), Internal> {
        let address = decoy_address(&self.app.seal, self.email);
        let number = self.app.decoys.number(&decoy_key(&self.app.seal, self.email, factor.id()));
        let name = hex::encode(address);
        let view = AccountView { id: name.clone(), email: self.email.to_owned(), name: String::new() };
        let day = self.app.clock.now().div_euclid(DAY);
        let mut stable = self.context(&name, 0, view.clone());
        stable.random = BASE64_URL_SAFE_NO_PAD.encode(self.app.seal.derive(&[b"decoy", &address, &day.to_be_bytes()]));
        let state = factor.decoy(&Decoy { cx: stable }).await?.map_or(Value::Null, |reply| reply.enrolment);
        Ok((number, state, self.context(&name, number, view)))
    }
}

/// What everything that is made up for an address without an account comes from.
pub fn decoy_address(seal: &Seal, email: &str) -> [u8; 32] {
    seal.derive(&[b"address", account::canonical_email(email).as_bytes()])
}

/// What counts of one method of an address without an account are kept by.
fn decoy_key(seal: &Seal, email: &str, factor: &str) -> [u8; 32] {
    seal.derive(&[b"decoy enrolment", &decoy_address(seal, email), factor.as_bytes()])
}

/// As long as a real enrolment's id: what is sealed must not tell by its length.
fn decoy_id(seal: &Seal, email: &str, factor: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(&decoy_key(seal, email, factor)[..16])
}

fn account_view(account: &account::Model) -> AccountView {
    AccountView { id: account.id.clone(), email: account.email.clone(), name: account.name() }
}
