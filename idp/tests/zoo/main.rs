//! The zoo: plugins that are broken in every way we could think of, each with its stated outcome, and with another plugin
//! beside it that must not notice.
#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "tests")]

mod apart;
mod calls;
mod den;
mod refused;
