//! What an account keeps: one value of the store, changed by compare-and-set, so that a file is never half moved and no quota is
//! passed by two programs at once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Settings, links::Link};

/// Keys of programs that are remembered; those not seen for longest go first.
const MOST_KEYS: usize = 20;

/// All of it but the files themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Files by name.
    #[serde(default)]
    pub files: BTreeMap<String, File>,
    /// When keys of programs were last seen, by thumbprint. Unix milliseconds.
    #[serde(default)]
    pub keys: BTreeMap<String, i64>,
    /// Linked numbers.
    #[serde(default)]
    pub links: Vec<Link>,
}

/// One file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Oldest first, at least one.
    pub versions: Vec<Version>,
}

/// One version of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Rises from 1.
    pub number: u64,
    /// Bytes, as the program has encrypted them.
    pub size: usize,
    /// Unix milliseconds.
    pub at: i64,
    /// Names the value that holds it.
    pub blob: String,
}

/// Why a file is not taken.
#[derive(Debug, PartialEq, Eq)]
pub enum Full {
    /// Another file of this account is too many.
    Files,
    /// These bytes are too many.
    Bytes,
}

impl File {
    /// The newest version's number; 0 for a file that is not there.
    pub fn latest(&self) -> u64 {
        self.versions.last().map_or(0, |version| version.number)
    }
}

impl Index {
    /// Adds a version, and returns the blobs that make room for it.
    ///
    /// # Errors
    /// When the account is full.
    pub fn put(&mut self, name: &str, settings: &Settings, version: Version) -> Result<Vec<String>, Full> {
        if !self.files.contains_key(name) && self.files.len() >= settings.files {
            return Err(Full::Files);
        }
        let file = self.files.entry(name.to_owned()).or_default();
        file.versions.push(version);
        let spare = file.versions.len().saturating_sub(settings.versions);
        let dropped = file.versions.drain(..spare).map(|version| version.blob).collect();
        if self.bytes() > settings.total_bytes { Err(Full::Bytes) } else { Ok(dropped) }
    }

    fn bytes(&self) -> usize {
        self.files.values().flat_map(|file| &file.versions).map(|version| version.size).sum()
    }

    /// Remembers a key. Says whether it is new, where others were known before.
    pub fn meets(&mut self, key: &str, now: i64) -> bool {
        let is_new = self.keys.insert(key.to_owned(), now).is_none();
        while self.keys.len() > MOST_KEYS {
            let oldest = self.keys.iter().min_by_key(|(_, at)| **at).map(|(key, _)| key.clone());
            oldest.map(|key| self.keys.remove(&key));
        }
        is_new
    }

    /// As a program sees it.
    pub fn shown(&self) -> Value {
        let files: Vec<Value> = self.files.iter().map(|(name, file)| file.shown(name)).collect();
        json!({ "files": files })
    }
}

impl File {
    /// As a program sees it: the newest version first.
    pub fn shown(&self, name: &str) -> Value {
        let shown = |version: &Version| json!({ "version": version.number, "size": version.size, "at": version.at });
        let versions: Vec<Value> = self.versions.iter().rev().map(shown).collect();
        json!({ "name": name, "version": self.latest(), "versions": versions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: u64, size: usize) -> Version {
        Version { number, size, at: 0, blob: format!("b{number}") }
    }

    #[test]
    fn the_oldest_version_makes_room_and_quotas_hold() {
        let settings = Settings { versions: 2, files: 2, total_bytes: 100, ..Settings::default() };
        let mut index = Index::default();
        assert_eq!(index.put("a", &settings, version(1, 30)), Ok(vec![]));
        assert_eq!(index.put("a", &settings, version(2, 30)), Ok(vec![]));
        assert_eq!(index.put("a", &settings, version(3, 30)), Ok(vec!["b1".to_owned()]));
        assert_eq!(index.put("b", &settings, version(1, 40)), Ok(vec![]));
        assert_eq!(index.clone().put("c", &settings, version(1, 1)), Err(Full::Files));
        assert_eq!(index.clone().put("b", &settings, version(2, 1)), Err(Full::Bytes));
    }

    #[test]
    fn a_key_is_new_once() {
        let mut index = Index::default();
        assert!(index.meets("one", 1));
        assert!(!index.meets("one", 2));
        for other in 0..20 {
            assert!(index.meets(&other.to_string(), 3 + other));
        }
        assert_eq!((index.keys.len(), index.keys.contains_key("one")), (20, false));
    }

    /// The store takes 64 KiB of JSON.
    #[test]
    fn the_largest_index_fits_into_one_value() {
        let version = |number| Version { number, size: 45_000, at: 1_790_000_000_000, blob: "x".repeat(22) };
        let file = File { versions: (1000..1004).map(version).collect() };
        let index = Index {
            files: (0..100).map(|number| (format!("{number:0>100}"), file.clone())).collect(),
            keys: (0..20).map(|number| (format!("{number:0>43}"), 1_790_000_000_000)).collect(),
            links: (0..20)
                .map(|_| Link { kind: crate::links::Kind::Light, wmid: "1".repeat(12), email: Some("x".repeat(254)) })
                .collect(),
        };
        let bytes = serde_json::to_vec(&index).map_or(usize::MAX, |json| json.len());
        assert!(bytes <= 64 << 10, "{bytes}");
    }
}
