//! What is sent, and what the page says about where to.

use plugin_api::message::{Context, Effect, Transaction};
use sent_code::{Code, minutes_left, one_line};

/// The mail with the code of a login: works once, until the challenge ends.
pub(crate) fn of_login(cx: &Context, code: &Code) -> Effect {
    mail("mail", cx, code, &[("minutes", minutes(cx))])
}

/// The mail with the code of a payment, which it spells out.
pub(crate) fn of_payment(cx: &Context, transaction: &Transaction, code: &Code) -> Effect {
    let payee = format!("{} ({})", one_line(&transaction.payee_name), one_line(&transaction.payee_account));
    let amount = format!("{} {}", transaction.amount(), one_line(&transaction.currency));
    mail("payment_mail", cx, code, &[("minutes", minutes(cx)), ("payee", payee), ("amount", amount)])
}

fn minutes(cx: &Context) -> String {
    minutes_left(cx, cx.expires_at).to_string()
}

/// The mail with the code that turns the method on. The host says on its page for how long: a day, not minutes.
pub(crate) fn of_enrolment(cx: &Context, code: &Code) -> Effect {
    mail("enrol_mail", cx, code, &[])
}

fn mail(kind: &str, cx: &Context, code: &Code, more: &[(&str, String)]) -> Effect {
    let args = [("code", code.expose().to_owned()), ("site", site(cx))].into_iter().chain(more.iter().cloned());
    Effect::Mail {
        subject: format!("{kind}_subject"),
        text: format!("{kind}_text"),
        args: args.map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}

/// Name and origin of whoever asks. A device has no origin.
fn site(cx: &Context) -> String {
    let (name, origin) = (one_line(&cx.site.name), one_line(&cx.site.origin));
    if origin.is_empty() { name } else { format!("{name} ({origin})") }
}

/// `a***@example.com`, in lower case and without white space around it: as accounts are looked up. Whoever types an
/// address in another spelling reads the same whether or not it has an account.
pub(crate) fn masked(address: &str) -> String {
    let address = address.trim().to_lowercase();
    let (name, domain) = address.rsplit_once('@').unwrap_or((&address, ""));
    let first = name.chars().next().map(String::from).unwrap_or_default();
    format!("{first}***@{domain}")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use std::collections::BTreeMap;

    use plugin_api::message::Purpose;
    use plugin_api::testing::context;

    use super::*;

    fn args(effect: Effect) -> BTreeMap<String, String> {
        let Effect::Mail { args, .. } = effect else { panic!("{effect:?}") };
        args
    }

    #[test]
    fn an_address_is_masked_alike_however_it_is_spelt_and_however_long_it_is() {
        for address in ["ann@example.com", " Ann@Example.COM ", "a@example.com", "Anastasia.Ivanova+x@example.com"] {
            assert_eq!(masked(address), "a***@example.com", "{address}");
        }
        // The Kelvin sign is a k in lower case.
        assert_eq!(masked("\u{212a}im@example.com"), masked("kim@example.com"));
        assert_eq!(masked("\"a@b\"@example.com"), "\"***@example.com");
        assert_eq!(masked("почта@пример.рф"), "п***@пример.рф");
    }

    #[test]
    fn what_is_no_address_gives_nothing_away_either() {
        assert_eq!((masked(""), masked("secret"), masked("@x")), ("***@".into(), "s***@".into(), "***@x".into()));
    }

    #[test]
    fn a_site_cannot_write_into_the_mail() {
        let mut cx = context(Purpose::Authorize);
        cx.site.name = "Shop\n\nhttps://evil.example\u{202e}\u{2029}".to_owned();
        let code = Code::from_random(&[7; 32], 6).unwrap();
        let mut payment = context(Purpose::Payment).transaction.unwrap();
        payment.payee_name = "Shop\n\nhttps://evil.example".to_owned();
        for mail in [of_login(&cx, &code), of_enrolment(&cx, &code), of_payment(&cx, &payment, &code)] {
            assert_eq!(args(mail)["site"], "Shop  https://evil.example   (https://shop.example)");
        }
        let payee = &args(of_payment(&cx, &payment, &code))["payee"];
        assert!(payee.starts_with("Shop  https://evil.example ("), "{payee}");
    }

    #[test]
    fn a_device_is_named_without_an_origin() {
        let mut cx = context(Purpose::Authorize);
        (cx.site.name, cx.site.origin) = ("The television".to_owned(), String::new());
        assert_eq!(args(of_login(&cx, &Code::from_random(&[7; 32], 6).unwrap()))["site"], "The television");
    }

    #[test]
    fn the_minutes_are_whole_and_never_none() {
        let cx = context(Purpose::Authorize);
        for (milliseconds, minutes) in [(600_000, "10"), (179_999, "2"), (59_999, "1"), (0, "1"), (-1, "1")] {
            let cx = Context { expires_at: cx.now + milliseconds, ..cx.clone() };
            let mail = of_login(&cx, &Code::from_random(&[7; 32], 6).unwrap());
            assert_eq!(args(mail)["minutes"], minutes);
        }
    }
}
