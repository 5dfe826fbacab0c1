//! The public log of receipts: what is in there cannot be denied, altered or dated back.

use std::{path::Path, process::Command, time::Duration};

use enum_idp::{
    app::App,
    clock::HOUR,
    keys::jws::Alg,
    oidc::receipt_log,
    store::{self, StoreError, confirmation},
};
use enum_receipt::{
    Expected, Growth, HEAD_TYPE, Head, Proof, ReceiptError,
    tree::{Hash, empty, leaf, node},
    verify_dated, verify_grown, verify_head, verify_logged,
};
use hyper::Method;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};

use super::receipts::{paid, published};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        http::{self, Reply},
        provider::{Provider, text},
        sites::payload,
    },
};

on_both_databases! {
    a_receipt_is_in_the_log_and_its_place_is_proven_offline,
    a_proof_is_good_for_its_own_receipt_only,
    a_receipt_that_is_slipped_into_another_tree_is_found_to_be_dated_back,
    no_head_is_signed_while_receipts_wait_for_long,
    a_log_that_was_altered_contradicts_the_head_that_somebody_kept,
    nodes_number_every_receipt_once_however_they_race,
    wrong_questions_are_answered_with_what_is_wrong,
}

async fn asks(provider: &Provider, path: &str) -> Reply {
    let url = provider.origin.join(&format!("/receipts/log{path}")).unwrap();
    http::send(Method::GET, &url, &[], String::new()).await
}

/// The proof of a receipt, which is on its way into the log.
async fn proof_of(provider: &Provider, receipt: &str) -> Value {
    let jti = text(&payload(receipt), "jti");
    for _ in 0..200 {
        let reply = asks(provider, &format!("/proof?jti={jti}")).await;
        if reply.status == 200 {
            return reply.json();
        }
        assert_eq!((reply.error().as_str(), reply.header("retry-after")), ("not_logged_yet", "1"));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the receipt did not get into the log");
}

async fn head(provider: &Provider) -> String {
    text(&asks(provider, "").await.expect(200), "head")
}

async fn growth(provider: &Provider, from: u64) -> Growth {
    serde_json::from_value(asks(provider, &format!("/consistency?from={from}")).await.expect(200)).unwrap()
}

fn read(value: &Value) -> Proof {
    serde_json::from_value(value.clone()).unwrap()
}

async fn a_receipt_is_in_the_log_and_its_place_is_proven_offline(database: Database) {
    let provider = Provider::starts(database).await;
    let before = head(&provider).await;
    let receipt = text(&paid(&provider).await, "receipt");
    let proof = proof_of(&provider, &receipt).await;
    let jwks = published(&provider).await;
    let expected = Expected { issuer: Some(&provider.sites.shop.issuer), client_id: Some("shop") };
    let logged = verify_logged(&jwks, &receipt, &read(&proof), &expected).unwrap();
    assert_eq!((logged.index, logged.head.size), (0, 1));
    assert_eq!(logged.head.iat, provider.clock.seconds());
    assert_eq!(verify_head(&jwks, &before, None).unwrap().root, empty());
    let grown = verify_grown(&jwks, &before, &growth(&provider, 0).await).unwrap();
    assert_eq!((grown.0.size, grown.1.size), (0, 1));

    // The same on the command line, with files alone.
    let file = |name: &str, content: &Value| {
        let path = provider.dir.join(name);
        std::fs::write(&path, content.to_string()).unwrap();
        path
    };
    let (jwks, proof) = (file("jwks.json", &jwks), file("proof.json", &proof));
    let kept = file("kept.json", &json!({ "head": before }));
    let growth = file("growth.json", &asks(&provider, "/consistency?from=0").await.json());
    let told = runs(&["verify", "--proof"], &[&proof, Path::new("--jwks"), &jwks, Path::new(&receipt)]).unwrap();
    assert_eq!(told["index"], 0);
    let told = runs(&["consistency", "--kept"], &[&kept, Path::new("--growth"), &growth, Path::new("--jwks"), &jwks]);
    assert_eq!(told.unwrap()["now"]["size"], 1);
    let of_another = file("other.json", &json!({ "index": 0, "path": [], "head": before }));
    let told = runs(&["verify", "--proof"], &[&of_another, Path::new("--jwks"), &jwks, Path::new(&receipt)]);
    assert!(told.unwrap_err().contains("does not show that the receipt is in the log"));
    // Was it there when the head was kept? It need not have been, then it was; a head of now says so.
    let options = [&*proof, Path::new("--kept"), &kept, Path::new("--jwks"), &jwks, Path::new(&receipt)];
    assert!(runs(&["verify", "--proof"], &options).unwrap_err().contains("says nothing of it"));
    let now = file("now.json", &json!({ "head": head(&provider).await }));
    let options = [&*proof, Path::new("--kept"), &now, Path::new("--jwks"), &jwks, Path::new(&receipt)];
    assert_eq!(runs(&["verify", "--proof"], &options).unwrap()["head"]["size"], 1);
}

async fn a_receipt_that_is_slipped_into_another_tree_is_found_to_be_dated_back(database: Database) {
    let provider = Provider::starts(database).await;
    let receipt = text(&paid(&provider).await, "receipt");
    proof_of(&provider, &receipt).await;
    let second = text(&super::receipts::paid_by(&provider, "bob@example.com").await, "receipt");
    proof_of(&provider, &second).await;
    provider.waits(2 * HOUR);
    let (jwks, any) = (published(&provider).await, Expected::default());
    let proof = asks(&provider, &format!("/proof?jti={}&size=2", text(&payload(&receipt), "jti"))).await.expect(200);
    let kept = head(&provider).await;
    assert!(verify_dated(&jwks, &receipt, &read(&proof), &kept, &any).is_ok());

    // Somebody keeps a head. The provider, who holds the keys, tells another tale later: the receipt was there all along.
    let head_of = |leaves: &[Hash]| {
        let head = Head {
            iss: provider.sites.shop.issuer.clone(),
            iat: provider.clock.seconds(),
            size: leaves.len() as u64,
            root: root_of(leaves),
        };
        provider.app.keys.sign(Alg::Es256, HEAD_TYPE, &head).unwrap()
    };
    let others = [leaf(b"one"), leaf(b"two")];
    let kept = head_of(&others);
    let forged = [leaf(receipt.as_bytes()), leaf(b"two"), leaf(b"three")];
    let path = vec![forged[1], forged[2]];
    let forged = Proof { index: 0, path, head: head_of(&forged) };
    assert!(verify_logged(&jwks, &receipt, &forged, &any).is_ok(), "by the provider's word of today");
    assert_eq!(verify_dated(&jwks, &receipt, &forged, &kept, &any), Err(ReceiptError::BackDated));
    // One that is younger than the head had not to be there.
    let third = text(&super::receipts::paid_by(&provider, "eve@example.com").await, "receipt");
    let proof = read(&proof_of(&provider, &third).await);
    assert_eq!(verify_dated(&jwks, &third, &proof, &kept, &any), Err(ReceiptError::TooNew));
    let late = asks(&provider, &format!("/proof?jti={}&size=2", text(&payload(&third), "jti"))).await;
    assert_eq!((late.status.as_u16(), late.error().as_str()), (404, "not_in_that_state"));
}

/// Or else receipts that wait would look as if they had been made later.
async fn no_head_is_signed_while_receipts_wait_for_long(database: Database) {
    let provider = Provider::starts(database).await;
    let confirmation = confirmation::Model { created_at: provider.clock.now() - HOUR, ..confirmed(1) };
    // Something is wrong, so that nothing gets into the tree.
    let place = store::receipt_log::Place { level: 0, index: 0 };
    let adding = provider.app.db.write(move |tx| {
        Box::pin(async move {
            store::receipt_log::add(tx, &[(place, empty())]).await?;
            confirmation::adding(confirmation).apply(tx).await
        })
    });
    adding.await.unwrap();
    for path in ["", "/consistency?from=0"] {
        let reply = asks(&provider, path).await;
        assert_eq!((reply.status.as_u16(), text(&reply.json(), "error").as_str()), (503, "temporarily_unavailable"));
    }
    let gone = store::receipt_log::Entity::delete_many().exec(provider.app.db.read()).await.unwrap();
    assert_eq!(gone.rows_affected, 1);
    for _ in 0..200 {
        let reply = asks(&provider, "").await;
        if reply.status == 200 {
            let size = verify_head(&published(&provider).await, &text(&reply.json(), "head"), None).unwrap().size;
            assert_eq!(size, 1, "a head was signed without it");
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no head was signed any more");
}

/// `enum-idp receipt …`: what it printed, or why it refused.
fn runs(words: &[&str], further: &[&Path]) -> Result<Value, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_enum-idp"));
    let output = command.arg("receipt").args(words).args(further).arg("--json").output().unwrap();
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(String::from_utf8(output.stderr).unwrap())
    }
}

async fn a_proof_is_good_for_its_own_receipt_only(database: Database) {
    let provider = Provider::starts(database).await;
    let mut receipts = vec![text(&paid(&provider).await, "receipt")];
    let mut proofs = vec![proof_of(&provider, &receipts[0]).await];
    for email in ["bob@example.com", "eve@example.com"] {
        receipts.push(text(&super::receipts::paid_by(&provider, email).await, "receipt"));
        proofs.push(proof_of(&provider, &receipts[receipts.len() - 1]).await);
    }
    let jwks = published(&provider).await;
    let any = Expected::default();
    for (number, receipt) in receipts.iter().enumerate() {
        for (other, proof) in proofs.iter().enumerate() {
            let verdict = verify_logged(&jwks, receipt, &read(proof), &any);
            assert_eq!(verdict.is_ok(), number == other, "receipt {number}, proof {other}: {verdict:?}");
        }
    }
    // Another place, a path that was shortened, a head that nobody has signed.
    let good = read(&proofs[2]);
    let shorter = good.path[1..].to_vec();
    for bad in [
        Proof { index: good.index + 1, ..good.clone() },
        Proof { index: 0, ..good.clone() },
        Proof { path: shorter, ..good.clone() },
        Proof { head: good.head.replace('.', ".A"), ..good.clone() },
        Proof { head: receipts[2].clone(), ..good.clone() },
    ] {
        assert!(verify_logged(&jwks, &receipts[2], &bad, &any).is_err(), "{bad:?}");
    }
    assert!(verify_head(&jwks, &good.head, Some("https://other.example")).is_err());
    assert!(verify_head(&jwks, &receipts[0], None).is_err(), "a receipt is no head");
    assert!(enum_receipt::verify(&jwks, &good.head, &any).is_err(), "and a head no receipt");
}

async fn a_log_that_was_altered_contradicts_the_head_that_somebody_kept(database: Database) {
    let provider = Provider::starts(database).await;
    let first = text(&paid(&provider).await, "receipt");
    proof_of(&provider, &first).await;
    let kept = head(&provider).await;
    let jwks = published(&provider).await;
    let second = text(&super::receipts::paid_by(&provider, "bob@example.com").await, "receipt");
    proof_of(&provider, &second).await;
    assert!(verify_grown(&jwks, &kept, &growth(&provider, 1).await).is_ok());

    // The first receipt is exchanged, and everything above it computed anew, as one who owns the database can.
    let exchanged = leaf(b"a receipt that suits us better");
    let above = node(&exchanged, &leaf(second.as_bytes()));
    let db = provider.app.db.read();
    for (level, hash) in [(0_i16, exchanged), (1, above)] {
        let update = store::receipt_log::Entity::update_many()
            .col_expr(store::receipt_log::Column::Hash, Expr::value(hash.to_vec()))
            .filter(store::receipt_log::Column::Level.eq(level))
            .filter(store::receipt_log::Column::Idx.eq(0_i64));
        assert_eq!(update.exec(db).await.unwrap().rows_affected, 1);
    }
    let root = store::receipt_log::tree::Entity::update_many()
        .col_expr(store::receipt_log::tree::Column::Root, Expr::value(above.to_vec()));
    assert_eq!(root.exec(db).await.unwrap().rows_affected, 1);

    let told = growth(&provider, 1).await;
    assert_eq!(verify_grown(&jwks, &kept, &told), Err(ReceiptError::NotGrown));
    let claimed = Growth { from: 0, path: Vec::new(), ..told };
    let other = Err(ReceiptError::OtherState { asked: 0, kept: 1 });
    assert_eq!(verify_grown(&jwks, &kept, &claimed), other, "about another state");
    let denied = verify_logged(&jwks, &first, &read(&proof_of(&provider, &first).await), &Expected::default());
    assert_eq!(denied, Err(ReceiptError::NotInLog));
}

async fn nodes_number_every_receipt_once_however_they_race(database: Database) {
    const COUNT: usize = 1100;
    let provider = Provider::starts(database).await;
    let (other, _serving) = provider.another_node().await;
    for batch in 0..11 {
        let rows: Vec<_> = (0..COUNT / 11).map(|number| confirmed(batch * 100 + number)).collect();
        let add = provider.app.db.write(move |tx| {
            Box::pin(async move { store::apply(tx, rows.into_iter().map(confirmation::adding)).await })
        });
        add.await.unwrap();
        tokio::join!(insists(&provider.app), insists(&other));
    }
    let size = verify_head(&published(&provider).await, &head(&provider).await, None).unwrap().size;
    assert_eq!(size, COUNT as u64);
    let leaves = store::receipt_log::leaves(provider.app.db.read(), 0, size).await.unwrap();
    for number in 0..COUNT {
        let row = confirmation::by_id(provider.app.db.read(), &id(number)).await.unwrap().unwrap();
        let index = usize::try_from(row.log_index.unwrap()).unwrap();
        assert_eq!(leaves[index], leaf(row.receipt.as_bytes()), "{number}");
    }
    let tree = store::receipt_log::tree(provider.app.db.read()).await.unwrap();
    assert_eq!(tree.root, root_of(&leaves));
    let told = asks(&provider, "/entries?from=1&to=9999").await.expect(200);
    assert_eq!(told["hashes"].as_array().unwrap().len(), 1000, "so many at once");
}

fn id(number: usize) -> String {
    format!("c{number:04}")
}

fn confirmed(number: usize) -> confirmation::Model {
    confirmation::Model {
        id: id(number),
        account_id: "ann".to_owned(),
        client_id: "shop".to_owned(),
        status: "approved".to_owned(),
        transaction_hash: String::new(),
        sealed: Vec::new(),
        receipt: format!("receipt {number}"),
        created_at: 1,
        log_index: None,
        refunded: 0,
    }
}

/// Until nothing is left to be done, whoever does it.
async fn insists(app: &App) {
    loop {
        match receipt_log::append_all(app).await {
            Ok(()) => return,
            Err(StoreError::Conflict(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// RFC 6962 §2.1, word by word.
fn root_of(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty(),
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node(&root_of(left), &root_of(right))
        }
    }
}

async fn wrong_questions_are_answered_with_what_is_wrong(database: Database) {
    let provider = Provider::starts(database).await;
    let reply = asks(&provider, "/proof?jti=nothing").await;
    assert_eq!((reply.status.as_u16(), reply.error().as_str()), (404, "unknown_receipt"));
    for path in [
        "/proof",
        "/proof?jti=a&jti=b",
        "/consistency",
        "/consistency?from=1",
        "/consistency?from=-1",
        "/consistency?from=+1",
        "/consistency?from=99999999999999999999",
        "/entries?from=0",
        "/entries?from=2&to=1",
        "/entries?from=x&to=1",
    ] {
        let reply = asks(&provider, path).await;
        assert_eq!((reply.status.as_u16(), reply.error().as_str()), (400, "invalid_request"), "{path}");
    }
    assert_eq!(
        asks(&provider, "/entries?from=18446744073709551615&to=18446744073709551615").await.expect(200)["hashes"],
        json!([])
    );
    let reply = asks(&provider, "").await;
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    assert_eq!(reply.header("cache-control"), "no-store");
}
