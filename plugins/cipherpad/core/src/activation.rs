//! How pad and server come to share K: an X25519 agreement that the activation code authenticates.
//!
//! ```text
//! pad    → server   Hello  { pad_key }
//! server → pad      Offer  { server_key, qr_key, account, issuer, epoch, suites, challenge, mac }
//! pad    → server   Finish { mac, answer }
//! ```
//!
//! `PSK = HKDF(code)`; `transcript` = SHA-256 over every field of Hello and Offer but the MAC, each with its length
//! before it; `K = HKDF-SHA-256(salt = transcript, ikm = DH ‖ PSK, info = "enum-cipherpad/1" 00 account 00 epoch)`.
//! Both sides MAC the transcript under a key made of K. The pad's last message also carries the answer to the
//! server's first challenge: activation ends only when that is right, so clocks and suites are proven to fit.
//!
//! Each state is consumed by the step that leaves it.

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;
use x25519_dalek::{PublicKey, StaticSecret};

use crate::{
    challenge::Challenge,
    code::ActivationCode,
    encoding,
    keys::{self, Keys, Secret},
    ocra::OcraError,
    qr::{self, QrKey},
    question::{Question, Suites},
    verify::{PadState, STEP_SECONDS, Verdict},
};

const PROTOCOL: &[u8] = b"enum-cipherpad/1";

/// Why an activation stops.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ActivationError {
    /// The other side's public key leads to a shared value that everybody knows.
    #[error("the other side sent a weak public key")]
    WeakKey,
    /// The other side does not know the activation code, or something was changed on the way.
    #[error("the other side could not prove that it knows the activation code")]
    Mac,
    /// The server offers suites that this pad does not use.
    #[error("the server offers an algorithm that this pad does not accept")]
    Suites,
    /// The pad's first answer is wrong: most often its clock.
    #[error("the first answer is wrong; is the clock of the device right?")]
    Answer,
    /// The agreed suites cannot express the question.
    #[error(transparent)]
    Ocra(#[from] OcraError),
}

/// The pad's first message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// X25519 public key of the pad, fresh for this activation.
    #[serde(with = "encoding")]
    pub pad_key: [u8; 32],
}

/// The server's reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// X25519 public key of the server, fresh for this activation.
    #[serde(with = "encoding")]
    pub server_key: [u8; 32],
    /// Ed25519 public key under which the server signs this pad's QR codes.
    pub qr_key: QrKey,
    /// The server's identifier of the account.
    pub account: String,
    /// Issuer of the provider.
    pub issuer: String,
    /// How many times this account's pad has been activated; an epoch stops all earlier ones.
    pub epoch: u64,
    /// What answers are computed with.
    pub suites: Suites,
    /// First challenge.
    pub challenge: Challenge,
    /// The server's MAC over the transcript.
    #[serde(with = "encoding")]
    pub mac: [u8; 32],
}

/// The pad's second and last message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finish {
    /// The pad's MAC over the transcript.
    #[serde(with = "encoding")]
    pub mac: [u8; 32],
    /// Answer to the first challenge, with counter 0.
    pub answer: String,
}

/// Server: a code is out, nobody has come with it yet. Holds what HKDF makes of the code, never the code.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerStart {
    /// `PSK`.
    pub psk: Secret,
    /// As in [`Offer`].
    pub account: String,
    /// As in [`Offer`].
    pub issuer: String,
    /// As in [`Offer`].
    pub epoch: u64,
    /// As in [`Offer`].
    pub suites: Suites,
}

/// Server: offer made, the pad has to prove itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerPending {
    keys: Keys,
    #[serde(with = "encoding")]
    transcript: [u8; 32],
    suites: Suites,
    challenge: Challenge,
    epoch: u64,
    qr_seed: Secret,
}

/// Server: activated.
#[derive(Clone, Debug)]
pub struct ServerDone {
    /// What answers are verified with.
    pub pad: PadState,
    /// Seed of the Ed25519 key that signs this pad's QR codes.
    pub qr_seed: Secret,
    /// Epoch of this activation.
    pub epoch: u64,
}

impl ServerStart {
    /// Makes the offer. `random` is 32 fresh bytes; three independent values are made of it.
    ///
    /// # Errors
    /// If the pad's key is weak or our suites are not ours.
    pub fn accept(self, hello: &Hello, random: &[u8; 32]) -> Result<(Offer, ServerPending), ActivationError> {
        let digits = self.suites.digits().ok_or(ActivationError::Suites)?;
        let secret = StaticSecret::from(*keys::expand(random, b"enum-cipherpad/1 server key").expose());
        let qr_seed = keys::expand(random, b"enum-cipherpad/1 qr key");
        let challenge = Challenge::derive(keys::expand(random, b"enum-cipherpad/1 first challenge").expose(), digits);
        let mut offer = Offer {
            server_key: PublicKey::from(&secret).to_bytes(),
            qr_key: qr::public_key(&qr_seed),
            account: self.account,
            issuer: self.issuer,
            epoch: self.epoch,
            suites: self.suites,
            challenge,
            mac: [0; 32],
        };
        let (keys, transcript) = agree(&secret, &hello.pad_key, &self.psk, hello, &offer)?;
        offer.mac = confirm(&keys, SERVER, &transcript).finalize().into_bytes().into();
        let pending = ServerPending {
            keys,
            transcript,
            suites: offer.suites.clone(),
            challenge: offer.challenge.clone(),
            epoch: offer.epoch,
            qr_seed,
        };
        Ok((offer, pending))
    }
}

impl ServerPending {
    /// Checks the pad's MAC and its first answer.
    ///
    /// # Errors
    /// If either is wrong.
    pub fn complete(self, finish: &Finish, unix_seconds: u64) -> Result<ServerDone, ActivationError> {
        confirm(&self.keys, PAD, &self.transcript).verify_slice(&finish.mac).map_err(|_| ActivationError::Mac)?;
        let fresh = PadState::new(self.keys, self.suites);
        let question = Question::Login { challenge: self.challenge };
        match fresh.judge(&question, &finish.answer, unix_seconds)? {
            Verdict::Accepted(pad) => Ok(ServerDone { pad, qr_seed: self.qr_seed, epoch: self.epoch }),
            Verdict::Wrong | Verdict::Clone => Err(ActivationError::Answer),
        }
    }
}

/// Pad: nothing sent yet.
pub struct PadStart {
    secret: StaticSecret,
    psk: Secret,
}

/// Pad: the server has proven itself.
pub struct PadPending {
    keys: Keys,
    transcript: [u8; 32],
    offer: Offer,
}

/// Pad: activated as far as the pad can tell. To be stored when the server says that it agrees.
#[derive(Debug)]
pub struct PadDone {
    /// The shared keys.
    pub keys: Keys,
    /// What the server offered; public.
    pub offer: Offer,
    /// Next value of the counter: 0 went into the first answer.
    pub counter: u64,
}

impl PadStart {
    /// Begins with the code that the person typed and 32 fresh random bytes.
    pub fn new(code: &ActivationCode, random: [u8; 32]) -> Self {
        Self { secret: StaticSecret::from(random), psk: code.psk() }
    }

    /// The first message.
    pub fn hello(&self) -> Hello {
        Hello { pad_key: PublicKey::from(&self.secret).to_bytes() }
    }

    /// Checks the offer.
    ///
    /// # Errors
    /// If the server does not know the code, or offers anything that this pad does not accept.
    pub fn receive(self, offer: Offer) -> Result<PadPending, ActivationError> {
        let digits = offer.suites.digits().ok_or(ActivationError::Suites)?;
        if offer.challenge.digits() != digits {
            return Err(ActivationError::Suites);
        }
        let (keys, transcript) = agree(&self.secret, &offer.server_key, &self.psk, &self.hello(), &offer)?;
        confirm(&keys, SERVER, &transcript).verify_slice(&offer.mac).map_err(|_| ActivationError::Mac)?;
        Ok(PadPending { keys, transcript, offer })
    }
}

impl PadPending {
    /// Proves the pad and answers the first challenge.
    ///
    /// # Errors
    /// If the suites do not fit, which [`PadStart::receive`] has ruled out.
    pub fn finish(self, unix_seconds: u64) -> Result<(Finish, PadDone), ActivationError> {
        let question = Question::Login { challenge: self.offer.challenge.clone() };
        let answer = question.answer(&self.offer.suites, &self.keys, 0, unix_seconds / STEP_SECONDS)?;
        let mac = confirm(&self.keys, PAD, &self.transcript).finalize().into_bytes().into();
        Ok((Finish { mac, answer }, PadDone { keys: self.keys, offer: self.offer, counter: 1 }))
    }
}

/// K and the transcript's hash, the same on both sides.
fn agree(
    ours: &StaticSecret,
    theirs: &[u8; 32],
    psk: &Secret,
    hello: &Hello,
    offer: &Offer,
) -> Result<(Keys, [u8; 32]), ActivationError> {
    let shared = ours.diffie_hellman(&PublicKey::from(*theirs));
    if !shared.was_contributory() {
        return Err(ActivationError::WeakKey);
    }
    let transcript = transcript(hello, offer);
    let ikm = zeroize::Zeroizing::new([*shared.as_bytes(), *psk.expose()].concat());
    let info = [PROTOCOL, b"\0", offer.account.as_bytes(), b"\0", &offer.epoch.to_be_bytes()];
    Ok((Keys::from_root(keys::derive(Some(&transcript), &ikm, &info)), transcript))
}

fn transcript(hello: &Hello, offer: &Offer) -> [u8; 32] {
    let mut hash = Sha256::new();
    let epoch = offer.epoch.to_be_bytes();
    let fields: [&[u8]; 10] = [
        PROTOCOL,
        &hello.pad_key,
        &offer.server_key,
        &offer.qr_key.0,
        offer.account.as_bytes(),
        offer.issuer.as_bytes(),
        &epoch,
        offer.suites.login.as_str().as_bytes(),
        offer.suites.payment.as_str().as_bytes(),
        offer.challenge.as_str().as_bytes(),
    ];
    for field in fields {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    hash.finalize().into()
}

const SERVER: &[u8] = b"server\0";
const PAD: &[u8] = b"pad\0";

/// A MAC of one side over the transcript; the side's name keeps a MAC from being sent back.
fn confirm(keys: &Keys, side: &[u8], transcript: &[u8; 32]) -> Hmac<Sha256> {
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(keys.confirm().expose()) else {
        unreachable!("HMAC takes keys of every length")
    };
    mac.chain_update(side).chain_update(transcript)
}
