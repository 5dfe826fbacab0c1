//! From nothing to an account with an activated pad.

mod activating;
mod registering;
