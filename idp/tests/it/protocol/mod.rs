//! OAuth and OpenID Connect: what websites may do, and what others may not do in their name.

mod authorization;
mod client_proofs;
mod codes;
mod discovery;
mod pushed;
mod refreshing;
