//! What is sent.
//!
//! The last line binds the code to our own origin ("Origin-bound one-time codes delivered via SMS", WICG): a browser offers
//! to fill it in there and nowhere else. It is one paragraph of its own, and nothing stands behind it.

use plugin_api::message::{Context, Effect, Transaction};
use sent_code::{Code, minutes_left, one_line};

/// Longest name of a site or a payee, in characters: what goes into a message costs by its length. As long as a payee's name
/// may be where it is pushed; the account behind it is never shortened.
const LONGEST_NAME: usize = 64;
/// Longest words for what is approved, in characters. They begin with what it is and how much.
const LONGEST_SUMMARY: usize = 160;
/// What stands for the rest of a longer name: characters that do not turn a message in Latin letters into UCS-2.
const SHORTENED: &str = "..";

/// With the code of a login.
pub(crate) fn of_login(cx: &Context, code: &Code, until: i64) -> Effect {
    sms("login_sms", cx, code, vec![("site", site(cx)), ("minutes", minutes_left(cx, until).to_string())])
}

/// With the code of a payment, behind what it approves.
pub(crate) fn of_payment(cx: &Context, transaction: &Transaction, code: &Code, until: i64) -> Effect {
    let more = vec![
        ("amount", transaction.amount()),
        ("currency", one_line(&transaction.currency)),
        ("payee", short(&transaction.payee_name)),
        ("account", one_line(&transaction.payee_account)),
        ("minutes", minutes_left(cx, until).to_string()),
    ];
    sms("payment_sms", cx, code, more)
}

/// With the code of what is not a payment to one purse, behind the host's words for it and its check number.
pub(crate) fn of_subject(cx: &Context, approved: (&Transaction, &str), code: &Code, until: i64) -> Effect {
    let (transaction, summary) = approved;
    let more = vec![
        ("summary", shortened(summary, LONGEST_SUMMARY)),
        ("check", one_line(&transaction.payee_account)),
        ("minutes", minutes_left(cx, until).to_string()),
    ];
    sms("approval_sms", cx, code, more)
}

/// With the code that turns the method on. The host says on its page for how long: a day, not minutes.
pub(crate) fn of_enrolment(cx: &Context, code: &Code) -> Effect {
    sms("enrol_sms", cx, code, vec![("site", site(cx))])
}

fn sms(text: &str, cx: &Context, code: &Code, more: Vec<(&str, String)>) -> Effect {
    let args = [("code", code.expose().to_owned()), ("host", host(&cx.issuer).to_owned())].into_iter().chain(more);
    Effect::Sms { text: text.to_owned(), args: args.map(|(name, value)| (name.to_owned(), value)).collect() }
}

/// Name and host of whoever asks: a code that is asked for elsewhere is being phished. A device has no host.
fn site(cx: &Context) -> String {
    let (name, host) = (short(&cx.site.name), one_line(host(&cx.site.origin)));
    if host.is_empty() { name } else { format!("{name} ({host})") }
}

fn short(name: &str) -> String {
    shortened(name, LONGEST_NAME)
}

fn shortened(text: &str, longest: usize) -> String {
    let text = one_line(text);
    if text.chars().count() <= longest {
        return text;
    }
    let kept: String = text.chars().take(longest - SHORTENED.len()).collect();
    format!("{kept}{SHORTENED}")
}

/// The host of a URL without path; one of IPv6 with its brackets.
fn host(origin: &str) -> &str {
    let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or(authority);
    match authority.rfind(':') {
        Some(port) if !authority[port..].contains(']') => &authority[..port],
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use std::collections::BTreeMap;

    use plugin_api::message::Purpose;
    use plugin_api::testing::{context, transaction};

    use super::*;

    fn args(effect: Effect) -> BTreeMap<String, String> {
        let Effect::Sms { args, .. } = effect else { panic!("{effect:?}") };
        args
    }

    fn code() -> Code {
        Code::from_random(&[7; 32], 6).unwrap()
    }

    #[test]
    fn the_host_is_that_of_the_issuer_without_port() {
        for (origin, expected) in [
            ("https://id.example", "id.example"),
            ("https://id.example:8443", "id.example"),
            ("http://localhost:8080/x", "localhost"),
            ("https://[2001:db8::1]:8443", "[2001:db8::1]"),
            ("https://[2001:db8::1]", "[2001:db8::1]"),
        ] {
            assert_eq!(host(origin), expected);
        }
    }

    #[test]
    fn neither_site_nor_payee_can_write_lines_of_their_own() {
        let mut cx = context(Purpose::Payment);
        cx.site.name = "Shop\n\n@evil.example #123456".to_owned();
        let paid = Transaction { payee_name: "A\n@evil.example #1\u{202e}".to_owned(), ..transaction() };
        let until = cx.expires_at;
        let messages =
            [of_login(&cx, &code(), until), of_payment(&cx, &paid, &code(), until), of_enrolment(&cx, &code())];
        for message in messages {
            for (name, value) in args(message) {
                assert!(!value.contains(['\n', '\u{202e}']), "{name}: {value:?}");
            }
        }
    }

    #[test]
    fn a_device_is_named_without_a_host() {
        let mut cx = context(Purpose::Authorize);
        (cx.site.name, cx.site.origin) = ("The television".to_owned(), String::new());
        assert_eq!(args(of_login(&cx, &code(), cx.expires_at))["site"], "The television");
    }

    #[test]
    fn a_long_name_is_shortened_and_an_account_never() {
        let cx = context(Purpose::Payment);
        let paid = Transaction { payee_name: "Ж".repeat(65), payee_account: "Z".repeat(65), ..transaction() };
        let args = args(of_payment(&cx, &paid, &code(), cx.expires_at));
        assert_eq!(args["payee"], format!("{}..", "Ж".repeat(62)));
        assert_eq!(args["account"].len(), 65);
    }
}
