//! Which wallet number (WMID) uses this account, and in which way.

use serde::{Deserialize, Serialize};

/// Digits of a WMID.
const DIGITS: usize = 12;

/// Kinds of keepers that have keys to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Keys in this storage; an account may link several numbers.
    Classic,
    /// One number and one e-mail address, once and for good: another number needs another address of the account.
    Light,
}

/// One link, as the program asks for it and as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// In which way.
    pub kind: Kind,
    /// Twelve digits.
    pub wmid: String,
    /// For [`Kind::Light`]: the address that it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// Most links of an account.
const MOST: usize = 20;

/// What became of a wish to link.
#[derive(Debug, PartialEq, Eq)]
pub enum Linked {
    /// It is there now.
    New,
    /// It was there.
    Already,
    /// It cannot be, for this reason.
    Refused(u16, &'static str),
}

/// Adds a link to those of an account that has these addresses.
pub fn add(links: &mut Vec<Link>, link: Link, addresses: &[String]) -> Linked {
    if link.wmid.len() != DIGITS || !link.wmid.bytes().all(|byte| byte.is_ascii_digit()) {
        return Linked::Refused(422, "wmid must have 12 digits");
    }
    match (link.kind, &link.email) {
        (Kind::Classic, Some(_)) => return Linked::Refused(422, "email is for the kind light"),
        (Kind::Light, None) => return Linked::Refused(422, "email is missing"),
        (Kind::Light, Some(email)) if !addresses.contains(email) => {
            return Linked::Refused(403, "email is not a confirmed address of the account");
        }
        _ => {}
    }
    if links.contains(&link) {
        return Linked::Already;
    }
    let light = |known: &&Link| known.kind == Kind::Light && link.kind == Kind::Light;
    if links.iter().filter(light).any(|known| known.email == link.email) {
        return Linked::Refused(409, "this address is bound to another number, for good: use another address");
    }
    if links.iter().filter(light).any(|known| known.wmid == link.wmid) {
        return Linked::Refused(409, "this number is bound to another address, for good");
    }
    if links.len() >= MOST {
        return Linked::Refused(409, "there are as many links as an account can have");
    }
    links.push(link);
    Linked::New
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(kind: Kind, wmid: &str, email: Option<&str>) -> Link {
        Link { kind, wmid: wmid.to_owned(), email: email.map(str::to_owned) }
    }

    #[test]
    fn a_light_keeper_is_bound_once_and_for_good() {
        let addresses = ["ann@example.com".to_owned(), "ann@work.example".to_owned()];
        let mut links = Vec::new();
        let one = link(Kind::Light, "123456789012", Some("ann@example.com"));
        assert_eq!(add(&mut links, one.clone(), &addresses), Linked::New);
        assert_eq!(add(&mut links, one, &addresses), Linked::Already);
        let refused = |links: &mut Vec<Link>, link| matches!(add(links, link, &addresses), Linked::Refused(..));
        assert!(refused(&mut links, link(Kind::Light, "210987654321", Some("ann@example.com"))));
        assert!(refused(&mut links, link(Kind::Light, "123456789012", Some("ann@work.example"))));
        assert!(refused(&mut links, link(Kind::Light, "210987654321", Some("eve@example.com"))));
        assert!(refused(&mut links, link(Kind::Light, "210987654321", None)));
        let other = link(Kind::Light, "210987654321", Some("ann@work.example"));
        assert_eq!(add(&mut links, other, &addresses), Linked::New);
    }

    #[test]
    fn a_classic_keeper_may_have_several_numbers() {
        let mut links = Vec::new();
        assert_eq!(add(&mut links, link(Kind::Classic, "123456789012", None), &[]), Linked::New);
        assert_eq!(add(&mut links, link(Kind::Classic, "210987654321", None), &[]), Linked::New);
        for bad in ["12345678901", "1234567890123", "12345678901a", "١٢٣٤٥٦٧٨٩٠١٢"] {
            assert!(matches!(add(&mut links, link(Kind::Classic, bad, None), &[]), Linked::Refused(422, _)), "{bad}");
        }
    }
}
