//! What the rooms above hold of a plugin: cheap to clone, typed, and clipped to what the manifest declares.

use std::sync::Arc;

use plugin_api::message::{
    Answer, Approved, ApprovedReply, Begin, BeginNameless, Claim, Claimed, Context, Decoy, DecoyReply, Description,
    Effect, EnrolAnswer, EnrolBegin, Facts, Manifest, MapDetails, MappedDetails, Price, PriceQuery, Serve, Served,
    Step, method,
};
use serde::Serialize;
use serde_json::Value;

use super::error::CallError;
use super::running::{Running, violation};
use super::services::{Subject, text};

macro_rules! what_it_says_of_itself {
    ($handle:ty) => {
        impl $handle {
            /// The id of its manifest.
            pub fn id(&self) -> &str {
                self.plugin.id()
            }

            /// SHA-256 of its file, in hexadecimal digits: for the log.
            pub fn sha256(&self) -> &str {
                self.plugin.sha256()
            }

            /// What it is.
            pub fn manifest(&self) -> &Manifest {
                self.plugin.manifest()
            }

            /// All that it says of itself.
            pub fn description(&self) -> &Description {
                self.plugin.description()
            }

            /// One of its texts in the language of the locale, or in English.
            pub fn text(&self, locale: &str, key: &str) -> Option<&str> {
                text(&self.description().texts, locale, key)
            }

            /// One of its Tera templates.
            pub fn page(&self, name: &str) -> Option<&str> {
                self.description().pages.get(name).map(String::as_str)
            }
        }
    };
}

/// A running factor.
#[derive(Clone, Debug)]
pub struct FactorHandle {
    plugin: Arc<Running>,
    for_nobody: bool,
}

what_it_says_of_itself!(FactorHandle);

impl FactorHandle {
    pub(super) fn new(plugin: Arc<Running>) -> Self {
        Self { plugin, for_nobody: false }
    }

    /// The same for calls about an address without an account: what the factor keeps for that is forgotten when the call
    /// is over.
    #[must_use]
    pub fn for_nobody(&self) -> Self {
        Self { plugin: Arc::clone(&self.plugin), for_nobody: true }
    }

    fn subject(&self, cx: &Context) -> Subject {
        let id = cx.account.id.clone();
        if self.for_nobody { Subject::Decoy(id) } else { Subject::Account(id) }
    }

    /// Issues a challenge for one enrolment.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn begin(&self, request: &Begin) -> Result<Step, CallError> {
        self.step(method::BEGIN, &request.cx, request, Vec::new()).await
    }

    /// Judges an answer.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn answer(&self, request: &Answer) -> Result<Step, CallError> {
        let others = request.others.iter().map(|other| other.id.clone()).collect();
        self.step(method::ANSWER, &request.cx, request, others).await
    }

    /// Starts to enrol something new.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn enrol_begin(&self, request: &EnrolBegin) -> Result<Step, CallError> {
        self.step(method::ENROL_BEGIN, &request.cx, request, Vec::new()).await
    }

    /// Goes on enrolling.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn enrol_answer(&self, request: &EnrolAnswer) -> Result<Step, CallError> {
        self.step(method::ENROL_ANSWER, &request.cx, request, Vec::new()).await
    }

    /// A plausible enrolment for an account that does not exist; `None` if the factor has none to offer.
    ///
    /// # Errors
    /// Any [`CallError`] but `Unsupported`.
    pub async fn decoy(&self, request: &Decoy) -> Result<Option<DecoyReply>, CallError> {
        let nobody = Subject::Decoy(request.cx.account.id.clone());
        match self.plugin.ask(method::DECOY, &nobody, request, |_, _| Ok(())).await {
            Err(CallError::Unsupported) => Ok(None),
            reply => reply.map(Some),
        }
    }

    /// Asks whoever is there; `None` if the factor asks nobody before it is known whom.
    ///
    /// # Errors
    /// Any [`CallError`] but `Unsupported`.
    pub async fn begin_nameless(&self, request: &BeginNameless) -> Result<Option<Step>, CallError> {
        match self.plugin.ask(method::BEGIN_NAMELESS, &Subject::Nobody, request, only_asks).await {
            Err(CallError::Unsupported) => Ok(None),
            reply => reply.map(Some),
        }
    }

    /// Whose account an answer to that says that it is for.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn claim(&self, request: &Claim) -> Result<Option<String>, CallError> {
        let reply = self.plugin.ask(method::CLAIM, &Subject::Nobody, request, |_, _: &Claimed| Ok(())).await?;
        Ok(reply.account)
    }

    /// What sending a challenge costs; `None` if the factor knows of no price.
    ///
    /// # Errors
    /// Any [`CallError`] but `Unsupported`.
    pub async fn price(&self, cx: &Context) -> Result<Option<Price>, CallError> {
        let request = PriceQuery { cx: cx.clone() };
        let sound = |_: &Description, price: &Price| price.check().map_err(|why| format!("its price: {why}"));
        match self.plugin.ask(method::PRICE, &self.subject(cx), &request, sound).await {
            Err(CallError::Unsupported) => Ok(None),
            reply => reply.map(Some),
        }
    }

    /// `others` are the ids that a pass may name.
    async fn step(
        &self,
        method: &'static str,
        cx: &Context,
        request: &impl Serialize,
        others: Vec<String>,
    ) -> Result<Step, CallError> {
        let sound = move |description: &Description, step: &Step| {
            names_whom_it_was_handed(&others, step)?;
            refers_to_what_is_there(description, step)
        };
        let mut step = self.plugin.ask(method, &self.subject(cx), request, sound).await?;
        if let Step::Pass { facts, .. } = &mut step {
            clip(self.manifest(), facts);
        }
        Ok(step)
    }
}

/// A running service.
#[derive(Clone, Debug)]
pub struct ServiceHandle {
    plugin: Arc<Running>,
    subject: Subject,
}

what_it_says_of_itself!(ServiceHandle);

impl ServiceHandle {
    pub(super) fn new(plugin: Arc<Running>) -> Self {
        Self { plugin, subject: Subject::Nobody }
    }

    /// The same for calls about this account.
    #[must_use]
    pub fn about(&self, account_id: &str) -> Self {
        Self { plugin: Arc::clone(&self.plugin), subject: Subject::Account(account_id.to_owned()) }
    }

    /// Validates one object of `authorization_details` against the schema of its `type`.
    ///
    /// # Errors
    /// The first violation and its place, for the relying party's developer.
    pub fn validate(&self, details: &Value) -> Result<(), String> {
        let name = details.get("type").and_then(Value::as_str).ok_or("/type: must be a string")?;
        let validator = self.plugin.details_validator(name).ok_or("/type: is not one of this service")?;
        violation(validator, details)
    }

    /// From one valid object to a transaction. One that is not canonical is refused here, whatever the plugin thinks: its
    /// texts are the relying party's, which must not be able to make the plugin look faulty.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn map_details(&self, request: &MapDetails) -> Result<MappedDetails, CallError> {
        let mapped = self.plugin.ask(method::MAP_DETAILS, &Subject::Nobody, request, |_, _| Ok(())).await?;
        Ok(match &mapped {
            MappedDetails::Transaction { transaction } => {
                transaction.check().err().map_or(mapped, |reason| MappedDetails::Refused { reason })
            }
            MappedDetails::Refused { .. } => mapped,
        })
    }

    /// The object for the token response, after approval.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn approved(&self, request: &Approved) -> Result<Value, CallError> {
        let reply: ApprovedReply = self.plugin.ask(method::APPROVED, &self.subject, request, |_, _| Ok(())).await?;
        Ok(reply.details)
    }

    /// A request for one of its resources, which the host has held against the manifest.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn serve(&self, request: &Serve) -> Result<Served, CallError> {
        let sound = |_: &Description, served: &Served| {
            let known = Served::STATUSES.contains(&served.status);
            if known { Ok(()) } else { Err(format!("it answers with status {}", served.status)) }
        };
        self.plugin.ask(method::SERVE, &self.subject, request, sound).await
    }
}

/// A plugin cannot claim more than it declared.
fn clip(manifest: &Manifest, facts: &mut Facts) {
    facts.amr.retain(|value| {
        let declared = manifest.amr.contains(value);
        if !declared {
            tracing::warn!(plugin = manifest.id, amr = value, "the plugin named an amr value that it did not declare");
        }
        declared
    });
}

/// An enrolment that it was not handed, and that may be another account's, is none of its business.
fn names_whom_it_was_handed(others: &[String], step: &Step) -> Result<(), String> {
    match step {
        Step::Pass { enrolled: Some(named), .. } if !others.contains(named) => {
            Err("its pass names an enrolment that it was not handed".to_owned())
        }
        _ => Ok(()),
    }
}

/// Whoever is there is shown a page, and nobody is sent anything.
fn only_asks(description: &Description, step: &Step) -> Result<(), String> {
    match step {
        Step::Ask { effects, .. } if effects.is_empty() => refers_to_what_is_there(description, step),
        _ => Err("it does more than to ask whoever is there".to_owned()),
    }
}

/// A page or a text that is missing is found out here, not when the person should see it.
fn refers_to_what_is_there(description: &Description, step: &Step) -> Result<(), String> {
    let Step::Ask { page, effects, .. } = step else { return Ok(()) };
    if !description.pages.contains_key(page) {
        return Err(format!("it asks for the page `{page}`, which it did not bring"));
    }
    let keys = effects.iter().flat_map(|effect| match effect {
        Effect::Sms { text, .. } => vec![text],
        Effect::Mail { subject, text, .. } => vec![subject, text],
    });
    match keys.into_iter().find(|key| text(&description.texts, "en", key).is_none()) {
        Some(key) => Err(format!("an effect names the text `{key}`, which it did not bring")),
        None => Ok(()),
    }
}
