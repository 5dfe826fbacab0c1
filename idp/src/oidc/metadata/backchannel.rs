//! What a client says of its backchannel requests (CIBA Core 1.0 §4).

use url::{Host, Url};

use super::{FieldError, Fields, wrong};
use crate::{
    keys::jws::{Alg, PublicKey},
    oidc::client::{AuthMethod, Backchannel},
};

/// `grant_type` of CIBA Core 1.0 §10.1.
pub(in crate::oidc) const GRANT: &str = "urn:openid:params:grant-type:ciba";

const MODE: &str = "backchannel_token_delivery_mode";
const ENDPOINT: &str = "backchannel_client_notification_endpoint";
const ALG: &str = "backchannel_authentication_request_signing_alg";
const USER_CODE: &str = "backchannel_user_code_parameter";

/// `None` for a client that is not registered for the grant.
pub(super) fn read(
    fields: &Fields<'_>,
    grants: &[String],
    method: AuthMethod,
    keys: &[PublicKey],
) -> Result<Option<Backchannel>, FieldError> {
    let registered = grants.iter().any(|grant| grant == GRANT);
    let mode = fields.text(MODE)?;
    if !registered {
        return match mode {
            Some(_) => Err(wrong("grant_types", format!("must contain {GRANT} for {MODE}"))),
            None => Ok(None),
        };
    }
    if method == AuthMethod::None {
        return Err(wrong("grant_types", format!("{GRANT} needs a client that authenticates")));
    }
    if fields.flag(USER_CODE)? {
        return Err(wrong(USER_CODE, "is not supported: people answer with a method of theirs"));
    }
    let notified_at = match mode {
        Some("poll") => None,
        Some("ping") => Some(endpoint(fields)?),
        Some(_) => return Err(wrong(MODE, "must be poll or ping")),
        None => return Err(wrong(MODE, format!("is missing; {GRANT} needs it"))),
    };
    Ok(Some(Backchannel { notified_at, signing_alg: signing_alg(fields, keys)? }))
}

/// §4: "REQUIRED if the token delivery mode is set to ping", an https URL. Plain HTTP is for programs under development.
fn endpoint(fields: &Fields<'_>) -> Result<String, FieldError> {
    let text = fields.text(ENDPOINT)?.ok_or_else(|| wrong(ENDPOINT, "is missing; ping needs it"))?;
    let url = Url::parse(text).map_err(|error| wrong(ENDPOINT, error.to_string()))?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
        return Err(wrong(ENDPOINT, "must be an https URL (http is for this machine only)"));
    }
    if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(ENDPOINT, "must have no fragment and no user"));
    }
    Ok(text.to_owned())
}

/// §4: symmetric algorithms and `none` are not for this.
fn signing_alg(fields: &Fields<'_>, keys: &[PublicKey]) -> Result<Option<Alg>, FieldError> {
    let Some(name) = fields.text(ALG)? else { return Ok(None) };
    let alg = Alg::parse(name).ok_or_else(|| wrong(ALG, format!("{name:?} is not supported")))?;
    if keys.iter().any(|key| key.alg == alg) {
        return Ok(Some(alg));
    }
    Err(wrong("jwks", format!("must have a key for {ALG} {name}")))
}
