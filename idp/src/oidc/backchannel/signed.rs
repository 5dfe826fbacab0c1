//! Signed requests (§7.1.1): all that is asked is in one JWT of the client.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::{
    app::App,
    clock::SECOND,
    oidc::{
        client::{Backchannel, Client},
        client_auth::{self, Audience},
        error::{ErrorCode, OAuthError},
        params::Params,
    },
    store::spent,
};

/// Farthest `exp`, and oldest `nbf`, in seconds from now: FAPI-CIBA §5.2.2 allows no more than an hour between them.
const LONGEST_LIFE: f64 = 3600.0;
/// How far another clock may be ahead or behind, in seconds.
const SKEW: f64 = 30.0;
/// Longest `jti`, in bytes.
const LONGEST_JTI: usize = 256;
/// What may stand beside a request object: the client's proof of who it is.
const BESIDE: [&str; 5] = ["request", "client_id", "client_secret", "client_assertion", "client_assertion_type"];
/// What a request can have (§7.1, RFC 9396 §2), and what is refused. Other claims are ignored, whatever they are.
const ASKED: [&str; 11] = [
    "scope",
    "client_notification_token",
    "acr_values",
    "login_hint",
    "login_hint_token",
    "id_token_hint",
    "binding_message",
    "user_code",
    "requested_expiry",
    "authorization_details",
    "resource",
];

/// §7.1.1: every one of these is required.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    exp: f64,
    iat: f64,
    nbf: f64,
    jti: String,
    #[serde(default, deserialize_with = "present")]
    client_id: Option<String>,
    #[serde(flatten)]
    asked: Map<String, Value>,
}

/// A member that is there must be a string.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

/// What is asked: as it stands in the form, or what its request object has, whose `jti` is then to be spent.
///
/// # Errors
/// `invalid_request` when a client that signs does not, or one that does not does; when the object is not good, or has
/// company (§7.1.1: the parameters "MUST NOT" be outside of it).
pub(super) fn unpack(
    app: &App,
    client: &Client,
    registered: &Backchannel,
    params: Params,
) -> Result<(Params, Option<spent::Model>), OAuthError> {
    let refused = |reason: &'static str| Err(OAuthError::new(ErrorCode::InvalidRequest, reason));
    if params.get("request_uri").is_some() {
        return refused("request_uri is not for this endpoint");
    }
    let (text, alg) = match (params.get("request"), registered.signing_alg) {
        (None, None) => return Ok((params, None)),
        (None, Some(_)) => return refused("the client is registered for signed requests: request is missing"),
        (Some(_), None) => return refused("the client is not registered for signed requests"),
        (Some(text), Some(alg)) => (text, alg),
    };
    if params.all().iter().any(|(name, _)| !BESIDE.contains(&name.as_str())) {
        return refused("parameters beside a signed request");
    }
    let bad =
        |reason: String| OAuthError::new(ErrorCode::InvalidRequest, "the request object is not good").logged(reason);
    let types = ["JWT", "jwt", "oauth-authz-req+jwt"];
    let claims: Claims =
        client_auth::verified(client, text, &types, Some(alg)).map_err(|error| bad(error.to_string()))?;
    let spent = check(app, client, &claims).map_err(|reason| bad(reason.to_owned()))?;
    Ok((parameters(claims.asked).map_err(|name| bad(format!("{name} has no value of ours")))?, Some(spent)))
}

fn check(app: &App, client: &Client, claims: &Claims) -> Result<spent::Model, &'static str> {
    #[expect(clippy::cast_precision_loss, reason = "seconds of this age fit into 52 bits")]
    let now = app.clock.seconds() as f64;
    if claims.iss != client.client_id || claims.client_id.as_ref().is_some_and(|id| *id != client.client_id) {
        return Err("iss must be the client_id");
    }
    // §7.1.1: it "MUST contain the value of the Issuer Identifier".
    if !claims.aud.is_us(&app.config) || !claims.aud.holds(&app.config.issuer) {
        return Err("aud is not us alone, by the issuer");
    }
    if !(claims.exp > now - SKEW && claims.exp <= now + LONGEST_LIFE + SKEW) {
        return Err("exp is past, or more than an hour ahead");
    }
    if !(claims.nbf <= now + SKEW && claims.nbf >= now - LONGEST_LIFE - SKEW) {
        return Err("nbf is in the future, or more than an hour ago");
    }
    if claims.exp - claims.nbf > LONGEST_LIFE {
        return Err("exp is more than an hour after nbf");
    }
    if claims.iat > now + SKEW {
        return Err("iat is in the future");
    }
    if claims.jti.is_empty() || claims.jti.len() > LONGEST_JTI {
        return Err("jti must have 1 to 256 bytes");
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded by the check of exp above")]
    let expires_at = ((claims.exp + SKEW) as i64 + 1) * SECOND;
    let hash = app.seal.hash("backchannel request", &format!("{}\0{}", client.client_id, claims.jti));
    Ok(spent::Model { purpose: "backchannel request".to_owned(), hash, expires_at })
}

/// Strings as they are, numbers in digits; lists and objects, such as `authorization_details`, as JSON (RFC 9101 §4).
fn parameters(asked: Map<String, Value>) -> Result<Params, String> {
    let text = |(name, value): (String, Value)| match value {
        Value::String(text) => Ok((name, text)),
        Value::Number(number) => Ok((name, number.to_string())),
        Value::Array(_) | Value::Object(_) => Ok((name, value.to_string())),
        Value::Null | Value::Bool(_) => Err(name),
    };
    let named = asked.into_iter().filter(|(name, _)| ASKED.contains(&name.as_str()));
    Ok(Params::of(named.map(text).collect::<Result<Vec<_>, _>>()?))
}
