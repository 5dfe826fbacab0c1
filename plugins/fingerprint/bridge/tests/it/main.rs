//! The real program on a private bus with the real fprintd and libfprint's virtual reader; webauthn-rs judges what it signs.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod bridge;
mod desktop;
mod door;
mod fingers;
mod site;
