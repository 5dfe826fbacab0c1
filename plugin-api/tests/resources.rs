//! What a manifest may say of resources.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "tests")]

use plugin_api::prelude::*;

fn resource() -> Resource {
    Resource {
        path: "files/{name}".to_owned(),
        methods: vec!["GET".to_owned(), "PUT".to_owned()],
        scope: "enum:shelf".to_owned(),
        acr: None,
        max_age: None,
        bound: true,
        per_minute: 60,
    }
}

fn checked(manifest: Manifest) -> std::result::Result<(), String> {
    let texts = r#"{"name": "Shelf", "description": "Keeps things"}"#;
    let mut description = Description::new(manifest);
    description.settings_schema = json!({});
    for locale in plugin_api::LOCALES {
        description = description.texts(locale, texts).unwrap();
    }
    description.check()
}

#[test]
fn a_service_may_offer_resources_alone() {
    checked(Manifest::service("shelf", "1.0.0").resource(resource())).unwrap();
    let nothing = checked(Manifest::service("shelf", "1.0.0")).unwrap_err();
    assert!(nothing.contains("details_types"), "{nothing}");
    let factor = Manifest::factor("shelf", "1.0.0").purposes(&[Purpose::Authorize]).amr(&["otp"]).acr("urn:enum:acr:2");
    assert!(checked(factor.resource(resource())).unwrap_err().contains("belong to a service"));
}

#[test]
fn a_resource_that_makes_no_sense_is_named() {
    let with = |change: fn(&mut Resource)| {
        let mut changed = resource();
        change(&mut changed);
        checked(Manifest::service("shelf", "1.0.0").resource(changed))
    };
    with(|resource| resource.scope = "enum:shelf:read".to_owned()).unwrap();
    with(|resource| resource.path = "files/{name}/move".to_owned()).unwrap();
    let bad: [fn(&mut Resource); 12] = [
        |resource| resource.path = String::new(),
        |resource| resource.path = "/files".to_owned(),
        |resource| resource.path = "files/../x".to_owned(),
        |resource| resource.path = "files/{}".to_owned(),
        |resource| resource.methods.clear(),
        |resource| resource.methods = vec!["get".to_owned()],
        |resource| resource.scope = "openid".to_owned(),
        |resource| resource.scope = "enum:admin".to_owned(),
        |resource| resource.scope = "enum:shelf2".to_owned(),
        |resource| resource.scope = "enum:shelf:".to_owned(),
        |resource| resource.per_minute = 0,
        |resource| resource.max_age = Some(0),
    ];
    for (number, change) in bad.into_iter().enumerate() {
        let why = with(change).unwrap_err();
        assert!(why.starts_with("manifest.resources"), "{number}: {why}");
    }
}
