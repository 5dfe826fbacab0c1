//! `enum-idp`: one program, many roles.

use std::process::ExitCode;

fn main() -> ExitCode {
    enum_idp::cli::run()
}
