//! E-num: an OpenID provider whose ways of proving who you are, and what you agree to, are plugins.
//!
//! Rooms, from the top down: [`oidc`] (protocol), [`login`] (the person), [`account`] (the person's own things),
//! [`plugins`] (the host), [`store`] (data); [`admin`] (the administrators' API) may call them all. Calls go down only. Beside them stand small services that any room may
//! use: [`clock`], [`entropy`], [`seal`], [`keys`], [`courier`], [`letter`], [`notice`], [`pages`], [`limits`], [`bot`],
//! [`outbound`], [`places`], [`proxies`], [`health`], [`tls`], [`when`].

pub mod account;
pub mod admin;
pub mod app;
pub mod bot;
pub mod cli;
pub mod clock;
pub mod config;
pub mod counted;
pub mod courier;
pub mod entropy;
pub mod error;
pub mod health;
pub mod keys;
pub mod letter;
pub mod limits;
mod listen;
pub mod login;
pub mod notice;
pub mod oidc;
pub mod outbound;
pub mod pages;
pub mod places;
pub mod plugins;
pub mod proxies;
pub mod seal;
pub mod serve;
pub mod sms;
pub mod store;
pub mod tls;
pub mod when;
