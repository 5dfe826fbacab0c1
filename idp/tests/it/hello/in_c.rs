//! The same contract in C: nothing of ours is in that plugin but the header.

use std::{path::Path, process::Command};

use serde_json::json;
use sha2::{Digest, Sha256};

use super::{EMAIL, at_the_question, gets_in, registers, sets};
use crate::{
    on_both_databases,
    support::{
        database::Database,
        provider::{Provider, text},
        sites::payload,
    },
};

on_both_databases! {
    a_factor_in_c_signs_somebody_in,
}

/// Builds it as its readme says; gives `PATH@SHA256`.
fn built(dir: &Path) -> String {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/plugin-hello-c");
    let out = format!("OUT={}", dir.display());
    let done = Command::new("make").arg("-C").arg(example).arg(out).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let library = dir.join("libhello_c.so");
    let sha256 = hex::encode(Sha256::digest(std::fs::read(&library).unwrap()));
    format!("{}@{sha256}", library.display())
}

async fn a_factor_in_c_signs_somebody_in(database: Database) {
    let plugin = built(&database.dir());
    let provider = Provider::starts_with_further(database, vec![plugin]).await;
    let mut ann = provider.stranger();
    registers(&provider, &mut ann, "hello-c").await;
    sets(&mut ann, "27182x").await;
    assert!(ann.page.text_of("problem").unwrap().contains("6 to 12 digits"), "{}", ann.what_is_shown());
    sets(&mut ann, "271828").await;
    assert!(ann.sees("activated"), "{}", ann.what_is_shown());

    assert!(!gets_in(&provider, "271829").await);
    assert_eq!(provider.enrolment_of(EMAIL).await.failures, 1);
    let site = &provider.sites.site;
    let visit = site.sends(&[]);
    let mut ann = at_the_question(&provider, &visit).await;
    ann.types("answer", "271828").presses("continue").await;
    ann.presses("allow").await;
    let code = ann.brings_back()["code"].clone();
    let id_token = payload(&text(&site.redeems(&visit, &code).await.expect(200), "id_token"));
    assert_eq!((&id_token["acr"], &id_token["amr"]), (&json!("urn:enum:acr:1"), &json!(["pin"])));
}
