//! What a file is, and who vouches for it.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Catalog, CatalogError, LoadError, Manifest, inspect_with, plugin, signature};
use crate::plugins::inspect::probe;
use crate::plugins::verify::Image;

/// A file that was verified and asked what it is.
pub(super) struct Examined {
    pub(super) file: plugin::file::Model,
    pub(super) manifest: Manifest,
}

impl Catalog {
    /// Reads and verifies a file and its signature, and asks the file what it is: in this order.
    pub(super) fn examine(&self, path: &Path, signature: Option<&Path>) -> Result<Examined, CatalogError> {
        let image = Image::read(path)?;
        let beside = || PathBuf::from(format!("{}.minisig", path.display()));
        let signature_path = signature.map_or_else(beside, Path::to_owned);
        let text = match fs::read_to_string(&signature_path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(CatalogError::Unsigned { file: path.to_owned(), signature: signature_path });
            }
            Err(source) => return Err(CatalogError::Unreadable { path: signature_path, source }),
        };
        let vouched = signature::verify(self.keys(), image.bytes(), &text)
            .map_err(|why| CatalogError::Signature { file: path.to_owned(), why })?;
        let inspection = probe(path, &image, &self.source.ground.program)?;
        let manifest = inspection.description.manifest;
        let json = |value: serde_json::Result<String>| {
            value.map_err(|error| LoadError::BadDescription { path: path.to_owned(), why: error.to_string() })
        };
        let file = plugin::file::Model {
            sha256: image.sha256.clone(),
            bytes: image.into_bytes(),
            signature: text,
            key_id: vouched.key.id().to_string(),
            manifest: json(serde_json::to_string(&manifest))?,
            settings_schema: json(serde_json::to_string(&inspection.description.settings_schema))?,
            installed_at: self.clock.now(),
        };
        Ok(Examined { file, manifest })
    }

    /// The configuration's list comes first: the servers would refuse to start with both.
    pub(super) fn not_pinned(&self, id: &str) -> Result<(), CatalogError> {
        for config in &self.pinned {
            // A file that cannot be inspected is none of the catalog's business; the server says what is wrong with it.
            let taken = inspect_with(&config.path, &self.source.ground.program)
                .is_ok_and(|found| found.description.manifest.id == id);
            if taken {
                let why = format!(
                    "the configuration's `plugins.enabled` already runs {}; take it out there first",
                    config.path.display()
                );
                return Err(CatalogError::Unfit { id: id.to_owned(), why });
            }
        }
        Ok(())
    }
}
