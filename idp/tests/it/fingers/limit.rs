//! Ten fingers, and not one more, however many come at once.

use enum_idp::{
    account::{
        CreateError,
        enrol::{NotKept, activate_in},
        enrol_by_admin,
    },
    store::{
        enrolment::{self, Model as Enrolment},
        log::Event,
    },
};

use super::{ANN, FACTOR, adds, enrols, fingers, is_in, member, provider, signs_in};
use crate::{
    on_both_databases,
    support::{database::Database, provider::Provider},
};

on_both_databases! {
    the_eleventh_finger_is_refused_with_a_page_that_says_so,
    of_two_tenth_fingers_at_once_one_is_kept,
}

const MOST: usize = 10;

async fn the_eleventh_finger_is_refused_with_a_page_that_says_so(database: Database) {
    let provider = provider(database).await;
    let mut thumb = member(&provider, ANN).await;
    for number in 2..MOST {
        adds(&provider, ANN, &format!("Finger {number}")).await;
    }
    // A link from before there were ten.
    let link = enrol_by_admin(&provider.app, ANN, Some(FACTOR)).await.unwrap().link.unwrap();
    like_the_first(&provider, "active").await;
    let refused = enrol_by_admin(&provider.app, ANN, Some(FACTOR)).await.unwrap_err();
    assert!(matches!(refused, CreateError::Full(..)), "{refused}");
    let (_, person) = enrols(&provider, &link, "The eleventh").await;
    assert_eq!(person.reply.status, 409, "{}", person.what_is_shown());
    assert!(person.page.html.contains("as many of this method"), "{}", person.what_is_shown());
    assert_eq!(fingers(&provider, ANN).await.len(), MOST);
    let log = provider.log_of(ANN).await;
    assert_eq!(log.last().unwrap(), "activation failed", "{log:?}");
    is_in(&signs_in(&provider, ANN, &mut thumb).await);
}

async fn of_two_tenth_fingers_at_once_one_is_kept(database: Database) {
    let provider = provider(database).await;
    member(&provider, ANN).await;
    for _ in 2..MOST {
        like_the_first(&provider, "active").await;
    }
    for round in 0..10 {
        let pair = [like_the_first(&provider, "pending").await, like_the_first(&provider, "pending").await];
        let [one, other] = pair.map(|row| activates(&provider, row));
        let (one, other) = tokio::join!(one, other);
        let full = |result: &Result<(), NotKept>| matches!(result, Err(NotKept::Full));
        assert!(one.is_ok() != other.is_ok() && (full(&one) || full(&other)), "round {round}: {one:?} {other:?}");
        let rows: Vec<_> = fingers(&provider, ANN).await;
        assert_eq!(rows.len(), MOST, "round {round}");
        let last = rows.into_iter().next_back().unwrap();
        enrol_ends(&provider, last).await;
    }
}

async fn activates(provider: &Provider, row: Enrolment) -> Result<(), NotKept> {
    let (app, now) = (provider.app.clone(), provider.clock.now());
    let row = Enrolment { status: "active".to_owned(), ..row };
    let write = provider.app.db.write(move |tx| {
        Box::pin(async move {
            let event = Event::new("activated", "ok");
            activate_in(tx, &app.seal, row, 10, &event, now).await
        })
    });
    write.await
}

async fn enrol_ends(provider: &Provider, row: Enrolment) {
    let row = Enrolment { status: "replaced".to_owned(), ..row };
    let write = provider.app.db.write(move |tx| Box::pin(async move { enrolment::saving(row).apply(tx).await }));
    write.await.unwrap();
}

/// One more row like Ann's first.
async fn like_the_first(provider: &Provider, status: &str) -> Enrolment {
    let first = fingers(provider, ANN).await.remove(0);
    let mut row = Enrolment {
        id: provider.app.entropy.id().unwrap(),
        status: status.to_owned(),
        created_at: provider.clock.now() + 1,
        version: 0,
        ..first.clone()
    };
    row.set_state(&provider.app.seal, &first.state(&provider.app.seal).unwrap()).unwrap();
    let added = row.clone();
    let write = provider.app.db.write(move |tx| Box::pin(async move { enrolment::add(tx, added).await }));
    write.await.unwrap();
    row
}
