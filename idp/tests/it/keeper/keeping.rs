//! Files: kept with their versions, within bounds, and told of.

use enum_idp::clock::MINUTE;
use serde_json::json;

use super::{Program, starts};
use crate::{on_both_databases, support::database::Database};

on_both_databases! {
    files_are_kept_with_their_versions_fetched_moved_and_deleted,
    a_version_that_another_program_has_replaced_is_not_overwritten,
    files_survive_a_restart_and_stand_nowhere_in_plain,
    what_is_too_much_is_refused,
    who_asks_too_often_has_to_wait,
    every_access_is_in_the_log_and_a_new_machine_is_told_of,
}

async fn files_are_kept_with_their_versions_fetched_moved_and_deleted(database: Database) {
    let provider = starts(database, "keeper settings = { versions = 2 }").await;
    let mut ann = provider.member("ann@example.com").await;
    let program = Program::of(&provider, &mut ann).await;
    assert_eq!(program.asks("PUT", "files/my%20keys.kwm", "one").await.expect(201)["version"], 1);
    for (body, version) in [("two", 2), ("three", 3)] {
        assert_eq!(program.asks("PUT", "files/my%20keys.kwm", body).await.expect(200)["version"], version);
    }
    let newest = program.asks("GET", "files/my%20keys.kwm", "").await;
    assert_eq!((newest.status.as_u16(), newest.text().as_str()), (200, "three"));
    assert_eq!(newest.header("content-type"), "application/octet-stream");
    assert_eq!(newest.header("cache-control"), "no-store");
    let listed = program.asks("GET", "files", "").await.expect(200);
    let versions = listed["files"][0]["versions"].as_array().unwrap();
    assert_eq!(versions.len(), 2, "{listed}");
    assert_eq!((&versions[0]["version"], &versions[0]["size"]), (&json!(3), &json!(5)));
    // The query is no part of what a proof is made for.
    for (version, status) in [(1, 404), (2, 200), (3, 200), (4, 404)] {
        let reply = fetches(&program, version).await;
        assert_eq!(reply.status, status, "{version}");
    }
    let to = json!({ "to": "old.kwm" }).to_string();
    assert_eq!(program.asks("POST", "files/my%20keys.kwm/move", &to).await.expect(200)["name"], "old.kwm");
    assert_eq!(program.files().await, [("old.kwm".to_owned(), 3)]);
    assert_eq!(program.asks("GET", "files/my%20keys.kwm", "").await.status, 404);
    assert_eq!(program.asks("GET", "files/old.kwm", "").await.text(), "three");
    program.asks("PUT", "files/new.kwm", "x").await.expect(201);
    assert_eq!(program.asks("POST", "files/new.kwm/move", &to).await.status, 409, "nothing is overwritten");
    assert_eq!(program.asks("DELETE", "files/old.kwm", "").await.status, 204);
    assert_eq!(program.asks("DELETE", "files/old.kwm", "").await.status, 404);
    assert_eq!(program.files().await, [("new.kwm".to_owned(), 1)]);
}

async fn fetches(program: &Program<'_>, version: u64) -> crate::support::http::Reply {
    let path = "/services/keeper/files/my%20keys.kwm";
    let proof = program.key.proves("GET", &format!("{}{path}", program.site.issuer), Some(&program.token));
    program.shows("DPoP", "GET", &format!("{path}?version={version}"), "", Some(&proof)).await
}

async fn a_version_that_another_program_has_replaced_is_not_overwritten(database: Database) {
    let provider = starts(database, "keeper").await;
    let mut ann = provider.member("ann@example.com").await;
    let (one, other) = (Program::of(&provider, &mut ann).await, Program::of(&provider, &mut ann).await);
    let path = "/services/keeper/files/k";
    let puts = async |program: &Program<'_>, version: u64, body: &str| {
        let proof = program.key.proves("PUT", &format!("{}{path}", program.site.issuer), Some(&program.token));
        program.shows("DPoP", "PUT", &format!("{path}?version={version}"), body, Some(&proof)).await.status.as_u16()
    };
    assert_eq!(puts(&one, 1, "a").await, 412, "there is none");
    assert_eq!(puts(&one, 0, "a").await, 201);
    assert_eq!(puts(&other, 1, "b").await, 200);
    assert_eq!(puts(&one, 1, "c").await, 412);
    assert_eq!(one.asks("GET", "files/k", "").await.text(), "b");
    // Both at once, without a version: neither is lost.
    let (first, second) = tokio::join!(one.asks("PUT", "files/k", "d"), other.asks("PUT", "files/k", "e"));
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (200, 200));
    assert_eq!(one.files().await, [("k".to_owned(), 4)]);
}

async fn files_survive_a_restart_and_stand_nowhere_in_plain(database: Database) {
    let provider = starts(database, "keeper").await;
    let mut ann = provider.member("ann@example.com").await;
    let program = Program::of(&provider, &mut ann).await;
    let secret = "a secret that the program has forgotten to encrypt";
    program.asks("PUT", "files/k", secret).await.expect(201);
    let Program { key, token, refresh, .. } = program;
    let provider = provider.restarts().await;
    let program = Program { site: &provider.sites.keeper, key, token, refresh };
    assert_eq!(program.asks("GET", "files/k", "").await.text(), secret);
    let dir = provider.dir.clone();
    for entry in std::fs::read_dir(dir.join("data")).unwrap().chain(std::fs::read_dir(&dir).unwrap()) {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        assert!(!bytes.windows(30).any(|window| window == &secret.as_bytes()[..30]), "{}", path.display());
    }
}

async fn what_is_too_much_is_refused(database: Database) {
    let entry = "keeper settings = { files = 2, file_bytes = 1024, total_bytes = 2000, versions = 3 }";
    let provider = starts(database, entry).await;
    let mut ann = provider.member("ann@example.com").await;
    let program = Program::of(&provider, &mut ann).await;
    assert_eq!(program.asks("PUT", "files/a", &"x".repeat(1025)).await.status, 413);
    assert_eq!(program.asks("PUT", "files/a", "").await.status, 422);
    program.asks("PUT", "files/a", &"x".repeat(1024)).await.expect(201);
    program.asks("PUT", "files/b", "y").await.expect(201);
    assert_eq!(program.asks("PUT", "files/c", "z").await.status, 409, "two files");
    assert_eq!(program.asks("PUT", "files/a", &"x".repeat(1024)).await.status, 409, "2000 bytes in all");
    assert_eq!(program.files().await, [("a".to_owned(), 1), ("b".to_owned(), 1)]);
    // The host takes no body that is larger than any of its own.
    assert_eq!(program.asks("PUT", "files/a", &"x".repeat(70_000)).await.status, 413);
}

async fn who_asks_too_often_has_to_wait(database: Database) {
    let provider = starts(database, "keeper").await;
    let mut ann = provider.member("ann@example.com").await;
    let program = Program::of(&provider, &mut ann).await;
    for _ in 0..60 {
        program.asks("GET", "links", "").await.expect(200);
    }
    let refused = program.asks("GET", "links", "").await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "60"));
    // Another program of the same account shares the limit, and other accounts do not.
    let mut bob = provider.member("bob@example.com").await;
    assert_eq!(Program::of(&provider, &mut ann).await.asks("GET", "links", "").await.status, 429);
    Program::of(&provider, &mut bob).await.asks("GET", "links", "").await.expect(200);
    provider.waits(MINUTE);
    program.asks("GET", "links", "").await.expect(200);
}

async fn every_access_is_in_the_log_and_a_new_machine_is_told_of(database: Database) {
    let provider = starts(database, "keeper").await;
    let mut ann = provider.member("ann@example.com").await;
    provider.has_also("ann@example.com", "ann@work.example").await;
    let program = Program::of(&provider, &mut ann).await;
    program.asks("PUT", "files/k", "x").await.expect(201);
    program.asks("GET", "files/k", "").await;
    program.asks("GET", "files/none", "").await;
    let log = provider.log_of("ann@example.com").await;
    assert_eq!(log[log.len() - 3..], ["service_write ok", "service_read ok", "service_read failed"], "{log:?}");
    let is_it = |letter: &crate::support::outbox::Letter| letter.text.contains("/account/access");
    for address in ["ann@example.com", "ann@work.example"] {
        let letters = provider.mail.wait_for(address, 1, is_it).await;
        assert!(letters[0].text.contains("The keeper"), "{}", letters[0].text);
    }
    // The same machine again is nothing new, another one is.
    let other = Program::of(&provider, &mut ann).await;
    other.asks("GET", "files", "").await.expect(200);
    program.asks("GET", "files", "").await.expect(200);
    assert_eq!(provider.mail.wait_for("ann@example.com", 2, is_it).await.len(), 2);
    ann.person.opens("/account/log").await;
    assert!(
        ann.person.reply.text().contains("A program has changed what is kept for it"),
        "{}",
        ann.person.what_is_shown()
    );
}
