//! `enum-bridge`: lets websites that its owner listed use this computer's fingerprint reader, as WebAuthn.
#![forbid(unsafe_code)]

mod ceremony;
mod finger;
mod fingers;
mod http;
mod keystore;
mod private_file;
mod prompt;
mod reader;
mod refusal;
mod screen;
mod settings;
mod surroundings;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    ceremony::Desk,
    finger::Finger,
    keystore::Keystore,
    prompt::{Desktop, Prompt, Terminal},
    settings::RunOptions,
};

/// The fingerprint reader of this computer, for websites that you list.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    /// Folder of the keys; otherwise enum-bridge in $XDG_DATA_HOME or ~/.local/share.
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answers the listed sites until it is stopped.
    Run(RunOptions),
    /// Teaches the reader a finger.
    Enrol {
        /// Which one.
        finger: Finger,
    },
    /// Lists the fingers that the reader knows, with the number of keys of each.
    Fingers,
    /// Makes the reader forget a finger, and removes its keys.
    Forget {
        /// Which one.
        finger: Finger,
    },
    /// Lists the keys: site, account, finger, uses, last use (Unix seconds).
    Credentials,
    /// Ends a pause or a lock after too many fingers that were not recognised.
    Unlock,
}

/// Why the program stopped.
#[derive(Debug, Error)]
enum BridgeError {
    #[error(transparent)]
    Settings(#[from] settings::SettingsError),
    #[error(transparent)]
    Keystore(#[from] keystore::KeystoreError),
    #[error(transparent)]
    Reader(#[from] reader::ReaderError),
    #[error("your {0} is enrolled already: enum-bridge forget it first, which removes its keys too")]
    Enrolled(Finger),
    #[error("cannot listen on port {0} of 127.0.0.1 and ::1: {1}")]
    Listen(u16, #[source] std::io::Error),
    #[error("the clock of this computer stands before 1970: set it")]
    Clock,
    #[error("the generator of random numbers failed")]
    Random,
    #[error("there is no home folder: give --data DIR")]
    NoHome,
    #[error("a credential cannot be written as JSON: {0}")]
    Json(#[source] serde_json::Error),
    #[error("input or output failed: {0}")]
    Io(#[from] std::io::Error),
}

// One thread: what it does is wait for a person. Files are read and written on it, for milliseconds.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match carry_out(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            refusal::tell_owner(&error);
            ExitCode::FAILURE
        }
    }
}

async fn carry_out(Cli { data, command }: Cli) -> Result<(), BridgeError> {
    let keystore = Keystore::at(&data.map_or_else(surroundings::data_dir, Ok)?)?;
    match command {
        Command::Run(options) => run(keystore, options).await,
        Command::Enrol { finger } => fingers::enrol(&keystore, finger).await,
        Command::Fingers => fingers::list(&keystore).await,
        Command::Forget { finger } => fingers::forget(&keystore, finger).await,
        Command::Credentials => fingers::credentials(&keystore),
        Command::Unlock => fingers::unlock(&keystore),
    }
}

async fn run(keystore: Keystore, options: RunOptions) -> Result<(), BridgeError> {
    let settings = options.settings()?;
    // A keystore that does not open is found out now, not at the first finger.
    keystore.read()?;
    let mut prompts: Vec<Box<dyn Prompt>> = vec![Box::new(Terminal)];
    if let Some(desktop) = Desktop::new(&settings.notify_command) {
        prompts.push(Box::new(desktop));
    }
    let (mut stop, mut interrupted) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (port, listeners) = http::bind(settings.port).await?;
    let sites: Vec<&str> = settings.origins.iter().map(settings::Origin::text).collect();
    screen::say(&format!("Listening on port {port} of this computer for {}.", sites.join(", ")))?;
    let desk = Desk { keystore, prompts, finger_within: settings.finger_within };
    let door = http::Door::new(desk, settings.origins, port);
    for listener in listeners {
        tokio::spawn(door.clone().serve(listener));
    }
    tokio::select! {
        _ = stop.recv() => {}
        _ = interrupted.recv() => {}
    }
    Ok(())
}
