//! Plugins come, go and are replaced while people log in.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use enum_idp::store::{self, enrolment};
use hyper::Method;
use serde_json::json;
use tokio::task::JoinHandle;

use super::{Place, text};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        http,
        provider::{Member, Provider},
        sites::Site,
    },
};

on_both_databases! {
    an_enabled_factor_serves_within_seconds,
    a_factor_comes_and_goes_while_people_log_in,
    a_factor_is_replaced_and_returned_to_while_people_log_in,
    who_is_asked_by_a_factor_that_goes_is_asked_by_another,
    all_nodes_follow,
}

async fn an_enabled_factor_serves_within_seconds(database: Database) {
    let place = Place::new(database).await;
    let mut stranger = place.provider.stranger();
    stranger.opens(&place.provider.sites.site.sends(&[("login_hint", "ann@example.com")]).link).await;
    assert_eq!(stranger.reply.status, 200, "{}", stranger.what_is_shown());
    assert!(stranger.complaint().unwrap().contains("does not work at the moment"), "{}", stranger.what_is_shown());

    let installed = place.admin.does(&["install", &place.cipherpad("")]);
    assert_eq!((installed["enabled"].as_bool(), installed["isolation"].as_str()), (Some(false), Some("process")));
    assert_eq!(installed["publisher"], "ACME");
    place.looks().await;
    assert!(place.provider.app.plugins.factor("cipherpad").is_none(), "installed is not enabled");

    place.admin.does(&["enable", "cipherpad", "--grant-all"]);
    place.follows(|provider| provider.app.plugins.factor("cipherpad").is_some()).await;
    let mut ann = place.provider.member("ann@example.com").await;
    ann.logs_in_at(&place.provider.sites.site).await;

    let place = place.restarts().await;
    ann.person = place.provider.stranger();
    ann.logs_in_at(&place.provider.sites.site).await;
}

/// Somebody who logs in again and again.
struct Regular {
    stop: Arc<AtomicBool>,
    logins: Arc<AtomicU32>,
    turned_away: Arc<AtomicU32>,
    task: JoinHandle<()>,
}

impl Regular {
    fn of(provider: &Arc<Provider>, mut member: Member) -> Self {
        let (stop, logins, turned_away) = <(Arc<AtomicBool>, Arc<AtomicU32>, Arc<AtomicU32>)>::default();
        let (ended, counted, away) = (stop.clone(), logins.clone(), turned_away.clone());
        let provider = provider.clone();
        let task = tokio::spawn(async move {
            while !ended.load(Ordering::Relaxed) {
                member.person = provider.stranger();
                if logs_in(&mut member, &provider.sites.own).await {
                    counted.fetch_add(1, Ordering::Relaxed);
                } else {
                    away.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Self { stop, logins, turned_away, task }
    }

    fn logins(&self) -> u32 {
        self.logins.load(Ordering::Relaxed)
    }

    async fn has_logged_in_more_than(&self, before: u32) {
        let enough = async {
            while self.logins() <= before && !self.task.is_finished() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), enough).await.expect("nobody logs in any more");
    }

    async fn has_been_turned_away_more_than(&self, before: u32) {
        let enough = async {
            while self.turned_away.load(Ordering::Relaxed) <= before && !self.task.is_finished() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), enough).await.expect("nobody is turned away");
    }

    /// Number of logins, and how often no method worked.
    async fn ends(self) -> (u32, u32) {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
        (self.logins.load(Ordering::Relaxed), self.turned_away.load(Ordering::Relaxed))
    }
}

/// Whether it succeeded; otherwise the person was told in good order that the method does not work.
async fn logs_in(member: &mut Member, site: &Site) -> bool {
    let visit = site.sends(&[]);
    member.goes(&visit).await;
    for _ in 0..3 {
        assert!(member.person.reply.status.as_u16() < 400, "{}", member.person.what_is_shown());
        if member.person.away.is_some() {
            break;
        }
        if !member.person.sees("answer") {
            let told = member.person.complaint().unwrap_or_else(|| panic!("{}", member.person.what_is_shown()));
            assert!(told.contains("does not work at the moment"), "{told}");
            return false;
        }
        member.answers().await;
    }
    assert!(member.person.reply.status.as_u16() < 400, "{}", member.person.what_is_shown());
    if member.person.away.is_none() {
        return false;
    }
    let back = member.person.brings_back();
    assert!(back.contains_key("code"), "{back:?}");
    site.redeems(&visit, &back["code"]).await.expect(200);
    true
}

async fn a_factor_comes_and_goes_while_people_log_in(database: Database) {
    let place = Place::new(database).await;
    place.enables_cipherpad().await;
    let mut regulars = Vec::new();
    for name in ["ann", "bob"] {
        regulars.push(Regular::of(&place.provider, place.provider.member(&format!("{name}@example.com")).await));
    }
    for _ in 0..3 {
        let before = regulars[0].logins();
        regulars[0].has_logged_in_more_than(before).await;
        let turned_away = regulars[0].turned_away.load(Ordering::Relaxed);
        place.admin.does(&["disable", "cipherpad"]);
        place.follows(|provider| provider.app.plugins.factor("cipherpad").is_none()).await;
        regulars[0].has_been_turned_away_more_than(turned_away).await;
        place.admin.does(&["enable", "cipherpad"]);
        place.follows(|provider| provider.app.plugins.factor("cipherpad").is_some()).await;
    }
    let before = regulars[1].logins();
    regulars[1].has_logged_in_more_than(before).await;
    for regular in regulars {
        let (logins, turned_away) = regular.ends().await;
        assert!(logins > 3 && turned_away >= 3, "{logins} logins, {turned_away} times turned away");
    }
}

async fn a_factor_is_replaced_and_returned_to_while_people_log_in(database: Database) {
    let place = Place::new(database).await;
    place.enables_cipherpad().await;
    let sha256 = |provider: &Provider| provider.app.plugins.factor("cipherpad").unwrap().sha256().to_owned();
    let first = sha256(&place.provider);
    let regular = Regular::of(&place.provider, place.provider.member("ann@example.com").await);
    let other = place.cipherpad("2");
    for turn in 0..4 {
        let (before, running) = (regular.logins(), sha256(&place.provider));
        regular.has_logged_in_more_than(before).await;
        if turn == 0 {
            let upgraded = place.admin.does(&["upgrade", "cipherpad", &other]);
            assert_eq!(upgraded["previous_version"], upgraded["version"], "another build of one version");
        } else {
            place.admin.does(&["rollback", "cipherpad"]);
        }
        place.follows(|provider| sha256(provider) != running).await;
    }
    assert_eq!(sha256(&place.provider), first, "an upgrade and three rollbacks end at the first build");
    let before = regular.logins();
    regular.has_logged_in_more_than(before).await;
    let (logins, turned_away) = regular.ends().await;
    assert!(logins > 4, "{logins} logins");
    assert_eq!(turned_away, 0, "at every moment one of the two builds serves");
}

async fn who_is_asked_by_a_factor_that_goes_is_asked_by_another(database: Database) {
    let place = Place::new(database).await;
    place.enables_cipherpad().await;
    let lamb = place.publisher.beast("lamb.so", &[r#"ID="lamb""#]);
    place.admin.does(&["install", &text(&place.publisher.signed(lamb))]);
    place.admin.does(&["enable", "lamb"]);
    place.follows(|provider| provider.app.plugins.factor("lamb").is_some()).await;
    let mut ann = place.provider.member("ann@example.com").await;
    also_has_a_lamb(&place.provider, "ann@example.com", "lamb").await;

    ann.person.opens(&place.provider.sites.site.sends(&[("login_hint", "ann@example.com")]).link).await;
    assert!(ann.person.sees("factor-lamb"), "{}", ann.person.what_is_shown());
    ann.person.presses("factor-cipherpad").await;
    assert!(ann.person.sees("other"), "{}", ann.person.what_is_shown());
    let mut reloaded = ann.person.clone();
    place.admin.does(&["disable", "cipherpad"]);
    place.follows(|provider| provider.app.plugins.factor("cipherpad").is_none()).await;

    ann.answers().await;
    let address = reloaded.at.clone();
    reloaded.opens(address.as_str()).await;
    let told = ann.person.complaint().unwrap_or_default();
    assert!(told.contains("does not work at the moment"), "{}", ann.person.what_is_shown());
    for person in [&ann.person, &reloaded] {
        assert_eq!(person.reply.status, 200, "{}", person.what_is_shown());
        assert!(person.reply.text().contains("<p>?</p>"), "the lamb asks: {}", person.what_is_shown());
    }
}

/// An enrolment that the lamb would have made.
pub(super) async fn also_has_a_lamb(provider: &Provider, email: &str, state: &str) {
    let pad = provider.enrolment_of(email).await;
    let mut row = enrolment::Model { id: provider.app.entropy.id().unwrap(), factor: "lamb".to_owned(), ..pad };
    row.set_state(&provider.app.seal, &json!(state)).unwrap();
    row.data_version = 0;
    provider.app.db.write(move |tx| Box::pin(async move { store::enrolment::add(tx, row).await })).await.unwrap();
}

async fn all_nodes_follow(database: Database) {
    let place = Place::new(database).await;
    let (other, _serving) = place.provider.another_node().await;
    place.enables_cipherpad().await;
    let sha256 = |app: &enum_idp::app::App| app.plugins.factor("cipherpad").map(|factor| factor.sha256().to_owned());
    let here = sha256(&place.provider.app);
    place.follows(|_| sha256(&other) == here).await;
    place.admin.does(&["upgrade", "cipherpad", &place.cipherpad("2")]);
    place.follows(|provider| sha256(&provider.app) != here && sha256(&provider.app) == sha256(&other)).await;
    place.admin.does(&["disable", "cipherpad"]);
    place.follows(|provider| sha256(&provider.app).is_none() && sha256(&other).is_none()).await;
    place.admin.does(&["remove", "cipherpad"]);
    assert_eq!(place.admin.does(&["list"]), json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_is_found_in_discovery_while_it_is_on() {
    let place = Place::new(Database::sqlite()).await;
    let trusted = place.publisher.trusted(true);
    let place = place.restarts_as(vec!["cipherpad"], &format!("trusted_keys = [{trusted}]")).await;
    let types = async |provider: &Provider| {
        let address = provider.origin.join("/.well-known/openid-configuration").unwrap();
        http::send(Method::GET, &address, &[], String::new()).await.expect(200)["authorization_details_types_supported"]
            .clone()
    };
    assert_eq!(types(&place.provider).await, json!([]));
    let file = place.publisher.build("merchant.so", "merchant", b"");
    let installed = place.admin.does(&["install", &text(&place.publisher.signed(file))]);
    assert_eq!(installed["isolation"], "thread", "its publisher is trusted for that");
    place.admin.does(&["enable", "merchant", "--grant-all"]);
    place.follows(|provider| !provider.app.plugins.details_types().is_empty()).await;
    // Written right after the plugins are swapped.
    tokio::time::timeout(super::SECONDS, async {
        while types(&place.provider).await != json!(place.provider.app.plugins.details_types()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("discovery follows");
}
