//! The file that keeps the keys and the count of failures: sealed, mode 0600, replaced whole with every change, one process
//! at a time.

mod credential;
mod seal;
mod tries;

use std::{
    io,
    path::{Path, PathBuf},
};

pub(crate) use credential::Credential;
use serde::{Deserialize, Serialize};
use thiserror::Error;
pub(crate) use tries::{Locked, Tries};
use zeroize::Zeroizing;

use crate::private_file;

/// Why the keystore is of no use.
#[derive(Debug, Error)]
pub(crate) enum KeystoreError {
    #[error("cannot {0} {1}: {2}")]
    Io(&'static str, PathBuf, io::Error),
    #[error("{0} does not open: it is damaged, or was made by another machine or with another secret")]
    Shut(PathBuf),
    #[error("the generator of random numbers failed")]
    Random,
}

/// What the keystore holds.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Contents {
    /// One for each site, user and finger.
    pub credentials: Vec<Credential>,
    /// Failures in a row; they outlive the program.
    pub tries: Tries,
}

/// The file; opened and closed with each use, so that commands and the running bridge see each other's changes.
pub(crate) struct Keystore {
    path: PathBuf,
    secret: PathBuf,
}

impl Keystore {
    /// In this folder, which is made where it is missing.
    pub(crate) fn at(folder: &Path) -> Result<Self, KeystoreError> {
        private_file::folder(folder).map_err(|error| KeystoreError::Io("make", folder.to_owned(), error))?;
        Ok(Self { path: folder.join("keystore"), secret: folder.join("keystore.secret") })
    }

    /// What it holds at the moment.
    pub(crate) fn read(&self) -> Result<Contents, KeystoreError> {
        let _lock = self.lock()?;
        self.contents(&seal::Seal::open(&self.secret)?)
    }

    /// Changes it; durable when this is back. Where `change` refuses, nothing is written.
    pub(crate) fn change<T, E: From<KeystoreError>>(
        &self,
        change: impl FnOnce(&mut Contents) -> Result<T, E>,
    ) -> Result<T, E> {
        let _lock = self.lock()?;
        let seal = seal::Seal::open(&self.secret)?;
        let mut contents = self.contents(&seal)?;
        let done = change(&mut contents)?;
        let plain = Zeroizing::new(serde_json::to_vec(&contents).map_err(|_| KeystoreError::Shut(self.path.clone()))?);
        let sealed = seal.seal(&plain)?;
        private_file::replace(&self.path, &sealed)
            .map_err(|error| KeystoreError::Io("write", self.path.clone(), error))?;
        Ok(done)
    }

    fn lock(&self) -> Result<std::fs::File, KeystoreError> {
        private_file::lock(&self.path).map_err(|error| KeystoreError::Io("lock", self.path.clone(), error))
    }

    fn contents(&self, seal: &seal::Seal) -> Result<Contents, KeystoreError> {
        let file =
            private_file::read(&self.path).map_err(|error| KeystoreError::Io("read", self.path.clone(), error))?;
        let Some(file) = file else { return Ok(Contents::default()) };
        let shut = || KeystoreError::Shut(self.path.clone());
        let plain = seal.unseal(&file).ok_or_else(shut)?;
        serde_json::from_slice(&plain).map_err(|_| shut())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn failed(keystore: &Keystore) -> Result<(), KeystoreError> {
        keystore.change(|contents| {
            contents.tries = contents.tries.failed(1);
            Ok(())
        })
    }

    #[test]
    fn what_was_written_is_there_for_the_next_process_and_for_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let keystore = Keystore::at(&folder.path().join("new")).unwrap();
        assert_eq!(keystore.read().unwrap().tries, Tries::default());
        failed(&keystore).unwrap();
        assert_eq!(Keystore::at(&folder.path().join("new")).unwrap().read().unwrap().tries, Tries::default().failed(1));
        for name in ["keystore", "keystore.secret", "keystore.lock"] {
            let mode = fs::metadata(folder.path().join("new").join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        let mode = fs::metadata(folder.path().join("new")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(!String::from_utf8(fs::read(&keystore.path).unwrap()).unwrap().contains("failures"), "sealed");
    }

    #[test]
    fn a_changed_byte_or_another_secret_opens_nothing_and_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let keystore = Keystore::at(folder.path()).unwrap();
        failed(&keystore).unwrap();
        let file = fs::read(&keystore.path).unwrap();
        let mut envelope: serde_json::Value = serde_json::from_slice(&file).unwrap();
        envelope["machine"] = serde_json::json!(!envelope["machine"].as_bool().unwrap());
        fs::write(&keystore.path, envelope.to_string()).unwrap();
        assert!(matches!(failed(&keystore), Err(KeystoreError::Shut(_))));
        assert_eq!(fs::read(&keystore.path).unwrap(), envelope.to_string().into_bytes());

        fs::write(&keystore.path, &file).unwrap();
        let secret = fs::read(&keystore.secret).unwrap();
        fs::write(&keystore.secret, [7; 32]).unwrap();
        assert!(matches!(keystore.read(), Err(KeystoreError::Shut(_))));
        fs::write(&keystore.secret, secret).unwrap();
        keystore.read().unwrap();
    }

    #[test]
    fn a_file_that_others_can_reach_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let keystore = Keystore::at(folder.path()).unwrap();
        failed(&keystore).unwrap();
        for path in [&keystore.path, &keystore.secret] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o640)).unwrap();
            assert!(matches!(keystore.read(), Err(KeystoreError::Io("read", ..))), "{path:?}");
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}
