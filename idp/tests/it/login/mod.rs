//! A person logs in at a website by number-question and number-answer.

mod signing_in;
