//! Whether two addresses are the same (RFC 9449 §4.3 (9), RFC 3986 §6.2.2, §6.2.3).

use std::fmt::Write as _;

use url::Url;

/// Compares the address of a proof with that of the request: query and fragment do not count, nor does how an address is
/// spelt.
pub(super) fn is_same(given: &str, expected: &str) -> bool {
    normal(given).is_some_and(|given| normal(expected) == Some(given))
}

/// Origin and path. `None` when it is no address, or has a name or password in it.
fn normal(text: &str) -> Option<(String, String)> {
    let url = Url::parse(text).ok().filter(|url| url.username().is_empty() && url.password().is_none())?;
    Some((url.origin().ascii_serialization(), spelt_plainly(url.path())))
}

/// Escapes of characters that need none are undone, the others have capital digits.
fn spelt_plainly(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        rest = match escaped(after) {
            Some((byte, after)) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                plain.push(char::from(byte));
                after
            }
            Some((byte, after)) => {
                // Writing into a String does not fail.
                let _ = write!(plain, "%{byte:02X}");
                after
            }
            None => {
                plain.push('%');
                after
            }
        };
    }
    plain + rest
}

fn escaped(text: &str) -> Option<(u8, &str)> {
    let (digits, rest) = text.split_at_checked(2)?;
    let byte = digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u8::from_str_radix(digits, 16).ok())??;
    Some((byte, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_spelt_in_several_ways() {
        let ours = "https://id.example/services/keeper/a~b%2Fc";
        for same in [
            ours,
            "HTTPS://ID.example:443/services/keeper/a~b%2fc",
            "https://id.example/services/x/../keeper/%61%7eb%2Fc?query=1#fragment",
        ] {
            assert!(is_same(same, ours), "{same}");
        }
    }

    #[test]
    fn another_address_is_another() {
        let ours = "https://id.example/token";
        for other in [
            "https://id.example/token/",
            "https://id.example/Token",
            "https://id.example",
            "http://id.example/token",
            "https://id.example:8443/token",
            "https://other.example/token",
            "https://id.example@other.example/token",
            "https://me@id.example/token",
            "https://id.example/token%2F",
            "https://id.example/tok%+6en",
            "/token",
            "data:token",
            "",
        ] {
            assert!(!is_same(other, ours), "{other}");
        }
    }
}
