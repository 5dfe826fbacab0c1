//! The demonstration: provider, plugins, website and shop on this machine, with an outbox for mail and SMS.
//!
//! `--once` walks the main job as a person would (register, activate, log in, pay), prints every step with its values,
//! and ends with 0 when all of it worked.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

mod browser;
mod outbox;
mod setup;
mod walk;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;

/// Anything that stops the demonstration; the text says what happened.
pub(crate) type Failure = Box<dyn std::error::Error>;

#[derive(Parser)]
struct Settings {
    /// Walk through the main job once and end.
    #[arg(long)]
    once: bool,
    /// Where everything is kept; made anew with --once.
    #[arg(long, default_value = "data/demo")]
    dir: PathBuf,
    /// First of three ports in a row: provider, website, shop.
    #[arg(long, default_value_t = 8080)]
    port: u16,
}

fn main() -> ExitCode {
    match run(&Settings::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("demo: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(settings: &Settings) -> Result<(), Failure> {
    let dir = if settings.once { settings.dir.join("once") } else { settings.dir.clone() };
    if settings.once && dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    let place = setup::Place::prepare(&dir, settings.port)?;
    let mut running = place.start()?;
    if settings.once {
        walk::walk(&place)?;
        running.check()?;
        return Ok(());
    }
    let pad = place.demo_account()?;
    println!("{}", welcome(&place, &pad));
    running.wait()
}

fn welcome(place: &setup::Place, pad: &setup::DemoPad) -> String {
    format!(
        "\nE-num is running. Press Ctrl-C to stop.\n\n  \
         provider       {}\n  registration   {}/register\n  cipherpad      {}/pad\n  \
         own account    {}/account\n  \
         website        {}\n  shop           {}\n  mail and SMS   {}\n\n  \
         demo account   {}\n  its answers    {} answer NUMBER\n  its payments   {} pay NUMBER --purse PURSE --amount AMOUNT\n",
        place.issuer,
        place.issuer,
        place.issuer,
        place.issuer,
        place.website,
        place.shop,
        place.outbox.display(),
        pad.email,
        pad.command,
        pad.command,
    )
}
