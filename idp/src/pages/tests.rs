#![expect(clippy::unwrap_used, reason = "tests")]

use axum::http::header;
use plugin_api::message::{Kind, Manifest, Purpose};
use serde_json::json;

use super::*;

fn description(template: &str) -> Description {
    Description {
        manifest: Manifest {
            id: "pad".into(),
            version: "1.0.0".into(),
            kind: Kind::Factor,
            data_version: 1,
            purposes: vec![Purpose::Authorize],
            subjects: vec![],
            amr: vec![],
            acr: None,
            acr_most: None,
            unbound: false,
            challenge: plugin_api::message::ChallengeKind::Derived,
            challenge_seconds: None,
            enrols: plugin_api::message::Enrols::Device,
            per_account: 1,
            details_types: vec![],
            resources: vec![],
            permissions: vec![],
        },
        settings_schema: json!({}),
        pages: BTreeMap::from([("enter".to_owned(), template.to_owned())]),
        texts: BTreeMap::from([
            ("en".to_owned(), BTreeMap::from([("name".to_owned(), "Pad".to_owned())])),
            ("ru".to_owned(), BTreeMap::from([("name".to_owned(), "Блокнот".to_owned())])),
        ]),
        details_schemas: BTreeMap::new(),
        assets: BTreeMap::new(),
    }
}

fn pages(template: &str) -> Pages {
    Pages::new([&description(template)]).unwrap()
}

/// Data of every page, as full as it gets.
fn everything() -> Vec<(&'static str, Value)> {
    let site = json!({ "name": "Shop <b>", "origin": "https://shop.example" });
    let payment = json!({ "title": "Confirm", "decline": "Decline", "unmet": "No method", "label": "Payment",
        "payee_name": "Shop", "payee_account": "Z123456789012", "is_checked": true, "amount": "19.90", "currency": "WMZ",
        "description": "Two books", "reference": "A-1", "operation": "Take a loan", "card": "•••• 1111",
        "rows": [{ "id": "wmid", "label": "WMID", "value": "1" }], "warnings": ["Odd"],
        "payees": [{ "name": "A <b>", "account": "Z123456789012", "amount": "1.00" }] });
    let login = |more: Value| {
        let mut all = json!({ "site": site, "hidden": { "state": "s\"1" }, "payment": payment, "error": "error_wrong",
            "action": "/login/x", "email": "a@b.example" });
        all.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
        all
    };
    let factor = json!([{ "id": "pad", "name": "Pad", "description": "A pad", "blocked": true }]);
    vec![
        ("home.html", json!({ "discovery": "https://id.example/.well-known/openid-configuration" })),
        ("problem.html", json!({ "what": "w", "next": "n" })),
        ("login_email.html", login(json!({}))),
        ("login_choose.html", login(json!({ "factors": factor }))),
        ("login_choose.html", login(json!({ "factors": factor, "raised": "risk_before_failures" }))),
        ("login_unmet.html", login(json!({ "would_do": ["Shop <b>"], "raised": "risk_refused_new_device" }))),
        (
            "login_factor.html",
            login(json!({ "body": "<p id=\"challenge\">1</p>", "factor_name": "Pad", "others": true })),
        ),
        ("login_fee.html", login(json!({ "fee": "0.05 WMZ", "factor_name": "Pad", "others": true }))),
        ("login_consent.html", login(json!({ "scopes": ["openid", "strange"], "name": "A B" }))),
        ("logout.html", login(json!({}))),
        ("logged_out.html", login(json!({}))),
        ("register_sent.html", json!({ "email": "a@b.example" })),
        (
            "confirm.html",
            json!({ "name": "A", "phone": "+84", "factors": factor, "chosen": "pad", "error": "invalid_phone" }),
        ),
        (
            "register.html",
            json!({ "errors": { "email": "invalid_email", "sum": "invalid_sum" }, "bot": { "sealed": "x", "question": "?" },
                "values": { "first_name": "", "last_name": "", "email": "", "phone": "", "question": "own",
                "own_question": "", "security_answer": "" }, "questions": [{ "id": "pet", "text": "Pet?" }] }),
        ),
        ("activate.html", json!({ "state": "waiting", "phone": "+84", "resends_left": 2, "notice": "resend_done" })),
        ("activate.html", json!({ "state": "active", "email": "a@b.example" })),
        ("activate.html", json!({ "state": "ended", "resends_left": 0 })),
        (
            "activate.html",
            json!({ "state": "waiting", "on_page": true, "email": "a@b.example", "factor_name": "Pad", "error": "error_wrong",
                "body": "<p>1</p>", "action": "/activate/x/answer", "hidden": { "enrolment_step": "0" }, "resends_left": 3 }),
        ),
        (
            "activate.html",
            json!({ "state": "ended", "on_page": true, "email": "a@b.example", "factor_name": "Pad", "resends_left": 1 }),
        ),
        ("pad.html", json!({ "issuer": "https://id.example" })),
        (
            "mail.html",
            json!({ "subject": "s", "paragraphs": [{ "text": "a\nb" }, { "link": "https://id.example/x" }] }),
        ),
    ]
}

/// What every page of the personal area is given, and more.
fn area(mut more: Value) -> Value {
    let mut all = json!({ "places": [{ "link": "/account", "title": "account_overview", "current": true }], "token": "t",
        "email": "a@b.example", "notice": "account_said_changed", "error": "account_not_there" });
    all.as_object_mut().unwrap().append(more.as_object_mut().unwrap());
    all
}

/// The same of the personal area.
fn personal_area() -> Vec<(&'static str, Value)> {
    let entry = json!({ "number": 1, "time": "now", "moment": "now", "what": "Payment", "result": "done", "good": false,
        "method": "Pad", "site": "Shop <b>", "address": "::1", "signals": ["Shop <b>"],
        "payment": { "amount": "1.00", "currency": "WMZ", "payee": "Shop <b>", "account": "Z1" } });
    let sparse =
        json!({ "number": 2, "time": "now", "moment": "now", "what": "Sign-in", "result": "done", "good": true });
    let method = |status: &str, more: bool| {
        json!({ "id": "1", "name": "Pad", "label": "Shop <b>", "status": status, "here": more, "created": "now",
            "used": more.then_some("now"), "paused": more.then_some("now"), "payments_blocked": more, "last": more })
    };
    let methods = |open: bool| {
        let methods =
            [method("active", true), method("off", false), method("disabled", false), method("active", false)];
        area(json!({ "methods": methods, "guard": { "open": open, "prove": "/account/prove/methods" },
            "factors": [{ "id": "pad", "name": "Pad", "description": "A pad", "has": true }] }))
    };
    let notices = |open: bool, sms: Value| {
        area(json!({ "sms": sms, "guard": { "open": open, "prove": "/account/prove/notices" },
            "kinds": [{ "name": "login", "title": "account_notice_login", "mail": "main", "sms": true, "most": "At most 5",
                "places": [{ "name": "off", "title": "account_notice_off" }, { "name": "main", "title": "account_notice_main" }] }] }))
    };
    let session = |current: bool, agent: &str| {
        json!({ "sid": "s", "current": current, "agent": agent, "address": agent, "amr": "otp", "started": "now",
            "proven": "now", "ends": "then" })
    };
    vec![
        ("account_entry.html", json!({ "lead": "account_entry_closed", "again": "/account/log", "page": "/account" })),
        (
            "account_overview.html",
            area(
                json!({ "name": "A B", "methods": 1, "sessions": 2, "requests": 1, "codes": 0, "since": "then", "entries": [entry, sparse] }),
            ),
        ),
        (
            "account_log.html",
            area(json!({ "filter": { "kind": "login", "result": "ok", "site": "x", "from": "\"><b>", "to": "" },
                "sites": [{ "id": "x", "name": "Shop <b>" }], "entries": [entry], "older": "/o", "newest": "/n",
                "csv": "/c", "json": "/j" })),
        ),
        ("account_methods.html", methods(true)),
        ("account_notices.html", notices(true, json!("At most 5 texts"))),
        ("account_notices.html", notices(false, Value::Null)),
        ("account_methods.html", methods(false)),
        (
            "account_sessions.html",
            area(json!({ "sessions": [session(true, ""), session(false, "Shop <b>")], "has_others": true })),
        ),
        (
            "account_sessions.html",
            area(json!({ "sessions": [], "browsers": [{ "hash": "h", "current": true, "agent": "Shop <b>",
                "address": "::1", "first": "then", "last": "now" }] })),
        ),
    ]
}

/// What websites ask without a browser.
fn requests() -> Vec<(&'static str, Value)> {
    vec![
        ("account_requests.html", area(json!({ "requests": [], "muted": [] }))),
        (
            "account_requests.html",
            area(json!({ "requests": [
                { "id": "1", "client": "x", "site": { "name": "Shop <b>", "origin": "https://x.example" },
                  "binding_message": "Shop <b>", "payment": null, "came": "then", "ends": "soon" },
                { "id": "2", "client": "x", "site": { "name": "Shop <b>", "origin": "https://x.example" },
                  "payment": { "label": "Payment", "payee_name": "Shop <b>", "payee_account": "Z1", "amount": "1.00",
                               "currency": "WMZ", "rows": [], "warnings": [] },
                  "came": "then", "ends": "soon" }],
                "muted": [{ "client": "x", "name": "Shop <b>", "since": "then" }] })),
        ),
    ]
}

/// Its pages about addresses, websites and the person.
fn personal_data() -> Vec<(&'static str, Value)> {
    vec![
        (
            "account_emails.html",
            area(json!({ "addresses": [{ "email": "a@b.example", "main": true, "since": "now" },
                { "email": "<b>@b.example", "main": false, "since": "now" }], "may_add": true,
                "guard": { "open": true, "prove": "/p" } })),
        ),
        (
            "account_emails.html",
            area(json!({ "addresses": [], "may_add": false, "guard": { "open": false, "prove": "/p" } })),
        ),
        ("account_email_confirm.html", area(json!({ "address": "c@d.example" }))),
        ("account_restore.html", json!({ "address": "c@d.example" })),
        ("account_restore.html", json!({ "done": true })),
        (
            "account_phone.html",
            area(
                json!({ "phone": "+84 912", "guard": { "open": true, "prove": "/p" }, "waits": "+7 <b>", "changed": "now",
                "settles": "soon", "typed": "Shop <b>", "ends": true, "cooldown": 72 }),
            ),
        ),
        (
            "account_phone.html",
            area(
                json!({ "phone": "+84 912", "guard": { "open": true, "prove": "/p" }, "typed": "Shop <b>", "ends": true,
                "is_only_way": true, "cooldown": 0 }),
            ),
        ),
        ("account_phone_restore.html", json!({ "phone": "+84 912" })),
        ("account_phone_restore.html", json!({ "done": true })),
        (
            "account_access.html",
            area(
                json!({ "sites": [{ "id": "x", "name": "Shop <b>", "scope": ["Your name"], "allowed": "now", "tokens": 1,
                "payments": 2, "first": "then", "last": "now", "log": "/l", "ends": true },
                { "id": "y", "name": "Y", "scope": [], "tokens": 0, "payments": 0, "log": "/l", "ends": false }] }),
            ),
        ),
        ("account_access.html", area(json!({ "sites": [] }))),
        (
            "account_profile.html",
            area(json!({ "values": { "first_name": "Shop <b>", "last_name": "", "locale": "en" }, "zone": "UTC",
                "zones": ["UTC", "Asia/Ho_Chi_Minh"], "languages": [{ "id": "en", "name": "English" }], "phone": "+84" })),
        ),
        ("account_data.html", area(json!({ "guard": { "open": true, "prove": "/p" }, "days": 7 }))),
        ("account_data.html", area(json!({ "guard": { "open": true, "prove": "/p" }, "leaving": "soon", "days": 0 }))),
        ("account_keep.html", json!({ "email": "a@b.example", "at": "soon" })),
        ("account_keep.html", json!({ "email": "a@b.example", "done": true })),
        ("account_deleted.html", json!({})),
    ]
}

/// Its pages about fees and recovery codes.
fn fees_and_codes() -> Vec<(&'static str, Value)> {
    vec![
        ("account_fees.html", area(json!({ "tariffs": [{ "method": "SMS" }], "totals": [], "lines": [] }))),
        (
            "account_fees.html",
            area(json!({ "older": "/o", "newest": "/n", "query": "before=x",
                "tariffs": [{ "method": "SMS", "free": { "left": "0 of 5", "again": "Soon" }, "other": "0.05 WMZ",
                    "fees": [{ "currency": "Shop <b>", "fee": "0.05 WMZ" }] }],
                "totals": [{ "currency": "WMZ", "charged": "0.10", "reversed": "0.05", "owed": "0.05" }],
                "lines": [{ "id": "c", "time": "now", "moment": "now", "site": "Shop <b>", "method": "SMS",
                    "amount": "0.05", "currency": "WMZ", "status": "given back", "steps": ["a", "b"] }] })),
        ),
        (
            "account_codes.html",
            area(json!({ "left": 9, "most": 10, "made": "Shop <b>", "made_new": 10, "seen": "x",
                "guard": { "open": true, "prove": "/p" } })),
        ),
        (
            "account_codes.html",
            area(
                json!({ "left": 0, "most": 0, "made_new": 10, "seen": "x", "guard": { "open": false, "prove": "/p" } }),
            ),
        ),
        (
            "account_codes_new.html",
            area(json!({ "codes": ["7K2M-01AB-CDEF-GHJK", "Shop <b>"], "issuer": "Shop <b>", "recover": "/recover",
                "made": "now" })),
        ),
    ]
}

#[test]
fn every_page_renders_in_every_language_and_escapes() {
    let pages = pages("x");
    for (template, context) in
        everything().into_iter().chain(personal_area()).chain(personal_data()).chain(fees_and_codes()).chain(requests())
    {
        for locale in LOCALES {
            let html = pages.html(template, locale, &context).unwrap();
            assert!(html.contains(&format!("<html lang=\"{locale}\">")), "{template}");
            assert!(!html.contains("Shop <b>"), "{template} does not escape");
        }
    }
}

#[test]
fn login_pages_render_with_the_least_they_may_be_given() {
    let pages = pages("x");
    let site = json!({ "name": "Shop", "origin": "https://shop.example" });
    pages.html("login_email.html", "en", &json!({ "site": site })).unwrap();
    pages.html("login_choose.html", "en", &json!({ "site": site, "email": "e", "factors": [] })).unwrap();
    pages
        .html("login_factor.html", "en", &json!({ "site": site, "email": "e", "factor_name": "f", "body": "" }))
        .unwrap();
    pages.html("login_consent.html", "en", &json!({ "site": site, "email": "e", "scopes": [] })).unwrap();
    pages.html("logout.html", "en", &json!({})).unwrap();
    pages.html("logged_out.html", "en", &json!({})).unwrap();
    let unknown = pages.html("login_email.html", "en", &json!({ "site": site, "error": "no_such_key" })).unwrap();
    assert!(unknown.contains("That did not work"));
}

#[test]
fn the_fixed_ids_are_there_and_labels_are_bound() {
    let pages = pages("x");
    let of = |template: &str| {
        let (_, context) = everything().into_iter().find(|(name, _)| *name == template).unwrap();
        pages.html(template, "en", &context).unwrap()
    };
    for (template, ids) in [
        ("login_email.html", &["email", "continue", "deny"][..]),
        ("login_choose.html", &["factor-pad"]),
        ("login_factor.html", &["challenge", "deny", "other"]),
        ("login_fee.html", &["accept", "deny", "other"]),
        ("login_consent.html", &["allow", "deny"]),
        ("logout.html", &["logout-yes"]),
    ] {
        for id in ids {
            assert!(of(template).contains(&format!("id=\"{id}\"")), "{template} #{id}");
        }
    }
    let form = of("register.html");
    for input in form.split("<input id=\"").skip(1).chain(form.split("<select id=\"").skip(1)) {
        let id = input.split('"').next().unwrap();
        assert!(form.contains(&format!("<label for=\"{id}\"")), "{id} has no label");
    }
}

#[test]
fn a_plugins_page_is_escaped_whatever_it_is_called() {
    let pages = pages("<p>{{ t.name }} {{ data.text }} {{ text }}</p>{{ qr_svg }}");
    let data = json!({ "text": "<script>", "qr": "enum:l?c=58715204" });
    let html = pages.plugin_page("pad", "enter", "ru", &data).unwrap();
    assert!(html.starts_with("<p>Блокнот &lt;script&gt; &lt;script&gt;</p><svg"), "{html}");
    assert!(html.contains("</svg>"));
    assert!(pages.plugin_page("pad", "enter", "vi", &data).unwrap().contains("Pad"), "English stands in");
    assert!(pages.plugin_page("pad", "other", "en", &data).is_err());
    assert!(pages.plugin_page("nobody", "enter", "en", &data).is_err());
}

#[test]
fn a_plugin_cannot_reach_the_hosts_pages() {
    let reaching = description("{% include \"login_email.html\" %}");
    assert!(Pages::new([&reaching]).is_err());
}

#[test]
fn pages_may_not_be_framed_cached_or_scripted() {
    let pages = pages("x");
    let shown = pages.problem(StatusCode::NOT_FOUND, "en", "not_found", &json!({}));
    assert_eq!(shown.status(), StatusCode::NOT_FOUND);
    let policy = shown.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("form-action 'self'"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("script-src"), "{policy}");
    assert_eq!(shown.headers()[header::CACHE_CONTROL], "no-store");
    assert_eq!(shown.headers()[header::X_FRAME_OPTIONS], "DENY");
    let login = pages.render("logout.html", "en", json!({})).unwrap();
    let policy = login.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(!policy.contains("form-action"), "{policy}");
    let posted = pages.form_post("en", "https://rp.example/cb?a=1&b=2", &[("code", "x\"y")]).unwrap();
    let policy = posted.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains("script-src 'sha256-"), "{policy}");
}

#[test]
fn scripts_reach_the_port_that_the_page_names_and_only_with_the_permission() {
    let with = |permissions: &[&str], data: Value| {
        let mut plugin = description("x");
        plugin.manifest.permissions = permissions.iter().map(|&name| name.to_owned()).collect();
        plugin.assets.insert("a.js".into(), String::new());
        let pages = Pages::new([&plugin]).unwrap();
        let options = Options::default().running(pages.scripts("pad", "https://id.example", &data));
        let shown = pages.render_with("home.html", "en", json!({ "discovery": "" }), &options).unwrap();
        shown.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
    };
    let both = ["script", "script.loopback"];
    let policy = with(&both, json!({ "loopback_port": 17316 }));
    assert!(policy.contains("; script-src https://id.example/assets/"), "{policy}");
    assert!(policy.ends_with("; connect-src http://127.0.0.1:17316"), "{policy}");
    for port in [json!(null), json!(0), json!(65536), json!(-1), json!("17316"), json!("* https://evil.example")] {
        let policy = with(&both, json!({ "loopback_port": port }));
        assert!(policy.contains("script-src") && !policy.contains("connect-src"), "{port}: {policy}");
    }
    for permissions in [&["script"][..], &["script.loopback"], &[]] {
        let policy = with(permissions, json!({ "loopback_port": 17316 }));
        assert!(!policy.contains("connect-src"), "{permissions:?}: {policy}");
    }
}

#[test]
fn every_problem_says_what_to_do_next() {
    let texts = texts::Texts::built_in().unwrap();
    for key in [
        "internal",
        "not_found",
        "invalid_request",
        "unknown_client",
        "redirect_uri",
        "expired",
        "foreign_browser",
        "too_many",
        "busy",
        "method_not_allowed",
        "logout_invalid",
        "link_used",
        "form_too_large",
        "request_used",
        "bad_form",
        "email_taken",
        "device_gone",
        "account_form",
        "address_link",
    ] {
        assert!(texts.has(&format!("problem_{key}")) && texts.has(&format!("problem_{key}_next")), "{key}");
    }
}
