//! `authorization_details` (RFC 9396): from what a relying party pushed to the one canonical transaction.

use plugin_api::message::{MapDetails, MappedDetails};
use serde_json::Value;

use super::{
    client::Client,
    error::{ErrorCode, OAuthError, Refusal, server_error},
    request::PaymentRequest,
};
use crate::{app::App, error::Internal, plugins::CallError};

/// Longest `authorization_details`, in bytes.
const LONGEST: usize = 8 * 1024;

/// Reads the parameter, whose answer will go to `redirect_uri`.
///
/// # Errors
/// `invalid_authorization_details` (RFC 9396 §5) when the type is unknown or not for this client, the object does not fit
/// the type's schema, or its service refuses it; `temporarily_unavailable` when the service is busy.
pub(super) async fn read(
    app: &App,
    client: &Client,
    redirect_uri: &str,
    text: &str,
) -> Result<PaymentRequest, Refusal> {
    let details = one_object(text)?;
    let kind = details.get("type").and_then(Value::as_str).ok_or_else(|| invalid("an object has no type"))?;
    if client.details_types.as_ref().is_some_and(|types| !types.iter().any(|known| known == kind)) {
        return Err(invalid("the client is not registered for this type").into());
    }
    let service = app.plugins.service_for(kind).ok_or_else(|| invalid("the type is not supported"))?;
    service.validate(&details).map_err(invalid)?;
    let request = MapDetails { details, site: client.site_for(redirect_uri) };
    match service.map_details(&request).await.map_err(unavailable)? {
        MappedDetails::Transaction { transaction } => {
            app.pages.can_word(&transaction).map_err(invalid)?;
            Ok(PaymentRequest { details: request.details, transaction, service: service.id().to_owned() })
        }
        MappedDetails::Refused { reason } => Err(invalid(reason).into()),
    }
}

fn invalid(reason: impl Into<std::borrow::Cow<'static, str>>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidAuthorizationDetails, reason)
}

/// RFC 9396 §2: an array of objects. One payment at a time: what is shown must be all that is approved.
fn one_object(text: &str) -> Result<Value, OAuthError> {
    if text.len() > LONGEST {
        return Err(invalid("authorization_details is too long"));
    }
    let list: Vec<Value> = serde_json::from_str(text).map_err(|_| invalid("must be a JSON array of objects"))?;
    let Ok([details]) = <[Value; 1]>::try_from(list) else {
        return Err(invalid("exactly one object can be confirmed at a time"));
    };
    if details.is_object() { Ok(details) } else { Err(invalid("must be a JSON array of objects")) }
}

fn unavailable(error: CallError) -> Refusal {
    if error.is_temporary() {
        return OAuthError::new(ErrorCode::TemporarilyUnavailable, "try again in a moment")
            .logged(error.to_string())
            .into();
    }
    server_error(&Internal::Plugin(error)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_object_is_taken() {
        assert!(one_object(r#"[{"type":"payment_initiation"}]"#).is_ok());
        for bad in ["", "{}", "[]", "[7]", "[[]]", r#"{"type":"x"}"#, r#"[{"type":"x"},{"type":"x"}]"#, "null"] {
            assert_eq!(
                one_object(bad).map_err(|error| error.code),
                Err(ErrorCode::InvalidAuthorizationDetails),
                "{bad}"
            );
        }
        assert!(one_object(&format!(r#"[{{"type":"{}"}}]"#, "x".repeat(LONGEST))).is_err());
    }
}
