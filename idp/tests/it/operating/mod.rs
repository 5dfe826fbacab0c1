//! What an administrator sees of the real program.

mod auditing;
mod pages;
mod starting;
