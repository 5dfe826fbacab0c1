//! A factor in full: it shows a challenge and wants it back together with the word that was chosen on enrolment, all of
//! it backwards. Too weak for real use, and complete otherwise.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Shortest word that is taken.
    #[serde(default)]
    min_length: usize,
}

#[derive(Serialize, Deserialize)]
struct Enrolment {
    word: String,
    used: u64,
}

#[derive(Serialize, Deserialize)]
struct Asked {
    challenge: String,
}

struct Word {
    settings: Settings,
    host: Host,
}

impl Factor for Word {
    type Settings = Settings;
    type Enrolment = Enrolment;
    type State = Asked;
    type Enrolling = ();

    fn description() -> Result<Description> {
        Description::new(
            Manifest::factor("word", "0.1.0")
                .purposes(&[Purpose::Authorize, Purpose::Payment])
                .amr(&["kba"])
                .acr("urn:enum:acr:1"),
        )
        .page("ask.html", "<input id=\"answer\" name=\"answer\">")
        .texts("en", r#"{"name": "Word", "description": "A word, backwards"}"#)?
        .texts("ru", r#"{"name": "Слово", "description": "Слово наоборот"}"#)?
        .texts("vi", r#"{"name": "Từ", "description": "Một từ viết ngược"}"#)
    }

    fn start(settings: Settings, host: Host) -> Result<Self> {
        if settings.min_length > 100 {
            return Err(Error::failed("min_length: at most 100"));
        }
        Ok(Self { settings, host })
    }

    fn begin(&self, cx: &Context, _enrolment: &Enrolment) -> Result<Step<Asked, Enrolment>> {
        let [a, b, ..] = cx.random_bytes()?;
        let challenge = format!("{a:03}{b:03}");
        Ok(Step::ask("ask.html", json!({ "challenge": challenge }), Asked { challenge }))
    }

    fn answer(
        &self,
        _cx: &Context,
        enrolment: &Enrolment,
        state: Asked,
        input: &Input,
    ) -> Result<Step<Asked, Enrolment>> {
        let backwards: String = format!("{}{}", state.challenge, enrolment.word).chars().rev().collect();
        if input.text("answer") != backwards {
            return Ok(Step::wrong());
        }
        self.host.log("info", "right word");
        let enrolment = Enrolment { word: enrolment.word.clone(), used: enrolment.used + 1 };
        Ok(Step::pass_with(Facts::amr(&["kba"]), enrolment))
    }

    fn enrol_begin(&self, _cx: &Context, _replaces: Option<&Enrolment>) -> Result<Step<(), Enrolment>> {
        Ok(Step::ask("ask.html", json!({ "min_length": self.settings.min_length }), ()))
    }

    fn enrol_answer(&self, _cx: &Context, (): (), input: &Input) -> Result<Step<(), Enrolment>> {
        let word = input.text("answer");
        if word.is_empty() || word.len() < self.settings.min_length {
            return Ok(Step::wrong());
        }
        Ok(Step::enrolled(Facts::amr(&["kba"]), Enrolment { word: word.to_owned(), used: 0 }))
    }

    fn decoy(&self, cx: &Context) -> Result<DecoyReply<Enrolment, ()>> {
        let word = cx.random_bytes()?.iter().map(|byte| char::from(b'a' + byte % 26)).collect();
        Ok(DecoyReply { enrolment: Enrolment { word, used: 0 }, enrolling: () })
    }
}

export_factor!(Word);
