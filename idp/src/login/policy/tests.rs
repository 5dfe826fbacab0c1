#![expect(clippy::unwrap_used, reason = "tests")]
use plugin_api::{
    message::{Site, SubjectKind, Transaction},
    testing::transaction_of,
};
use serde_json::{Value, json};

use super::*;

const PAD: &str = "urn:enum:acr:2";
const MAIL: &str = "urn:enum:acr:1";

fn pad() -> Manifest {
    Manifest::factor("pad", "1.0.0").purposes(&[Purpose::Authorize, Purpose::Payment]).acr(PAD)
}

fn mail() -> Manifest {
    Manifest::factor("mail", "1.0.0").purposes(&[Purpose::Authorize, Purpose::Payment]).acr(MAIL).unbound()
}

fn finger() -> Manifest {
    Manifest::factor("finger", "1.0.0").purposes(&[Purpose::Authorize]).acr("phr")
}

fn policy(document: &Value) -> Policy {
    Policy::parse(&document.to_string()).unwrap()
}

fn login() -> Demand {
    Demand {
        client_id: "site".into(),
        site: Site { name: "Site".into(), origin: "https://site.example".into() },
        transaction: None,
        acr_values: vec![],
        acr_essential: false,
        max_age: None,
        prompt: vec![],
        login_hint: None,
        scope: vec![],
        trusted: false,
        raised: None,
    }
}

fn payment() -> Demand {
    let transaction = Transaction {
        payee_account: "Z123456789012".into(),
        payee_name: "Shop".into(),
        amount_minor: 1,
        minor_digits: 2,
        currency: "WMZ".into(),
        reference: String::new(),
        description: String::new(),
        subject: None,
    };
    Demand { transaction: Some(transaction), ..login() }
}

fn essential(level: &str) -> Demand {
    Demand { acr_values: vec![level.into()], acr_essential: true, ..login() }
}

/// What pad, mail and finger earn.
fn earned(document: &Value, demand: &Demand) -> [Option<String>; 3] {
    let policy = policy(document);
    [pad(), mail(), finger()].map(|manifest| policy.earns(&manifest, demand))
}

#[track_caller]
fn earns(document: &Value, demand: &Demand, expected: [Option<&str>; 3]) {
    assert_eq!(earned(document, demand), expected.map(|level| level.map(str::to_owned)), "{document}");
}

const BOUND: Option<&str> = Some(acr::PAYMENT);
const LOGINS: [Option<&str>; 3] = [Some(PAD), Some(MAIL), Some("phr")];

#[test]
fn without_a_word_every_factor_does_what_its_manifest_says() {
    for nothing in [json!({}), json!({ "factors": { "pad": {}, "mail": {} }, "clients": { "site": {} } })] {
        earns(&nothing, &login(), LOGINS);
        earns(&nothing, &payment(), [BOUND, None, None]);
        earns(&nothing, &essential(PAD), [Some(PAD), None, Some("phr")]);
        earns(&nothing, &essential("phrh"), [None, None, None]);
        let voluntary = Demand { acr_essential: false, ..essential("phr") };
        earns(&nothing, &voluntary, LOGINS);
    }
}

#[test]
fn a_factor_is_asked_only_about_what_it_can_show() {
    let document = policy(&json!({}));
    for kind in SubjectKind::ALL {
        let demand = Demand { transaction: Some(transaction_of(kind)), ..login() };
        assert_eq!(document.earns(&pad(), &demand), None, "one that knows payments to one purse only");
        let other = if kind == SubjectKind::Batch { SubjectKind::Card } else { SubjectKind::Batch };
        assert_eq!(document.earns(&pad().subjects(&[other, SubjectKind::Unknown]), &demand), None);
        assert_eq!(document.earns(&pad().subjects(&[kind]), &demand).as_deref(), BOUND);
        assert_eq!(document.earns(&pad().subjects(&[kind]), &payment()).as_deref(), BOUND);
    }
}

#[test]
fn a_factor_is_held_to_its_rule() {
    for (rule, logins, payments) in [
        (json!({ "off": true }), None, None),
        (json!({ "purposes": [] }), None, None),
        (json!({ "purposes": ["authorize"] }), Some(PAD), None),
        (json!({ "purposes": ["payment"] }), None, BOUND),
        (json!({ "acr": MAIL }), Some(MAIL), BOUND),
        (json!({ "acr": PAD }), Some(PAD), BOUND),
        // Never above the manifest.
        (json!({ "acr": "phr" }), Some(PAD), BOUND),
        (json!({ "acr": "phrh" }), Some(PAD), BOUND),
    ] {
        let document = json!({ "factors": { "pad": rule } });
        earns(&document, &login(), [logins, LOGINS[1], LOGINS[2]]);
        earns(&document, &payment(), [payments, None, None]);
    }
    let purposes = json!({ "factors": { "finger": { "purposes": ["authorize", "payment"] } } });
    earns(&purposes, &payment(), [BOUND, None, None]);
}

#[test]
fn a_relying_party_gets_no_less_than_its_minimum() {
    let of = |rule: Value| json!({ "clients": { "site": rule } });
    earns(&of(json!({ "acr": PAD })), &login(), [Some(PAD), None, Some("phr")]);
    earns(&of(json!({ "acr": "phr" })), &login(), [None, None, Some("phr")]);
    earns(&of(json!({ "acr": "phrh" })), &login(), [None, None, None]);
    // It asks for less than its minimum.
    earns(&of(json!({ "acr": PAD })), &essential(MAIL), [Some(PAD), None, Some("phr")]);
    earns(&of(json!({ "acr": "phr" })), &payment(), [None, None, None]);
    // Lowered by one rule below what another demands.
    let both = json!({ "factors": { "pad": { "acr": MAIL } }, "clients": { "site": { "acr": PAD } } });
    earns(&both, &login(), [None, None, Some("phr")]);
    // Somebody else's rule.
    earns(&json!({ "clients": { "shop": { "acr": "phrh" } } }), &login(), LOGINS);
}

#[test]
fn a_relying_party_chooses_factors_for_each_purpose() {
    let of = |rule: Value| json!({ "clients": { "site": rule } });
    earns(&of(json!({ "authorize": ["mail"] })), &login(), [None, Some(MAIL), None]);
    earns(&of(json!({ "authorize": ["mail"] })), &payment(), [BOUND, None, None]);
    earns(&of(json!({ "authorize": [] })), &login(), [None, None, None]);
    earns(&of(json!({ "payment": ["finger"] })), &payment(), [None, None, None]);
    // What is off for all is on for nobody.
    let off = json!({ "factors": { "pad": { "off": true } }, "clients": { "site": { "authorize": ["pad"] } } });
    earns(&off, &login(), [None, None, None]);
}

#[test]
fn unbound_payments_are_off_until_somebody_turns_them_on() {
    let unbound = |all: bool, site: Value| json!({ "unbound_payments": all, "clients": { "site": site } });
    for (document, may) in [
        (unbound(false, json!({})), false),
        (unbound(true, json!({})), true),
        (unbound(true, json!({ "unbound_payments": false })), false),
        (unbound(false, json!({ "unbound_payments": true })), true),
        (unbound(true, json!({ "payment": ["pad"] })), false),
        (unbound(true, json!({ "acr": PAD })), false),
    ] {
        // The level of a bound one it never earns.
        earns(&document, &payment(), [BOUND, may.then_some(MAIL), None]);
    }
    let level = Demand { acr_values: vec![acr::PAYMENT.into()], acr_essential: true, ..payment() };
    earns(&unbound(true, json!({})), &level, [BOUND, None, None]);
}

#[test]
fn a_claim_beside_the_ladder_is_worth_the_lowest_rung() {
    for odd in [acr::PAYMENT, "urn:acme:gold", ""] {
        let manifest = Manifest::factor("odd", "1.0.0").purposes(&[Purpose::Authorize]).acr(odd);
        assert_eq!(Policy::default().earns(&manifest, &login()).as_deref(), Some(MAIL), "{odd}");
    }
}

#[test]
fn what_was_proven_before_is_judged_by_todays_policy() {
    let by = |factor: Option<&str>| Proof { acr: PAD.into(), factor: factor.map(str::to_owned), at: 0 };
    let (pad, unknown) = (by(Some("pad")), by(None));
    for (document, of_pad, of_unknown) in [
        (json!({}), Some(PAD), Some(PAD)),
        (json!({ "factors": { "pad": { "off": true } } }), None, None),
        (json!({ "factors": { "pad": { "purposes": ["payment"] } } }), None, None),
        (json!({ "factors": { "pad": { "acr": MAIL } } }), Some(MAIL), None),
        // It does not rise afterwards.
        (json!({ "factors": { "pad": { "acr": "phrh" } } }), Some(PAD), None),
        (json!({ "factors": { "mail": { "off": true } } }), Some(PAD), None),
        (json!({ "clients": { "site": { "acr": "phr" } } }), None, None),
        (json!({ "clients": { "site": { "authorize": ["mail"] } } }), None, None),
        (json!({ "clients": { "shop": { "authorize": ["mail"] } } }), Some(PAD), Some(PAD)),
    ] {
        let policy = policy(&document);
        let judged = [&pad, &unknown].map(|proof| policy.still_proves(proof, "site"));
        assert_eq!(judged, [of_pad, of_unknown], "{document}");
    }
}

/// Of which some enrolments are worth more.
fn token() -> Manifest {
    finger().acr_most("phrh")
}

#[test]
fn an_enrolment_is_worth_what_it_claims_up_to_what_its_manifest_allows() {
    for (claimed, of_finger, of_token) in [
        (None, "phr", "phr"),
        (Some("phrh"), "phr", "phrh"),
        (Some("phr"), "phr", "phr"),
        (Some(MAIL), MAIL, MAIL),
        (Some(acr::PAYMENT), "phr", "phr"),
        (Some("urn:unknown"), "phr", "phr"),
    ] {
        let policy = policy(&json!({}));
        let proven = [finger(), token()].map(|manifest| policy.proves(&manifest, claimed, &login()));
        assert_eq!(proven, [of_finger, of_token].map(|level| Some(level.to_owned())), "{claimed:?}");
        let level = policy.level(&finger(), claimed, "site", Purpose::Authorize).map(str::to_owned);
        assert_eq!(level.as_deref(), Some(of_finger));
    }
    // A manifest that allows less than it says of all means nothing by it.
    let less = finger().acr_most(MAIL);
    assert_eq!(policy(&json!({})).proves(&less, Some("phr"), &login()).as_deref(), Some("phr"));
}

#[test]
fn who_is_asked_hangs_on_the_best_that_a_factor_could_prove() {
    let plain = policy(&json!({}));
    for demand in [login(), essential("phr"), essential("phrh")] {
        assert_eq!(plain.earns(&token(), &demand).as_deref(), Some("phrh"));
    }
    assert_eq!(plain.earns(&finger(), &essential("phrh")), None);
    assert_eq!(plain.proves(&token(), None, &essential("phrh")), None);
    assert_eq!(plain.proves(&token(), Some("phrh"), &essential("phrh")).as_deref(), Some("phrh"));
    let strict = policy(&json!({ "clients": { "site": { "acr": "phrh" } } }));
    assert!(strict.earns(&token(), &login()).is_some());
    assert_eq!(strict.proves(&token(), None, &login()), None);
    let capped = policy(&json!({ "factors": { "finger": { "acr": "phr" } } }));
    assert_eq!(capped.earns(&token(), &essential("phrh")), None);
    assert_eq!(capped.proves(&token(), Some("phrh"), &login()).as_deref(), Some("phr"));
}

#[test]
fn a_level_of_some_is_announced_where_the_policy_names_it() {
    let reachable = |document: Value| policy(&document).reachable([token()].iter());
    assert_eq!(reachable(json!({})), [MAIL, PAD, "phr"]);
    assert_eq!(reachable(json!({ "factors": { "finger": { "acr": "phrh" } } })), [MAIL, PAD, "phr", "phrh"]);
    assert_eq!(reachable(json!({ "factors": { "finger": { "acr": PAD } } })), [MAIL, PAD]);
}

#[test]
fn discovery_names_what_can_be_reached() {
    let reachable = |document: Value, manifests: &[Manifest]| policy(&document).reachable(manifests.iter());
    let all = [pad(), mail(), finger()];
    assert_eq!(reachable(json!({}), &all), [MAIL, PAD, "phr", acr::PAYMENT]);
    assert_eq!(reachable(json!({}), &[pad()]), [MAIL, PAD, acr::PAYMENT]);
    assert_eq!(reachable(json!({ "unbound_payments": true }), &[mail()]), [MAIL]);
    assert_eq!(reachable(json!({ "factors": { "finger": { "off": true } } }), &all), [MAIL, PAD, acr::PAYMENT]);
    assert_eq!(reachable(json!({ "factors": { "pad": { "purposes": ["payment"] } } }), &[pad()]), [acr::PAYMENT]);
    assert_eq!(reachable(json!({}), &[]), [""; 0]);
}

#[test]
fn a_document_is_refused_with_the_place_that_is_wrong() {
    for (document, words) in [
        ("[]", "object"),
        ("{", "EOF"),
        (r#"{"factor":{}}"#, "'factor'"),
        (r#"{"factors":{"pad":[]}}"#, "/factors/pad"),
        (r#"{"factors":{"pad":{"of":true}}}"#, "'of'"),
        (r#"{"factors":{"pad":{"purposes":["login"]}}}"#, "/factors/pad/purposes/0"),
        (r#"{"factors":{"pad":{"acr":"2"}}}"#, "/factors/pad/acr"),
        (r#"{"clients":{"site":{"acr":"urn:enum:acr:payment"}}}"#, "/clients/site/acr"),
        (r#"{"clients":{"site":{"authorize":"pad"}}}"#, "/clients/site/authorize"),
    ] {
        let told = Policy::parse(document).unwrap_err().to_string();
        assert!(told.contains(words), "{document}: {told}");
    }
}

#[test]
fn the_schema_says_what_the_parser_takes() {
    let schema = Policy::schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let full = json!({
        "factors": { "pad": { "off": false, "purposes": ["authorize"], "acr": PAD } },
        "clients": { "site": { "acr": PAD, "authorize": ["pad"], "payment": [], "unbound_payments": true } },
        "unbound_payments": false,
    });
    for (document, right) in [
        (json!({}), true),
        (full, true),
        (json!({ "factors": { "pad": { "acr": "2" } } }), false),
        (json!({ "factors": { "pad": { "of": true } } }), false),
        (json!({ "clients": { "site": { "authorize": "pad" } } }), false),
    ] {
        assert_eq!(validator.is_valid(&document), right, "{document}");
        assert_eq!(Policy::parse(&document.to_string()).is_ok(), right, "{document}");
    }
}

#[test]
fn an_administrator_is_told_what_has_no_effect() {
    let document = json!({
        "factors": { "pda": { "off": true }, "mail": { "acr": "phr" }, "finger": { "purposes": ["payment"] } },
        "clients": { "sitt": { "payment": ["bda"] } },
    });
    let doubts = policy(&document).doubts(&[mail(), finger()], |id| id == "site", true).join("\n");
    for word in ["factor pda", "factor bda", "client sitt", "mail declares urn:enum:acr:1", "finger does not serve"] {
        assert!(doubts.contains(word), "{word}: {doubts}");
    }
    let nobody = policy(&json!({ "factors": { "pad": { "off": true } } }));
    assert!(nobody.doubts(&[pad()], |_| true, true).join("\n").contains("sign anybody in"));
    assert!(Policy::default().doubts(&[pad()], |_| true, true).is_empty());
}
