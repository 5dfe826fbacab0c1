//! Load driver and floor program: how fast the provider is, as a ratio to what could be had at all.

mod baseline;
mod bench;
mod calls;
mod client;
mod floor;
mod now;
mod workload;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Anything that ends a measurement.
type Error = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Parser)]
#[command(name = "enum-load", version, about = "Measures the provider against a floor program in the same run")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the floor program.
    Floor(floor::Options),
    /// Measure bare signatures and bare commits; print JSON.
    Baseline(baseline::Options),
    /// Measure calls of a plugin; print JSON.
    Calls(calls::Options),
    /// Measure the floor, and the provider beside it; print the table.
    Bench(bench::Options),
}

#[expect(clippy::print_stderr, reason = "a command-line program says on standard error why it failed")]
fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("enum-load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Error> {
    // Threads inherit the cores, so the driver moves before it has any.
    let cores = matches!(command, Command::Bench(_)).then(bench::Cores::arrange);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match command {
        Command::Floor(options) => runtime.block_on(floor::run(options)),
        Command::Baseline(options) => runtime.block_on(baseline::run(options)),
        Command::Calls(options) => runtime.block_on(calls::run(options)),
        Command::Bench(options) => runtime.block_on(bench::run(options, cores.unwrap_or(bench::Cores::Shared))),
    }
}
