//! What a plugin does with its host's services, and without them.

use super::{Checked, broken, hold};
use crate::error::{Error, Result};
use crate::message::{Description, host_method, permission};
use crate::testing::loaded::PANICKED;
use crate::testing::{FakeHost, Loaded};

/// Makes a host one that a plugin must bear.
pub(super) type Harsh = fn(&FakeHost);

/// One that has granted nothing, and one that is older than its services.
pub(super) const HARSH: [Harsh; 2] = [FakeHost::withhold_all, FakeHost::grow_old];

/// What came of it, if it is no error. An error is fine here, a panic is not.
pub(super) fn survives<T>(result: Result<T>) -> Checked<Option<T>> {
    match result {
        Err(error) if error == Error::failed(PANICKED) => {
            broken("a service that is denied is an error, and no reason to panic", error.to_string())
        }
        other => Ok(other.ok()),
    }
}

/// An administrator grants what the manifest asks for: anything else would be denied, and would look like an attack in the
/// server's log.
pub(super) fn fits_manifest(loaded: &Loaded, description: &Description) -> Checked {
    let asked = &description.manifest.permissions;
    for called in loaded.host().calls() {
        let needed = needed(&called.method);
        let asks = needed.is_none_or(|needed| asked.iter().any(|asked| is_for(asked, needed)));
        hold("it calls only services that its manifest asks for", asks, || called.method.clone())?;
    }
    Ok(())
}

/// Whether a permission, perhaps for one origin, is of this sort.
fn is_for(asked: &str, needed: &str) -> bool {
    let sort = asked.split_once(':').map_or(asked, |(sort, _)| sort);
    sort == needed || (sort == "http-private" && needed == permission::HTTP)
}

fn needed(method: &str) -> Option<&'static str> {
    match method {
        host_method::SECRET_HMAC => Some(permission::SECRET),
        host_method::SECRET_REVEAL => Some(permission::SECRET_REVEAL),
        host_method::HTTP_SEND => Some(permission::HTTP),
        store if store.starts_with("store.") => Some(permission::STORE),
        _ => None,
    }
}
