//! What an administrator lets a plugin do.

use std::collections::{BTreeMap, BTreeSet};

use plugin_api::message::permission;
use url::Url;

use crate::outbound::Reach;

/// Permissions that need nobody's consent.
const FREE: [&str; 2] = [permission::LOG, "text"];
/// Permissions that are given by their name alone.
const PLAIN: [&str; 7] = [
    permission::STORE,
    permission::SECRET,
    permission::SECRET_REVEAL,
    permission::SCRIPT,
    permission::SCRIPT_LOOPBACK,
    permission::NAMELESS,
    permission::ADDRESSES,
];
const PUBLIC: &str = "http:";
const PRIVATE: &str = "http-private:";

/// A grant that means nothing, or nothing that could be meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{grant}` cannot be granted: {why}")]
pub struct BadGrant {
    grant: String,
    why: String,
}

/// What a plugin may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    plain: BTreeSet<String>,
    origins: BTreeMap<String, Reach>,
}

impl Grants {
    /// Reads grants as an administrator writes them.
    ///
    /// # Errors
    /// The first that cannot be granted.
    pub fn parse(list: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, BadGrant> {
        let mut grants = Self::default();
        for grant in list {
            let grant = grant.as_ref();
            match origin_of(grant)? {
                Some((origin, reach)) => {
                    let known = grants.origins.entry(origin).or_insert(reach);
                    *known = reach.max(*known);
                }
                None if FREE.contains(&grant) => {}
                None if PLAIN.contains(&grant) => {
                    grants.plain.insert(grant.to_owned());
                }
                None => return Err(BadGrant { grant: grant.to_owned(), why: unknown(grant) }),
            }
        }
        Ok(grants)
    }

    /// The same in one way of writing.
    pub fn names(&self) -> Vec<String> {
        let origins = self.origins.iter().map(|(origin, reach)| match reach {
            Reach::Public => format!("{PUBLIC}{origin}"),
            Reach::Private => format!("{PRIVATE}{origin}"),
        });
        self.plain.iter().cloned().chain(origins).collect()
    }

    /// What of `asked` they do not cover. A bare `http` is covered by any origin.
    pub fn missing<'a>(&self, asked: &'a [String]) -> Vec<&'a str> {
        asked.iter().map(String::as_str).filter(|name| !self.covers(name)).collect()
    }

    fn covers(&self, asked: &str) -> bool {
        if FREE.contains(&asked) {
            return true;
        }
        if asked == permission::HTTP {
            return !self.origins.is_empty();
        }
        match origin_of(asked) {
            Ok(Some((origin, reach))) => self.origins.get(&origin).is_some_and(|granted| *granted >= reach),
            _ => self.plain.contains(asked),
        }
    }

    /// Whether this permission, which has nothing to do with an origin, was granted.
    pub(super) fn allow(&self, name: &str) -> bool {
        self.plain.contains(name)
    }

    /// How far requests to this origin may go, if they may at all.
    pub(super) fn reach(&self, origin: &str) -> Option<Reach> {
        self.origins.get(origin).copied()
    }
}

/// Whether a manifest may ask for this.
pub(in crate::plugins) fn is_known(asked: &str) -> bool {
    FREE.contains(&asked)
        || PLAIN.contains(&asked)
        || asked == permission::HTTP
        || matches!(origin_of(asked), Ok(Some(_)))
}

/// Whether a plugin that asks for `asked` can be given `grant`: what it asks for, and any origin if it asks for `http`.
pub(in crate::plugins) fn fits(asked: &[String], grant: &str) -> bool {
    let same = |name: &String| {
        name == grant || matches!((origin_of(name), origin_of(grant)), (Ok(Some(a)), Ok(Some(b))) if a == b)
    };
    let any_origin = || asked.iter().any(|name| name == permission::HTTP) && matches!(origin_of(grant), Ok(Some(_)));
    grant != permission::HTTP && (asked.iter().any(same) || any_origin())
}

/// All that is asked for and can be granted as it stands: a bare `http` cannot, since somebody has to say where to.
pub(in crate::plugins) fn in_so_many_words(asked: &[String]) -> Vec<String> {
    asked.iter().filter(|name| *name != permission::HTTP).cloned().collect()
}

/// Who decides what a plugin may do.
#[derive(Clone, Copy, Debug)]
pub(in crate::plugins) enum Rights<'a> {
    /// Whoever pinned it in the configuration: all that it asks for in so many words, and these besides.
    Asked(&'a [String]),
    /// An administrator, in the catalog: these.
    Only(&'a [String]),
}

impl Rights<'_> {
    /// What that comes to for a plugin that asks for `asked`.
    ///
    /// # Errors
    /// A sentence for the administrator.
    pub(in crate::plugins) fn grants(self, asked: &[String]) -> Result<Grants, String> {
        let grants = match self {
            Self::Only(granted) => return Grants::parse(granted).map_err(|bad| bad.to_string()),
            Self::Asked(more) => {
                if let Some(stray) = more.iter().find(|grant| !fits(asked, grant)) {
                    // A grant that cannot be read fits nothing: then that is what to say.
                    Grants::parse([stray]).map_err(|bad| bad.to_string())?;
                    return Err(format!("`grants` names `{stray}`, which the plugin does not ask for"));
                }
                let asked = in_so_many_words(asked);
                Grants::parse(asked.iter().chain(more)).map_err(|bad| bad.to_string())?
            }
        };
        match grants.missing(asked).first() {
            Some(_) => {
                Err("it asks for `http`; name the origins that it may talk to in `grants` of its entry, such as \
                            `http:https://api.example`"
                    .to_owned())
            }
            None => Ok(grants),
        }
    }
}

/// Origin and reach of a grant for one; `None` when it is about something else.
fn origin_of(grant: &str) -> Result<Option<(String, Reach)>, BadGrant> {
    let (text, reach) = if let Some(text) = grant.strip_prefix(PRIVATE) {
        (text, Reach::Private)
    } else if let Some(text) = grant.strip_prefix(PUBLIC) {
        (text, Reach::Public)
    } else {
        return Ok(None);
    };
    let bad = |why: &str| BadGrant { grant: grant.to_owned(), why: why.to_owned() };
    let url =
        Url::parse(text).map_err(|_| bad("an origin looks like https://api.example or https://api.example:8443"))?;
    match (url.scheme(), reach) {
        ("https", _) | ("http", Reach::Private) => {}
        ("http", Reach::Public) => {
            return Err(bad("it must begin with https://; only `http-private:` may do without TLS"));
        }
        _ => return Err(bad("it must begin with https://")),
    }
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        return Err(bad("an origin is scheme, host and port, and nothing else"));
    }
    if reach.takes(&url).is_err() {
        return Err(bad("this address is not public; say `http-private:` if that is meant"));
    }
    Ok(Some((url.origin().ascii_serialization(), reach)))
}

fn unknown(grant: &str) -> String {
    if grant == permission::HTTP {
        return "say which origin, such as `http:https://api.example`".to_owned();
    }
    "there are `store`, `secret`, `secret.reveal`, `script`, `script.loopback`, `nameless`, `http:ORIGIN` and \
     `http-private:ORIGIN`"
        .to_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn list(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn an_origin_has_one_way_of_writing() {
        let grants =
            Grants::parse(["http:https://API.example:443/", "store", "http-private:http://10.0.0.5:8080"]).unwrap();
        assert_eq!(grants.names(), ["store", "http-private:http://10.0.0.5:8080", "http:https://api.example"]);
        assert_eq!(Grants::parse(grants.names()).unwrap(), grants);
        assert_eq!(grants.reach("https://api.example"), Some(Reach::Public));
        assert_eq!(grants.reach("https://api.example:8443"), None);
        assert_eq!(grants.reach("http://api.example"), None);
    }

    #[test]
    fn what_cannot_be_meant_is_not_granted() {
        for bad in [
            "http",
            "everything",
            "http:http://api.example",
            "http:https://api.example/path",
            "http:https://user@api.example",
            "http:https://api.example?q",
            "http:https://api.example#f",
            "http:ftp://api.example",
            "http-private:file:///etc",
            "http:api.example",
            "http:",
            // The same private addresses in all their guises.
            "http:https://127.0.0.1",
            "http:https://127.1",
            "http:https://0x7f.1",
            "http:https://2130706433",
            "http:https://017700000001",
            "http:https://[::1]",
            "http:https://[::ffff:127.0.0.1]",
            "http:https://169.254.169.254",
            "http:https://[fe80::1]",
            "http:https://10.1.2.3:8443",
        ] {
            let told = Grants::parse([bad]).unwrap_err().to_string();
            assert!(told.starts_with(&format!("`{bad}` cannot be granted: ")), "{told}");
        }
    }

    #[test]
    fn what_is_asked_is_covered_by_what_says_as_much() {
        let asked = list(&["log", "text", "store", "http", "http:https://api.example"]);
        assert_eq!(Grants::default().missing(&asked), ["store", "http", "http:https://api.example"]);
        let some = Grants::parse(["store", "http:https://other.example"]).unwrap();
        assert_eq!(some.missing(&asked), ["http:https://api.example"]);
        let more = Grants::parse(["store", "http-private:https://api.example"]).unwrap();
        assert_eq!(more.missing(&asked), Vec::<&str>::new());
        let asks_more = list(&["http-private:https://api.example"]);
        assert_eq!(Grants::parse(["http:https://api.example"]).unwrap().missing(&asks_more), asks_more);
    }

    #[test]
    fn only_what_was_asked_for_fits() {
        let asked = list(&["store", "http:https://api.example"]);
        assert!(fits(&asked, "store") && fits(&asked, "http:https://API.example:443"));
        assert!(!fits(&asked, "secret") && !fits(&asked, "http:https://other.example") && !fits(&asked, "http"));
        assert!(!fits(&asked, "http-private:https://api.example"), "more than it asks for");
        let anywhere = list(&["http"]);
        assert!(fits(&anywhere, "http:https://other.example") && fits(&anywhere, "http-private:http://10.0.0.1"));
        assert!(!fits(&anywhere, "http") && !fits(&anywhere, "http:http://api.example"));
    }

    #[test]
    fn a_pinned_plugin_gets_what_it_asks_for_in_so_many_words() {
        let asked = list(&["store", "http:https://api.example"]);
        assert_eq!(Rights::Asked(&[]).grants(&asked).unwrap().names(), ["store", "http:https://api.example"]);
        let told = Rights::Asked(&list(&["secret"])).grants(&asked).unwrap_err();
        assert!(told.contains("does not ask for"), "{told}");
        let told = Rights::Asked(&list(&["http:http://x"])).grants(&list(&["http"])).unwrap_err();
        assert!(told.contains("https://"), "{told}");
        let told = Rights::Asked(&[]).grants(&list(&["http"])).unwrap_err();
        assert!(told.contains("name the origins"), "{told}");
        assert_eq!(Rights::Only(&list(&["store"])).grants(&asked).unwrap().names(), ["store"]);
    }
}
