//! Settings take effect by themselves, and any version of them can be returned to.

use std::fs;

use serde_json::json;

use super::{Place, text};
use crate::{on_both_databases, support::database::Database};

on_both_databases! {
    settings_have_versions,
    settings_and_enrolments_survive_an_upgrade_or_it_is_refused,
}

const SCHEMA: &str = r#"SCHEMA="{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"size\":{\"type\":\"integer\"},\"word\":{\"type\":\"string\",\"writeOnly\":true}}}""#;

impl Place {
    pub(super) fn settings(&self, name: &str, value: &serde_json::Value) -> String {
        let path = self.provider.dir.join(name);
        fs::write(&path, value.to_string()).unwrap();
        text(&path)
    }
}

async fn settings_have_versions(database: Database) {
    let place = Place::new(database).await;
    let lamb = place.publisher.beast("lamb.so", &[r#"ID="lamb""#, SCHEMA]);
    place.admin.does(&["install", &text(&place.publisher.signed(lamb))]);
    let first = place.settings("first.json", &json!({ "size": 1, "word": "s3cret" }));
    let wrong = place.settings("wrong.json", &json!({ "size": "s3cret" }));
    let second = place.settings("second.json", &json!({ "size": 2 }));

    place.admin.is_told(&["enable", "lamb", "--settings", &wrong], &["its settings are refused", "/size"]);
    assert_eq!(place.admin.does(&["list"])[0]["enabled"], false);
    assert_eq!(place.admin.does(&["enable", "lamb", "--settings", &first])["settings_version"], 1);
    let shown = place.admin.does(&["settings", "lamb"]);
    assert_eq!(shown, json!({ "version": 1, "settings": { "size": 1, "word": "***" } }));
    place.follows(|provider| provider.app.plugins.factor("lamb").is_some()).await;

    assert_eq!(place.admin.does(&["settings", "lamb", "--set", &second])["settings_version"], 2);
    place.admin.is_told(&["settings", "lamb", "--set", &wrong], &["its settings are refused"]);
    let kept = json!({ "size": 2, "word": "***" });
    assert_eq!(place.admin.does(&["settings", "lamb"])["settings"], kept, "a secret that is left out stays");
    let versions = place.admin.does(&["settings", "lamb", "--list"]);
    let versions: Vec<_> = versions.as_array().unwrap().iter().map(|row| row["version"].as_i64().unwrap()).collect();
    assert_eq!(versions, [2, 1]);
    place.admin.does(&["settings", "lamb", "--rollback", "1"]);
    assert_eq!(place.admin.does(&["settings", "lamb"])["version"], 1);
    place.admin.is_told(&["settings", "lamb", "--rollback", "7"], &["no version 7", "--list"]);
}

async fn settings_and_enrolments_survive_an_upgrade_or_it_is_refused(database: Database) {
    let place = Place::new(database).await;
    let build = |name: &str, defines: &[&str]| {
        text(&place.publisher.signed(place.publisher.beast(name, &[&[r#"ID="lamb""#], defines].concat())))
    };
    place.admin.does(&["install", &build("1.so", &[SCHEMA])]);
    let first = place.settings("first.json", &json!({ "size": 1 }));
    place.admin.does(&["enable", "lamb", "--settings", &first]);
    let before = place.catalog();

    let other = text(&place.publisher.signed(place.publisher.beast("other.so", &[r#"ID="other""#])));
    place.admin.is_told(&["upgrade", "lamb", &other], &["holds the plugin other"]);
    let stricter = build("2.so", &[]);
    place.admin.is_told(&["upgrade", "lamb", &stricter], &["its settings are refused", "there is no setting `size`"]);
    place.admin.is_told(&["rollback", "lamb"], &["no earlier build"]);
    assert_eq!(place.catalog(), before, "nothing has changed");

    let none = place.settings("none.json", &json!({}));
    let upgraded = place.admin.does(&["upgrade", "lamb", &stricter, "--settings", &none]);
    assert_eq!(upgraded["settings_version"], 2);
    let back = place.admin.does(&["rollback", "lamb"]);
    assert_eq!((&back["sha256"], &back["settings_version"]), (&before[0]["sha256"], &json!(1)), "both as they were");
}
