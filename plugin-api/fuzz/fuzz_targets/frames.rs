//! Whatever a plugin's process writes to its socket is frames or an error, never a panic, and never more memory than the
//! limit of a frame. The parser is the server's own file.
#![no_main]

#[path = "frames/plugins.rs"]
mod plugins;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| plugins::child::read_all(bytes));
