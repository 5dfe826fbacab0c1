//! What factors share that send one-time codes: the code itself, and texts of others that go into a message.
#![forbid(unsafe_code)]

mod code;
mod line;

pub use code::{Code, DIGITS, check_digits};
pub use line::{minutes_left, one_line};
