//! Claims about the person, and the `claims` parameter that asks for them one by one (OpenID Connect Core §5).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    error::{ErrorCode, OAuthError},
    scope,
};
use crate::store::account;

/// Every claim about the person that we can make.
pub(super) const SUPPORTED: [&str; 8] =
    ["name", "given_name", "family_name", "locale", "email", "email_verified", "phone_number", "phone_number_verified"];

/// Longest `claims` parameter, in bytes.
const LONGEST: usize = 4096;

/// What a `claims` parameter asks for, reduced to what can change our answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wished {
    /// Claims for userinfo.
    pub userinfo: Vec<String>,
    /// Claims for the ID token.
    pub id_token: Vec<String>,
}

impl Wished {
    /// Scopes whose consent covers these claims.
    pub fn scopes(&self) -> impl Iterator<Item = &'static str> {
        self.userinfo.iter().chain(&self.id_token).filter_map(|claim| scope::of_claim(claim))
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.userinfo.is_empty() && self.id_token.is_empty()
    }
}

/// A parsed `claims` parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) wished: Wished,
    /// `id_token.acr`: the values asked for.
    pub(super) acr_values: Vec<String>,
    /// `id_token.acr` is essential: without one of the values the login has failed (§5.5.1.1).
    pub(super) essential_acr: bool,
    /// `id_token.sub` or `userinfo.sub` with a value: only this person will do (§5.5).
    pub(super) sub: Option<String>,
}

/// Reads a `claims` parameter (§5.5). Claims that we do not know are ignored, as are members that we do not understand.
///
/// # Errors
/// `invalid_request` when it is not JSON, or not of the form of §5.5.
pub(super) fn parse(text: &str) -> Result<Parsed, OAuthError> {
    let wrong =
        || OAuthError::new(ErrorCode::InvalidRequest, "claims is not a valid claims request (OpenID Connect Core 5.5)");
    if text.len() > LONGEST {
        return Err(wrong());
    }
    let parsed: Map<String, Value> = serde_json::from_str(text).map_err(|_| wrong())?;
    let member = |name: &str| match parsed.get(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(claims)) if claims.values().all(is_request) => Ok(claims.clone()),
        Some(_) => Err(wrong()),
    };
    let (userinfo, id_token) = (member("userinfo")?, member("id_token")?);
    let acr = id_token.get("acr");
    Ok(Parsed {
        wished: Wished { userinfo: known(&userinfo), id_token: known(&id_token) },
        acr_values: acr.map(values).unwrap_or_default(),
        essential_acr: acr.is_some_and(|acr| acr["essential"] == true && !values(acr).is_empty()),
        sub: one_sub(&userinfo, &id_token).map_err(|()| wrong())?,
    })
}

fn is_request(request: &Value) -> bool {
    match request {
        Value::Null => true,
        Value::Object(members) => {
            members.get("essential").is_none_or(Value::is_boolean) && members.get("values").is_none_or(Value::is_array)
        }
        _ => false,
    }
}

fn known(claims: &Map<String, Value>) -> Vec<String> {
    // In one order, whatever `Map` makes of it: that depends on a feature that any crate of the build may switch on.
    let mut names: Vec<String> = claims.keys().filter(|name| SUPPORTED.contains(&name.as_str())).cloned().collect();
    names.sort_unstable();
    names
}

/// `value` or `values` of a claim request, where they are strings.
fn values(request: &Value) -> Vec<String> {
    let one = request.get("value").into_iter();
    let many = request.get("values").and_then(Value::as_array).into_iter().flatten();
    one.chain(many).filter_map(Value::as_str).map(str::to_owned).collect()
}

fn one_sub(userinfo: &Map<String, Value>, id_token: &Map<String, Value>) -> Result<Option<String>, ()> {
    let mut subs: Vec<&Value> =
        [userinfo, id_token].iter().filter_map(|claims| claims.get("sub")?.get("value")).collect();
    subs.dedup();
    match subs.as_slice() {
        [] => Ok(None),
        [sub] => sub.as_str().map(|sub| Some(sub.to_owned())).ok_or(()),
        _ => Err(()),
    }
}

/// The claims about an account that scopes and single wishes amount to, apart from `sub`.
pub(super) fn of_account(account: &account::Model, scope: &[String], wished: &[String]) -> Map<String, Value> {
    let asked = |claim: &str| {
        wished.iter().any(|name| name == claim)
            || scope::of_claim(claim).is_some_and(|covering| scope.iter().any(|granted| granted == covering))
    };
    SUPPORTED
        .iter()
        .filter(|claim| asked(claim))
        .filter_map(|claim| value(account, claim).map(|value| ((*claim).to_owned(), value)))
        .collect()
}

/// The value of one claim; `None` where the account has none (§5.3.2: it is then left out).
fn value(account: &account::Model, claim: &str) -> Option<Value> {
    let text = |text: &str| (!text.is_empty()).then(|| json!(text));
    match claim {
        "name" => text(&account.name()),
        "given_name" => text(&account.first_name),
        "family_name" => text(&account.last_name),
        "locale" => text(&account.locale),
        "email" => text(&account.email),
        // An account exists only once its mailed link was followed, or an operator vouched for it.
        "email_verified" => text(&account.email).map(|_| json!(true)),
        "phone_number" => text(&account.phone),
        // It can only be used once the code sent to the number was returned.
        "phone_number_verified" => text(&account.phone).map(|_| json!(true)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_example_of_core_5_5_is_understood() {
        let parsed = parse(
            r#"{ "userinfo": {
                   "given_name": {"essential": true}, "nickname": null, "email": {"essential": true},
                   "email_verified": {"essential": true}, "picture": null,
                   "http://example.info/claims/groups": null },
                 "id_token": { "auth_time": {"essential": true}, "acr": {"values": ["urn:mace:incommon:iap:silver"]} } }"#,
        )
        .unwrap();
        assert_eq!(parsed.wished.userinfo, ["email", "email_verified", "given_name"]);
        assert!(parsed.wished.id_token.is_empty());
        assert_eq!(parsed.acr_values, ["urn:mace:incommon:iap:silver"]);
        assert!(!parsed.essential_acr);
        let mut scopes: Vec<_> = parsed.wished.scopes().collect();
        scopes.dedup();
        assert_eq!(scopes, ["email", "profile"]);
    }

    #[test]
    fn essential_acr_and_sub_are_understood() {
        let parsed = parse(r#"{"id_token":{"acr":{"essential":true,"value":"phr"},"sub":{"value":"a"}}}"#).unwrap();
        assert!(parsed.essential_acr);
        assert_eq!(parsed.acr_values, ["phr"]);
        assert_eq!(parsed.sub.as_deref(), Some("a"));
        assert!(parse(r#"{"id_token":{"sub":{"value":"a"}},"userinfo":{"sub":{"value":"b"}}}"#).is_err());
    }

    #[test]
    fn what_is_not_a_claims_request_is_refused() {
        for bad in [
            "",
            "x",
            "[]",
            "7",
            r#"{"userinfo":[]}"#,
            r#"{"userinfo":{"name":7}}"#,
            r#"{"id_token":{"acr":{"values":"x"}}}"#,
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse(&format!(r#"{{"x":"{}"}}"#, "a".repeat(LONGEST))).is_err());
        assert!(parse("{}").is_ok());
    }
}
