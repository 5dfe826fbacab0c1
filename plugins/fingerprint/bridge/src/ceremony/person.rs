//! The person at the reader: shown the site, asked for a finger, counted when it is not recognised.

use std::{sync::Arc, time::Duration};

use passkey_authenticator::{UiHint, UserCheck, UserValidationMethod};
use passkey_types::ctap2::Ctap2Error;
use tokio::sync::mpsc;

use super::{Desk, PageGone, Reason};
use crate::{
    finger::Finger,
    keystore::{Credential, Tries},
    prompt::{Notice, Wish},
    reader::{Claimed, Reader, Touch},
    refusal::{Refusal, tell_owner},
    surroundings,
};

/// Fingers that one request may have judged.
const TOUCHES: u32 = 3;

pub(super) struct Person {
    pub desk: Arc<Desk>,
    /// Origin of the page.
    pub site: String,
    /// The finger that the ceremony is for, where that is settled.
    pub finger: Option<Finger>,
    pub gone: PageGone,
    pub why: Reason,
}

/// Keeps the first reason.
pub(super) fn note(why: &Reason, refusal: Refusal) {
    if let Ok(mut why) = why.lock() {
        why.get_or_insert(refusal);
    }
}

impl Person {
    async fn ask(&self, wish: Wish, finger: Finger) -> Result<(), Refusal> {
        self.may_try()?;
        let reader = Reader::find().await?;
        if !reader.enrolled().await?.contains(&finger) {
            return Err(Refusal::NotEnrolled);
        }
        let site = self.site.clone();
        self.show(&Notice::Asking { site, wish, finger }).await?;
        let claimed = reader.claim().await?;
        let within: Duration = self.desk.finger_within;
        let mut gone = self.gone.clone();
        let touched = tokio::select! {
            touched = self.touches(&claimed, finger) => touched,
            () = tokio::time::sleep(within) => Err(Refusal::TimedOut),
            // Only ever ends by the other half being dropped.
            _ = gone.changed() => Err(Refusal::TimedOut),
        };
        if let Err(error) = claimed.end().await {
            tell_owner(&error);
        }
        touched
    }

    async fn touches(&self, claimed: &Claimed<'_>, finger: Finger) -> Result<(), Refusal> {
        for _ in 0..TOUCHES {
            match self.touch(claimed, finger).await? {
                Touch::Match => {
                    self.count(|_, _| Tries::default())?;
                    return self.show(&Notice::Accepted).await;
                }
                Touch::NoMatch => {
                    self.count(Tries::failed)?;
                    self.show(&Notice::NotRecognised).await?;
                    self.may_try()?;
                }
            }
        }
        Err(Refusal::NotRecognised)
    }

    /// One judgement of the reader, with what it says on the way.
    async fn touch(&self, claimed: &Claimed<'_>, finger: Finger) -> Result<Touch, Refusal> {
        let (tell, mut told) = mpsc::unbounded_channel();
        let judged = claimed.verify(finger, |hint| {
            // Both ends are held right here.
            let _held = tell.send(hint);
        });
        tokio::pin!(judged);
        loop {
            tokio::select! {
                judged = &mut judged => return Ok(judged?),
                Some(hint) = told.recv() => self.show(&Notice::Again(hint)).await?,
            }
        }
    }

    fn may_try(&self) -> Result<(), Refusal> {
        let tries = self.desk.keystore.read()?.tries;
        tries.may_try(surroundings::unix_seconds()?).map_err(Refusal::Locked)
    }

    /// Durable before anybody learns of the judgement.
    fn count(&self, change: impl FnOnce(Tries, u64) -> Tries) -> Result<(), Refusal> {
        let now = surroundings::unix_seconds()?;
        self.desk.keystore.change(|contents| {
            contents.tries = change(contents.tries, now);
            Ok(())
        })
    }

    async fn show(&self, notice: &Notice) -> Result<(), Refusal> {
        for prompt in &self.desk.prompts {
            if let Err(error) = prompt.show(notice).await {
                tell_owner(&error);
                return Err(Refusal::NotShown);
            }
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl UserValidationMethod for Person {
    type PasskeyItem = Credential;

    async fn check_user<'a>(
        &self,
        hint: UiHint<'a, Credential>,
        _presence: bool,
        _verification: bool,
    ) -> Result<UserCheck, Ctap2Error> {
        let asked = match hint {
            // The authenticator would go on after this one, and make a second key.
            UiHint::InformExcludedCredentialFound(_) => Err(Refusal::AlreadyHere),
            // Only listed origins come this far; they may know that no key is here, and a finger would be for nothing.
            UiHint::InformNoCredentialsFound => Err(Refusal::NoKey),
            UiHint::RequestNewCredential(..) => match self.finger {
                Some(finger) => self.ask(Wish::Register, finger).await,
                None => Err(Refusal::Failed),
            },
            UiHint::RequestExistingCredential(credential) => self.ask(Wish::Prove, credential.finger()).await,
        };
        match asked {
            Ok(()) => Ok(UserCheck { presence: true, verification: true }),
            Err(refusal) => {
                note(&self.why, refusal);
                Err(Ctap2Error::OperationDenied)
            }
        }
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(true)
    }
}
