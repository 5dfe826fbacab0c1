//! What is asked for, apart from of whom (§7.1).

use super::kept::Notify;
use crate::{
    app::App,
    clock::{Millis, SECOND},
    oidc::{
        client::{Backchannel, Client},
        error::{ErrorCode, OAuthError, Refusal},
        params::Params,
        payment,
        request::{AuthorizationRequest, BackchannelRequest, Prompt},
        scope,
    },
    pages::texts,
};

/// Characters of a binding message: §7.1 wants it "relatively short".
const LONGEST_MESSAGE: usize = 100;
/// §7.1: "The token length MUST NOT exceed 1024 characters".
const LONGEST_TOKEN: usize = 1024;
/// Most values of `acr_values`, and bytes of each.
const LEVELS: (usize, usize) = (16, 128);
/// Shortest time that a request waits, whatever is wished: nobody answers faster.
const SHORTEST_LIFE: i64 = 30;

/// What passed the checks.
pub(super) struct Wish {
    request: AuthorizationRequest,
    binding_message: Option<String>,
    /// How the client is told that there is an answer.
    pub(super) notify: Option<Notify>,
    /// How long it waits for its person.
    pub(super) life: Millis,
}

impl Wish {
    /// The request for `account_id`, which may answer it, stored as `id`.
    pub(super) fn request_of(&self, id: &str, account_id: &str) -> AuthorizationRequest {
        let backchannel = BackchannelRequest {
            id: id.to_owned(),
            account_id: account_id.to_owned(),
            binding_message: self.binding_message.clone(),
        };
        AuthorizationRequest { backchannel: Some(backchannel), ..self.request.clone() }
    }
}

/// Reads it.
///
/// # Errors
/// `invalid_scope`, `invalid_binding_message`, `invalid_authorization_details`, `invalid_request` (§13).
pub(super) async fn read(
    app: &App,
    client: &Client,
    registered: &Backchannel,
    params: &Params,
) -> Result<Wish, Refusal> {
    // People see whose request it is by the site that the client is registered with.
    let site = client.redirect_uris.first().map_or("", String::as_str);
    let mut request = AuthorizationRequest::new(&client.client_id, site);
    // What somebody proved before this was asked answers nothing.
    request.prompt = vec![Prompt::Login];
    request.scope = scope(client, params)?;
    request.acr_values = levels(client, params)?;
    let binding_message = binding_message(params)?;
    let notify = notify(registered, params)?;
    let life = life(app, params)?;
    if let Some(details) = params.get("authorization_details") {
        request.payment = Some(payment::read(app, client, site, details).await?);
    }
    Ok(Wish { request, binding_message, notify, life })
}

/// §7.1: "scope … MUST contain the openid scope value". Nobody becomes an administrator this way.
fn scope(client: &Client, params: &Params) -> Result<Vec<String>, OAuthError> {
    let mut scope = scope::possible(client, &params.list("scope"));
    scope.retain(|scope| scope != scope::ADMIN);
    if scope.iter().any(|scope| scope == "openid") {
        return Ok(scope);
    }
    Err(OAuthError::new(ErrorCode::InvalidScope, "scope must contain openid"))
}

fn levels(client: &Client, params: &Params) -> Result<Vec<String>, OAuthError> {
    let levels = params.list("acr_values");
    if levels.len() > LEVELS.0 || levels.iter().any(|level| level.len() > LEVELS.1) {
        return Err(OAuthError::new(ErrorCode::InvalidRequest, "acr_values is too long"));
    }
    Ok(if levels.is_empty() { client.default_acr_values.clone() } else { levels })
}

/// One line of plain words: nothing that turns the direction of writing, and no address that somebody could follow.
fn binding_message(params: &Params) -> Result<Option<String>, OAuthError> {
    let Some(message) = params.get("binding_message") else { return Ok(None) };
    let bad = |c: char| c.is_control() || texts::turns(c) || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    let is_plain = !message.chars().any(bad) && !message.contains("://") && !message.trim().is_empty();
    if is_plain && message.chars().count() <= LONGEST_MESSAGE {
        return Ok(Some(message.to_owned()));
    }
    let rule = "binding_message must be one line of at most 100 characters, without control characters and addresses";
    Err(OAuthError::new(ErrorCode::InvalidBindingMessage, rule))
}

/// §7.1: `client_notification_token` is required where the client is notified, and is a bearer token (RFC 6750 §2.1).
fn notify(registered: &Backchannel, params: &Params) -> Result<Option<Notify>, OAuthError> {
    let Some(endpoint) = &registered.notified_at else { return Ok(None) };
    let token = params.require("client_notification_token")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    let body = token.trim_end_matches('=');
    if body.is_empty() || token.len() > LONGEST_TOKEN || !body.bytes().all(plain) {
        return Err(OAuthError::new(ErrorCode::InvalidRequest, "client_notification_token is not a bearer token"));
    }
    Ok(Some(Notify { endpoint: endpoint.clone(), token: token.to_owned() }))
}

/// §7.1: "requested_expiry … A positive integer", which the answer's `expires_in` need not follow.
fn life(app: &App, params: &Params) -> Result<Millis, OAuthError> {
    let settings = &app.config.backchannel;
    let Some(text) = params.get("requested_expiry") else { return Ok(settings.expiry_seconds * SECOND) };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<i64>() {
        Ok(seconds) if digits && seconds > 0 => Ok(seconds.clamp(SHORTEST_LIFE, settings.longest_seconds) * SECOND),
        _ => Err(OAuthError::new(ErrorCode::InvalidRequest, "requested_expiry must be a positive number of seconds")),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn given(name: &str, value: &str) -> Params {
        Params::of([(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn a_binding_message_is_one_plain_line() {
        let read = |text: &str| binding_message(&given("binding_message", text)).map_err(|error| error.code);
        for good in ["W4SCT", "Order 7 – 10,50 WMZ", "Заказ 7", "Đơn hàng 7 ☕", &"x".repeat(100)] {
            assert_eq!(read(good).unwrap().as_deref(), Some(good));
        }
        let long = "x".repeat(101);
        for bad in ["a\nb", "a\u{202e}b", "\u{2066}x", "see https://evil.example", " ", "a\u{0}", "a\u{2028}b", &long] {
            assert_eq!(read(bad), Err(ErrorCode::InvalidBindingMessage), "{bad:?}");
        }
    }

    #[test]
    fn a_notification_token_is_a_bearer_token() {
        let registered = Backchannel { notified_at: Some("https://shop.example/p".to_owned()), signing_alg: None };
        let read = |token: &str| notify(&registered, &given("client_notification_token", token)).is_ok();
        assert!(read("8d67dc78-7faa-4d41-aabd-67707b374255") && read("YWJj==") && read(&"x".repeat(1024)));
        for bad in ["", "a b", "=", "a=b", "a\r\nX: y", "ключ", &"x".repeat(1025)] {
            assert!(!read(bad), "{bad:?}");
        }
        let polls = Backchannel { notified_at: None, signing_alg: None };
        assert!(notify(&polls, &Params::default()).unwrap().is_none());
    }
}
