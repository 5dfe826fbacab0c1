//! Logins and payments with an activated pad.

use cipherpad_core::{
    challenge::Challenge,
    payment::{Amount, Payee},
    qr::{self, Money, Vouched},
    question::Question,
    verify::{PadState, Verdict},
};
use plugin_api::prelude::*;

use crate::{AMR, Asked, Enrolment, unix_seconds};

/// Name of the page.
pub(crate) const PAGE: &str = "answer";
/// Field of the form.
const ANSWER: &str = "answer";
/// Most characters of words in a code: every operation fits, and a batch of a few payees.
const MOST_WORDS: usize = 200;

pub(crate) fn begin(cx: &Context, enrolment: &Enrolment) -> Result<Step<Asked, Enrolment>> {
    let digits = enrolment.pad.suites().digits().ok_or_else(|| Error::failed("the enrolment has unknown suites"))?;
    let challenge = Challenge::derive(&cx.random_bytes()?, digits);
    let Some(question) = question(cx, challenge)? else {
        return Ok(Step::fail("payee_or_amount_unsupported"));
    };
    let data = page_data(cx, enrolment, &question)?;
    Ok(Step::ask(PAGE, data, Asked { question }))
}

/// What the context asks under this challenge, or `None` if its transaction is none that a pad can approve.
fn question(cx: &Context, challenge: Challenge) -> Result<Option<Question>> {
    if cx.purpose == Purpose::Authorize {
        return Ok(Some(Question::Login { challenge }));
    }
    let transaction = cx.payment()?;
    // Without words nobody could tell what the check number stands for; a false number could stand for anything.
    let is_told = cx.summary.is_some() && transaction.check_number().as_ref() == Some(&transaction.payee_account);
    // Nor may a payment to one purse pass for one: payee and amount are all that its answer covers.
    let is_purse = !SubjectKind::ALL.iter().any(|kind| transaction.payee_account.starts_with(kind.letter()));
    let is_clear = if transaction.subject.is_some() { is_told } else { is_purse };
    if !is_clear {
        return Ok(None);
    }
    let payee =
        transaction.payee_account.parse::<Payee>().ok().filter(|payee| payee.as_str() == transaction.payee_account);
    let amount = Amount::from_minor(transaction.amount_minor).ok();
    Ok(match transaction.kind() {
        Some(SubjectKind::Operation) => payee.map(|check| Question::Operation { challenge, check, amount }),
        _ => payee.zip(amount).map(|(payee, amount)| Question::Payment { challenge, payee, amount }),
    })
}

fn page_data(cx: &Context, enrolment: &Enrolment, question: &Question) -> Result<Value> {
    let money = cx
        .transaction
        .as_ref()
        .filter(|transaction| transaction.amount_minor > 0)
        .map(|transaction| Money { minor_digits: transaction.minor_digits, currency: transaction.currency.clone() });
    let mut data = json!({
        "challenge": question.challenge().as_str(),
        "challenge_grouped": question.challenge().grouped(),
        "answer_digits": answer_digits(&enrolment.pad, question),
    });
    let (payee, amount) = match question {
        Question::Login { .. } => (None, None),
        Question::Payment { payee, amount, .. } => (Some(payee), Some(amount)),
        Question::Operation { check, amount, .. } => (Some(check), amount.as_ref()),
    };
    if let Some(payee) = payee {
        data["payee"] = payee.as_str().into();
        data["kind"] = json!(cx.payment()?.kind());
    }
    if let (Some(amount), Some(money)) = (amount, &money) {
        data["amount"] = amount.display(money.minor_digits).into();
        data["currency"] = money.currency.as_str().into();
    }
    let vouched = Vouched {
        origin: cx.site.origin.clone(),
        name: cx.site.name.clone(),
        question: question.clone(),
        money,
        words: cx.summary.as_deref().map(shortened),
        expires: unix_seconds(cx.expires_at)?,
    };
    data["qr"] = qr::sign(&vouched, &enrolment.qr_seed).map_err(|error| Error::failed(error.to_string()))?.into();
    Ok(data)
}

/// What fits into a code that a telephone reads well; the check number covers the rest.
fn shortened(words: &str) -> String {
    if words.chars().count() <= MOST_WORDS {
        return words.to_owned();
    }
    words.chars().take(MOST_WORDS - 1).chain(['…']).collect()
}

fn answer_digits(pad: &PadState, question: &Question) -> u32 {
    match question {
        Question::Login { .. } => pad.suites().login.digits(),
        Question::Payment { .. } | Question::Operation { .. } => pad.suites().payment.digits(),
    }
}

pub(crate) fn answer(
    cx: &Context,
    enrolment: &Enrolment,
    asked: &Asked,
    input: &Input,
) -> Result<Step<Asked, Enrolment>> {
    // What was asked and what is to be approved must be one thing. The host sees to that; so do we.
    if question(cx, asked.question.challenge().clone())?.as_ref() != Some(&asked.question) {
        return Ok(Step::wrong());
    }
    let now = unix_seconds(cx.now)?;
    let Ok(verdict) = enrolment.pad.judge(&asked.question, input.text(ANSWER), now) else {
        // The pad was activated anew, with challenges of another length, while this question was open.
        return Ok(Step::wrong());
    };
    Ok(match verdict {
        Verdict::Accepted(pad) => {
            let facts = facts(&pad, enrolment.epoch, asked, input);
            Step::pass_with(facts, Enrolment { pad, ..enrolment.clone() })
        }
        Verdict::Clone => Step::wrong_with(Signal::Clone),
        Verdict::Wrong => Step::wrong(),
    })
}

fn facts(pad: &PadState, epoch: u64, asked: &Asked, input: &Input) -> Facts {
    let suite = match asked.question {
        Question::Login { .. } => &pad.suites().login,
        Question::Payment { .. } | Question::Operation { .. } => &pad.suites().payment,
    };
    let evidence = json!({
        "suite": suite.as_str(),
        "question": asked.question,
        "answer": input.text(ANSWER),
        "counter": pad.next_counter().wrapping_sub(1),
        "epoch": epoch,
    });
    Facts::amr(AMR).evidence(evidence).device(format!("cipherpad {epoch}"))
}
