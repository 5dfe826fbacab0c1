//! The checks of an authorization request: an ordered table, one small function each, each naming its rule.
//!
//! When these run, client and redirect URI are known to be good, so that every refusal can be told to the relying party.

use serde::Deserialize;

use super::{
    claims,
    client::Client,
    dpop,
    error::{ErrorCode, OAuthError},
    params::Params,
    pkce,
    request::{AuthorizationRequest, Prompt, ResponseMode},
    scope,
};
use crate::{config::Config, keys::Keys};

/// Where a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Through the browser: anybody may have written it.
    Browser,
    /// Pushed by the client itself (RFC 9126).
    Pushed,
}

/// What the checks look at.
pub(super) struct Asked<'a> {
    pub(super) config: &'a Config,
    pub(super) keys: &'a Keys,
    pub(super) client: &'a Client,
    pub(super) params: &'a Params,
    pub(super) source: Source,
}

type Check = fn(&Asked<'_>, &mut AuthorizationRequest) -> Result<(), OAuthError>;

/// In this order; the first refusal is the answer.
const CHECKS: [Check; 18] = [
    state,
    response_mode,
    registered_for_codes,
    no_request_object,
    no_registration,
    response_type,
    pushed_where_required,
    details_are_pushed,
    scope,
    nonce,
    code_challenge,
    dpop_jkt,
    prompt,
    max_age,
    hints,
    acr_values,
    claims_parameter,
    one_expected_person,
];

/// Runs the table over a request for `redirect_uri`.
///
/// # Errors
/// The first refusal.
pub(super) fn examine(asked: &Asked<'_>, redirect_uri: &str) -> Result<AuthorizationRequest, OAuthError> {
    let mut request = AuthorizationRequest::new(&asked.client.client_id, redirect_uri);
    for check in CHECKS {
        check(asked, &mut request)?;
    }
    Ok(request)
}

/// What holds of a device's request as well (RFC 8628 §3.1).
const DEVICE: [Check; 9] =
    [no_request_object, no_details, scope, no_administration, dpop_jkt, max_age, hints, acr_values, claims_parameter];

/// Runs that table over the request of a device. Whoever answers it proves who they are for it, and not long before.
///
/// # Errors
/// The first refusal.
pub(super) fn examine_device(asked: &Asked<'_>) -> Result<AuthorizationRequest, OAuthError> {
    let mut request = AuthorizationRequest::new(&asked.client.client_id, "");
    for check in DEVICE {
        check(asked, &mut request)?;
    }
    request.prompt = vec![Prompt::Login];
    Ok(request)
}

/// RFC 9396 §3.1 is about requests that come back to a website: a payment is confirmed for one.
fn no_details(asked: &Asked<'_>, _: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    match asked.params.get("authorization_details") {
        Some(_) => refuse(ErrorCode::InvalidRequest, "authorization_details cannot be asked for by a device"),
        None => Ok(()),
    }
}

/// A code that somebody was sent by somebody else makes nobody an administrator (RFC 8628 §5.4). RFC 6749 §3.3 lets us grant
/// less than was asked for.
fn no_administration(_: &Asked<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    request.scope.retain(|scope| scope != scope::ADMIN);
    if request.scope.is_empty() { refuse(ErrorCode::InvalidScope, "scope must contain openid") } else { Ok(()) }
}

fn refuse<T>(code: ErrorCode, text: &'static str) -> Result<T, OAuthError> {
    Err(OAuthError::new(code, text))
}

/// An optional parameter of bounded length.
fn bounded(params: &Params, name: &'static str, longest: usize) -> Result<Option<String>, OAuthError> {
    match params.get(name) {
        Some(value) if value.len() > longest => {
            Err(OAuthError::new(ErrorCode::InvalidRequest, format!("{name} is longer than {longest} bytes")))
        }
        value => Ok(value.map(str::to_owned)),
    }
}

/// RFC 6749 §4.1.1 `state`: opaque, returned as it came. The bound is ours.
fn state(asked: &Asked<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    request.state = bounded(asked.params, "state", 2048)?;
    Ok(())
}

/// OAuth 2.0 Multiple Response Type Encoding Practices §2.1, OAuth 2.0 Form Post Response Mode.
fn response_mode(asked: &Asked<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    request.response_mode = ResponseMode::parse(asked.params.get("response_mode"))?;
    Ok(())
}

/// RFC 6749 §4.1.2.1 `unauthorized_client`: a client gets no code that could not redeem one.
fn registered_for_codes(asked: &Asked<'_>, _: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    if asked.client.codes {
        return Ok(());
    }
    refuse(ErrorCode::UnauthorizedClient, "the client is not registered for authorization codes")
}

/// OpenID Connect Core §6.1, §6.2: an OP that does not support them answers `request_not_supported` and
/// `request_uri_not_supported`. (The `request_uri` of a pushed request was resolved before.)
fn no_request_object(asked: &Asked<'_>, _: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    if asked.params.get("request").is_some() {
        return refuse(ErrorCode::RequestNotSupported, "request objects are not supported: push the request");
    }
    if asked.params.get("request_uri").is_some() {
        return refuse(ErrorCode::RequestUriNotSupported, "request_uri must come from the pushed request endpoint");
    }
    Ok(())
}

/// OpenID Connect Core §7.2.1.
fn no_registration(asked: &Asked<'_>, _: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    match asked.params.get("registration") {
        Some(_) => refuse(ErrorCode::RegistrationNotSupported, "registration is not supported"),
        None => Ok(()),
    }
}

/// RFC 6749 §3.1.1: required. RFC 9700 §2.1.2: no implicit flow; only `code`.
fn response_type(asked: &Asked<'_>, _: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    match asked.params.require("response_type")? {
        "code" => Ok(()),
        _ => refuse(ErrorCode::UnsupportedResponseType, "response_type must be code"),
    }
}

/// RFC 9126 §6: a client can be registered so that only pushed requests count.
fn pushed_where_required(asked: &Asked<'_>, _: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    if asked.client.require_pushed && asked.source == Source::Browser {
        return refuse(ErrorCode::InvalidRequest, "this client must push its requests (RFC 9126)");
    }
    Ok(())
}

/// RFC 9396 §15 and ASVS 10.4.15: what moves money comes from the client's back end, never through the browser.
fn details_are_pushed(asked: &Asked<'_>, _: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    if asked.params.get("authorization_details").is_none() {
        return Ok(());
    }
    if asked.source == Source::Browser {
        return refuse(ErrorCode::InvalidRequest, "authorization_details must be pushed (RFC 9126)");
    }
    if asked.client.is_public() {
        return refuse(ErrorCode::UnauthorizedClient, "authorization_details need a client that authenticates");
    }
    Ok(())
}

/// RFC 6749 §3.3; OpenID Connect Core §3.1.2.1. Unknown scopes are ignored. Without `openid` it is a plain OAuth request:
/// no ID token, no userinfo.
fn scope(asked: &Asked<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    request.scope = scope::possible(asked.client, &asked.params.list("scope"));
    let is_payment = asked.params.get("authorization_details").is_some();
    // An answer that approves a payment makes nobody an administrator.
    request.scope.retain(|scope| !is_payment || scope != scope::ADMIN);
    if request.scope.is_empty() && !is_payment {
        return refuse(ErrorCode::InvalidScope, "scope must contain openid");
    }
    Ok(())
}

/// OpenID Connect Core §3.1.2.1 `nonce`: optional with `code`. The bound is ours.
fn nonce(asked: &Asked<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    request.nonce = bounded(asked.params, "nonce", 512)?;
    Ok(())
}

/// RFC 9700 §2.1.1: public clients must use PKCE, others must unless a nonce can protect them; payments always do.
fn code_challenge(asked: &Asked<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    let required = asked.client.is_public()
        || asked.client.require_pkce
        || asked.params.get("authorization_details").is_some()
        || !request.scope.iter().any(|scope| scope == "openid");
    request.code_challenge = pkce::challenge(asked.params, required)?;
    Ok(())
}

/// RFC 9449 §10.
fn dpop_jkt(asked: &Asked<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    request.dpop_jkt = dpop::binding::asked_for(asked.params.get("dpop_jkt"))?;
    Ok(())
}

/// OpenID Connect Core §3.1.2.1 `prompt`: "If this parameter contains none with any other value, an error is returned."
fn prompt(asked: &Asked<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    for word in asked.params.list("prompt") {
        request.prompt.push(match word.as_str() {
            "none" => Prompt::None,
            "login" => Prompt::Login,
            "consent" => Prompt::Consent,
            "select_account" => Prompt::SelectAccount,
            _ => return refuse(ErrorCode::InvalidRequest, "prompt has an unknown value"),
        });
    }
    if request.asks(Prompt::None) && request.prompt.len() > 1 {
        return refuse(ErrorCode::InvalidRequest, "prompt none stands alone");
    }
    Ok(())
}

/// OpenID Connect Core §3.1.2.1 `max_age`; OpenID Connect Registration §2 `default_max_age`.
fn max_age(asked: &Asked<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    let Some(text) = asked.params.get("max_age") else {
        request.max_age = asked.client.default_max_age;
        return Ok(());
    };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<i64>() {
        Ok(seconds) if digits => {
            request.max_age = Some(seconds);
            Ok(())
        }
        _ => refuse(ErrorCode::InvalidRequest, "max_age must be a number of seconds"),
    }
}

/// OpenID Connect Core §3.1.2.1 `login_hint`, `ui_locales`: hints, never a reason to refuse.
#[expect(clippy::unnecessary_wraps, reason = "a row of the table")]
fn hints(asked: &Asked<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    request.login_hint = asked.params.get("login_hint").filter(|hint| hint.len() <= 320).map(str::to_owned);
    request.ui_locales = asked.params.list("ui_locales").into_iter().filter(|tag| tag.len() <= 35).take(8).collect();
    Ok(())
}

/// OpenID Connect Core §3.1.2.1 `acr_values`: a voluntary wish, the best first.
fn acr_values(asked: &Asked<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    request.acr_values = asked.params.list("acr_values");
    if request.acr_values.len() > 16 || request.acr_values.iter().any(|acr| acr.len() > 128) {
        return refuse(ErrorCode::InvalidRequest, "acr_values is too long");
    }
    if request.acr_values.is_empty() {
        request.acr_values.clone_from(&asked.client.default_acr_values);
    }
    Ok(())
}

/// OpenID Connect Core §5.5, §5.5.1.1.
fn claims_parameter(asked: &Asked<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    let Some(text) = asked.params.get("claims") else { return Ok(()) };
    let parsed = claims::parse(text)?;
    request.claims = parsed.wished;
    request.expected_sub = parsed.sub;
    if !parsed.acr_values.is_empty() {
        request.acr_values = parsed.acr_values;
        request.essential_acr = parsed.essential_acr;
    }
    Ok(())
}

/// OpenID Connect Core §3.1.2.1 `id_token_hint`: one of our ID tokens for this client, however old.
fn one_expected_person(asked: &Asked<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    let Some(text) = asked.params.get("id_token_hint") else { return Ok(()) };
    let Some(hint) =
        IdTokenHint::read(asked.keys, asked.config, text).filter(|hint| hint.aud == asked.client.client_id)
    else {
        return refuse(ErrorCode::InvalidRequest, "id_token_hint is not an ID token of ours for this client");
    };
    match &request.expected_sub {
        Some(sub) if *sub != hint.sub => {
            refuse(ErrorCode::InvalidRequest, "id_token_hint and claims name different persons")
        }
        _ => {
            request.expected_sub = Some(hint.sub);
            Ok(())
        }
    }
}

/// What matters of an ID token that comes back as a hint.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct IdTokenHint {
    iss: String,
    pub(super) sub: String,
    pub(super) aud: String,
}

impl IdTokenHint {
    /// `None` unless we have signed it, as an ID token. It may have expired.
    pub(super) fn read(keys: &Keys, config: &Config, text: &str) -> Option<Self> {
        keys.verify::<Self>(text, &[super::tokens::ID_TOKEN]).ok().filter(|hint| hint.iss == config.issuer)
    }
}

#[cfg(test)]
mod tests;
