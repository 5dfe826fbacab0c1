//! The file that keeps a pad: JSON, mode 0600, replaced whole, one process at a time.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use cipherpad_core::{
    keys::Keys,
    pin::{Hidden, Picture, Pin},
    qr::QrKey,
    question::Suites,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

const VERSION: u32 = 1;

/// Why the file is of no use.
#[derive(Debug, Error)]
pub(crate) enum StoreError {
    #[error("{0} does not exist: activate this pad first (enum-pad --store FILE activate …)")]
    NotActivated(PathBuf),
    #[error("cannot {0} {1}: {2}")]
    Io(&'static str, PathBuf, io::Error),
    #[error("{0} is damaged or was written by a newer program: activate this pad anew")]
    Damaged(PathBuf),
    #[error(transparent)]
    Pin(#[from] cipherpad_core::pin::PinError),
}

/// An activated pad.
#[derive(Serialize, Deserialize)]
pub(crate) struct Pad {
    version: u32,
    /// Where it was activated.
    pub url: String,
    /// Issuer as the agreement covers it.
    pub issuer: String,
    /// E-mail that it was activated for.
    pub email: String,
    /// The server's identifier of the account.
    pub account: String,
    /// Number of the activation.
    pub epoch: u64,
    /// What answers are computed with.
    pub suites: Suites,
    /// Key under which the server signs QR codes for this pad.
    pub qr_key: QrKey,
    /// Next counter: each answer takes one, whether it is used or not.
    pub counter: u64,
    /// No picture.
    pub paranoid: bool,
    /// K.
    pub key: StoredKey,
}

/// K as the file holds it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StoredKey {
    /// As it is: whoever reads the file has the pad.
    Plain(Keys),
    /// Hidden by a PIN: every PIN opens to some key.
    Hidden(Hidden),
}

impl StoredKey {
    /// K for this PIN, with its picture. `pin` is asked for only if it is needed.
    pub(crate) fn open<E: From<StoreError>>(
        &self,
        pin: impl FnOnce() -> Result<Pin, E>,
    ) -> Result<(Keys, Option<Picture>), E> {
        match self {
            Self::Plain(keys) => Ok((keys.clone(), None)),
            Self::Hidden(hidden) => {
                let (keys, picture) = hidden.open(&pin()?).map_err(StoreError::from)?;
                Ok((keys, Some(picture)))
            }
        }
    }
}

/// What a new pad begins with.
pub(crate) struct New {
    pub url: String,
    pub email: String,
    pub paranoid: bool,
    pub key: StoredKey,
}

impl Pad {
    /// A pad whose activation is complete.
    pub(crate) fn new(new: New, done: &cipherpad_core::activation::PadDone) -> Self {
        Self {
            version: VERSION,
            url: new.url,
            issuer: done.offer.issuer.clone(),
            email: new.email,
            account: done.offer.account.clone(),
            epoch: done.offer.epoch,
            suites: done.offer.suites.clone(),
            qr_key: done.offer.qr_key,
            counter: done.counter,
            paranoid: new.paranoid,
            key: new.key,
        }
    }
}

/// The file, held against other processes until dropped.
pub(crate) struct Store {
    path: PathBuf,
    _lock: File,
}

impl Store {
    /// Waits for other processes and takes hold of the file, which need not exist yet.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        // The lock lives beside the store, since the store itself is replaced with every answer.
        let lock_path = beside(path, "lock");
        let fail = |error| StoreError::Io("lock", lock_path.clone(), error);
        let mut options = private();
        let lock = options.create(true).truncate(false).write(true).open(&lock_path).map_err(fail)?;
        lock.lock().map_err(fail)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The pad, or `None` if there is no file.
    pub(crate) fn read_if_there(&self) -> Result<Option<Pad>, StoreError> {
        let text = match fs::read(&self.path) {
            Ok(text) => zeroize::Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::Io("read", self.path.clone(), error)),
        };
        let pad = serde_json::from_slice::<Pad>(&text).ok().filter(|pad| pad.version == VERSION);
        pad.map(Some).ok_or_else(|| StoreError::Damaged(self.path.clone()))
    }

    /// The pad.
    pub(crate) fn read(&self) -> Result<Pad, StoreError> {
        self.read_if_there()?.ok_or_else(|| StoreError::NotActivated(self.path.clone()))
    }

    /// Replaces the file and returns when that is durable.
    pub(crate) fn write(&self, pad: &Pad) -> Result<(), StoreError> {
        let new = beside(&self.path, "new");
        self.replace(&new, pad).map_err(|error| StoreError::Io("write", self.path.clone(), error))
    }

    fn replace(&self, new: &Path, pad: &Pad) -> io::Result<()> {
        let json = zeroize::Zeroizing::new(serde_json::to_vec_pretty(pad)?);
        // One that a crash left behind may have other permissions.
        match fs::remove_file(new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = private().create_new(true).write(true).open(new)?;
        file.write_all(&json)?;
        file.sync_all()?;
        fs::rename(new, &self.path)?;
        File::open(directory(&self.path))?.sync_all()
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
