//! What a plugin may use when all is done.

use super::{CatalogError, Manifest, Refused, entry, plugin};
use crate::plugins::services::grants::{self, Grants};

/// The permissions of `row`'s plugin, as the row keeps them: those of before that the build still asks for, and those that
/// the administrator adds.
///
/// # Errors
/// When one of `more` is no grant, or the manifest does not ask for it; when something is asked for that nobody grants.
pub(super) fn granted(
    row: &plugin::Model,
    manifest: &Manifest,
    more: &[String],
    all: bool,
) -> Result<String, CatalogError> {
    let unfit = |why: String| CatalogError::Unfit { id: row.id.clone(), why };
    let asked = &manifest.permissions;
    let before = entry::granted_list(row);
    let before = before.iter().filter(|grant| grants::fits(asked, grant)).cloned();
    let added = Grants::parse(more).map_err(|why| unfit(why.to_string()))?.names();
    if let Some(stray) = added.iter().find(|grant| !grants::fits(asked, grant)) {
        return Err(unfit(format!("it does not ask for the permission `{stray}`; leave it out")));
    }
    let everything = if all { grants::in_so_many_words(asked) } else { Vec::new() };
    let given = Grants::parse(before.chain(added).chain(everything)).map_err(|why| unfit(why.to_string()))?;
    let missing = given.missing(asked);
    if !missing.is_empty() {
        return Err(CatalogError::Refused { id: row.id.clone(), why: Refused::not_granted(&missing) });
    }
    serde_json::to_string(&given.names()).map_err(|error| unfit(error.to_string()))
}
