//! `enum-idp`: one program, many roles.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    enum_idp::cli::run().await
}
