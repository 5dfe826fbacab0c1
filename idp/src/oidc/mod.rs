//! Room 1: the protocol. What relying parties say to us and what we answer, to the letter of the specifications.
//!
//! This room knows requests, clients, codes and tokens. How a person proves who they are is the business of
//! [`crate::login`]: an authorization request that has passed its checks is handed down by [`interact::open`], and comes
//! back as a code made by [`code::prepare`].

mod approve;
pub mod authorize;
pub mod backchannel;
pub mod bearer;
mod checks;
pub mod claims;
pub mod client;
pub mod client_auth;
pub mod code;
pub mod confirmations;
pub mod cors;
pub mod device;
pub mod discovery;
pub mod dpop;
pub mod error;
mod grants;
pub mod interact;
pub mod logout;
mod metadata;
pub mod par;
pub mod params;
mod payment;
mod pkce;
pub mod receipt;
pub mod receipt_log;
pub mod redirect_uri;
pub mod request;
pub mod resources;
pub mod response;
pub mod scope;
pub mod subject;
#[cfg(test)]
mod tests;
pub mod token;
mod tokens;
pub mod userinfo;
