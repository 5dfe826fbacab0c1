//! Redirect URIs: what may be registered, and what a request may name.
//!
//! A request's URI must equal a registered one byte for byte (OpenID Connect Core §3.1.2.1, RFC 9700 §2.1): no pattern,
//! no normalisation, no parser whose reading a browser might not share. The one exception is RFC 8252 §7.3: a native
//! client on a loopback address may use any port.

use url::{Host, Url};

/// Response parameters: a registered URI that brings one of its own could pass for our answer.
const RESERVED: [&str; 15] = [
    "access_token",
    "code",
    "error",
    "error_description",
    "error_uri",
    "expires_in",
    "id_token",
    "iss",
    "request_uri",
    "response",
    "scope",
    "session_state",
    "state",
    "sub_jwk",
    "token_type",
];

/// Longest URI that can be registered, in bytes.
const LONGEST: usize = 1024;

/// Checks a URI that a client wants to register. `native` clients may use schemes of their own.
///
/// # Errors
/// One sentence that says what is wrong and what would be right.
pub fn check(text: &str, native: bool) -> Result<(), String> {
    if text.len() > LONGEST || !text.bytes().all(|byte| matches!(byte, b'!'..=b'~')) {
        return Err(format!("must be at most {LONGEST} printable ASCII characters"));
    }
    if text.contains(['#', '\\', '*', '"', '<', '>', '`', '{', '}', '|', '^']) {
        return Err("must have no fragment, no wildcard and no character that a URI cannot have".to_owned());
    }
    let url = Url::parse(text).map_err(|error| format!("is not an absolute URI: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() || authority(text).contains('@') {
        return Err("must have no user name or password".to_owned());
    }
    check_scheme(&url, native)?;
    // Whatever a browser would rewrite (case, dot segments, default port) is written out, so that text is what counts.
    if url.as_str() != text && url.as_str() != format!("{text}/") {
        return Err(format!("is not in normal form: write {url}"));
    }
    match url.query_pairs().find(|(name, _)| RESERVED.contains(&name.as_ref())) {
        Some((name, _)) => Err(format!("must not have the reserved parameter {name}")),
        None => Ok(()),
    }
}

fn authority(text: &str) -> &str {
    let rest = text.split_once("//").map_or("", |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or_default()
}

fn check_scheme(url: &Url, native: bool) -> Result<(), String> {
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(url) => Ok(()),
        "http" => Err("http is for localhost, 127.0.0.1 and [::1] only: use https".to_owned()),
        // RFC 8252 §7.1: a private-use scheme is a reversed domain name, which no browser scheme is.
        scheme if native && scheme.contains('.') && !scheme.ends_with('.') => Ok(()),
        scheme if native => Err(format!("scheme {scheme} is not a reversed domain name (RFC 8252 §7.1)")),
        scheme => Err(format!("scheme {scheme} is not allowed for a web client: use https")),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.octets() == [127, 0, 0, 1],
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether a request may name `asked`, given what is registered.
pub fn matches(registered: &str, asked: &str, native: bool) -> bool {
    if registered == asked {
        return true;
    }
    native && loopback_without_port(registered).is_some_and(|known| Some(known) == loopback_without_port(asked))
}

/// Host and path of `http://127.0.0.1[:port]…` or `http://[::1][:port]…`, without the port.
fn loopback_without_port(text: &str) -> Option<(&str, &str)> {
    let (host, rest) = ["http://127.0.0.1", "http://[::1]"]
        .into_iter()
        .find_map(|host| text.strip_prefix(host).map(|rest| (host, rest)))?;
    let path = match rest.strip_prefix(':') {
        None => rest,
        Some(port_and_path) => {
            let digits = port_and_path.bytes().take_while(u8::is_ascii_digit).count();
            let (port, path) = port_and_path.split_at(digits);
            port.parse::<u16>().ok().filter(|port| *port != 0)?;
            path
        }
    };
    (path.is_empty() || path.starts_with(['/', '?'])).then_some((host, path))
}

/// Scheme, host and port, as a person should see where they are going.
pub fn origin(uri: &str) -> String {
    match Url::parse(uri) {
        Ok(url) if url.origin().is_tuple() => url.origin().ascii_serialization(),
        Ok(url) => format!("{}:", url.scheme()),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTERED: &str = "https://rp.example/cb?kind=a";

    #[test]
    fn what_may_be_registered() {
        for good in [
            "https://rp.example",
            "https://rp.example/",
            "https://rp.example/cb",
            "https://rp.example:8443/test/a/x/callback?dummy1=lorem&dummy2=ipsum",
            "http://localhost:8081/cb",
            "http://127.0.0.1/cb",
            "http://[::1]:9000/cb",
        ] {
            assert_eq!(check(good, false), Ok(()), "{good}");
        }
        assert_eq!(check("com.example.app:/cb", true), Ok(()));
    }

    #[test]
    fn what_may_not_be_registered() {
        for bad in [
            "",
            "/cb",
            "//rp.example/cb",
            "http://rp.example/cb",
            "http://127.0.0.2/cb",
            "http://localhost.evil.example/cb",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "java\tscript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "blob:https://rp.example/x",
            "com.example.app:/cb",
            "https://rp.example/cb#",
            "https://rp.example/cb#code=x",
            "https://user@rp.example/cb",
            "https://user:pass@rp.example/cb",
            "https://a@b@rp.example/cb",
            "https://@rp.example/cb",
            "https://*.rp.example/cb",
            "https://rp.example/*",
            "https://rp.example/a/../cb",
            "https://rp.example/a/%2e%2e/cb",
            "https://rp.example\\@evil.example/cb",
            "https://RP.example/cb",
            "https://rp.example:443/cb",
            "https://rp.example/cb?code=1",
            "https://rp.example/cb?x=1&state=2",
            "https://rp.example/cb?i%73s=x",
            "https://rp.example/c b",
            "https://rp.exämple/cb",
            "https:rp.example/cb",
            "https:///rp.example/cb",
        ] {
            assert!(check(bad, false).is_err(), "{bad}");
        }
        for bad in ["myapp:/cb", "javascript:x.y", "intent:/cb", "data:a.b"] {
            assert!(check(bad, true).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_the_registered_text_matches() {
        assert!(matches(REGISTERED, REGISTERED, false));
        let mut mutations = vec![
            "https://rp.example/cb".to_owned(),
            "https://rp.example/cb?kind=a&x=1".to_owned(),
            "https://rp.example/cb/?kind=a".to_owned(),
            "https://rp.example/CB?kind=a".to_owned(),
            "http://rp.example/cb?kind=a".to_owned(),
            "https://rp.example:443/cb?kind=a".to_owned(),
            "https://rp.example./cb?kind=a".to_owned(),
            "https://rp.example.evil.example/cb?kind=a".to_owned(),
            "https://evil.example/https://rp.example/cb?kind=a".to_owned(),
            "https://rp.example@evil.example/cb?kind=a".to_owned(),
            "https://evil.example@rp.example/cb?kind=a".to_owned(),
            "https://a@b@rp.example/cb?kind=a".to_owned(),
            "https://rp.example\\.evil.example/cb?kind=a".to_owned(),
            "https://rp.example/x/../cb?kind=a".to_owned(),
            "https://rp.example/x/..;/cb?kind=a".to_owned(),
            "https://rp.example/%63b?kind=a".to_owned(),
            "https://rp.example/cb?kind=a#code=stolen".to_owned(),
            "https://rp.example/cb?kind=a ".to_owned(),
            " https://rp.example/cb?kind=a".to_owned(),
            "https://rp.example/cb?kind=a%00".to_owned(),
            "https://rpxexample/cb?kind=a".to_owned(),
            REGISTERED.to_uppercase(),
            String::new(),
        ];
        // Every single-character change, deletion and insertion at every place.
        for at in 0..REGISTERED.len() {
            let (head, tail) = REGISTERED.split_at(at);
            for inserted in ["@", "/", "\\", "#", "?", ".", "%", "\t", "a", "\u{ff0f}"] {
                mutations.push(format!("{head}{inserted}{tail}"));
                mutations.push(format!("{head}{inserted}{}", &tail[1..]));
            }
            mutations.push(format!("{head}{}", &tail[1..]));
        }
        for asked in mutations.into_iter().filter(|asked| asked != REGISTERED) {
            assert!(!matches(REGISTERED, &asked, false), "{asked}");
            assert!(!matches(REGISTERED, &asked, true), "{asked}");
        }
    }

    #[test]
    fn a_native_client_may_choose_its_port_on_a_loopback_address_and_nothing_else() {
        let registered = "http://127.0.0.1/cb";
        for good in ["http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb", "http://127.0.0.1/cb"] {
            assert!(matches(registered, good, true), "{good}");
        }
        assert!(matches("http://[::1]:7000/cb", "http://[::1]:7001/cb", true));
        for bad in [
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:65536/cb",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:80@evil.example/cb",
            "http://127.0.0.1:80.evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://127.0.0.1:8080/cb/x",
            "http://127.0.0.1:8080/cb?x=1",
            "http://127.0.0.1:8080",
            "https://127.0.0.1:8080/cb",
            "http://localhost:8080/cb",
            "http://[::1]:8080/cb",
            "http://127.0.0.2:8080/cb",
        ] {
            assert!(!matches(registered, bad, true), "{bad}");
        }
        assert!(!matches(registered, "http://127.0.0.1:8080/cb", false), "a web client");
        assert!(!matches("https://127.0.0.1/cb", "https://127.0.0.1:81/cb", true), "https");
        assert!(!matches("http://localhost/cb", "http://localhost:81/cb", true), "a name is not an address");
    }
}
