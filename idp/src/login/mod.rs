//! Room 2, the person: from "who are you" to a proof.
//!
//! [`next`] decides, purely, what comes next from what is demanded, what has been proven and the session.
//! [`ceremony`] is the only way to prove anything: it drives a factor under one set of budgets. [`interaction`] is the
//! state in between; it travels sealed and writes nothing. [`policy`] says which factors may prove what, and [`risk`]
//! when more is asked. [`session`] and [`consent`] remember. This room knows no OpenID Connect: it is told a [`Demand`] and
//! hands back what was proven.

pub mod acr;
mod agent;
pub mod ceremony;
pub mod consent;
mod decoy;
pub mod interaction;
pub mod next;
pub mod number;
mod origin;
pub mod policy;
pub mod risk;
pub mod session;
mod sets;

pub use decoy::Decoys;
pub use interaction::{Demand, Interaction, Prompt, Stage};
pub use next::{Next, Refusal, next};
pub use origin::is_from_here;
pub use sets::{Sets, draw};
