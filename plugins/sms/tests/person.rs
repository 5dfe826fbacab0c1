//! The factor through its C table, with a person who has her phone with her, and with others who do not.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;

use plugin_api::{
    message::{Context, Effect, Input, Purpose, Step, SubjectKind, Transaction},
    testing::{
        Loaded, altered,
        conformance::{self, Asked, Person},
        context, context_of,
    },
};
use serde_json::{Value, json};

/// 32 times the byte 9: other randomness than the kit's.
const OTHER: &str = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk";
/// Bytes 0 to 31.
const COUNTING: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// Somebody with a phone.
struct Ann;

impl Person for Ann {
    fn enrol(&mut self, _: &Context, asked: &Asked) -> Input {
        typed(&code(&asked.effects))
    }

    fn answer(&mut self, _: &Context, asked: &Asked) -> Input {
        typed(&code(&asked.effects))
    }

    fn wrong(&mut self, _: &Context, asked: &Asked) -> Input {
        typed(&other_than(&code(&asked.effects)))
    }
}

fn typed(code: &str) -> Input {
    Input::from_iter([("answer", code)])
}

/// The code in the one message that goes out.
fn code(effects: &[Effect]) -> String {
    let [Effect::Sms { args, .. }] = effects else { panic!("{effects:?}") };
    args["code"].clone()
}

/// Another code, which differs in one digit.
fn other_than(code: &str) -> String {
    let last = if code.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &code[..code.len() - 1])
}

fn plugin() -> Loaded {
    Loaded::new(sms_factor::enum_plugin_v1(), &json!({})).unwrap()
}

fn login(random: &str) -> Context {
    Context { random: random.to_owned(), ..context(Purpose::Authorize) }
}

fn asked(step: Step) -> (Asked, Value) {
    let Step::Ask { page, data, state, effects } = step else { panic!("it did not ask") };
    (Asked { page, data, effects }, state)
}

fn enrolled(plugin: &Loaded) -> Value {
    let cx = context(Purpose::Authorize);
    let (page, state) = asked(plugin.enrol_begin(&cx, None).unwrap());
    let step = plugin.enrol_answer(&cx, &state, &typed(&code(&page.effects))).unwrap();
    let Step::Pass { enrolment: Some(enrolment), facts, .. } = step else { panic!("it was not taken") };
    assert_eq!(facts.amr, ["sms", "otp"]);
    enrolment
}

fn wrong() -> Step {
    Step::Wrong { signal: None }
}

#[test]
fn conforms() {
    conformance::factor(sms_factor::enum_plugin_v1(), &mut Ann).unwrap();
}

fn begun(plugin: &Loaded, cx: &Context) -> (Asked, Value) {
    asked(plugin.begin(cx, &enrolled(plugin)).unwrap())
}

/// The text of the one message that goes out, as the host fills it in.
fn sent(plugin: &Loaded, locale: &str, effects: &[Effect]) -> String {
    let [Effect::Sms { text, args }] = effects else { panic!("{effects:?}") };
    let mut sent = plugin.describe().unwrap().texts[locale][text].clone();
    for (name, value) in args {
        sent = sent.replace(&format!("{{{name}}}"), value);
    }
    sent
}

#[test]
fn it_proves_possession_and_serves_payments() {
    let manifest = plugin().describe().unwrap().manifest;
    assert_eq!((manifest.id.as_str(), manifest.acr.as_deref()), ("sms", Some("urn:enum:acr:2")));
    assert_eq!(manifest.purposes, [Purpose::Authorize, Purpose::Payment]);
    assert_eq!(
        (manifest.amr.as_slice(), manifest.permissions.len()),
        (["sms".to_owned(), "otp".to_owned()].as_slice(), 0)
    );
}

#[test]
fn a_code_approves_nothing_that_differs_in_a_single_character() {
    let plugin = plugin();
    let enrolment = enrolled(&plugin);
    for cx in SubjectKind::ALL.map(context_of).into_iter().chain([context(Purpose::Payment)]) {
        let (page, state) = begun(&plugin, &cx);
        let right = typed(&code(&page.effects));
        for other in altered(cx.transaction.as_ref().unwrap()) {
            for other in [other.clone(), other.numbered()] {
                let same = cx.transaction.as_ref() == Some(&other);
                let other = Context { transaction: Some(other), ..cx.clone() };
                let step = plugin.answer(&other, &enrolment, &state, &right).unwrap();
                assert!(same || step == wrong(), "{:?}", other.transaction);
            }
        }
        let passed = plugin.answer(&cx, &enrolment, &state, &right).unwrap();
        assert!(matches!(passed, Step::Pass { .. }), "{passed:?}");
    }
}

#[test]
fn a_message_says_in_words_what_else_it_approves() {
    let plugin = plugin();
    for kind in SubjectKind::ALL {
        let cx = context_of(kind);
        let (page, _) = begun(&plugin, &cx);
        let code = code(&page.effects);
        for locale in ["en", "ru", "vi"] {
            let text = sent(&plugin, locale, &page.effects);
            let words = text.find(cx.summary.as_deref().unwrap()).unwrap();
            let check = text.find(&cx.transaction.as_ref().unwrap().payee_account).unwrap();
            // What is approved stands before the code: whoever reads on has read it.
            assert!(words < check && check < text.find(&code).unwrap(), "{text}");
            assert!(text.ends_with(&format!("\n\n@id.example #{code}")), "{text}");
        }
        let unworded = Context { summary: None, ..cx };
        let step = plugin.begin(&unworded, &enrolled(&plugin)).unwrap();
        assert!(matches!(step, Step::Fail { .. }), "{step:?}");
    }
}

#[test]
fn a_code_approves_its_own_payment_and_nothing_else() {
    let plugin = plugin();
    let enrolment = enrolled(&plugin);
    let payment = context(Purpose::Payment);
    let (page, state) = begun(&plugin, &payment);
    let right = typed(&code(&page.effects));
    let of = |change: &dyn Fn(&mut Transaction)| {
        let mut cx = payment.clone();
        change(cx.transaction.as_mut().unwrap());
        cx
    };
    let others = [
        of(&|other| other.amount_minor += 1),
        of(&|other| other.minor_digits = 0),
        of(&|other| other.payee_account = "Z123456789013".to_owned()),
        of(&|other| other.payee_name = "Corner shop".to_owned()),
        of(&|other| other.currency = "WMR".to_owned()),
        of(&|other| other.reference = "order-18".to_owned()),
        of(&|other| other.description = "Two kettles".to_owned()),
        Context { transaction: None, ..payment.clone() },
        context(Purpose::Authorize),
    ];
    for other in others {
        assert_eq!(plugin.answer(&other, &enrolment, &state, &right).unwrap(), wrong(), "{:?}", other.transaction);
    }
    let (login, login_state) = begun(&plugin, &context(Purpose::Authorize));
    let of_login = typed(&code(&login.effects));
    assert_eq!(plugin.answer(&payment, &enrolment, &login_state, &of_login).unwrap(), wrong());
    let passed = plugin.answer(&payment, &enrolment, &state, &right).unwrap();
    assert!(matches!(passed, Step::Pass { .. }), "{passed:?}");
}

#[test]
fn a_payment_without_a_transaction_is_not_asked_for() {
    let plugin = plugin();
    let cx = Context { transaction: None, ..context(Purpose::Payment) };
    plugin.begin(&cx, &enrolled(&plugin)).unwrap_err();
}

#[test]
fn a_payment_costs_by_its_currency_and_a_login_is_free() {
    let price = |plugin: &Loaded, currency: &str| {
        let mut cx = context(Purpose::Payment);
        cx.transaction.as_mut().unwrap().currency = currency.to_owned();
        let price = plugin.price(&cx).unwrap();
        assert_eq!(price.free_per_day, None);
        price.fee.map(|fee| format!("{} {}", fee.amount(), fee.currency))
    };
    let plugin = plugin();
    let told = |text: &str| Some(text.to_owned());
    assert_eq!((price(&plugin, "WMZ"), price(&plugin, "WMR")), (told("0.05 WMZ"), told("1.50 WMR")));
    assert_eq!(price(&plugin, "WME"), told("0.05 WMZ"), "that of the default");
    let login = plugin.price(&context(Purpose::Authorize)).unwrap();
    assert_eq!((login.fee, login.free_per_day), (None, Some(5)));
    let table: Vec<_> = login.fees.iter().map(|(currency, fee)| (currency.as_str(), fee.amount())).collect();
    assert_eq!(table, [("WMR", "1.50".to_owned()), ("WMZ", "0.05".to_owned())]);
    assert_eq!(login.other_fee.map(|fee| fee.currency), Some("WMZ".to_owned()));
    let of = |settings| Loaded::new(sms_factor::enum_plugin_v1(), &settings).unwrap();
    let dear = of(json!({ "fees": { "WME": "2" }, "default_currency": "" }));
    assert_eq!((price(&dear, "WME"), price(&dear, "WMZ")), (told("2.00 WME"), None));
    assert_eq!(price(&of(json!({ "fees": {} })), "WMZ"), None);
    let wrong = json!({ "fees": { "WMZ": "0.005" } });
    assert!(Loaded::new(sms_factor::enum_plugin_v1(), &wrong).err().unwrap().to_string().starts_with("fees: "));
}

#[test]
fn a_late_code_is_wrong() {
    for (minutes, life) in [(1, 60_000), (2, 120_000), (5, 180_000)] {
        let plugin = Loaded::new(sms_factor::enum_plugin_v1(), &json!({ "minutes": minutes })).unwrap();
        let (cx, enrolment) = (context(Purpose::Authorize), enrolled(&plugin));
        let (page, state) = begun(&plugin, &cx);
        let told = life / 60_000;
        assert!(sent(&plugin, "en", &page.effects).contains(&format!("{told} min")));
        for (after, passes) in [(life - 1, true), (life, false)] {
            let later = Context { now: cx.now + after, ..cx.clone() };
            let step = plugin.answer(&later, &enrolment, &state, &typed(&code(&page.effects))).unwrap();
            assert_eq!(matches!(step, Step::Pass { .. }), passes, "{minutes} min, {after} ms");
        }
    }
    for minutes in [0, 6, 255] {
        let refused = Loaded::new(sms_factor::enum_plugin_v1(), &json!({ "minutes": minutes })).err().unwrap();
        assert_eq!(refused.to_string(), format!("minutes: a code works for 1 to 5 minutes, not {minutes}"));
    }
}

#[test]
fn the_code_passes_as_people_type_it() {
    let (plugin, cx) = (plugin(), login(COUNTING));
    let enrolment = enrolled(&plugin);
    assert_eq!(enrolment, json!({ "since": cx.now }));
    let (page, state) = asked(plugin.begin(&cx, &enrolment).unwrap());
    let code = code(&page.effects);
    // Leading zeros are part of it.
    assert_eq!(code, "012345");
    for right in [code.as_str(), "012 345", " 012-345 "] {
        let step = plugin.answer(&cx, &enrolment, &state, &typed(right)).unwrap();
        let Step::Pass { facts, enrolment: None, .. } = step else { panic!("{right:?} was not taken") };
        assert_eq!(facts.amr, ["sms", "otp"]);
    }
    for odd in ["", " ", "-", "12345", "0123456", "12345 ", "٠١٢٣٤٥", "０１２３４５", "012345\0"] {
        assert_eq!(plugin.answer(&cx, &enrolment, &state, &typed(odd)).unwrap(), wrong(), "{odd:?}");
    }
    assert_eq!(plugin.answer(&cx, &enrolment, &state, &Input::default()).unwrap(), wrong());
}

#[test]
fn the_code_of_another_challenge_is_wrong() {
    let plugin = plugin();
    let enrolment = enrolled(&plugin);
    let (first, first_state) = asked(plugin.begin(&login(OTHER), &enrolment).unwrap());
    let (second, second_state) = asked(plugin.begin(&login(COUNTING), &enrolment).unwrap());
    let (first, second) = (code(&first.effects), code(&second.effects));
    assert_ne!(first, second);
    for (state, foreign) in [(&first_state, &second), (&second_state, &first)] {
        let step = plugin.answer(&login(OTHER), &enrolment, state, &typed(foreign)).unwrap();
        assert_eq!(step, wrong());
    }
}

#[test]
fn a_state_without_a_code_is_an_error_and_not_answered_by_nothing() {
    let (plugin, cx) = (plugin(), login(COUNTING));
    let enrolment = enrolled(&plugin);
    for state in
        [json!({ "code": "" }), json!({ "code": "12345", "until": 9 }), json!({ "code": null }), json!({}), Value::Null]
    {
        let error = plugin.answer(&cx, &enrolment, &state, &typed("")).unwrap_err().to_string();
        assert!(!error.contains("12345"), "{error}");
        plugin.enrol_answer(&cx, &state, &typed("")).unwrap_err();
    }
}

#[test]
fn the_code_is_in_the_message_and_in_the_state_and_nowhere_else() {
    let plugin = plugin();
    let (cx, enrolment) = (login(COUNTING), enrolled(&plugin));
    let (first, state) = asked(plugin.enrol_begin(&cx, None).unwrap());
    let again = plugin.enrol_answer(&cx, &state, &typed("1")).unwrap();
    let payment = Context { random: COUNTING.to_owned(), ..context(Purpose::Payment) };
    let shown = [plugin.begin(&cx, &enrolment).unwrap(), plugin.begin(&payment, &enrolment).unwrap(), again];
    for step in shown {
        let (page, state) = asked(step);
        let code = code(&first.effects);
        assert_eq!(state["code"], json!(code));
        assert!(!format!("{} {}", page.page, page.data).contains(&code), "{}", page.data);
        let shown: Vec<_> = page.data.as_object().unwrap().keys().map(String::as_str).collect();
        assert!(shown.iter().all(|name| ["digits", "problem"].contains(name)), "{shown:?}");
        for effect in &page.effects {
            let Effect::Sms { args, .. } = effect else { panic!("{effect:?}") };
            assert_eq!(args.values().filter(|value| value.contains(&code)).count(), 1);
        }
    }
    assert!(plugin.host().lines().is_empty() && plugin.host().calls().is_empty());
}

#[test]
fn an_address_without_an_account_meets_with_the_same() {
    let plugin = plugin();
    let enrolment = enrolled(&plugin);
    let real = context(Purpose::Authorize);
    let (expected, expected_state) = asked(plugin.begin(&real, &enrolment).unwrap());
    assert_eq!(expected.data, json!({ "digits": 6 }));
    // An account's address is kept in lower case; a decoy has what was typed.
    for spelling in ["ann@example.org", " Ann@Example.ORG "] {
        let mut cx = real.clone();
        cx.account.email = spelling.to_owned();
        let decoy = plugin.decoy(&cx).unwrap().enrolment;
        let (page, state) = asked(plugin.begin(&cx, &decoy).unwrap());
        assert_eq!((&page, &state), (&expected, &expected_state), "{spelling:?}");
        assert_eq!(plugin.answer(&cx, &decoy, &state, &typed(&code(&page.effects))).unwrap(), wrong());
    }
}

#[test]
fn a_decoy_stays_the_same_for_a_day_and_enrols_nobody() {
    let (plugin, cx) = (plugin(), login(COUNTING));
    let decoy = plugin.decoy(&cx).unwrap();
    let later = Context { now: cx.now + 3_600_000, ..cx.clone() };
    assert_eq!(plugin.decoy(&later).unwrap(), decoy);
    let code = decoy.enrolling["code"].as_str().unwrap().to_owned();
    assert_eq!(plugin.enrol_answer(&cx, &decoy.enrolling, &typed(&code)).unwrap(), wrong());
}

#[test]
fn a_slip_while_enrolling_is_pointed_out_and_a_wrong_code_is_counted() {
    let (plugin, cx) = (plugin(), login(COUNTING));
    let (first, state) = asked(plugin.enrol_begin(&cx, None).unwrap());
    for slip in ["", "12345", "0123456", "o12345"] {
        let (again, kept) = asked(plugin.enrol_answer(&cx, &state, &typed(slip)).unwrap());
        assert_eq!((again.data["problem"].as_str(), &kept), (Some("problem_form"), &state), "{slip:?}");
        assert!(again.effects.is_empty(), "a slip sends nothing");
    }
    // The host counts these, and ends it after five.
    let guess = typed(&other_than(&code(&first.effects)));
    assert_eq!(plugin.enrol_answer(&cx, &state, &guess).unwrap(), wrong());
    let replacing = plugin.enrol_begin(&cx, Some(&enrolled(&plugin))).unwrap();
    assert_eq!(asked(replacing).0, first, "turning it on again asks for proof again");
}

#[test]
fn an_administrator_chooses_the_length() {
    for digits in 6..=10 {
        let plugin = Loaded::new(sms_factor::enum_plugin_v1(), &json!({ "digits": digits })).unwrap();
        let cx = login(COUNTING);
        let (page, state) = asked(plugin.begin(&cx, &enrolled(&plugin)).unwrap());
        assert_eq!((code(&page.effects).len(), &page.data["digits"]), (digits, &json!(digits)));
        // A code that is under way stays good when the setting changes.
        let other = self::plugin();
        let step = other.answer(&cx, &enrolled(&other), &state, &typed(&code(&page.effects))).unwrap();
        assert!(matches!(step, Step::Pass { .. }));
    }
    for digits in [0, 5, 11, 255] {
        let refused = Loaded::new(sms_factor::enum_plugin_v1(), &json!({ "digits": digits })).err().unwrap();
        assert_eq!(refused.to_string(), format!("digits: a code has 6 to 10 digits, not {digits}"));
    }
}

/// A site with a long name, and a payment with the longest name that a shop may have (64 characters).
fn long(purpose: Purpose) -> Context {
    let mut cx = context(purpose);
    cx.site.name = "Ж".repeat(30);
    if let Some(transaction) = &mut cx.transaction {
        transaction.payee_name = "Ж".repeat(64);
        transaction.amount_minor = 99_999_999_999_999;
    }
    cx
}

#[test]
fn the_message_says_what_it_is_for_and_has_every_argument_in_every_language() {
    let plugin = plugin();
    let texts = plugin.describe().unwrap().texts;
    let enrolling = plugin.enrol_begin(&context(Purpose::Authorize), None).unwrap();
    let (payment, _) = begun(&plugin, &context(Purpose::Payment));
    for page in [begun(&plugin, &context(Purpose::Authorize)).0, asked(enrolling).0, payment] {
        let [Effect::Sms { text, args }] = page.effects.as_slice() else { panic!("{:?}", page.effects) };
        assert!(args.get("site").is_none_or(|site| site == "Corner Shop (shop.example)"), "{args:?}");
        assert!(args.get("minutes").is_none_or(|minutes| minutes == "3"));
        let given: BTreeSet<_> = args.keys().map(String::as_str).collect();
        for (locale, texts) in &texts {
            let names = texts[text].split('{').skip(1).map(|rest| rest.split_once('}').unwrap().0);
            assert_eq!(names.collect::<BTreeSet<_>>(), given, "{locale} {text}");
        }
    }
}

#[test]
fn a_payment_is_spelt_out_before_its_code() {
    let plugin = plugin();
    let (page, _) = begun(&plugin, &context(Purpose::Payment));
    for locale in plugin_api::LOCALES {
        let sent = sent(&plugin, locale, &page.effects);
        let at = |part: &str| sent.find(part).unwrap_or_else(|| panic!("{part} is not in {sent:?}"));
        let first_of_code = at(&code(&page.effects));
        for part in ["12.50", "WMZ", "Corner Shop", "Z123456789012"] {
            assert!(at(part) < first_of_code, "{part} stands behind the code: {sent:?}");
        }
    }
}

#[test]
fn the_last_line_is_bound_to_the_origin() {
    let plugin = plugin();
    let enrolling = plugin.enrol_begin(&context(Purpose::Authorize), None).unwrap();
    let pages =
        [begun(&plugin, &context(Purpose::Authorize)).0, begun(&plugin, &long(Purpose::Payment)).0, asked(enrolling).0];
    for page in pages {
        for locale in plugin_api::LOCALES {
            let sent = sent(&plugin, locale, &page.effects);
            let expected = format!("\n\n@id.example #{}", code(&page.effects));
            assert!(sent.ends_with(&expected), "{sent:?}");
            assert_eq!(sent.matches('\n').count(), 2, "{sent:?}");
        }
    }
}

/// Characters of UCS-2 that fit into so many parts (3GPP TS 23.040 §9.2.3.24.1: six octets of each go to the header).
fn ucs2(parts: usize) -> usize {
    if parts == 1 { 70 } else { parts * 67 }
}

#[test]
fn messages_in_ucs2_stay_short() {
    let plugin = plugin();
    let cases = [
        (context(Purpose::Authorize), 2),
        (long(Purpose::Authorize), 3),
        (context(Purpose::Payment), 2),
        (long(Purpose::Payment), 3),
    ];
    for (cx, parts) in cases {
        let (page, _) = begun(&plugin, &cx);
        for locale in ["ru", "vi"] {
            let sent = sent(&plugin, locale, &page.effects);
            let length = sent.encode_utf16().count();
            assert!(length <= ucs2(parts), "{length} in {parts} parts: {sent}");
        }
    }
}

/// Characters that each take one septet (3GPP TS 23.038 §6.2.1), as far as our own words use them.
#[test]
fn messages_in_english_need_no_ucs2() {
    let plugin = plugin();
    for purpose in [Purpose::Authorize, Purpose::Payment] {
        let (page, _) = begun(&plugin, &context(purpose));
        let sent = sent(&plugin, "en", &page.effects);
        let septets = |c: char| c.is_ascii_alphanumeric() || "@# .,:()\n".contains(c);
        assert!(sent.chars().all(septets) && sent.len() <= 2 * 153, "{} {sent}", sent.len());
    }
}
