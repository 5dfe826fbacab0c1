//! Where network addresses are, by a database file that an administrator may supply (`places.database`).
//!
//! The file is kept in memory and read again when it changes. What it does not list, such as a private address, is nowhere. It
//! tells of networks, not of people: what follows from it is a hint.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;

use atlas::Atlas;
pub use spot::Spot;

mod atlas;
mod spot;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("places.database {path}: {reason}")]
pub struct BadFile {
    path: String,
    reason: String,
}

/// A place, as far as anything hangs on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// ISO 3166-1 code of its country; empty if the file does not say.
    pub country: String,
    /// Where it is on the Earth, if the file says so.
    pub spot: Option<Spot>,
}

/// What became of a look at the file.
#[derive(Debug)]
pub enum Followed {
    /// It is as it was at the last look.
    Same,
    /// What it says now counts.
    Renewed,
    /// It has changed and cannot be used: what it said before still counts.
    Bad(BadFile),
}

/// What tells a file from the one that was there before.
type Stamp = [i64; 6];

/// The file, if there is one.
#[derive(Debug)]
pub struct Places {
    path: Option<PathBuf>,
    atlas: ArcSwapOption<Atlas>,
    seen: Mutex<Option<Stamp>>,
}

impl Places {
    /// Reads the file, if one is named.
    ///
    /// # Errors
    /// When it cannot be read, or is no database of cities or countries.
    pub fn open(path: Option<&Path>) -> Result<Self, BadFile> {
        let Some(path) = path else {
            return Ok(Self { path: None, atlas: ArcSwapOption::empty(), seen: Mutex::new(None) });
        };
        // The stamp comes first: what changes in between is seen at the next look.
        let seen = std::fs::metadata(path).ok().map(|file| stamp(&file));
        let atlas = read(path)?;
        Ok(Self { path: Some(path.to_owned()), atlas: ArcSwapOption::from_pointee(atlas), seen: Mutex::new(seen) })
    }

    /// Whether any address can have a place.
    pub fn is_on(&self) -> bool {
        self.path.is_some()
    }

    /// When the file that counts was built, in seconds since 1970.
    pub fn built(&self) -> Option<u64> {
        self.atlas.load().as_ref().map(|atlas| atlas.built())
    }

    /// Looks whether the file has changed, and takes it over if it can be used. Each change is looked at once.
    pub async fn follow(&self) -> Followed {
        let Some(path) = &self.path else { return Followed::Same };
        let mut seen = self.seen.lock().await;
        let now = tokio::fs::metadata(path).await.ok().map(|file| stamp(&file));
        if *seen == now {
            return Followed::Same;
        }
        *seen = now;
        let (path, broken) = (path.clone(), bad(path, "reading it was broken off"));
        match tokio::task::spawn_blocking(move || read(&path)).await.unwrap_or(Err(broken)) {
            Ok(atlas) => {
                self.atlas.store(Some(Arc::new(atlas)));
                Followed::Renewed
            }
            Err(error) => Followed::Bad(error),
        }
    }

    /// Where an address is; `None` when the file does not say, or there is none.
    pub fn find(&self, address: &str) -> Option<Place> {
        self.atlas.load().as_ref()?.find(address)
    }

    /// The name of the place where an address is, such as `Hanoi, Vietnam`: in this language as far as the file has it, on one
    /// line.
    pub fn name(&self, address: &str, locale: &str) -> Option<String> {
        self.atlas.load().as_ref()?.name(address, locale)
    }

    /// An address with the name of its place, as it is told to people.
    pub fn told(&self, address: &str, locale: &str) -> String {
        match self.name(address, locale) {
            Some(name) => format!("{address} ({name})"),
            None => address.to_owned(),
        }
    }
}

fn read(path: &Path) -> Result<Atlas, BadFile> {
    Atlas::read(path).map_err(|reason| bad(path, &reason))
}

fn bad(path: &Path, reason: &str) -> BadFile {
    BadFile { path: path.display().to_string(), reason: reason.to_owned() }
}

fn stamp(file: &std::fs::Metadata) -> Stamp {
    let size = i64::try_from(file.size()).unwrap_or(i64::MAX);
    [size, file.ino().cast_signed(), file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()]
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[tokio::test]
    async fn without_a_file_nothing_is_anywhere() {
        let places = Places::open(None).unwrap();
        assert!(!places.is_on() && places.find("192.0.2.1").is_none() && places.built().is_none());
        assert_eq!(places.told("192.0.2.1", "en"), "192.0.2.1");
        assert!(matches!(places.follow().await, Followed::Same));
    }
}
