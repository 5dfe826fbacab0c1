//! The commands about fingers and keys.

use clap::ValueEnum as _;
use passkey_authenticator::PasskeyAccessor as _;

use crate::{
    BridgeError,
    finger::Finger,
    keystore::{Keystore, KeystoreError, Tries},
    reader::{Reader, ReaderError},
    screen,
};

/// `enrol FINGER`.
pub(crate) async fn enrol(keystore: &Keystore, finger: Finger) -> Result<(), BridgeError> {
    let reader = Reader::find().await?;
    // Keys trust the finger that they were made with, so its name never passes to another print while they exist.
    if reader.enrolled().await?.contains(&finger) {
        return Err(BridgeError::Enrolled(finger));
    }
    forget_keys(keystore, finger)?;
    let claimed = reader.claim().await?;
    screen::say(&format!("Touch the reader with your {finger}, as often as it asks."))?;
    let enrolled = claimed
        .enrol(finger, |hint| {
            // A terminal that is gone stops nothing.
            let _unheard = screen::say(&hint.to_string());
        })
        .await;
    claimed.end().await?;
    enrolled?;
    screen::say(&format!("The reader knows your {finger}."))?;
    Ok(())
}

/// `fingers`.
pub(crate) async fn list(keystore: &Keystore) -> Result<(), BridgeError> {
    let enrolled = Reader::find().await?.enrolled().await?;
    let credentials = keystore.read()?.credentials;
    for &finger in Finger::value_variants().iter().filter(|finger| enrolled.contains(finger)) {
        let keys = credentials.iter().filter(|credential| credential.finger() == finger).count();
        screen::list(&[finger.name(), &format!("{keys} keys")])?;
    }
    Ok(())
}

/// `forget FINGER`: its print and its keys.
pub(crate) async fn forget(keystore: &Keystore, finger: Finger) -> Result<(), BridgeError> {
    // The keys first: if the reader then fails, no other print can come into their possession.
    let keys = forget_keys(keystore, finger)?;
    let reader = Reader::find().await?;
    let claimed = reader.claim().await?;
    let forgotten = claimed.forget(finger).await;
    claimed.end().await?;
    match forgotten {
        Err(ReaderError::NotEnrolled) if keys > 0 => {}
        forgotten => forgotten?,
    }
    screen::say(&format!("The reader has forgotten your {finger}; {keys} keys are gone with it."))?;
    Ok(())
}

/// `credentials`.
pub(crate) fn credentials(keystore: &Keystore) -> Result<(), BridgeError> {
    for credential in keystore.read()?.credentials {
        let last = credential.last_used_at.map_or("never used".to_owned(), |at| format!("last used at {at}"));
        let times = format!("used {} times", credential.counter().unwrap_or_default());
        let (site, user) = (credential.rp_id(), credential.username().unwrap_or_default());
        screen::list(&[site, user, credential.finger().name(), &times, &last])?;
    }
    Ok(())
}

/// `unlock`.
pub(crate) fn unlock(keystore: &Keystore) -> Result<(), BridgeError> {
    keystore.change(|contents| -> Result<(), KeystoreError> {
        contents.tries = Tries::default();
        Ok(())
    })?;
    Ok(screen::say("Fingers are asked for again.")?)
}

fn forget_keys(keystore: &Keystore, finger: Finger) -> Result<usize, KeystoreError> {
    keystore.change(|contents| {
        let before = contents.credentials.len();
        contents.credentials.retain(|credential| credential.finger() != finger);
        Ok(before - contents.credentials.len())
    })
}
