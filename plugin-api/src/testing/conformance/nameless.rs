//! What a factor promises that asks people before they have said who they are.

use serde_json::{Value, json};

use super::factor::{Asked, Person};
use super::{Checked, broken, garbage, greased, hold, works};
use crate::error::Error;
use crate::message::{AccountView, BeginNameless, Claim, Claimed, Context, Description, Input, Purpose, Step, method};
use crate::testing::{Loaded, context};

const ALONE: &str = "a claim alone proves nothing";
const METHODS: [&str; 2] = [method::BEGIN_NAMELESS, method::CLAIM];
/// 32 times the byte 9: another visit has other randomness.
const ELSEWHERE: &str = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk";

/// `enrolment` is the person's, made with the account of [`context`].
pub(super) fn answers(
    loaded: &Loaded,
    description: &Description,
    person: &mut dyn Person,
    enrolment: &Value,
) -> Checked {
    if !description.manifest.is_nameless() {
        return Ok(());
    }
    let run = Nameless { loaded, description };
    let nobody = AccountView { id: String::new(), email: String::new(), name: String::new() };
    let known = context(Purpose::Authorize);
    let cx = Context { account: nobody, ..known.clone() };
    let Some((asked, state)) = run.asks(&cx)? else { return Ok(()) };
    garbage(loaded, &METHODS)?;
    let input = person.answer_nameless(&known, &asked);
    run.claims(&cx, &state, &input)?;
    run.names_nobody(&cx, &state, &input)?;
    let step = works("a claim is proven by the answer", loaded.answer(&known, enrolment, &state, &input))?;
    hold("a claim is proven by the answer", matches!(step, Step::Pass { .. }), || {
        "the right answer failed".to_owned()
    })?;
    // The answer of another visit claims the same account.
    let elsewhere = Context { random: ELSEWHERE.to_owned(), ..cx };
    let Some((_, state)) = run.asks(&elsewhere)? else { return broken(ALONE, "it asked once and not again") };
    let elsewhere = Context { account: known.account, ..elsewhere };
    let step = works(ALONE, loaded.answer(&elsewhere, enrolment, &state, &input))?;
    hold(ALONE, !matches!(step, Step::Pass { .. }), || "the answer of another visit passed".to_owned())
}

struct Nameless<'a> {
    loaded: &'a Loaded,
    description: &'a Description,
}

impl Nameless<'_> {
    /// What is asked of whoever is there, if the settings want that.
    fn asks(&self, cx: &Context) -> Checked<Option<(Asked, Value)>> {
        const RULE: &str = "whoever is there is shown a page, and sent nothing";
        let step = match self.loaded.begin_nameless(cx) {
            Err(Error::Unsupported) => return Ok(None),
            step => works(RULE, step)?,
        };
        let request = greased(json!(BeginNameless { cx: cx.clone() }));
        let again: Step = works(RULE, self.loaded.call(method::BEGIN_NAMELESS, &request))?;
        hold("the same surroundings give the same challenge", again == step, || {
            "two equal questions to whoever is there differ".to_owned()
        })?;
        let Step::Ask { page, data, state, effects } = step else { return broken(RULE, "it did not ask") };
        hold(RULE, effects.is_empty(), || "it has effects".to_owned())?;
        hold("every page that is asked for is embedded", self.description.pages.contains_key(&page), || page.clone())?;
        Ok(Some((Asked { page, data, effects }, state)))
    }

    fn claims(&self, cx: &Context, state: &Value, input: &Input) -> Checked {
        const RULE: &str = "an answer names the account that it is for";
        let request = Claim { cx: cx.clone(), state: state.clone(), input: input.clone() };
        let claimed: Claimed = works(RULE, self.loaded.call(method::CLAIM, &greased(json!(request))))?;
        let expected = context(Purpose::Authorize).account.id;
        hold(RULE, claimed.account.as_ref() == Some(&expected), || format!("{:?}", claimed.account))
    }

    fn names_nobody(&self, cx: &Context, state: &Value, input: &Input) -> Checked {
        const RULE: &str = "what makes no sense names nobody, and is no error";
        let mut odd = vec![Input::default()];
        for text in ["", "{}", "null", "\0", "\u{202e}", &"7".repeat(100_000)] {
            odd.push(input.0.keys().map(|field| (field.clone(), text)).collect());
        }
        for input in odd {
            let claimed = works(RULE, self.loaded.claim(cx, state, &input))?;
            hold(RULE, claimed.is_none(), || format!("{claimed:?}"))?;
        }
        Ok(())
    }
}
