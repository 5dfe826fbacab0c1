//! The factor through its C table, with a person who holds a real pad.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;

use cipherpad_core::{
    activation::{Offer, PadDone, PadStart},
    challenge::Challenge,
    code::ActivationCode,
    payment::Amount,
    qr::{self, QrError, Scanned, Vouched},
    question::Question,
    verify::STEP_SECONDS,
};
use plugin_api::{
    message::{Context, Effect, Input, Purpose, Signal, Step, SubjectKind, Transaction},
    testing::{
        Loaded, altered,
        conformance::{self, Asked, Person},
        context, context_of,
    },
};
use serde_json::{Value, json};

/// Somebody with a phone: reads the SMS, activates, answers.
#[derive(Default)]
struct Ann {
    start: Option<PadStart>,
    pad: Option<PadDone>,
    /// Counter of the next answer; tests of one state answer many times, so it does not move by itself.
    counter: u64,
}

impl Ann {
    fn pad(&self) -> &PadDone {
        self.pad.as_ref().expect("Ann has a pad")
    }

    /// What Ann types into her pad from the page.
    fn question(cx: &Context, asked: &Asked) -> Question {
        let challenge: Challenge = serde_json::from_value(asked.data["challenge"].clone()).unwrap();
        if cx.purpose == Purpose::Authorize {
            return Question::Login { challenge };
        }
        let payee = asked.data["payee"].as_str().unwrap().parse().unwrap();
        let amount = asked.data["amount"].as_str().map(|amount| Amount::parse(amount, 2).unwrap());
        match asked.data["kind"].as_str() {
            Some("operation") => Question::Operation { challenge, check: payee, amount },
            _ => Question::Payment { challenge, payee, amount: amount.unwrap() },
        }
    }

    fn respond(&self, question: &Question, cx: &Context) -> String {
        let pad = self.pad();
        let minute = u64::try_from(cx.now / 1000).unwrap() / STEP_SECONDS;
        question.answer(&pad.offer.suites, &pad.keys, self.counter, minute).unwrap()
    }
}

impl Person for Ann {
    fn enrol(&mut self, cx: &Context, asked: &Asked) -> Input {
        if let Some(code) = code(&asked.effects) {
            let start = PadStart::new(&code.parse().unwrap(), [1; 32]);
            let hello = fields(&start.hello());
            self.start = Some(start);
            return hello;
        }
        let offer: Offer = serde_json::from_value(asked.data.clone()).unwrap();
        let pending = self.start.take().unwrap().receive(offer).unwrap();
        let (finish, done) = pending.finish(u64::try_from(cx.now / 1000).unwrap()).unwrap();
        self.counter = done.counter;
        self.pad = Some(done);
        fields(&finish)
    }

    fn answer(&mut self, cx: &Context, asked: &Asked) -> Input {
        [("answer", self.respond(&Self::question(cx, asked), cx))].into_iter().collect()
    }

    fn wrong(&mut self, cx: &Context, asked: &Asked) -> Input {
        let right: u32 = self.respond(&Self::question(cx, asked), cx).parse().unwrap();
        [("answer", format!("{:08}", (right + 1) % 100_000_000))].into_iter().collect()
    }
}

fn fields(message: &impl serde::Serialize) -> Input {
    serde_json::from_value(serde_json::to_value(message).unwrap()).unwrap()
}

fn code(effects: &[Effect]) -> Option<String> {
    effects.iter().find_map(|effect| match effect {
        Effect::Sms { args, .. } => args.get("code").cloned(),
        Effect::Mail { .. } => None,
    })
}

fn plugin() -> Loaded {
    Loaded::new(cipherpad::enum_plugin_v1(), &json!({})).unwrap()
}

fn asked(step: Step) -> (Asked, Value) {
    match step {
        Step::Ask { page, data, state, effects } => (Asked { page, data, effects }, state),
        other => panic!("{other:?}"),
    }
}

/// Ann activates a pad, perhaps in the place of another.
fn activated(plugin: &Loaded, cx: &Context, replaces: Option<&Value>) -> (Ann, Value) {
    let mut ann = Ann::default();
    let (first, state) = asked(plugin.enrol_begin(cx, replaces).unwrap());
    let (second, state) = asked(plugin.enrol_answer(cx, &state, &ann.enrol(cx, &first)).unwrap());
    match plugin.enrol_answer(cx, &state, &ann.enrol(cx, &second)).unwrap() {
        Step::Pass { enrolment: Some(enrolment), .. } => (ann, enrolment),
        other => panic!("{other:?}"),
    }
}

fn passed(step: Step) -> Value {
    match step {
        Step::Pass { enrolment: Some(enrolment), facts, .. } => {
            assert_eq!(facts.amr, ["otp"]);
            enrolment
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn conforms() {
    conformance::factor(cipherpad::enum_plugin_v1(), &mut Ann::default()).unwrap();
}

#[test]
fn an_answer_passes_once_and_then_tells_of_a_clone() {
    let (plugin, cx) = (plugin(), context(Purpose::Authorize));
    let (mut ann, enrolment) = activated(&plugin, &cx, None);
    let (page, state) = asked(plugin.begin(&cx, &enrolment).unwrap());
    let input = ann.answer(&cx, &page);
    let moved = passed(plugin.answer(&cx, &enrolment, &state, &input).unwrap());
    let again = plugin.answer(&cx, &moved, &state, &input).unwrap();
    assert_eq!(again, Step::Wrong { signal: Some(Signal::Clone) });
    ann.counter += 1;
    passed(plugin.answer(&cx, &moved, &state, &ann.answer(&cx, &page)).unwrap());
}

#[test]
fn an_answer_to_a_login_does_not_confirm_a_payment_with_the_same_number() {
    let plugin = plugin();
    let (login, payment) = (context(Purpose::Authorize), context(Purpose::Payment));
    let (mut ann, enrolment) = activated(&plugin, &login, None);
    let (login_page, login_state) = asked(plugin.begin(&login, &enrolment).unwrap());
    let (payment_page, payment_state) = asked(plugin.begin(&payment, &enrolment).unwrap());
    // The host's randomness is the same here, so that only the purpose differs.
    assert_eq!(login_page.data["challenge"], payment_page.data["challenge"]);
    let for_login = ann.answer(&login, &login_page);
    let for_payment = ann.answer(&payment, &payment_page);
    let wrong = Step::Wrong { signal: None };
    assert_eq!(plugin.answer(&payment, &enrolment, &payment_state, &for_login).unwrap(), wrong);
    assert_eq!(plugin.answer(&login, &enrolment, &login_state, &for_payment).unwrap(), wrong);
    // Nor does a question of one purpose serve the other, should a host mix them up.
    assert_eq!(plugin.answer(&payment, &enrolment, &login_state, &for_login).unwrap(), wrong);
    passed(plugin.answer(&payment, &enrolment, &payment_state, &for_payment).unwrap());
}

#[test]
fn an_approval_is_for_the_amount_that_was_shown() {
    let (plugin, cx) = (plugin(), context(Purpose::Payment));
    let (mut ann, enrolment) = activated(&plugin, &context(Purpose::Authorize), None);
    let (page, state) = asked(plugin.begin(&cx, &enrolment).unwrap());
    assert_eq!((&page.data["payee"], &page.data["amount"]), (&json!("Z123456789012"), &json!("12.50")));
    let input = ann.answer(&cx, &page);
    let mut dearer = cx.clone();
    dearer.transaction.as_mut().unwrap().amount_minor += 1;
    assert_eq!(plugin.answer(&dearer, &enrolment, &state, &input).unwrap(), Step::Wrong { signal: None });
    passed(plugin.answer(&cx, &enrolment, &state, &input).unwrap());
}

/// Typed or scanned: the answer hangs on the whole transaction, through payee and amount or through the check number. What else
/// there is of a payment to one purse is in the host's randomness.
#[test]
fn an_answer_approves_nothing_that_differs_in_a_single_character() {
    let plugin = plugin();
    let (mut ann, enrolment) = activated(&plugin, &context(Purpose::Authorize), None);
    for cx in SubjectKind::ALL.map(context_of).into_iter().chain([context(Purpose::Payment)]) {
        let (page, state) = asked(plugin.begin(&cx, &enrolment).unwrap());
        let input = ann.answer(&cx, &page);
        let shown = cx.transaction.as_ref().unwrap();
        for other in altered(shown).into_iter().map(Transaction::numbered) {
            let question = |of: &Transaction| (of.payee_account.clone(), of.amount_minor, of.kind());
            if question(&other) == question(shown) {
                assert!(shown.subject.is_none() || other == *shown, "{other:?}");
                continue;
            }
            let other = Context { transaction: Some(other), ..cx.clone() };
            let step = plugin.answer(&other, &enrolment, &state, &input).unwrap();
            assert_eq!(step, Step::Wrong { signal: None }, "{:?}", other.transaction);
            // With the same number asked about the other one, should a host mix them up.
            let Step::Ask { state, .. } = plugin.begin(&other, &enrolment).unwrap() else { continue };
            let step = plugin.answer(&other, &enrolment, &state, &input).unwrap();
            assert_eq!(step, Step::Wrong { signal: None }, "{:?}", other.transaction);
        }
        passed(plugin.answer(&cx, &enrolment, &state, &input).unwrap());
    }
}

#[test]
fn an_operation_without_an_amount_is_no_payment_of_nothing() {
    let plugin = plugin();
    let (mut ann, enrolment) = activated(&plugin, &context(Purpose::Authorize), None);
    let mut cx = context_of(SubjectKind::Operation);
    let paid = cx.clone();
    cx.transaction = cx
        .transaction
        .map(|of| Transaction { amount_minor: 0, minor_digits: 0, currency: String::new(), ..of }.numbered());
    let (page, state) = asked(plugin.begin(&cx, &enrolment).unwrap());
    assert!(page.data["amount"].is_null() && page.data["kind"] == "operation", "{}", page.data);
    let challenge: Challenge = serde_json::from_value(page.data["challenge"].clone()).unwrap();
    let payee: cipherpad_core::payment::Payee = page.data["payee"].as_str().unwrap().parse().unwrap();
    let as_payment = Question::Payment { challenge, payee, amount: Amount::from_minor(1).unwrap() };
    let input: Input = [("answer", ann.respond(&as_payment, &cx))].into_iter().collect();
    assert_eq!(plugin.answer(&cx, &enrolment, &state, &input).unwrap(), Step::Wrong { signal: None });
    passed(plugin.answer(&cx, &enrolment, &state, &ann.answer(&cx, &page)).unwrap());
    // Without words, or with a check number of something else, nobody is asked.
    let unworded = Context { summary: None, ..cx.clone() };
    let mut misnumbered = cx;
    misnumbered.transaction.as_mut().unwrap().payee_account = paid.transaction.unwrap().payee_account;
    for other in [unworded, misnumbered] {
        assert!(matches!(plugin.begin(&other, &enrolment).unwrap(), Step::Fail { .. }), "{other:?}");
    }
}

#[test]
fn the_qr_code_is_signed_for_this_pad_and_says_what_the_page_says() {
    let plugin = plugin();
    let (mut ann, enrolment) = activated(&plugin, &context(Purpose::Authorize), None);
    let subjects = SubjectKind::ALL.map(context_of);
    for cx in subjects.into_iter().chain([context(Purpose::Authorize), context(Purpose::Payment)]) {
        let (page, _) = asked(plugin.begin(&cx, &enrolment).unwrap());
        let text = page.data["qr"].as_str().unwrap();
        let digits = ann.pad().offer.challenge.digits();
        let Ok(Scanned::Signed(signed)) = qr::parse(text, digits) else { panic!("{text}") };
        let now = u64::try_from(cx.now / 1000).unwrap();
        let Vouched { origin, question, words, .. } = signed.verify(&ann.pad().offer.qr_key, now).unwrap();
        assert_eq!((origin.as_str(), question), ("https://shop.example", Ann::question(&cx, &page)));
        assert_eq!(words, cx.summary);
        assert_eq!(signed.verify(&ann.pad().offer.qr_key, now + 180), Err(QrError::Expired));
        let scanned = ann.answer(&cx, &page);
        assert_eq!(scanned.text("answer").len(), 8);
    }
}

#[test]
fn a_second_activation_raises_the_epoch_and_stops_the_first_pad() {
    let (plugin, cx) = (plugin(), context(Purpose::Authorize));
    let (mut old, enrolment) = activated(&plugin, &cx, None);
    // 32 times the byte 9: the host's randomness is fresh for each activation.
    let fresh = Context { random: "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk".to_owned(), ..cx };
    let (mut new, replaced) = activated(&plugin, &fresh, Some(&enrolment));
    assert_eq!((old.pad().offer.epoch, new.pad().offer.epoch), (1, 2));
    let (page, state) = asked(plugin.begin(&fresh, &replaced).unwrap());
    let step = plugin.answer(&fresh, &replaced, &state, &old.answer(&fresh, &page)).unwrap();
    assert_eq!(step, Step::Wrong { signal: None });
    passed(plugin.answer(&fresh, &replaced, &state, &new.answer(&fresh, &page)).unwrap());
}

#[test]
fn the_code_goes_to_the_phone_and_nowhere_else() {
    let (plugin, cx) = (plugin(), context(Purpose::Authorize));
    let (page, state) = asked(plugin.enrol_begin(&cx, None).unwrap());
    let code = code(&page.effects).unwrap();
    assert!(code.parse::<ActivationCode>().is_ok());
    let Some(Effect::Sms { args, .. }) = page.effects.first() else { panic!("{:?}", page.effects) };
    assert_eq!(args["link"], format!("https://id.example/pad#c={code}"));
    let bare = code.replace('-', "");
    let elsewhere = format!("{} {state} {:?}", page.data, &page.effects[1..]);
    assert!(!elsewhere.contains(&code) && !elsewhere.contains(&bare), "{elsewhere}");
}

#[test]
fn a_code_with_a_slip_does_not_activate() {
    let (plugin, cx) = (plugin(), context(Purpose::Authorize));
    let (_, state) = asked(plugin.enrol_begin(&cx, None).unwrap());
    let guess = PadStart::new(&ActivationCode::from_random([3; 10]), [1; 32]);
    let (second, state) = asked(plugin.enrol_answer(&cx, &state, &fields(&guess.hello())).unwrap());
    let offer: Offer = serde_json::from_value(second.data).unwrap();
    assert!(guess.receive(offer).is_err());
    let forged: BTreeMap<&str, String> = [("mac", "A".repeat(43)), ("answer", "12345678".to_owned())].into();
    let step = plugin.enrol_answer(&cx, &state, &fields(&forged)).unwrap();
    assert_eq!(step, Step::Wrong { signal: None });
}

#[test]
fn policy_may_choose_six_digits() {
    let plugin = Loaded::new(cipherpad::enum_plugin_v1(), &json!({ "challenge_digits": 6 })).unwrap();
    let cx = context(Purpose::Authorize);
    let (mut ann, enrolment) = activated(&plugin, &cx, None);
    let (page, state) = asked(plugin.begin(&cx, &enrolment).unwrap());
    assert_eq!(page.data["challenge"].as_str().unwrap().len(), 6);
    let input = ann.answer(&cx, &page);
    assert_eq!(input.text("answer").len(), 6);
    passed(plugin.answer(&cx, &enrolment, &state, &input).unwrap());
    let refused = Loaded::new(cipherpad::enum_plugin_v1(), &json!({ "challenge_digits": 5 })).err().unwrap();
    assert!(refused.to_string().contains("challenge_digits"), "{refused}");
}

#[test]
fn a_purse_that_a_pad_cannot_type_is_not_asked_for() {
    let (plugin, cx) = (plugin(), context(Purpose::Payment));
    let (_, enrolment) = activated(&plugin, &context(Purpose::Authorize), None);
    // The last one could be a check number.
    for purse in ["DE89370400440532013000", "z123456789012", "123456789012", "M123456789012"] {
        let mut cx = cx.clone();
        cx.transaction.as_mut().unwrap().payee_account = purse.to_owned();
        assert!(matches!(plugin.begin(&cx, &enrolment).unwrap(), Step::Fail { .. }), "{purse}");
    }
}

#[test]
fn pages_render_in_every_language_with_the_fixed_ids() {
    let plugin = plugin();
    let description = plugin.describe().unwrap();
    let mut tera = tera::Tera::default();
    tera.add_raw_templates(description.pages.iter().map(|(name, text)| (format!("{name}.html"), text))).unwrap();
    let (_, enrolment) = activated(&plugin, &context(Purpose::Authorize), None);
    let subjects = SubjectKind::ALL.map(context_of);
    for cx in subjects.into_iter().chain([context(Purpose::Authorize), context(Purpose::Payment)]) {
        let (page, _) = asked(plugin.begin(&cx, &enrolment).unwrap());
        for texts in description.texts.values() {
            let mut values = tera::Context::new();
            values.insert("data", &page.data);
            values.insert("t", texts);
            values.insert("qr_svg", "<svg></svg>");
            let html = tera.render("answer.html", &values).unwrap();
            let challenge = page.data["challenge"].as_str().unwrap();
            for part in [
                "id=\"challenge\"",
                &format!("data-challenge=\"{challenge}\""),
                "id=\"answer\"",
                "inputmode=\"numeric\"",
                "autocomplete=\"one-time-code\"",
                "id=\"continue\"",
                "<svg></svg>",
            ] {
                assert!(html.contains(part), "{part} is not in {html}");
            }
            let number = cx.transaction.as_ref().map_or("Z123456789012", |of| &of.payee_account);
            assert_eq!(html.contains(number), cx.purpose == Purpose::Payment);
            assert_eq!(html.contains("check-hint"), cx.summary.is_some());
        }
    }
    let (page, _) = asked(plugin.enrol_begin(&context(Purpose::Authorize), None).unwrap());
    for texts in description.texts.values() {
        let mut values = tera::Context::new();
        values.insert("data", &page.data);
        values.insert("t", texts);
        let html = tera.render("activate.html", &values).unwrap();
        assert!(html.contains("https://id.example/pad") && html.contains("ann@example.org"), "{html}");
    }
}
