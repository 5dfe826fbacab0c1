//! Client metadata (RFC 7591 §2, OpenID Connect Registration §2) as it is written in `clients_file`, read field by field
//! so that every complaint names its field.

use serde_json::{Map, Value};

use super::{
    client::{AuthMethod, Client},
    device, redirect_uri,
};
use crate::keys::jws::{Alg, PublicKey};

pub(super) mod backchannel;

/// What is wrong with one field.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{field}` {reason}")]
pub struct FieldError {
    /// Name of the field.
    pub field: String,
    /// What is wrong with it, and what would be right.
    pub reason: String,
}

fn wrong(field: &str, reason: impl Into<String>) -> FieldError {
    FieldError { field: field.to_owned(), reason: reason.into() }
}

/// Grants that a client can be registered for.
const GRANTS: [&str; 4] = ["authorization_code", "refresh_token", backchannel::GRANT, device::GRANT];

struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Result<Option<&'a str>, FieldError> {
        self.get(name).map(|value| value.as_str().ok_or_else(|| wrong(name, "must be a string"))).transpose()
    }

    fn flag(&self, name: &str) -> Result<bool, FieldError> {
        self.get(name).map_or(Ok(false), |value| value.as_bool().ok_or_else(|| wrong(name, "must be true or false")))
    }

    fn list(&self, name: &str) -> Result<Option<Vec<String>>, FieldError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let strings = value.as_array().and_then(|items| {
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<String>>>()
        });
        strings.map(Some).ok_or_else(|| wrong(name, "must be an array of strings"))
    }

    /// A list whose members are all known; absent: `default`.
    fn known(&self, name: &str, known: &[&str], default: &str) -> Result<Vec<String>, FieldError> {
        let list = self.list(name)?.unwrap_or_else(|| vec![default.to_owned()]);
        match list.iter().find(|item| !known.contains(&item.as_str())) {
            Some(item) => Err(wrong(name, format!("{item:?} is not supported; there is {}", known.join(", ")))),
            None => Ok(list),
        }
    }

    /// One of a few words; absent: the first.
    fn choice(&self, name: &str, words: &[&'static str]) -> Result<&'static str, FieldError> {
        let Some(text) = self.text(name)? else { return Ok(words[0]) };
        words
            .iter()
            .find(|word| **word == text)
            .copied()
            .ok_or_else(|| wrong(name, format!("must be one of {}, not {text:?}", words.join(", "))))
    }
}

/// Reads one client. `secret_hash` is the keyed hash of its secret, where it has one.
///
/// # Errors
/// The first field that cannot be used.
pub(super) fn read(metadata: &Value, secret_hash: Option<String>) -> Result<Client, FieldError> {
    let object = metadata.as_object().ok_or_else(|| wrong("(entry)", "must be a JSON object"))?;
    let fields = Fields(object);
    refuse_unsupported(&fields)?;
    let client_id = client_id(&fields)?;
    let native = fields.choice("application_type", &["web", "native"])? == "native";
    let auth_method = auth_method(&fields)?;
    let keys = keys(&fields)?;
    check_credentials(auth_method, secret_hash.is_some(), &keys)?;
    fields.known("response_types", &["code"], "code")?;
    let grants = fields.known("grant_types", &GRANTS, "authorization_code")?;
    let may = |grant: &str| grants.iter().any(|known| known == grant);
    let redirect_uris = uris(&fields, "redirect_uris", native)?;
    if redirect_uris.is_empty() && may("authorization_code") {
        return Err(wrong("redirect_uris", "must have at least one URI"));
    }
    let pairwise = fields.choice("subject_type", &["public", "pairwise"])? == "pairwise";
    Ok(Client {
        client_name: fields.text("client_name")?.unwrap_or(&client_id).to_owned(),
        sector: sector(&client_id, &redirect_uris, pairwise)?,
        post_logout_redirect_uris: uris(&fields, "post_logout_redirect_uris", native)?,
        scope: fields.text("scope")?.map(|text| text.split_whitespace().map(str::to_owned).collect()),
        id_token_alg: match fields.choice("id_token_signed_response_alg", &["ES256", "RS256"])? {
            "RS256" => Alg::Rs256,
            _ => Alg::Es256,
        },
        default_max_age: default_max_age(&fields)?,
        default_acr_values: fields.list("default_acr_values")?.unwrap_or_default(),
        details_types: fields.list("authorization_details_types")?,
        require_pushed: fields.flag("require_pushed_authorization_requests")?,
        dpop_bound: fields.flag("dpop_bound_access_tokens")?,
        require_pkce: fields.flag("require_pkce")?,
        trusted: fields.flag("enum_trusted")?,
        codes: may("authorization_code"),
        device: may(device::GRANT),
        refresh: may("refresh_token"),
        backchannel: backchannel::read(&fields, &grants, auth_method, &keys)?,
        client_id,
        redirect_uris,
        native,
        pairwise,
        auth_method,
        secret_hash,
        keys,
        metadata: without_secret(object),
    })
}

/// Things that a client would rely on and that we do not do: better refused at load than found out later.
fn refuse_unsupported(fields: &Fields<'_>) -> Result<(), FieldError> {
    const UNSUPPORTED: [(&str, &str); 6] = [
        ("jwks_uri", "is not supported: put the keys into `jwks`"),
        ("sector_identifier_uri", "is not supported: use one host in all redirect_uris"),
        ("id_token_encrypted_response_alg", "is not supported"),
        ("userinfo_signed_response_alg", "is not supported: userinfo answers plain JSON"),
        ("userinfo_encrypted_response_alg", "is not supported: userinfo answers plain JSON"),
        ("request_object_signing_alg", "is not supported: push requests instead (RFC 9126)"),
    ];
    match UNSUPPORTED.iter().find(|(name, _)| fields.get(name).is_some()) {
        Some((name, reason)) => Err(wrong(name, *reason)),
        None => Ok(()),
    }
}

fn client_id(fields: &Fields<'_>) -> Result<String, FieldError> {
    let id = fields.text("client_id")?.ok_or_else(|| wrong("client_id", "is missing"))?;
    if id.is_empty() || id.len() > 128 || !id.bytes().all(|byte| matches!(byte, b'!'..=b'~')) {
        return Err(wrong("client_id", "must be 1 to 128 printable ASCII characters without spaces"));
    }
    Ok(id.to_owned())
}

fn auth_method(fields: &Fields<'_>) -> Result<AuthMethod, FieldError> {
    const METHODS: [&str; 4] = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
    Ok(match fields.choice("token_endpoint_auth_method", &METHODS)? {
        "client_secret_post" => AuthMethod::SecretPost,
        "private_key_jwt" => AuthMethod::PrivateKeyJwt,
        "none" => AuthMethod::None,
        _ => AuthMethod::SecretBasic,
    })
}

fn keys(fields: &Fields<'_>) -> Result<Vec<PublicKey>, FieldError> {
    let alg = match fields.text("token_endpoint_auth_signing_alg")? {
        None => None,
        Some(name) => Some(
            Alg::parse(name)
                .ok_or_else(|| wrong("token_endpoint_auth_signing_alg", format!("{name:?} is not supported")))?,
        ),
    };
    let Some(jwks) = fields.get("jwks") else { return Ok(Vec::new()) };
    let list =
        jwks.get("keys").and_then(Value::as_array).ok_or_else(|| wrong("jwks", "must be an object with `keys`"))?;
    // RFC 7517 §5: keys of other uses or types are passed over, but never a private one.
    let for_signing = list.iter().filter(|key| key.get("use").is_none_or(|used| used == "sig"));
    for_signing.map(|jwk| PublicKey::from_jwk(jwk, alg).map_err(|reason| wrong("jwks", reason))).collect()
}

fn check_credentials(method: AuthMethod, secret: bool, keys: &[PublicKey]) -> Result<(), FieldError> {
    match method {
        AuthMethod::SecretBasic | AuthMethod::SecretPost if !secret => {
            Err(wrong("client_secret", "is missing (or set token_endpoint_auth_method to none for a public client)"))
        }
        AuthMethod::PrivateKeyJwt if keys.is_empty() => Err(wrong("jwks", "must have a key for private_key_jwt")),
        AuthMethod::None if secret => {
            Err(wrong("client_secret", "must not be given with token_endpoint_auth_method none"))
        }
        _ => Ok(()),
    }
}

fn uris(fields: &Fields<'_>, name: &str, native: bool) -> Result<Vec<String>, FieldError> {
    let list = fields.list(name)?.unwrap_or_default();
    for uri in &list {
        redirect_uri::check(uri, native).map_err(|reason| wrong(name, format!("{uri:?} {reason}")))?;
    }
    Ok(list)
}

/// OpenID Connect Core §8.1: the host of the redirect URIs; several hosts would need a `sector_identifier_uri`.
fn sector(client_id: &str, redirect_uris: &[String], pairwise: bool) -> Result<String, FieldError> {
    let mut hosts: Vec<String> = redirect_uris
        .iter()
        .map(|uri| url::Url::parse(uri).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default())
        .collect();
    hosts.dedup();
    match hosts.as_slice() {
        [host] if !host.is_empty() => Ok(host.clone()),
        _ if pairwise => Err(wrong("redirect_uris", "must all have one host for subject_type pairwise")),
        _ => Ok(client_id.to_owned()),
    }
}

fn default_max_age(fields: &Fields<'_>) -> Result<Option<i64>, FieldError> {
    let Some(value) = fields.get("default_max_age") else { return Ok(None) };
    let seconds = value.as_i64().filter(|seconds| *seconds >= 0);
    seconds.map(Some).ok_or_else(|| wrong("default_max_age", "must be a number of seconds"))
}

fn without_secret(object: &Map<String, Value>) -> Value {
    let mut shown = object.clone();
    shown.remove("client_secret");
    Value::Object(shown)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn with(changes: &Value) -> Result<Client, FieldError> {
        let mut metadata = json!({ "client_id": "shop", "redirect_uris": ["https://shop.example/cb"] });
        for (name, value) in changes.as_object().unwrap() {
            metadata[name] = value.clone();
        }
        let secret = metadata.get("client_secret").and_then(Value::as_str).map(|_| "hash".to_owned());
        read(&metadata, secret)
    }

    #[test]
    fn the_defaults_are_those_of_the_specifications_and_of_the_design() {
        let client = with(&json!({ "client_secret": "s" })).unwrap();
        assert_eq!(client.auth_method, AuthMethod::SecretBasic);
        assert_eq!(client.id_token_alg, Alg::Es256);
        assert_eq!(client.client_name, "shop");
        assert!(!client.native && !client.pairwise && !client.trusted && !client.refresh);
        assert!(client.metadata.get("client_secret").is_none());
    }

    #[test]
    fn every_complaint_names_its_field() {
        let field = |changes: Value| with(&changes).unwrap_err().field;
        assert_eq!(field(json!({})), "client_secret");
        assert_eq!(field(json!({ "client_secret": "s", "token_endpoint_auth_method": "none" })), "client_secret");
        assert_eq!(field(json!({ "token_endpoint_auth_method": "tls_client_auth" })), "token_endpoint_auth_method");
        assert_eq!(field(json!({ "token_endpoint_auth_method": "private_key_jwt" })), "jwks");
        assert_eq!(
            field(json!({ "client_secret": "s", "dpop_bound_access_tokens": "yes" })),
            "dpop_bound_access_tokens"
        );
        assert_eq!(field(json!({ "jwks_uri": "https://shop.example/jwks" })), "jwks_uri");
        let public = |changes: Value| {
            let mut all = json!({ "token_endpoint_auth_method": "none" });
            all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            with(&all).unwrap_err().field
        };
        assert_eq!(public(json!({ "client_id": "a b" })), "client_id");
        assert_eq!(public(json!({ "client_id": 7 })), "client_id");
        assert_eq!(public(json!({ "redirect_uris": [] })), "redirect_uris");
        assert_eq!(public(json!({ "redirect_uris": ["javascript:alert(1)"] })), "redirect_uris");
        assert_eq!(public(json!({ "redirect_uris": "https://shop.example/cb" })), "redirect_uris");
        assert_eq!(
            public(json!({ "post_logout_redirect_uris": ["http://shop.example/"] })),
            "post_logout_redirect_uris"
        );
        assert_eq!(public(json!({ "response_types": ["token"] })), "response_types");
        assert_eq!(public(json!({ "grant_types": ["password"] })), "grant_types");
        assert_eq!(public(json!({ "id_token_signed_response_alg": "none" })), "id_token_signed_response_alg");
        assert_eq!(public(json!({ "subject_type": "secret" })), "subject_type");
        assert_eq!(public(json!({ "grant_types": [backchannel::GRANT] })), "grant_types");
        assert_eq!(public(json!({ "backchannel_token_delivery_mode": "poll" })), "grant_types");
        assert_eq!(public(json!({ "default_max_age": -1 })), "default_max_age");
        assert_eq!(public(json!({ "enum_trusted": "yes" })), "enum_trusted");
        assert_eq!(public(json!({ "jwks": { "keys": [{ "kty": "oct", "k": "AA" }] } })), "jwks");
        let two_hosts =
            json!({ "subject_type": "pairwise", "redirect_uris": ["https://a.example/", "https://b.example/"] });
        assert_eq!(public(two_hosts), "redirect_uris");
    }

    #[test]
    fn backchannel_requests_are_registered_as_they_will_work() {
        let asks = |changes: Value| {
            let mut all = json!({ "client_secret": "s", "grant_types": [backchannel::GRANT] });
            all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            with(&all)
        };
        let field = |changes: Value| asks(changes).unwrap_err().field;
        let mode = "backchannel_token_delivery_mode";
        assert!(with(&json!({ "client_secret": "s" })).unwrap().backchannel.is_none());
        assert_eq!(asks(json!({ mode: "poll" })).unwrap().backchannel.unwrap().notified_at, None);
        assert_eq!(field(json!({})), mode);
        assert_eq!(field(json!({ mode: "push" })), mode);
        let endpoint = "backchannel_client_notification_endpoint";
        assert_eq!(field(json!({ mode: "ping" })), endpoint);
        for bad in
            ["http://shop.example/p", "ftp://shop.example/", "https://u:p@shop.example/", "https://s.example/#x", "x"]
        {
            assert_eq!(field(json!({ mode: "ping", endpoint: bad })), endpoint, "{bad}");
        }
        for good in ["https://shop.example/ping", "http://localhost:8082/ping", "http://127.0.0.1/ping"] {
            let client = asks(json!({ mode: "ping", endpoint: good })).unwrap();
            assert_eq!(client.backchannel.unwrap().notified_at.as_deref(), Some(good));
        }
        assert_eq!(
            field(json!({ mode: "poll", "backchannel_user_code_parameter": true })),
            "backchannel_user_code_parameter"
        );
        let alg = "backchannel_authentication_request_signing_alg";
        assert_eq!(field(json!({ mode: "poll", alg: "HS256" })), alg);
        assert_eq!(field(json!({ mode: "poll", alg: "none" })), alg);
        assert_eq!(field(json!({ mode: "poll", alg: "ES256" })), "jwks");
    }

    #[test]
    fn a_client_without_a_browser_needs_no_redirect_uri() {
        let device = json!({ "client_secret": "s", "grant_types": [device::GRANT], "redirect_uris": [] });
        let client = with(&device).unwrap();
        assert!(client.device && !client.refresh && client.redirect_uris.is_empty());
        assert!(!with(&json!({ "client_secret": "s" })).unwrap().device);
        let both =
            json!({ "client_secret": "s", "redirect_uris": [], "grant_types": [device::GRANT, "authorization_code"] });
        assert_eq!(with(&both).unwrap_err().field, "redirect_uris");
    }

    #[test]
    fn unknown_metadata_is_ignored_as_rfc_7591_wants() {
        assert!(with(&json!({ "client_secret": "s", "logo_uri": "https://x.example/l.png", "contacts": [] })).is_ok());
    }
}
