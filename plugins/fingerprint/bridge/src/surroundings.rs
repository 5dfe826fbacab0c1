//! The one place that reads the clock, the generator of random numbers, and what the machine says about itself.

use std::{
    env, fs,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::BridgeError;

/// Unix seconds.
#[expect(clippy::disallowed_methods, reason = "a program of its own: this is where its time comes from")]
pub(crate) fn unix_seconds() -> Result<u64, BridgeError> {
    SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs()).map_err(|_| BridgeError::Clock)
}

/// Fresh random bytes.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], BridgeError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| BridgeError::Random)?;
    Ok(bytes)
}

/// The machine's identifier (`machine-id(5)`), where it has one.
pub(crate) fn machine_id() -> Option<String> {
    let text = fs::read_to_string("/etc/machine-id").ok()?;
    Some(text.trim().to_owned()).filter(|id| !id.is_empty())
}

/// Where a person's programs keep their data (XDG base directories).
pub(crate) fn data_dir() -> Result<PathBuf, BridgeError> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")));
    Ok(base.ok_or(BridgeError::NoHome)?.join("enum-bridge"))
}
