//! What every factor promises.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::surroundings::{self, Harsh};
use super::{Checked, broken, greased, hold, migration, nameless, plugin, works};
use crate::abi::Plugin;
use crate::error::Error;
use crate::message::{
    Answer, Begin, ChallengeKind, Context, Description, Effect, EnrolAnswer, EnrolBegin, Facts, Input, Kind, Manifest,
    Migrating, Purpose, Step, Subject, Transaction, method,
};
use crate::testing::{FakeHost, Loaded, context, context_of};

/// Steps after which enrolling counts as endless.
const PATIENCE: usize = 10;

/// RFC 8176 values of secrets that a person remembers and types as they are.
const MEMORISED: [&str; 2] = ["pwd", "pin"];
/// How long a thread asks at most, where each answer costs a slow hash.
const ASKS_FOR: Duration = Duration::from_secs(2);

/// What a person is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Name of the page.
    pub page: String,
    /// What the page is given.
    pub data: Value,
    /// What is delivered meanwhile.
    pub effects: Vec<Effect>,
}

/// The person with the device: answers rightly.
pub trait Person {
    /// Settings to run the plugin with.
    fn settings(&self) -> Value {
        json!({})
    }

    /// Prepares the host before the plugin is created: secrets of the settings, what the web answers.
    fn prepare(&self, _host: &FakeHost) {}

    /// Values as builds of older data versions have written them, with the version that it was: this build migrates them
    /// to its own, and back.
    fn older(&self) -> Vec<(u32, Migrating)> {
        Vec::new()
    }

    /// What the person sends when asked for this while enrolling.
    fn enrol(&mut self, cx: &Context, asked: &Asked) -> Input;

    /// The right answer.
    fn answer(&mut self, cx: &Context, asked: &Asked) -> Input;

    /// The right answer to what is asked before anybody has said who they are, where the manifest asks for `nameless`; `cx`
    /// has the person's account.
    fn answer_nameless(&mut self, cx: &Context, asked: &Asked) -> Input {
        self.answer(cx, asked)
    }

    /// A wrong answer of the right form.
    fn wrong(&mut self, cx: &Context, asked: &Asked) -> Input;
}

/// Runs every check. Covers factors that ask, which is how all of ours work.
///
/// # Errors
/// The first rule that is broken, and how.
pub fn factor(table: &'static Plugin, person: &mut dyn Person) -> Checked {
    const METHODS: [&str; 5] =
        [method::BEGIN, method::ANSWER, method::ENROL_BEGIN, method::ENROL_ANSWER, method::DECOY];
    let settings = person.settings();
    let (loaded, description) = plugin(table, &settings, &METHODS[..4], &|host| person.prepare(host))?;
    hold("a factor says that it is one", description.manifest.kind == Kind::Factor, || "it is a service".to_owned())?;
    let run = Run { loaded, description };
    let enrolment = run.enrols(person)?;
    for cx in ceremonies(&run.description.manifest) {
        run.same_challenge_again(&cx, &enrolment)?;
        run.wrong_answers(person, &cx, &enrolment)?;
        run.foreign_answers(person, &cx, &enrolment)?;
        run.unknown_fields(person, &cx, &enrolment)?;
        run.right_answer(person, &cx, &enrolment)?;
        run.many_threads(person, &cx, &enrolment)?;
    }
    run.decoys(person, &enrolment)?;
    run.prices()?;
    nameless::answers(&run.loaded, &run.description, person, &enrolment)?;
    migration::there_and_back(&run.loaded, &run.description, &enrolment, person.older())?;
    surroundings::fits_manifest(&run.loaded, &run.description)?;
    run.log_lines()?;
    for harsh in surroundings::HARSH {
        run.on_a_harsh_host(table, &settings, person, &enrolment, harsh)?;
    }
    Ok(())
}

struct Run {
    loaded: Loaded,
    description: Description,
}

impl Run {
    fn enrols(&self, person: &mut dyn Person) -> Checked<Value> {
        const RULE: &str = "a person can enrol";
        let cx = context(self.description.manifest.purposes.first().copied().unwrap_or(Purpose::Authorize));
        let cx = Context { purpose: Purpose::Authorize, transaction: None, ..cx };
        let request = EnrolBegin { cx: cx.clone(), replaces: None, others: Vec::new() };
        let mut step: Step = works(RULE, self.loaded.call(method::ENROL_BEGIN, &greased(json!(request))))?;
        for _ in 0..PATIENCE {
            if let Step::Pass { facts, enrolment, .. } = step {
                self.declared(&facts)?;
                let claimed = facts.acr.as_ref();
                hold(
                    "an enrolment is worth more or less than `acr` only where the manifest has `acr_most`",
                    claimed.is_none() || self.description.manifest.acr_most.is_some(),
                    || format!("{claimed:?}"),
                )?;
                return enrolment.map_or_else(|| broken(RULE, "the last step has no enrolment"), Ok);
            }
            let (asked, state) = self.asked(RULE, step)?;
            let blank = works(RULE, self.loaded.enrol_answer(&cx, &state, &Input::default()));
            hold("an empty input enrols nothing", !matches!(blank, Ok(Step::Pass { .. })), || "it did".to_owned())?;
            let input = person.enrol(&cx, &asked);
            let request = EnrolAnswer { cx: cx.clone(), state, input };
            step = works(RULE, self.loaded.call(method::ENROL_ANSWER, &greased(json!(request))))?;
        }
        broken(RULE, format!("not done after {PATIENCE} steps"))
    }

    fn same_challenge_again(&self, cx: &Context, enrolment: &Value) -> Checked {
        const RULE: &str = "the same surroundings give the same challenge";
        let [first, again] = [self.loaded.begin(cx, enrolment), self.loaded.begin(cx, enrolment)];
        hold(RULE, works(RULE, first)? == works(RULE, again)?, || {
            "two equal calls differ: time and randomness must come from the context".to_owned()
        })?;
        let elsewhere = Context { locale: "tlh".to_owned(), ..cx.clone() };
        works("an unknown locale is no obstacle", self.loaded.begin(&elsewhere, enrolment)).map(|_| ())
    }

    fn right_answer(&self, person: &mut dyn Person, cx: &Context, enrolment: &Value) -> Checked {
        const RULE: &str = "the right answer passes";
        let (asked, state) = self.begun(cx, enrolment)?;
        let input = person.answer(cx, &asked);
        match works(RULE, self.loaded.answer(cx, enrolment, &state, &input))? {
            Step::Pass { facts, enrolment: after, .. } => {
                self.declared(&facts)?;
                let after = after.as_ref().unwrap_or(enrolment);
                works("the enrolment can be used after a pass", self.loaded.begin(cx, after)).map(|_| ())
            }
            other => broken(RULE, format!("{:?}: {}", cx.purpose, name(&other))),
        }
    }

    fn wrong_answers(&self, person: &mut dyn Person, cx: &Context, enrolment: &Value) -> Checked {
        let (asked, state) = self.begun(cx, enrolment)?;
        let mut inputs = vec![person.wrong(cx, &asked), Input::default()];
        let fields: Vec<String> = person.wrong(cx, &asked).0.into_keys().collect();
        for odd in ["", " ", "\0", "-1", "99999999999999999999999999", "\u{202e}12345678", "\u{661}\u{662}\u{663}"] {
            inputs.push(fields.iter().map(|field| (field.clone(), odd)).collect());
        }
        inputs.push(fields.iter().map(|field| (field.clone(), "7".repeat(100_000))).collect());
        for input in inputs {
            let step = works("a wrong answer is not an error", self.loaded.answer(cx, enrolment, &state, &input))?;
            hold("a wrong answer is Wrong", matches!(step, Step::Wrong { .. }), || {
                format!("{:?}: the fields {:?} were answered with {}", cx.purpose, input.0.keys(), name(&step))
            })?;
        }
        Ok(())
    }

    /// An answer is good for its own ceremony only: not for another purpose, amount, payee or challenge. A memorised
    /// secret is the same in all of them, and that is why it approves no payment.
    fn foreign_answers(&self, person: &mut dyn Person, cx: &Context, enrolment: &Value) -> Checked {
        const RULE: &str = "an answer is good for its own ceremony only";
        let manifest = &self.description.manifest;
        if manifest.amr.iter().all(|value| MEMORISED.contains(&value.as_str())) {
            let pays = manifest.purposes.contains(&Purpose::Payment);
            return hold("a memorised secret approves no payment", !pays, || format!("{:?}", manifest.purposes));
        }
        for other in others(cx, &self.description.manifest.purposes) {
            let (asked, _) = self.begun(&other, enrolment)?;
            let input = person.answer(&other, &asked);
            let (_, state) = self.begun(cx, enrolment)?;
            let step = works(RULE, self.loaded.answer(cx, enrolment, &state, &input))?;
            hold(RULE, !matches!(step, Step::Pass { .. }), || {
                format!("an answer to {:?} {:?} passed for {:?}", other.purpose, other.transaction, cx.purpose)
            })?;
        }
        Ok(())
    }

    fn unknown_fields(&self, person: &mut dyn Person, cx: &Context, enrolment: &Value) -> Checked {
        const RULE: &str = "messages ignore fields that they do not know";
        let begin = Begin { cx: cx.clone(), enrolment: enrolment.clone(), others: Vec::new() };
        let step: Step = works(RULE, self.loaded.call(method::BEGIN, &greased(json!(begin))))?;
        hold(RULE, works(RULE, self.loaded.begin(cx, enrolment))? == step, || "the step differs".to_owned())?;
        let (asked, state) = self.asked(RULE, step)?;
        let input = person.answer(cx, &asked);
        let answer = Answer { cx: cx.clone(), enrolment: enrolment.clone(), others: Vec::new(), state, input };
        let plain: Step = works(RULE, self.loaded.call(method::ANSWER, &answer))?;
        let greased: Step = works(RULE, self.loaded.call(method::ANSWER, &greased(json!(answer))))?;
        hold(RULE, plain == greased, || "the verdict differs".to_owned())
    }

    fn many_threads(&self, person: &mut dyn Person, cx: &Context, enrolment: &Value) -> Checked {
        const RULE: &str = "many threads may call at once";
        let (asked, state) = self.begun(cx, enrolment)?;
        let (right, wrong) = (person.answer(cx, &asked), person.wrong(cx, &asked));
        let one = || {
            let begun = Instant::now();
            (0..50).take_while(|_| begun.elapsed() < ASKS_FOR).all(|_| {
                let right = self.loaded.answer(cx, enrolment, &state, &right);
                let wrong = self.loaded.answer(cx, enrolment, &state, &wrong);
                matches!((right, wrong), (Ok(Step::Pass { .. }), Ok(Step::Wrong { .. })))
            })
        };
        let sound = thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
            threads.into_iter().all(|thread| thread.join().unwrap_or(false))
        });
        hold(RULE, sound, || "a verdict changed when eight threads asked".to_owned())
    }

    fn decoys(&self, person: &mut dyn Person, enrolment: &Value) -> Checked {
        const RULE: &str = "a decoy looks real and cannot be answered";
        let cx = context(Purpose::Authorize);
        let decoy = match self.loaded.decoy(&cx) {
            Err(Error::Unsupported) => return Ok(()),
            reply => works(RULE, reply)?,
        };
        hold(RULE, works(RULE, self.loaded.decoy(&cx))? == decoy, || "it changes from call to call".to_owned())?;
        if self.description.manifest.purposes.contains(&Purpose::Authorize) {
            let (real, _) = self.begun(&cx, enrolment)?;
            let (asked, state) = self.begun(&cx, &decoy.enrolment)?;
            hold(RULE, asked.page == real.page && shape(&asked.data) == shape(&real.data), || {
                "its page differs from a real one".to_owned()
            })?;
            for input in [person.answer(&cx, &asked), person.wrong(&cx, &asked), Input::default()] {
                let step = works(RULE, self.loaded.answer(&cx, &decoy.enrolment, &state, &input))?;
                hold(RULE, matches!(step, Step::Wrong { .. }), || format!("an answer gave {}", name(&step)))?;
            }
        }
        let step = works(RULE, self.loaded.enrol_answer(&cx, &decoy.enrolling, &Input::default()))?;
        hold(RULE, !matches!(step, Step::Pass { .. }), || "its enrolling step passed".to_owned())
    }

    /// What is shown as a fee must be what is then asked for.
    fn prices(&self) -> Checked {
        const RULE: &str = "a price is always the same in the same surroundings";
        let manifest = &self.description.manifest;
        for &purpose in &manifest.purposes {
            let cx = context(purpose);
            let price = match self.loaded.price(&cx) {
                Err(Error::Unsupported) => continue,
                reply => works(RULE, reply)?,
            };
            hold(RULE, works(RULE, self.loaded.price(&cx))? == price, || "two replies differ".to_owned())?;
            if let Err(why) = price.check() {
                return broken("a fee can be shown and charged", why);
            }
            hold("what costs something is stored", manifest.challenge == ChallengeKind::Stored, || {
                "a challenge that is derived is not sent".to_owned()
            })?;
        }
        Ok(())
    }

    /// Without its services a plugin may fail, and everybody then chooses another factor. It must not fall apart, nor let
    /// somebody in because it could not look.
    fn on_a_harsh_host(
        &self,
        table: &'static Plugin,
        settings: &Value,
        person: &mut dyn Person,
        enrolment: &Value,
        harsh: Harsh,
    ) -> Checked {
        let made = Loaded::with(table, settings, |host| {
            person.prepare(host);
            harsh(host);
        });
        let Some(loaded) = surroundings::survives(made)? else { return Ok(()) };
        for &purpose in &self.description.manifest.purposes {
            let cx = context(purpose);
            let Some(step) = surroundings::survives(loaded.begin(&cx, enrolment))? else { continue };
            let Step::Ask { page, data, state, effects } = step else { continue };
            let asked = Asked { page, data, effects };
            surroundings::survives(loaded.answer(&cx, enrolment, &state, &person.answer(&cx, &asked)))?;
            let step = surroundings::survives(loaded.answer(&cx, enrolment, &state, &person.wrong(&cx, &asked)))?;
            hold("a wrong answer never passes", !matches!(step, Some(Step::Pass { .. })), || {
                "it did on a host that denies its services".to_owned()
            })?;
        }
        let cx = context(Purpose::Authorize);
        surroundings::survives(loaded.enrol_begin(&cx, None))?;
        surroundings::survives(loaded.decoy(&cx))?;
        if self.description.manifest.is_nameless() {
            surroundings::survives(loaded.begin_nameless(&cx))?;
            surroundings::survives(loaded.claim(&cx, &Value::Null, &Input::default()))?;
        }
        Ok(())
    }

    fn log_lines(&self) -> Checked {
        const RULE: &str = "a log line is one line with a known level";
        for line in self.loaded.host().lines() {
            let level = matches!(line.level.as_str(), "error" | "warn" | "info" | "debug");
            hold(RULE, level && !line.message.contains(['\n', '\r']), || format!("{line:?}"))?;
        }
        Ok(())
    }

    fn begun(&self, cx: &Context, enrolment: &Value) -> Checked<(Asked, Value)> {
        const RULE: &str = "an enrolment can be asked";
        self.asked(RULE, works(RULE, self.loaded.begin(cx, enrolment))?)
    }

    fn asked(&self, rule: &'static str, step: Step) -> Checked<(Asked, Value)> {
        let Step::Ask { page, data, state, effects } = step else {
            return broken(rule, format!("it was answered with {}", name(&step)));
        };
        hold("every page that is asked for is embedded", self.description.pages.contains_key(&page), || page.clone())?;
        let english = self.description.texts.get("en");
        for key in effects.iter().flat_map(keys) {
            let known = english.is_some_and(|texts| texts.contains_key(key));
            hold("every text that an effect names is embedded", known, || key.to_owned())?;
        }
        Ok((Asked { page, data, effects }, state))
    }

    fn declared(&self, facts: &Facts) -> Checked {
        let stray = facts.amr.iter().find(|value| !self.description.manifest.amr.contains(value));
        hold(
            "a pass names only declared amr values, and at least one",
            stray.is_none() && !facts.amr.is_empty(),
            || format!("{:?}", facts.amr),
        )
    }
}

/// One for each purpose, and one for each subject that the factor says it can show.
fn ceremonies(manifest: &Manifest) -> Vec<Context> {
    let subjects = manifest.subjects.iter().map(|&kind| context_of(kind));
    manifest.purposes.iter().map(|&purpose| context(purpose)).chain(subjects).collect()
}

/// Ceremonies that differ from `cx` in one thing that an answer must cover.
fn others(cx: &Context, purposes: &[Purpose]) -> Vec<Context> {
    // 32 times the byte 9: another ceremony has other randomness.
    let random = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk".to_owned();
    let mut others: Vec<Context> = vec![Context { random: random.clone(), ..cx.clone() }];
    for &purpose in purposes.iter().filter(|&&purpose| purpose != cx.purpose) {
        others.push(Context { random: random.clone(), ..context(purpose) });
    }
    if let Some(transaction) = &cx.transaction {
        for changed in changed(transaction) {
            others.push(Context { transaction: Some(changed), random: random.clone(), ..cx.clone() });
        }
    }
    others
}

/// The same with one thing changed.
fn changed(transaction: &Transaction) -> Vec<Transaction> {
    let mut dearer = transaction.clone();
    dearer.amount_minor += 1;
    let mut other = transaction.clone();
    match &mut other.subject {
        None => "Z123456789013".clone_into(&mut other.payee_account),
        // Nothing but the order, or one more character.
        Some(Subject::Batch { payees }) => payees.reverse(),
        Some(Subject::Card { source }) => source.replace_range(.., "1112"),
        Some(Subject::Operation { fields, .. }) => fields.values_mut().for_each(|value| value.push('1')),
    }
    if let Some(Subject::Batch { payees }) = &mut dearer.subject {
        payees.iter_mut().take(1).for_each(|payee| payee.amount_minor += 1);
    }
    vec![dearer.numbered(), other.numbered()]
}

fn keys(effect: &Effect) -> Vec<&str> {
    match effect {
        Effect::Sms { text, .. } => vec![text],
        Effect::Mail { subject, text, .. } => vec![subject, text],
    }
}

/// Names of the fields and sorts of their values.
fn shape(data: &Value) -> Vec<(String, std::mem::Discriminant<Value>)> {
    let fields = data.as_object().into_iter().flatten();
    fields.map(|(name, value)| (name.clone(), std::mem::discriminant(value))).collect()
}

/// Names a step without its contents, which may be secret.
fn name(step: &Step) -> String {
    match step {
        Step::Ask { page, .. } => format!("Ask({page})"),
        Step::Redirect { .. } => "Redirect".to_owned(),
        Step::Wait { .. } => "Wait".to_owned(),
        Step::Wrong { signal } => format!("Wrong({signal:?})"),
        Step::Pass { .. } => "Pass".to_owned(),
        Step::Fail { reason } => format!("Fail({reason})"),
    }
}
