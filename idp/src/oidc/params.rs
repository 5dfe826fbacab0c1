//! Parameters of a request, from a query or a form.

use axum::{
    body::Bytes,
    http::{HeaderMap, header},
};
use url::form_urlencoded;

use super::error::{ErrorCode, OAuthError};

/// Most parameters that a request may have.
const MOST: usize = 64;

/// The parameters of one request; none is there twice, none is empty.
#[derive(Clone, Debug, Default)]
pub struct Params(Vec<(String, String)>);

/// A parameter that is there more than once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated;

impl From<Repeated> for OAuthError {
    fn from(_: Repeated) -> Self {
        Self::new(ErrorCode::InvalidRequest, "a parameter is repeated, or there are too many")
    }
}

impl Params {
    /// Reads `application/x-www-form-urlencoded` text. Parameters without a value count as absent (RFC 6749 §3.1).
    ///
    /// # Errors
    /// RFC 6749 §3.1: "Request and response parameters MUST NOT be included more than once."
    pub fn parse(text: &[u8]) -> Result<Self, Repeated> {
        let mut params: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(text) {
            if params.iter().any(|(known, _)| *known == name) || params.len() >= MOST {
                return Err(Repeated);
            }
            params.push((name.into_owned(), value.into_owned()));
        }
        params.retain(|(_, value)| !value.is_empty());
        Ok(Self(params))
    }

    /// The form of a POST.
    ///
    /// # Errors
    /// `invalid_request` when it is not a form, or a parameter is repeated.
    pub fn form(headers: &HeaderMap, body: &Bytes) -> Result<Self, OAuthError> {
        if !is_form(headers) {
            return Err(OAuthError::new(
                ErrorCode::InvalidRequest,
                "Content-Type must be application/x-www-form-urlencoded",
            ));
        }
        Ok(Self::parse(body)?)
    }

    /// Parameters that came in another way; those without a value count as absent.
    pub(super) fn of(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }

    /// All of them, as they came.
    pub(super) fn all(&self) -> &[(String, String)] {
        &self.0
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that must be there.
    ///
    /// # Errors
    /// `invalid_request`.
    pub fn require(&self, name: &str) -> Result<&str, OAuthError> {
        self.get(name).ok_or_else(|| OAuthError::new(ErrorCode::InvalidRequest, format!("{name} is missing")))
    }

    /// A space-separated list, without duplicates, in the order given.
    pub fn list(&self, name: &str) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        for word in self.get(name).unwrap_or_default().split(' ').filter(|word| !word.is_empty()) {
            if !words.iter().any(|known| known == word) {
                words.push(word.to_owned());
            }
        }
        words
    }
}

/// Whether the body says that it is a form.
pub fn is_form(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_repeated_parameter_is_refused_even_with_an_equal_or_empty_value() {
        assert_eq!(Params::parse(b"state=a&state=b").unwrap_err(), Repeated);
        assert_eq!(Params::parse(b"state=a&state=a").unwrap_err(), Repeated);
        assert_eq!(Params::parse(b"state=a&state=").unwrap_err(), Repeated);
        assert_eq!(Params::parse(b"redirect_uri=a&redirect%5furi=b").unwrap_err(), Repeated);
    }

    #[test]
    fn a_parameter_without_value_is_absent() {
        let params = Params::parse(b"state=&scope=openid+email+openid&x").unwrap();
        assert_eq!(params.get("state"), None);
        assert_eq!(params.get("x"), None);
        assert_eq!(params.list("scope"), ["openid", "email"]);
    }

    #[test]
    fn only_a_form_is_a_form() {
        let with = |value: &str| is_form(&HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().unwrap())]));
        assert!(with("application/x-www-form-urlencoded"));
        assert!(with("Application/X-WWW-Form-Urlencoded; charset=UTF-8"));
        assert!(!with("application/json"));
        assert!(!with("text/plain"));
        assert!(!is_form(&HeaderMap::new()));
    }
}
