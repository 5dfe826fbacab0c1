//! Scopes: which exist, which a client gets, and which of them a list of claims amounts to.

use super::client::Client;

/// What administrators do, over their API, where the account is one of theirs.
pub const ADMIN: &str = "enum:admin";

/// What the scopes of service plugins begin with, which open their resources.
const OF_SERVICES: &str = "enum:";

/// Every scope that we know (OpenID Connect Core §5.4, §11).
pub(super) const KNOWN: [&str; 6] = ["openid", "profile", "email", "phone", "offline_access", ADMIN];

/// What of the wished scopes this client can get. Unknown ones and those that it is not registered for are dropped
/// (RFC 6749 §3.3: the answer's `scope` says what was granted); `offline_access` needs a client that may refresh
/// (OpenID Connect Core §11), and [`ADMIN`] or the scope of a service plugin one whose registration names it.
pub(super) fn possible(client: &Client, wished: &[String]) -> Vec<String> {
    let registered = |scope: &String| match &client.scope {
        Some(list) => scope == "openid" || list.contains(scope),
        None => scope != ADMIN,
    };
    wished
        .iter()
        .filter(|scope| KNOWN.contains(&scope.as_str()) || of_service(client, scope))
        .filter(|scope| registered(scope))
        .filter(|scope| scope.as_str() != "offline_access" || client.refresh)
        .cloned()
        .collect()
}

/// Scopes of services exist where an administrator has written them into a client's registration.
fn of_service(client: &Client, scope: &String) -> bool {
    scope.starts_with(OF_SERVICES) && client.scope.as_ref().is_some_and(|list| list.contains(scope))
}

/// The scope whose consent covers a claim.
pub(super) fn of_claim(claim: &str) -> Option<&'static str> {
    match claim {
        "name" | "given_name" | "family_name" | "locale" => Some("profile"),
        "email" | "email_verified" => Some("email"),
        "phone_number" | "phone_number_verified" => Some("phone"),
        _ => None,
    }
}
