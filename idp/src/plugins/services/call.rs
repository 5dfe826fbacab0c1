//! One call of a plugin to its host: allowed or not, within its time, and written down.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::timeout_at;

use super::audit::Note;
use super::means::Inner;
use super::present::{self, Subject};
use super::words::one_line;
use super::{Caller, Held, HostServices, Refusal};
use crate::store::{StoreError, plugin_call};

const OK: &str = "ok";
const DENIED: &str = "denied";
const FAILED: &str = "failed";

/// How long a call may wait to be written down when its own time is up.
const NOTE_WITHIN: Duration = Duration::from_secs(1);

const TIME_IS_UP: &str = "the time that this call has is up";

/// One call of a plugin to its host.
pub(super) struct Call<'a> {
    pub(super) services: &'a HostServices,
    pub(super) means: Arc<Inner>,
    pub(super) held: Arc<Held>,
    pub(super) about: Subject,
    until: Instant,
    service: &'static str,
    subject: String,
    noted: Noted,
}

/// What the audit trail already has of a call.
enum Noted {
    Nothing,
    /// All of it.
    Whole,
    /// That it was allowed: its id, under which what came of it can still be said.
    Begun(String),
}

impl<'a> Call<'a> {
    /// Serves a request, whatever it may be, and writes down what came of it.
    pub(super) fn serve<Q: DeserializeOwned, A: Serialize>(
        services: &'a HostServices,
        service: &'static str,
        json: &[u8],
        work: fn(&mut Self, Q) -> Result<A, Refusal>,
    ) -> Result<Vec<u8>, Refusal> {
        let (Some(means), Some(held)) = (services.means.upgrade(), services.held.upgrade()) else {
            return Err(Refusal::denied("there is no such service here, or no longer"));
        };
        let present = present::present();
        let within = present.is_some();
        let (about, until) = present.unwrap_or_else(|| (Subject::Nobody, Instant::now() + NOTE_WITHIN));
        let (subject, noted) = (String::new(), Noted::Nothing);
        let mut call = Self { services, means, held, about, until, service, subject, noted };
        let answered = if call.about == Subject::Migration {
            Err(Refusal::denied("a migration works on what it is given, and has no services"))
        } else if within {
            serde_json::from_slice(json)
                .map_err(|error| Refusal::failed(format!("this is no request of {service}: {error}")))
                .and_then(|request| work(&mut call, request))
        } else {
            Err(Refusal::denied("services are there for the length of a call, and on its thread"))
        };
        call.note(answered.as_ref().err());
        let answer = answered?;
        serde_json::to_vec(&answer).map_err(|error| Refusal::failed(error.to_string()))
    }

    /// What the audit trail is to call that which the request is about. Never a value, never a secret.
    pub(super) fn is_about(&mut self, subject: &str) {
        self.subject = one_line(subject);
    }

    /// # Errors
    /// When the permission was not granted.
    pub(super) fn needs(&self, permission: &str) -> Result<(), Refusal> {
        if self.held.grants.allow(permission) {
            return Ok(());
        }
        Err(Refusal::denied(format!("`{permission}` was not granted")))
    }

    pub(super) fn caller(&self) -> &Caller {
        &self.services.caller
    }

    /// How much time is left.
    pub(super) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Waits for `work`, as long as the call may take.
    ///
    /// # Errors
    /// When the time is up.
    pub(super) fn wait<T>(&self, work: impl Future<Output = T>) -> Result<T, Refusal> {
        if self.left().is_zero() {
            return Err(Refusal::failed(TIME_IS_UP));
        }
        let until = self.until.into();
        let done = self.means.runtime.block_on(async { timeout_at(until, work).await });
        done.map_err(|_| Refusal::failed(TIME_IS_UP))
    }

    /// As [`Call::wait`], for work on the database, of whose errors the plugin is told nothing.
    ///
    /// # Errors
    /// When the time is up, or the database fails.
    pub(super) fn asks<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, Refusal> {
        self.wait(work)?.map_err(|error| {
            tracing::error!(plugin = self.caller().plugin, service = self.service, %error, "a service failed");
            Refusal::failed("the server's database failed")
        })
    }

    /// The entry of the audit trail for this call.
    pub(super) fn entry(&self, outcome: &str) -> plugin_call::Model {
        let (id, at) = self.means.trail.next();
        let Caller { plugin, version, sha256, .. } = self.caller().clone();
        let account = match &self.about {
            Subject::Account(id) => Some(id.clone()),
            Subject::Nobody | Subject::Migration | Subject::Decoy(_) => None,
        };
        let (service, subject) = (self.service.to_owned(), self.subject.clone());
        plugin_call::Model { id, plugin, version, sha256, service, subject, account, outcome: outcome.to_owned(), at }
    }

    /// The entry was written together with what was done.
    pub(super) fn is_noted(&mut self) {
        self.noted = Noted::Whole;
    }

    /// Writes down that the call is allowed, durably, before anything is done.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn begins(&mut self) -> Result<(), Refusal> {
        let entry = self.entry(OK);
        let (id, db) = (entry.id.clone(), self.means.db.clone());
        let written = db.write(move |tx| Box::pin(async move { plugin_call::adding(entry).apply(tx).await }));
        self.asks(written)?;
        self.noted = Noted::Begun(id);
        Ok(())
    }

    /// Writes down what has not been written down yet.
    fn note(&mut self, refusal: Option<&Refusal>) {
        let outcome = match refusal {
            None => OK,
            Some(Refusal::Denied(why)) => {
                let Caller { plugin, sha256, .. } = self.caller();
                let (service, subject) = (self.service, &self.subject);
                tracing::warn!(plugin, sha256, service, subject, why = one_line(why), "a plugin was denied a service");
                DENIED
            }
            Some(Refusal::Failed(_)) => FAILED,
        };
        let note = match std::mem::replace(&mut self.noted, Noted::Whole) {
            Noted::Nothing => Note::Call(Box::new(self.entry(outcome))),
            Noted::Begun(id) if outcome != OK => Note::Ended(id, outcome),
            Noted::Begun(_) | Noted::Whole => return,
        };
        if !self.notes(note) {
            let (plugin, service, subject) = (&self.caller().plugin, self.service, &self.subject);
            tracing::error!(plugin, service, subject, outcome, "the call of a plugin could not be written down");
        }
    }

    /// Puts a note into the queue of the audit trail, and waits for room only on a thread that a call runs on: others may
    /// be the runtime's.
    fn notes(&self, note: Note) -> bool {
        let trail = &self.means.trail;
        match trail.try_note(note) {
            Ok(()) => true,
            Err(TrySendError::Full(note)) if present::present().is_some() => {
                // A call whose own time is up is written down all the same.
                let until = self.until.max(Instant::now() + NOTE_WITHIN).into();
                let noted = self.means.runtime.block_on(async { timeout_at(until, trail.note(note)).await });
                matches!(noted, Ok(Ok(())))
            }
            Err(_) => false,
        }
    }
}
