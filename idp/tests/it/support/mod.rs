//! What tests share: databases, a provider, and the people and websites that use it.

pub(crate) mod atlas;
pub(crate) mod database;
pub(crate) mod http;
pub(crate) mod outbox;
pub(crate) mod pad;
pub(crate) mod page;
pub(crate) mod person;
pub(crate) mod plugins;
pub(crate) mod program;
pub(crate) mod proof;
pub(crate) mod provider;
pub(crate) mod publisher;
pub(crate) mod sites;
