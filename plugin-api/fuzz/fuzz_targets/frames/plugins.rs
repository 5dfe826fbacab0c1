//! What the server's file expects around it.

pub mod lane {
    pub const REPLY_LIMIT: usize = 1 << 20;
}

#[path = "child.rs"]
pub mod child;
