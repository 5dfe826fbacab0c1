//! Data goes from one version to another, and back, while people log in.

use std::{
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use enum_idp::{
    account::{NewAccount, create_by_admin},
    store::{self, enrolment},
};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{Place, text};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        person::Person,
        provider::{Provider, person_phone},
    },
};

on_both_databases! {
    people_log_in_while_their_data_is_migrated,
    a_migration_that_fails_changes_nothing,
    a_migration_that_is_killed_changes_nothing,
    no_build_is_handed_what_it_cannot_read,
}

const ANN: &str = "ann@example.com";
const BOB: &str = "bob@example.com";
/// Enrolments of nobody in particular, in several pages.
const CROWD: usize = 600;
/// So many that there is time to kill it.
const MULTITUDE: usize = 20_000;

/// Somebody who may set the errand up at the link.
async fn begun(provider: &Provider, email: &str) -> Person {
    let new = NewAccount {
        email: email.to_owned(),
        phone: person_phone(email),
        factor: Some("errand".to_owned()),
        activate: true,
        ..NewAccount::default()
    };
    let link = create_by_admin(&provider.app, new).await.unwrap().begun.link.unwrap();
    let mut person = provider.stranger();
    person.opens(&link).await;
    assert!(person.sees("offered"), "{}", person.what_is_shown());
    person
}

async fn sets(person: &mut Person, word: &str) {
    person.types("answer", word).presses("continue").await;
    assert!(person.sees("activated"), "{}", person.what_is_shown());
}

/// At the errand's question, or told in good order that it does not work.
async fn asked(provider: &Provider, email: &str) -> Person {
    let mut person = provider.stranger();
    person.opens(&provider.sites.own.sends(&[]).link).await.types("email", email).presses("continue").await;
    person
}

/// Whether somebody gets in; otherwise they were told in good order that the method does not work.
async fn gets_in(provider: &Provider, email: &str) -> bool {
    let mut person = asked(provider, email).await;
    for _ in 0..4 {
        assert_eq!(
            person.reply.status.as_u16() / 100,
            if person.away.is_some() { 3 } else { 2 },
            "{}",
            person.what_is_shown()
        );
        if person.away.is_some() {
            let back = person.brings_back();
            assert!(back.contains_key("code"), "{back:?}");
            return true;
        }
        if !person.sees("do") {
            let told = person.complaint().unwrap_or_else(|| panic!("{}", person.what_is_shown()));
            assert!(told.contains("does not work at the moment"), "{told}");
            return false;
        }
        person.types("do", "pass").presses("continue").await;
    }
    panic!("asked again and again: {}", person.what_is_shown());
}

/// Has the errand keep `value`.
async fn keeps(place: &Place, scope: &str, value: &Value) {
    let fields = [("do", "put"), ("scope", scope), ("key", "key"), ("value", &value.to_string())];
    assert_eq!(place.errand_says(&json!({ "word": "w" }), &fields).await, Value::Null);
}

/// What the errand has kept; `member` is what its enrolments have.
async fn kept(place: &Place, scope: &str, member: &str) -> Value {
    let fields = [("do", "get"), ("scope", scope), ("key", "key")];
    place.errand_says(&json!({ member: "w" }), &fields).await["value"].take()
}

/// Enrolments that the errand's first build would have made.
async fn crowd(provider: &Provider, words: Vec<String>) {
    let seal = provider.app.seal.clone();
    let model = provider.enrolment_of(ANN).await;
    let rows: Vec<enrolment::Model> = words
        .into_iter()
        .enumerate()
        .map(|(number, word)| {
            let id = format!("crowd{number:06}");
            let mut row = enrolment::Model { account_id: id.clone(), id, ..model.clone() };
            row.set_state(&seal, &json!({ "word": word })).unwrap();
            row
        })
        .collect();
    for some in rows.chunks(500) {
        let some = some.to_vec();
        let written = provider.app.db.write(move |tx| {
            Box::pin(async move {
                for row in some {
                    enrolment::add(tx, row).await?;
                }
                Ok::<_, store::StoreError>(())
            })
        });
        written.await.unwrap();
    }
}

fn words(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("word {number}")).collect()
}

async fn rows(provider: &Provider, data_version: i32) -> Vec<enrolment::Model> {
    enrolment::of_version(provider.app.db.read(), "errand", data_version, "", 1_000_000).await.unwrap()
}

/// Every enrolment, by the member that holds its word.
async fn are_of(provider: &Provider, data_version: i32, member: &str, count: usize) {
    let versions = enrolment::data_versions(provider.app.db.read(), "errand").await.unwrap();
    assert_eq!(versions, [(data_version, i64::try_from(count).unwrap())]);
    for row in rows(provider, data_version).await {
        let mut state = row.state(&provider.app.seal).unwrap();
        if row.is_enrolling() {
            state = state["state"].take();
        }
        assert!(state[member].is_string() && state.as_object().unwrap().len() == 1, "{}: {state}", row.id);
    }
}

/// Somebody who logs in again and again.
struct Regular {
    stop: Arc<AtomicBool>,
    logins: Arc<AtomicU32>,
    task: JoinHandle<()>,
}

impl Regular {
    fn of(provider: &Arc<Provider>, email: &'static str) -> Self {
        let (stop, logins) = <(Arc<AtomicBool>, Arc<AtomicU32>)>::default();
        let (ended, counted, provider) = (stop.clone(), logins.clone(), provider.clone());
        let task = tokio::spawn(async move {
            while !ended.load(Ordering::Relaxed) {
                if gets_in(&provider, email).await {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Self { stop, logins, task }
    }

    async fn gets_in_again(&self) {
        let before = self.logins.load(Ordering::Relaxed);
        let again = async {
            while self.logins.load(Ordering::Relaxed) <= before + 1 && !self.task.is_finished() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), again).await.expect("nobody gets in any more");
    }

    async fn ends(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("every login went well, or was refused in good order");
    }
}

async fn people_log_in_while_their_data_is_migrated(database: Database) {
    let place = Place::new(database).await;
    place.enables_errand(&[]).await;
    let provider = &place.provider;
    for email in [ANN, BOB] {
        sets(&mut begun(provider, email).await, "kettle").await;
    }
    crowd(provider, words(CROWD)).await;
    keeps(&place, "account", &json!({ "word": "secret" })).await;
    keeps(&place, "plugin", &json!({ "word": "shared" })).await;
    let mut cat = begun(provider, "cat@example.com").await;
    let everybody = CROWD + 3;
    are_of(provider, 1, "word", everybody).await;
    let regulars = [ANN, BOB].map(|email| Regular::of(provider, email));
    for regular in &regulars {
        regular.gets_in_again().await;
    }

    let first = provider.app.plugins.factor("errand").unwrap().sha256().to_owned();
    let runs = |provider: &Provider| provider.app.plugins.factor("errand").unwrap().sha256().to_owned();
    let admin = place.admin.clone();
    let other = place.errand("errand_v2", "");
    let upgraded = tokio::task::spawn_blocking(move || admin.does(&["upgrade", "errand", &other])).await.unwrap();
    assert_eq!(upgraded["migrated"], json!({ "enrolments": everybody, "stored": 2 }), "{upgraded}");
    assert_eq!((&upgraded["version"], &upgraded["data_version"]), (&json!("2.0.0"), &json!(2)));
    place.follows(|provider| runs(provider) != first).await;
    for regular in &regulars {
        regular.gets_in_again().await;
    }
    are_of(provider, 2, "phrase", everybody).await;
    assert_eq!(kept(&place, "account", "phrase").await, json!({ "phrase": "secret" }));
    assert_eq!(kept(&place, "plugin", "phrase").await, json!({ "phrase": "shared" }));
    let page = cat.at.to_string();
    cat.opens(&page).await;
    sets(&mut cat, "keep").await;
    assert!(gets_in(provider, "cat@example.com").await, "who was about to enrol has done so with the new build");

    let admin = place.admin.clone();
    let back = tokio::task::spawn_blocking(move || admin.does(&["rollback", "errand"])).await.unwrap();
    assert_eq!(back["migrated"], json!({ "enrolments": everybody, "stored": 2 }), "{back}");
    place.follows(|provider| runs(provider) == first).await;
    for regular in &regulars {
        regular.gets_in_again().await;
    }
    are_of(provider, 1, "word", everybody).await;
    assert_eq!(kept(&place, "account", "word").await, json!({ "word": "secret" }), "the data is as it was");
    for regular in regulars {
        regular.ends().await;
    }
    for email in [ANN, BOB, "cat@example.com"] {
        assert!(gets_in(provider, email).await, "{email} is locked out");
    }
}

async fn a_migration_that_fails_changes_nothing(database: Database) {
    let place = Place::new(database).await;
    place.enables_errand(&[]).await;
    let provider = &place.provider;
    sets(&mut begun(provider, ANN).await, "kettle").await;
    let mut all = words(300);
    all.push("stuck".to_owned());
    crowd(provider, all).await;
    keeps(&place, "plugin", &json!({ "word": "shared" })).await;
    let before = (rows(provider, 1).await, place.catalog());
    let second = place.errand("errand_v2", "");
    let words = ["did not migrate from data version 1 to 2", "stuck", "nothing was changed"];
    place.admin.is_told(&["upgrade", "errand", &second], &words);
    assert_eq!((rows(provider, 1).await, place.catalog()), before);
    assert_eq!(rows(provider, 2).await, []);
    place.looks().await;
    assert!(gets_in(provider, ANN).await);
    assert_eq!(kept(&place, "plugin", "word").await, json!({ "word": "shared" }));
}

#[expect(clippy::print_stdout, reason = "what a migration costs is measured here")]
async fn a_migration_that_is_killed_changes_nothing(database: Database) {
    let direct = database.connect().await;
    let place = Place::new(database).await;
    place.enables_errand(&[]).await;
    let provider = &place.provider;
    sets(&mut begun(provider, ANN).await, "kettle").await;
    crowd(provider, words(MULTITUDE)).await;
    let (before, listed) = (rows(provider, 1).await, place.catalog());
    let second = place.errand("errand_v2", "");
    let mut command = place.admin.command(&["upgrade", "errand", &second]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begins = async {
        while !is_held(&direct).await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), begins).await.expect("the migration begins");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(place.catalog(), listed);
    assert!(rows(provider, 1).await == before && rows(provider, 2).await.is_empty(), "some rows were changed");
    assert!(gets_in(provider, ANN).await);

    let begun = std::time::Instant::now();
    let upgraded = place.admin.does(&["upgrade", "errand", &second]);
    println!("{MULTITUDE} enrolments were migrated in {:?}, the command's own start included", begun.elapsed());
    assert_eq!(upgraded["migrated"]["enrolments"], json!(MULTITUDE + 1));
    place.follows(|provider| provider.app.plugins.factor("errand").unwrap().manifest().version == "2.0.0").await;
    assert!(gets_in(provider, ANN).await);
}

/// Whether somebody keeps others from writing.
async fn is_held(db: &DatabaseConnection) -> bool {
    match db.get_database_backend() {
        DbBackend::Sqlite => {
            let tried = db.execute_unprepared("PRAGMA busy_timeout = 0; BEGIN IMMEDIATE; ROLLBACK").await;
            tried.is_err_and(|error| error.to_string().contains("locked"))
        }
        backend => {
            let query = "SELECT 1 FROM pg_locks JOIN pg_class ON pg_class.oid = relation \
                         WHERE relname = 'enrolment' AND mode = 'ShareRowExclusiveLock' AND granted \
                         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
            db.query_one_raw(Statement::from_string(backend, query)).await.unwrap().is_some()
        }
    }
}

async fn no_build_is_handed_what_it_cannot_read(database: Database) {
    let place = Place::new(database).await;
    place.admin.does(&["install", &place.errand("errand_v2", "")]);
    let grants = ["--grant-all", "--grant", "http-private:http://127.0.0.1:9"];
    place.admin.does(&[&["enable", "errand"][..], &grants].concat());
    place.follows(|provider| provider.app.plugins.factor("errand").is_some()).await;
    let provider = &place.provider;
    sets(&mut begun(provider, ANN).await, "kettle").await;

    // The catalog forgets the build that could migrate.
    place.admin.does(&["disable", "errand"]);
    place.admin.does(&["remove", "errand"]);
    place.admin.does(&["install", &place.errand("errand", "")]);
    let refused =
        ["data version 2", "this build could not read, for it has 1", "use a build of at least data version 2"];
    place.admin.is_told(&[&["enable", "errand"][..], &grants].concat(), &refused);
    are_of(provider, 2, "phrase", 1).await;
    let second = text(&place.publisher.signed(place.publisher.example("again.so", "errand_v2", b"again")));
    place.admin.does(&[&["upgrade", "errand", &second][..], &grants].concat());
    place.admin.does(&["enable", "errand"]);
    place.follows(|provider| provider.app.plugins.factor("errand").is_some()).await;
    assert!(gets_in(provider, ANN).await);
    // Now there is one that can.
    let back = place.admin.does(&["rollback", "errand"]);
    assert_eq!(back["migrated"], json!({ "enrolments": 1, "stored": 0 }));
    place.follows(|provider| provider.app.plugins.factor("errand").unwrap().manifest().data_version == 1).await;
    assert!(gets_in(provider, ANN).await);
}
