//! The whole contract between the identity provider and its plugins: messages, traits, export macros, the C boundary,
//! and a kit for testing a plugin without a server. Authors begin with the README of this crate.

pub mod abi;
mod describe;
mod error;
mod export;
mod factor;
mod host;
pub mod message;
mod mismatch;
mod service;
mod step;
pub mod testing;
mod transaction;

pub use abi::Host;
pub use describe::{LOCALES, TEXTS};
pub use error::{Error, Result, Status};
pub use factor::{Factor, FactorGuest, NoSettings};
pub use host::{Entry, HttpCall, Response, Secret, Store};
pub use service::{Service, ServiceGuest};

/// The guide's code compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Guide;

/// What nearly every plugin needs.
pub mod prelude {
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
    pub use serde_json::{Value, json};

    pub use crate::message::{
        Approved, ChallengeKind, Content, Context, DecoyReply, Description, Effect, Enrols, Facts, Fee, Input,
        Manifest, MappedDetails, Migrating, Payee, Price, Purpose, Resource, Scope, Serve, Served, Signal, Site, Step,
        Subject, SubjectKind, Transaction,
    };
    pub use crate::{Error, Factor, Host, NoSettings, Result, Secret, Service, export_factor, export_service};
}
