//! Users over HTTP, and the store below them, on SQLite and on PostgreSQL.
//!
//! One binary; a folder per feature. Tests that need a database run twice, as `…::sqlite` and `…::postgres`. Run them
//! through `.ci/with-postgres`, after `cargo build --workspace` (plugins are loaded as files).
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod architecture;
mod area;
mod ciba;
mod codes;
mod crash;
mod device;
mod dpop;
mod fingers;
mod hello;
mod keeper;
mod login;
mod operating;
mod payment;
mod plugins;
mod policy;
mod protocol;
mod recovery;
mod registration;
mod risk;
mod services;
mod sms;
mod storage;
mod support;
