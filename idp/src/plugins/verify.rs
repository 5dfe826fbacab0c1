//! From a configured path to a private copy whose bytes were verified.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process;

use sha2::{Digest, Sha256};

use super::elf;
use super::error::LoadError;

/// Largest plugin file: a debug build with everything in it stays below.
const SIZE_LIMIT: u64 = 256 << 20;

/// The bytes of a plugin file, and their SHA-256 in lower-case hexadecimal digits.
pub(super) struct Image {
    bytes: Vec<u8>,
    pub(super) sha256: String,
}

impl Image {
    /// Reads the file, once: whatever happens to it later does not matter.
    pub(super) fn read(path: &Path) -> Result<Self, LoadError> {
        let unreadable = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => LoadError::Missing { path: path.to_owned() },
            _ => LoadError::Unreadable { path: path.to_owned(), source },
        };
        let file = File::open(path).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        if size > SIZE_LIMIT {
            return Err(LoadError::TooLarge { path: path.to_owned(), size, limit: SIZE_LIMIT });
        }
        let mut bytes = Vec::new();
        file.take(SIZE_LIMIT).read_to_end(&mut bytes).map_err(unreadable)?;
        Ok(Self::from_bytes(bytes))
    }

    /// Bytes that somebody else has read.
    pub(super) fn from_bytes(bytes: Vec<u8>) -> Self {
        let sha256 = hex::encode(Sha256::digest(&bytes));
        Self { bytes, sha256 }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Compares with the pin, whose digits may be of either case.
    pub(super) fn matches(&self, path: &Path, pin: &str) -> Result<(), LoadError> {
        let expected = pin.trim().to_ascii_lowercase();
        if expected.len() != 64 || !expected.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(LoadError::BadPin { path: path.to_owned(), found: pin.to_owned() });
        }
        if expected != self.sha256 {
            return Err(LoadError::Altered { path: path.to_owned(), expected, actual: self.sha256.clone() });
        }
        Ok(())
    }

    /// Writes a copy that nobody else can write to, named by its hash, and returns its path.
    ///
    /// The system maps the file that it loads: had it the original, then whoever overwrote that in place would kill the
    /// server at the next call, or put other code into it.
    pub(super) fn private_copy(&self, path: &Path, dir: &Path) -> Result<PathBuf, LoadError> {
        elf::check(&self.bytes).map_err(|why| LoadError::NotALibrary { path: path.to_owned(), why })?;
        let copy = dir.join(format!("{}.so", self.sha256));
        self.write(dir, &copy).map_err(|source| LoadError::NoCopy {
            path: path.to_owned(),
            copy: copy.clone(),
            source,
        })?;
        Ok(copy)
    }

    fn write(&self, dir: &Path, copy: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
        // A new file under a name of this process, then a rename: a copy that some process has mapped stays as it is.
        let fresh = dir.join(format!("{}.{}.new", self.sha256, process::id()));
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(&self.bytes)?;
        drop(file);
        fs::rename(&fresh, copy)
    }
}
