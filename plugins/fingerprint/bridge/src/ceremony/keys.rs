//! The keystore as the authenticator sees it: bound to the site, unlike the stores that come with `passkey`.

use std::sync::Arc;

use passkey_authenticator::{CredentialStore, DiscoverabilitySupport, PasskeyAccessor, StoreInfo};
use passkey_types::{
    Passkey,
    ctap2::{
        Ctap2Error, StatusCode,
        make_credential::{Options, PublicKeyCredentialRpEntity, PublicKeyCredentialUserEntity},
    },
    webauthn::PublicKeyCredentialDescriptor,
};

use super::{Desk, Reason, person::note};
use crate::{finger::Finger, keystore::Credential, refusal::Refusal, surroundings};

pub(super) struct Keys {
    pub desk: Arc<Desk>,
    /// The finger that the ceremony is for, where that is settled.
    pub finger: Option<Finger>,
    pub why: Reason,
}

impl Keys {
    fn failed(&self, refusal: Refusal) -> StatusCode {
        note(&self.why, refusal);
        Ctap2Error::Other.into()
    }

    fn save(&self, made: Passkey, user_name: String) -> Result<(), Refusal> {
        let now = surroundings::unix_seconds()?;
        let finger = self.finger.ok_or(Refusal::Failed)?;
        let new = Credential::new(made, user_name, finger, now).ok_or(Refusal::Failed)?;
        self.desk.keystore.change(|contents| {
            contents.credentials.retain(|old| !new.replaces(old));
            contents.credentials.push(new);
            Ok(())
        })
    }

    /// Raises the counter, from what lies in the file: another process may have used the key meanwhile.
    fn used(&self, used: &Credential) -> Result<(), Refusal> {
        let now = surroundings::unix_seconds()?;
        self.desk.keystore.change(|contents| {
            let kept = contents.credentials.iter_mut().find(|kept| kept.credential_id() == used.credential_id());
            let kept = kept.ok_or(Refusal::NoKey)?;
            let (was, is) = (kept.counter().unwrap_or_default(), used.counter().unwrap_or_default());
            if is <= was {
                return Err(Refusal::Busy);
            }
            kept.set_counter(is);
            kept.last_used_at = Some(now);
            Ok(())
        })
    }
}

#[async_trait::async_trait]
impl CredentialStore for Keys {
    type PasskeyItem = Credential;

    async fn find_credentials(
        &self,
        ids: Option<&[PublicKeyCredentialDescriptor]>,
        rp_id: &str,
        _user_handle: Option<&[u8]>,
    ) -> Result<Vec<Credential>, StatusCode> {
        let contents = self.desk.keystore.read().map_err(|error| self.failed(error.into()))?;
        let named = |credential: &Credential| {
            ids.is_none_or(|ids| ids.iter().any(|id| id.id.as_slice() == credential.credential_id()))
        };
        let fits = |credential: &Credential| {
            credential.rp_id() == rp_id
                && named(credential)
                && self.finger.is_none_or(|finger| finger == credential.finger())
        };
        let mut found: Vec<Credential> = contents.credentials.into_iter().filter(fits).collect();
        found.retain_mut(Credential::unpack);
        // The authenticator takes the first: the one that its owner is used to.
        found.sort_by_key(|credential| std::cmp::Reverse((credential.last_used_at, credential.created_at)));
        if found.is_empty() { Err(Ctap2Error::NoCredentials.into()) } else { Ok(found) }
    }

    async fn save_credential(
        &mut self,
        cred: Passkey,
        user: PublicKeyCredentialUserEntity,
        _rp: PublicKeyCredentialRpEntity,
        _options: Options,
    ) -> Result<(), StatusCode> {
        self.save(cred, user.name.unwrap_or_default()).map_err(|refusal| self.failed(refusal))
    }

    async fn update_credential(&mut self, cred: &Credential) -> Result<(), StatusCode> {
        self.used(cred).map_err(|refusal| self.failed(refusal))
    }

    async fn get_info(&self) -> StoreInfo {
        StoreInfo { discoverability: DiscoverabilitySupport::ForcedDiscoverable }
    }
}
