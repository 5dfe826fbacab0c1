//! A factor that panics, or never comes back, wherever it is told to: what a host must live with. The tests of the server
//! load it, and the benchmark does.
#![forbid(unsafe_code)]
#![expect(clippy::panic, reason = "it is what this plugin is for")]

use plugin_api::message::Input;
use plugin_api::prelude::*;

/// Where to panic, besides in calls.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// When it is created.
    #[serde(default)]
    on_start: bool,
    /// What to do when it is to ask whoever is there; nothing if it is not to.
    #[serde(default)]
    nameless: Option<Nameless>,
}

/// What no page that everybody needs may suffer from.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Nameless {
    /// Panics.
    Panic,
    /// Never comes back.
    Rest,
    /// Sends somebody something.
    Send,
    /// Asks with a page that cannot be shown.
    Show,
}

struct Panics(Settings);

impl Factor for Panics {
    type Settings = Settings;
    /// The word `panic` makes it panic, `panic twice` with more of a bang, and `spin` keeps it busy for ever.
    type Enrolment = String;
    type State = ();
    type Enrolling = ();

    fn description() -> Result<Description> {
        let texts = r#"{ "name": "Panics", "description": "Panics when told to" }"#;
        let manifest = Manifest::factor("panics", "1.0.0").purposes(&[Purpose::Authorize]);
        let manifest = manifest.amr(&["otp"]).acr("urn:enum:acr:1").permissions(&["nameless"]);
        Description::new(manifest)
            .page("ask.html", "<p>?</p>")
            .page("odd.html", "{{ data.nothing.at.all }}")
            .texts("en", texts)?
            .texts("ru", texts)?
            .texts("vi", texts)
    }

    fn start(settings: Settings, _: Host) -> Result<Self> {
        assert!(!settings.on_start, "told to, on start");
        Ok(Self(settings))
    }

    fn begin(&self, _: &Context, enrolment: &String) -> Result<Step<(), String>> {
        /// Panics again while it is dropped.
        struct Bang;
        impl Drop for Bang {
            fn drop(&mut self) {
                panic!("told to, twice");
            }
        }
        match enrolment.as_str() {
            "panic" => panic!("told to"),
            "panic twice" => std::panic::panic_any(Bang),
            "spin" => loop {
                std::hint::spin_loop();
            },
            _ => Ok(Step::ask("ask.html", json!({}), ())),
        }
    }

    fn begin_nameless(&self, _: &Context) -> Result<Step<(), String>> {
        match self.0.nameless {
            None => Err(Error::Unsupported),
            Some(Nameless::Panic) => panic!("told to, by nobody"),
            Some(Nameless::Rest) => loop {
                std::thread::park();
            },
            Some(Nameless::Send) => {
                let effect = Effect::Sms { text: "name".to_owned(), args: [].into() };
                Ok(Step::ask_with("ask.html", json!({}), (), vec![effect]))
            }
            Some(Nameless::Show) => Ok(Step::ask("odd.html", json!({}), ())),
        }
    }

    fn answer(&self, _: &Context, _: &String, (): (), _: &Input) -> Result<Step<(), String>> {
        Ok(Step::wrong())
    }

    fn enrol_begin(&self, _: &Context, _: Option<&String>) -> Result<Step<(), String>> {
        Ok(Step::fail("not_offered"))
    }

    fn enrol_answer(&self, _: &Context, (): (), _: &Input) -> Result<Step<(), String>> {
        Ok(Step::fail("not_offered"))
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("told to, at the end");
    }
}

export_factor!(Panics);
