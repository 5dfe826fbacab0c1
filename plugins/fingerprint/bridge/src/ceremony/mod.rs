//! One request of a page, from options to credential: WebAuthn's client and authenticator (`passkey`), over this computer's
//! keys and reader.

mod keys;
mod person;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use passkey_authenticator::Authenticator;
use passkey_client::{Client, DefaultClientData, RpIdVerifier, WebauthnError};
use passkey_crypto::{aws_lc_rs::AwsLcRsBackend, iana::Algorithm};
use passkey_types::{
    ctap2::Aaguid,
    webauthn::{
        AuthenticatorTransport, CredentialCreationOptions, CredentialRequestOptions, UserVerificationRequirement,
    },
};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::sync::watch;

use self::{keys::Keys, person::Person};
use crate::{finger::Finger, keystore::Keystore, prompt::Prompt, reader::Reader, refusal::Refusal, settings::Origin};

/// What all ceremonies use.
pub(crate) struct Desk {
    /// Keys and failures.
    pub keystore: Keystore,
    /// Ways to show something; each must work.
    pub prompts: Vec<Box<dyn Prompt>>,
    /// How long a finger is waited for.
    pub finger_within: Duration,
}

/// Which of the two ceremonies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `navigator.credentials.create`.
    Create,
    /// `navigator.credentials.get`.
    Get,
}

/// What a page sends: the options in WebAuthn's JSON form (`PublicKeyCredentialCreationOptionsJSON` or
/// `PublicKeyCredentialRequestOptionsJSON`) under `publicKey`, and the finger it would like. Whatever else it says, of its
/// origin for instance, is not looked at.
#[derive(Deserialize)]
struct Order<T> {
    #[serde(flatten)]
    options: T,
    finger: Option<Finger>,
}

/// Ends when the page has gone away, for its half is then dropped.
pub(crate) type PageGone = watch::Receiver<()>;

/// Carries out a page's request; the answer is the credential in WebAuthn's JSON form (`RegistrationResponseJSON` or
/// `AuthenticationResponseJSON`).
pub(crate) async fn run(
    desk: Arc<Desk>,
    kind: Kind,
    origin: &Origin,
    body: &[u8],
    gone: PageGone,
) -> Result<Vec<u8>, Refusal> {
    match kind {
        Kind::Create => create(desk, origin, parse(body)?, gone).await,
        Kind::Get => get(desk, origin, parse(body)?, gone).await,
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<Order<T>, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::Malformed(error.to_string()))
}

async fn create(
    desk: Arc<Desk>,
    origin: &Origin,
    order: Order<CredentialCreationOptions>,
    gone: PageGone,
) -> Result<Vec<u8>, Refusal> {
    let Order { mut options, finger } = order;
    let selection = options.public_key.authenticator_selection.get_or_insert_default();
    selection.user_verification = UserVerificationRequirement::Required;
    options.public_key.extensions = None;
    // The client judges this too, but only after we have looked for keys, and what is here is no other site's business.
    let asking = origin.url().into();
    let rules = RpIdVerifier::new(public_suffix::DEFAULT_PROVIDER, None::<()>);
    let rules = rules.allows_insecure_localhost(origin.is_of_this_computer());
    let rp_id = rules.assert_domain(&asking, options.public_key.rp.id.as_deref()).await;
    let rp_id = rp_id.map_err(|error| refusal(&error))?;
    let finger = free_finger(&desk, rp_id, &options.public_key.user.id, finger).await?;
    let (mut client, why) = client(desk, origin, Some(finger), gone)?;
    let made = client.register(origin.url(), options, DefaultClientData).await;
    finish(made, &why)
}

async fn get(
    desk: Arc<Desk>,
    origin: &Origin,
    order: Order<CredentialRequestOptions>,
    gone: PageGone,
) -> Result<Vec<u8>, Refusal> {
    let Order { mut options, finger } = order;
    options.public_key.user_verification = UserVerificationRequirement::Required;
    options.public_key.extensions = None;
    let (mut client, why) = client(desk, origin, finger, gone)?;
    let made = client.authenticate(origin.url(), options, DefaultClientData).await;
    finish(made, &why)
}

/// The finger that gets a key: the one that is wished for, or the first at the reader that has none for this user yet.
async fn free_finger(desk: &Desk, rp_id: &str, user: &[u8], wished: Option<Finger>) -> Result<Finger, Refusal> {
    let enrolled = Reader::find().await?.enrolled().await?;
    let taken: Vec<Finger> = desk
        .keystore
        .read()?
        .credentials
        .iter()
        .filter(|credential| credential.is_of(rp_id, user))
        .map(crate::keystore::Credential::finger)
        .collect();
    match wished {
        Some(finger) if enrolled.contains(&finger) => Ok(finger),
        Some(_) => Err(Refusal::NotEnrolled),
        None if enrolled.is_empty() => Err(Refusal::NotEnrolled),
        None => enrolled.into_iter().find(|finger| !taken.contains(finger)).ok_or(Refusal::AlreadyHere),
    }
}

type Reason = Arc<Mutex<Option<Refusal>>>;
type Bridge = Client<Keys, Person, AwsLcRsBackend, public_suffix::PublicSuffixList, ()>;

/// A client for one ceremony. CTAP's status codes are too coarse for a page, so the first real reason is kept beside them.
fn client(
    desk: Arc<Desk>,
    origin: &Origin,
    finger: Option<Finger>,
    gone: PageGone,
) -> Result<(Bridge, Reason), Refusal> {
    let why = Reason::default();
    let keys = Keys { desk: desk.clone(), finger, why: why.clone() };
    let person = Person { desk, site: origin.text().to_owned(), finger, gone, why: why.clone() };
    let mut authenticator = Authenticator::new(Aaguid::new_empty(), keys, person, AwsLcRsBackend)
        .transports(vec![AuthenticatorTransport::Internal]);
    authenticator.set_algorithms(&[Algorithm::ES256]).map_err(|_| Refusal::Failed)?;
    // A number that goes back tells a site that the key was copied.
    authenticator.set_make_credentials_with_signature_counter(true);
    let client = Client::new_with_custom_tld_provider(authenticator, public_suffix::DEFAULT_PROVIDER, None)
        .allows_insecure_localhost(origin.is_of_this_computer());
    Ok((client, why))
}

fn finish<T: serde::Serialize>(made: Result<T, WebauthnError>, why: &Reason) -> Result<Vec<u8>, Refusal> {
    match made {
        Ok(credential) => {
            serde_json::to_vec(&credential).map_err(|error| Refusal::from(crate::BridgeError::Json(error)))
        }
        Err(error) => Err(why.lock().ok().and_then(|mut why| why.take()).unwrap_or_else(|| refusal(&error))),
    }
}

fn refusal(error: &WebauthnError) -> Refusal {
    match error {
        WebauthnError::OriginMissingDomain
        | WebauthnError::OriginRpMissmatch
        | WebauthnError::UnprotectedOrigin
        | WebauthnError::InsecureLocalhostNotAllowed
        | WebauthnError::InvalidRpId => Refusal::OtherSite,
        WebauthnError::CredentialNotFound => Refusal::NoKey,
        other => Refusal::Malformed(format!("{other:?}")),
    }
}
