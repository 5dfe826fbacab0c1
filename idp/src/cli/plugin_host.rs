//! `enum-idp plugin-host`: the process of one plugin. Started by the server, never by hand.

use super::Failure;
use crate::plugins;

/// Serves the plugin that the server names on standard input, until the server is gone.
pub(super) fn run() -> Result<(), Failure> {
    Ok(plugins::run_as_host()?)
}
