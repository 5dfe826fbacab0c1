//! The command line: `serve`, and what an administrator does by hand.
//!
//! Results go to standard output (`--json` for programs), explanations to standard error. Exit code 0 when done, 1 when
//! refused, 2 when the command itself is wrong.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the command line")]

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use serde::Serialize;
use tokio::runtime::Runtime;

use crate::{config::Config, serve};

mod account;
mod admin;
mod client;
mod fees;
mod keys;
mod plugin;
mod plugin_host;
mod plugin_new;
mod policy;
mod receipt;
mod support;

/// An error that is shown to whoever typed the command.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Parser)]
#[command(
    name = "enum-idp",
    version,
    about = "E-num: an OpenID provider with number-questions and payment confirmation"
)]
struct Cli {
    #[command(subcommand)]
    role: Role,
}

#[derive(clap::Args, Clone)]
struct Common {
    /// Configuration file (TOML).
    #[arg(long, env = "ENUM_CONFIG", default_value = "enum.toml")]
    config: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Role {
    /// Run the provider.
    Serve(Common),
    /// Bring the database schema up to date.
    Migrate(Common),
    /// Relying parties.
    #[command(subcommand)]
    Client(client::Command),
    /// Accounts.
    #[command(subcommand)]
    Account(account::Command),
    /// Accounts whose owners are administrators.
    #[command(subcommand)]
    Admin(admin::Command),
    /// Requests of people who have lost mail and phone.
    #[command(subcommand)]
    Support(support::Command),
    /// Signing keys.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Plugin files.
    #[command(subcommand)]
    Plugin(plugin::Command),
    /// Which factors may be used for what, and what websites want at least.
    #[command(subcommand)]
    Policy(policy::Command),
    /// The process of one plugin: started by `serve`.
    #[command(hide = true)]
    PluginHost,
    /// What people were charged for messages.
    #[command(subcommand)]
    Fees(fees::Command),
    /// Payment receipts.
    #[command(subcommand)]
    Receipt(receipt::Command),
}

/// Reads the command line and carries it out.
pub fn run() -> ExitCode {
    let done = match Cli::parse().role {
        // Without a runtime: the walls around a plugin are built by the one thread that its process has.
        Role::PluginHost => plugin_host::run(),
        role => Runtime::new().map_err(Failure::from).and_then(|runtime| runtime.block_on(carry_out(role))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            explain(&failure);
            ExitCode::FAILURE
        }
    }
}

async fn carry_out(role: Role) -> Result<(), Failure> {
    match role {
        Role::Serve(common) => serve_with(&common).await,
        Role::Migrate(common) => migrate(&common).await,
        Role::Client(command) => client::run(command).await,
        Role::Account(command) => account::run(command).await,
        Role::Admin(command) => admin::run(command).await,
        Role::Support(command) => support::run(command).await,
        Role::Keys(command) => keys::run(command).await,
        Role::Plugin(command) => plugin::run(command).await,
        Role::Fees(command) => fees::run(command).await,
        Role::Receipt(command) => receipt::run(command).await,
        Role::Policy(command) => policy::run(command).await,
        Role::PluginHost => plugin_host::run(),
    }
}

fn explain(failure: &Failure) {
    eprintln!("enum-idp: {failure}");
    let mut source = failure.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !failure.to_string().contains(&text) {
            eprintln!("  because: {text}");
        }
        source = cause.source();
    }
}

async fn serve_with(common: &Common) -> Result<(), Failure> {
    let config = Config::load(&common.config)?;
    serve::logging();
    serve::run(config).await
}

async fn migrate(common: &Common) -> Result<(), Failure> {
    let app = open(common).await?;
    print(common.json, &serde_json::json!({ "database": app.config.database_url.is_some() }), |_| {
        "the schema is up to date".to_owned()
    })
}

/// The services, without listening: for commands that work on the data.
async fn open(common: &Common) -> Result<std::sync::Arc<crate::app::App>, Failure> {
    serve::build(Config::load(&common.config)?).await
}

fn print<T: Serialize>(json: bool, value: &T, words: impl FnOnce(&T) -> String) -> Result<(), Failure> {
    if json {
        println!("{}", serde_json::to_string(value)?);
    } else {
        println!("{}", words(value));
    }
    Ok(())
}
