//! The log: shown, filtered, turned over page by page and taken away as a file.

use enum_idp::{
    clock::DAY,
    store::log::{Event, append},
};

use super::{ANN, EVE, account, provider};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        http::encoded,
        provider::{Member, Provider},
        sites::PURSE,
    },
};

on_both_databases! {
    every_attempt_is_there_with_its_website_and_payment,
    it_is_filtered_by_kind_result_website_and_day,
    whatever_is_written_into_the_filter_shows_entries_of_nobody_else,
    another_language_shows_the_same_entries,
    pages_follow_each_other_and_end,
    it_is_taken_away_as_a_file,
    a_name_that_is_a_formula_stays_a_text,
}

/// Somebody who has logged in, failed once and paid.
async fn busy(provider: &Provider) -> Member {
    let mut ann = provider.member(ANN).await;
    ann.goes(&provider.sites.site.sends(&[])).await.answers_wrongly().await.answers().await;
    ann.allows().await;
    let visit = provider.sites.shop.asks_to_pay(1050, &[]).await;
    ann.goes(&visit).await;
    ann.pays(PURSE, 1050).await;
    ann.enters("/account/log").await;
    ann
}

fn count(member: &Member, part: &str) -> usize {
    member.person.page.html.matches(part).count()
}

fn entries(member: &Member) -> usize {
    count(member, "id=\"entry-")
}

async fn every_attempt_is_there_with_its_website_and_payment(database: Database) {
    let provider = provider(database).await;
    let ann = busy(&provider).await;
    let html = &ann.person.page.html;
    for part in ["The site", "The shop", "10.50 WMZ", PURSE, "wrong answer", "127.0.0.1", "Registration", "Cipherpad"] {
        assert!(html.to_lowercase().contains(&part.to_lowercase()), "no {part}: {}", ann.person.what_is_shown());
    }
    assert_eq!(entries(&ann), provider.log_of(ANN).await.len());
}

async fn it_is_filtered_by_kind_result_website_and_day(database: Database) {
    let provider = provider(database).await;
    let mut ann = busy(&provider).await;
    ann.person.opens("/account/log?kind=payment").await;
    assert_eq!((entries(&ann), count(&ann, "10.50 WMZ")), (1, 1), "{}", ann.person.what_is_shown());
    ann.person.opens("/account/log?kind=login&result=refused").await;
    assert_eq!(entries(&ann), 1, "{}", ann.person.what_is_shown());
    ann.person.opens("/account/log?site=site&result=ok").await;
    assert_eq!(entries(&ann), 2, "login and consent: {}", ann.person.what_is_shown());
    ann.person.opens("/account/log?kind=change").await;
    assert!(entries(&ann) >= 3 && count(&ann, "10.50 WMZ") == 0, "{}", ann.person.what_is_shown());
    let today = jiff::Timestamp::from_millisecond(provider.clock.now()).unwrap();
    let day = |offset: i64| {
        let moment = jiff::Timestamp::from_millisecond(today.as_millisecond() + offset * DAY).unwrap();
        moment.strftime("%Y-%m-%d").to_string()
    };
    let all = provider.log_of(ANN).await.len();
    for (from, to, expected) in [(0, 0, all), (1, 1, 0), (-1, -1, 0), (-1, 0, all)] {
        ann.person.opens(&format!("/account/log?from={}&to={}", day(from), day(to))).await;
        assert_eq!(entries(&ann), expected, "{from} {to}");
    }
}

async fn whatever_is_written_into_the_filter_shows_entries_of_nobody_else(database: Database) {
    let provider = provider(database).await;
    let mut eve = provider.member(EVE).await;
    eve.enters("/account").await;
    let mut ann = busy(&provider).await;
    let all = provider.log_of(ANN).await.len();
    for wild in ["' OR 1=1 --", "%", "\"><script>alert(1)</script>", "site' UNION SELECT * FROM account --", "\0"] {
        for field in ["kind", "result", "site", "from", "to", "before"] {
            ann.person.opens(&format!("/account/log?{}", encoded(&[(field, wild)]))).await;
            assert_eq!(ann.person.reply.status, 200, "{field}={wild}");
            assert!(entries(&ann) <= all && !ann.person.page.html.contains("<script"), "{field}={wild}");
            assert!(!ann.person.page.html.contains(EVE));
        }
    }
    ann.person.opens("/account/log?account_id=x&email=eve%40example.com").await;
    assert_eq!(entries(&ann), all.min(20));
}

async fn another_language_shows_the_same_entries(database: Database) {
    let provider = provider(database).await;
    let mut ann = busy(&provider).await;
    ann.person.opens("/account/log?kind=payment&result=ok&evil=1&lang=vi").await;
    let link = ann.person.page.language("ru").unwrap();
    assert_eq!(link, "?kind=payment&result=ok&lang=ru");
    ann.person.opens(&link).await;
    assert!(
        ann.person.page.html.contains("lang=\"ru\"") && ann.person.page.html.contains("value=\"payment\" selected")
    );
    assert_eq!((entries(&ann), count(&ann, "10.50 WMZ")), (1, 1), "{}", ann.person.what_is_shown());
    // What somebody else has put into a link is taken as text, however it is written.
    ann.person.opens("/account/log?site=%22%3E%3Cscript%3E%26lang%3Dxx%23&kind=a%0d%0ab").await;
    let link = ann.person.page.language("en").unwrap();
    assert_eq!(link, "?kind=a%0D%0Ab&site=%22%3E%3Cscript%3E%26lang%3Dxx%23&lang=en");
    assert!(!ann.person.page.html.contains("<script"));
}

async fn pages_follow_each_other_and_end(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    let id = account(&provider, ANN).await.id;
    let app = provider.app.clone();
    let now = app.clock.now();
    provider
        .app
        .db
        .write(move |tx| {
            Box::pin(async move {
                for _ in 0..300 {
                    append(tx, &app.seal, &id, now, &Event::new("login", "wrong")).await?;
                }
                Ok::<_, enum_idp::store::StoreError>(())
            })
        })
        .await
        .unwrap();
    ann.enters("/account/log").await;
    let all = provider.log_of(ANN).await.len();
    let mut seen = entries(&ann);
    let mut pages = 1;
    while ann.person.sees("older") {
        ann.person.presses_link("older").await;
        seen += entries(&ann);
        pages += 1;
        assert!(pages < 100, "no end");
    }
    assert_eq!((seen, pages), (all, all.div_ceil(20)));
    for before in ["1", "0", "-5", "-9223372036854775808", "99999999999999999999"] {
        ann.person.opens(&format!("/account/log?before={before}")).await;
        assert_eq!(ann.person.reply.status, 200, "{before}");
        assert!(!ann.person.sees("older") || before.len() == 20, "{before}: {}", ann.person.what_is_shown());
    }
    ann.person.opens("/account/log?kind=payment").await;
    assert!(ann.person.sees("nothing"), "{}", ann.person.what_is_shown());
}

async fn it_is_taken_away_as_a_file(database: Database) {
    let provider = provider(database).await;
    let mut ann = busy(&provider).await;
    let all = provider.log_of(ANN).await.len();
    ann.person.presses_link("csv").await;
    assert!(ann.person.reply.header("content-disposition").contains("attachment"));
    let csv = ann.person.reply.text();
    assert_eq!(csv.lines().count(), all + 1, "{csv}");
    assert!(csv.starts_with("\"number\",\"time\"") && csv.contains("\"10.50\",\"WMZ\""), "{csv}");
    ann.person.opens("/account/log/export.json").await;
    let json = ann.person.reply.json();
    assert_eq!(json.as_array().unwrap().len(), all);
    assert_eq!(json[0]["event"], "payment", "the newest is first");
    ann.person.opens("/account/log/export.json?kind=payment").await;
    let json = ann.person.reply.json();
    assert_eq!((json.as_array().unwrap().len(), json[0]["amount"].as_str()), (1, Some("10.50")));
    ann.person.opens("/account/log/export.json?site=nobody").await;
    assert_eq!(ann.person.reply.json(), serde_json::json!([]));
    let mut stranger = provider.stranger();
    stranger.opens("/account/log/export.csv").await;
    assert!(stranger.sees("email") && !stranger.reply.text().contains("10.50"), "{}", stranger.what_is_shown());
}

async fn a_name_that_is_a_formula_stays_a_text(database: Database) {
    let provider = provider(database).await;
    let mut ann = provider.member(ANN).await;
    let id = account(&provider, ANN).await.id;
    let app = provider.app.clone();
    let event = Event { client: Some("=HYPERLINK(\"https://evil.example\")".to_owned()), ..Event::new("login", "ok") };
    let now = app.clock.now();
    let written =
        provider.app.db.write(move |tx| Box::pin(async move { append(tx, &app.seal, &id, now, &event).await }));
    written.await.unwrap();
    ann.enters("/account/log/export.csv").await;
    ann.person.opens("/account/log/export.csv").await;
    let csv = ann.person.reply.text();
    assert!(csv.contains(",\"'=HYPERLINK(\"\"https://evil.example\"\")\","), "{csv}");
}
