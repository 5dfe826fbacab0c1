//! A person logs in at a website by number-question and number-answer.

mod answers;
mod budgets;
mod prompts;
mod secrets;
mod sessions;
mod signing_in;
pub(crate) mod strangers;
mod visits;
