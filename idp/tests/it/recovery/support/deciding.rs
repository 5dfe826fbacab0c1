//! Approvals and rejections, and administrators who try more than they may.

use enum_idp::{
    account::recovery::approval::{self, Approved, SupportError},
    clock::{Clock, DAY},
};

use super::{EMAIL, EVIDENCE, NEW, approve, asked, newest, registered, writes};
use crate::{
    on_both_databases,
    recovery::{account, stop_link},
    support::{database::Database, provider::Provider, publisher::Administrator},
};

on_both_databases! {
    one_administrator_is_not_enough,
    nobody_decides_about_themselves,
    approvals_at_once_count_each_administrator_once,
    what_was_decided_stays_decided,
    what_was_rejected_stays_rejected,
    a_request_that_is_too_old_is_not_approved,
    what_the_owner_has_stopped_is_not_approved_anew,
    a_second_request_does_not_replace_one_that_waits,
    commands_do_all_of_it,
}

async fn one_administrator_is_not_enough(database: Database) {
    let provider = Provider::starts(database).await;
    let id = asked(&provider).await;
    assert_eq!(approval::approve(&provider.app, &id, "olga").await.unwrap(), Approved::First);
    for same in ["olga", " Olga ", "OLGA"] {
        let refused = approval::approve(&provider.app, &id, same).await.unwrap_err();
        assert!(matches!(refused, SupportError::SameAdmin(_)), "{refused}");
    }
    for nobody in ["", "  ", "a\nb", &"x".repeat(255)] {
        let refused = approval::approve(&provider.app, &id, nobody).await.unwrap_err();
        assert!(matches!(refused, SupportError::NoName), "{refused}");
    }
    assert_eq!(account(&provider, EMAIL).await.recovering, None);
    assert_eq!(approval::show(&provider.app, &id).await.unwrap().approved_by, ["olga"]);
    let log = provider.log_of(EMAIL).await;
    assert_eq!(log.iter().filter(|entry| entry.starts_with("support")).count(), 2, "{log:?}");
}

async fn nobody_decides_about_themselves(database: Database) {
    let provider = Provider::starts(database).await;
    let id = asked(&provider).await;
    provider.has_also(EMAIL, "ann.second@example.com").await;
    for own in [EMAIL, NEW, "Ann.Second@example.com"] {
        let refused = approval::approve(&provider.app, &id, own).await.unwrap_err();
        assert!(matches!(refused, SupportError::OwnAccount(_)), "{refused}");
        let refused = approval::reject(&provider.app, &id, own).await.unwrap_err();
        assert!(matches!(refused, SupportError::OwnAccount(_)), "{refused}");
    }
    assert!(approval::show(&provider.app, &id).await.unwrap().approved_by.is_empty());
}

async fn approvals_at_once_count_each_administrator_once(database: Database) {
    let provider = Provider::starts(database).await;
    let id = asked(&provider).await;
    let approvals = |admins: &[&'static str]| {
        let running: Vec<_> = admins
            .iter()
            .map(|admin| {
                let (app, id, admin) = (provider.app.clone(), id.clone(), *admin);
                tokio::spawn(async move { approval::approve(&app, &id, admin).await.ok() })
            })
            .collect();
        async move {
            let mut came = Vec::new();
            for one in running {
                came.extend(one.await.unwrap());
            }
            came
        }
    };
    assert_eq!(approvals(&["olga"; 6]).await, [Approved::First]);
    let came = approvals(&["olga", "pavel", "rita", "pavel", "rita", "olga"]).await;
    assert_eq!(came, [Approved::Second]);
    let log = provider.log_of(EMAIL).await;
    let count = |entry: &str| log.iter().filter(|logged| *logged == entry).count();
    assert_eq!((count("support approved_once"), count("support approved")), (1, 1), "{log:?}");
}

/// A decision cannot be taken again, nor the other way round.
async fn what_was_decided_stays_decided(database: Database) {
    let provider = Provider::starts(database).await;
    let id = asked(&provider).await;
    approve(&provider, &id).await;
    let waits = account(&provider, EMAIL).await.recovering;
    for admin in ["olga", "pavel", "rita"] {
        let refused = approval::approve(&provider.app, &id, admin).await.unwrap_err();
        assert!(matches!(refused, SupportError::NotOpen(_)), "{refused}");
        let refused = approval::reject(&provider.app, &id, admin).await.unwrap_err();
        assert!(matches!(refused, SupportError::NotOpen(_)), "{refused}");
    }
    assert_eq!(account(&provider, EMAIL).await.recovering, waits);
    let refused = approval::approve(&provider.app, "no such request", "rita").await.unwrap_err();
    assert!(matches!(refused, SupportError::Unknown(_)), "{refused}");
}

async fn what_was_rejected_stays_rejected(database: Database) {
    let provider = Provider::starts(database).await;
    let id = asked(&provider).await;
    approval::approve(&provider.app, &id, "olga").await.unwrap();
    approval::reject(&provider.app, &id, "pavel").await.unwrap();
    provider.mail.wait_for(NEW, 1, |mail| mail.subject == "Your request was not approved").await;
    for admin in ["rita", "pavel"] {
        let refused = approval::approve(&provider.app, &id, admin).await.unwrap_err();
        assert!(matches!(refused, SupportError::NotOpen(_)), "{refused}");
    }
    assert!(approval::reject(&provider.app, &id, "rita").await.is_err());
    assert!(approval::list(&provider.app, 100).await.unwrap().is_empty());
    assert_eq!(account(&provider, EMAIL).await.recovering, None);
    assert_eq!(provider.log_of(EMAIL).await.last().unwrap(), "support rejected");
}

async fn a_request_that_is_too_old_is_not_approved(database: Database) {
    let provider = Provider::starts(database).await;
    let id = asked(&provider).await;
    approval::approve(&provider.app, &id, "olga").await.unwrap();
    provider.waits(30 * DAY);
    assert!(approval::list(&provider.app, 100).await.unwrap().is_empty());
    let refused = approval::approve(&provider.app, &id, "pavel").await.unwrap_err();
    assert!(matches!(refused, SupportError::NotOpen(_)), "{refused}");
    assert_eq!(account(&provider, EMAIL).await.recovering, None);
}

async fn what_the_owner_has_stopped_is_not_approved_anew(database: Database) {
    let provider = Provider::starts(database).await;
    let id = asked(&provider).await;
    approve(&provider, &id).await;
    let mut owner = provider.stranger();
    owner.opens(&stop_link(&provider, EMAIL, 1).await).await.presses("stop").await;
    assert!(owner.sees("recover-stopped"), "{}", owner.what_is_shown());
    provider.mail.wait_for(EMAIL, 1, |mail| mail.subject == "The recovery was stopped").await;
    provider.waits(DAY);
    writes(&provider, &mut provider.stranger(), EMAIL, NEW).await;
    let again = newest(&provider).await;
    approval::approve(&provider.app, &again, "olga").await.unwrap();
    let refused = approval::approve(&provider.app, &again, "pavel").await.unwrap_err();
    assert!(matches!(refused, SupportError::Locked(_)), "{refused}");
    assert_eq!(account(&provider, EMAIL).await.recovering, None);
    let told = provider.mail.to(NEW);
    assert!(!told.iter().any(|mail| mail.text.contains("/recover/link/")), "{told:?}");
    provider.waits(7 * DAY);
    assert_eq!(approval::approve(&provider.app, &again, "pavel").await.unwrap(), Approved::Second);
}

async fn a_second_request_does_not_replace_one_that_waits(database: Database) {
    let provider = Provider::starts(database).await;
    let id = asked(&provider).await;
    writes(&provider, &mut provider.stranger(), EMAIL, "somebody.else@example.com").await;
    let other = newest(&provider).await;
    approve(&provider, &id).await;
    approval::approve(&provider.app, &other, "olga").await.unwrap();
    let refused = approval::approve(&provider.app, &other, "pavel").await.unwrap_err();
    assert!(matches!(refused, SupportError::UnderWay(_)), "{refused}");
}

async fn commands_do_all_of_it(database: Database) {
    let provider = Provider::starts(database).await;
    // Commands go by the clock of the machine.
    provider.waits((Clock::system().now() - provider.clock.now()).max(0));
    let id = asked(&provider).await;
    let admin = Administrator::of(&provider.dir, &provider.configuration()).at("support");
    let all = admin.does(&["list"]);
    assert_eq!((all[0]["id"].as_str(), all[0]["evidence"].as_str()), (Some(id.as_str()), None), "{all}");
    let seen = admin.does(&["show", &id]);
    assert_eq!((seen["evidence"].as_str(), seen["contact"].as_str()), (Some(EVIDENCE), Some(NEW)), "{seen}");
    assert_eq!(admin.does(&["approve", &id, "--as", "olga"])["status"], "open");
    admin.is_told(&["approve", &id, "--as", "Olga"], &["another administrator has to"]);
    assert_eq!(admin.does(&["approve", &id, "--as", "pavel"])["status"], "approved");
    assert!(account(&provider, EMAIL).await.recovering.is_some());
    admin.is_told(&["reject", &id, "--as", "rita"], &["not open any more"]);
    registered(&provider, "bob@example.com").await;
    writes(&provider, &mut provider.stranger(), "bob@example.com", "bob.new@example.com").await;
    let bobs = newest(&provider).await;
    assert_eq!(admin.does(&["reject", &bobs, "--as", "rita"])["status"], "rejected");
    assert_eq!(admin.does(&["list"]).as_array().unwrap().len(), 0);
}
