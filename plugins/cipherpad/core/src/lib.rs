//! What the cipherpad and the server agree on.
//!
//! Pure: no files, no network, no clock, no generator of random numbers. Time and randomness are arguments, so that
//! the server plugin, the command-line pad and a phone app all run the same code.
//!
//! - [`ocra`]: RFC 6287.
//! - [`challenge`], [`payment`], [`question`]: what is asked, and what exactly an answer covers.
//! - [`activation`], [`keys`]: how pad and server come to share a key.
//! - [`verify`]: the server's judgement of an answer.
//! - [`qr`]: the texts behind QR codes.
//! - [`pin`]: how a PIN hides the key on the device.
#![forbid(unsafe_code)]

pub mod activation;
pub mod challenge;
pub mod code;
mod encoding;
pub mod keys;
pub mod ocra;
pub mod payment;
pub mod pin;
pub mod qr;
pub mod question;
pub mod typed;
pub mod verify;
