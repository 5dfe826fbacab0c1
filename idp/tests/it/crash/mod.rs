//! What survives when the process dies or the disk fails, shown on the real program with the embedded database.

mod browser;
mod disk;
mod machine;
mod power_cut;
mod witness;
