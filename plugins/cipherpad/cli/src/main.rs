//! `enum-pad`: the cipherpad for the command line.
//!
//! Writes the answer, and nothing else, to standard output; everything that a person should read goes to standard
//! error.
#![forbid(unsafe_code)]

mod activate;
mod answer;
mod pin;
mod screen;
mod store;
mod surroundings;
mod wire;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use thiserror::Error;

/// Turns the number on a page into an answer, offline.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    /// File that keeps this pad; one account per file.
    #[arg(long, value_name = "FILE")]
    store: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Activates this pad with the code that came by SMS.
    Activate(activate::Order),
    /// Answers the number of a login.
    Answer {
        /// The number on the page, in one group or two.
        #[arg(required = true)]
        challenge: Vec<String>,
        #[command(flatten)]
        pin: PinOption,
    },
    /// Approves one payment.
    Pay {
        /// The number on the page, in one group or two.
        #[arg(required = true)]
        challenge: Vec<String>,
        /// Who gets the money: a letter and 12 digits.
        #[arg(long, value_name = "PURSE")]
        purse: String,
        /// How much, as in 10.50 or 10,50.
        #[arg(long)]
        amount: String,
        /// Digits behind the point that the currency has.
        #[arg(long, default_value_t = cipherpad_core::qr::CLASSIC_MINOR_DIGITS, value_parser = clap::value_parser!(u8).range(..=18))]
        minor_digits: u8,
        #[command(flatten)]
        pin: PinOption,
    },
    /// Approves one operation that is no payment.
    Operation {
        /// The number on the page, in one group or two.
        #[arg(required = true)]
        challenge: Vec<String>,
        /// Check number on the page: a letter and 12 digits.
        #[arg(long, value_name = "NUMBER")]
        check: String,
        /// How much it is about, as in 10.50 or 10,50; left out where the page shows no amount.
        #[arg(long)]
        amount: Option<String>,
        /// Digits behind the point that the currency has.
        #[arg(long, default_value_t = cipherpad_core::qr::CLASSIC_MINOR_DIGITS, value_parser = clap::value_parser!(u8).range(..=18))]
        minor_digits: u8,
        #[command(flatten)]
        pin: PinOption,
    },
    /// Answers the text of a QR code.
    Scan {
        /// The text, such as enum:l?c=58715204.
        text: String,
        #[command(flatten)]
        pin: PinOption,
    },
}

#[derive(Args)]
struct PinOption {
    /// PIN of this pad; otherwise ENUM_PAD_PIN, otherwise it is asked for.
    #[arg(long)]
    pin: Option<String>,
}

/// Why there is no answer. The text says what to do next.
#[derive(Debug, Error)]
enum PadError {
    #[error(transparent)]
    Store(#[from] store::StoreError),
    #[error(transparent)]
    Wire(#[from] wire::WireError),
    #[error(transparent)]
    Pin(#[from] pin::PinProblem),
    #[error(transparent)]
    Code(#[from] cipherpad_core::code::CodeError),
    #[error(transparent)]
    Activation(#[from] cipherpad_core::activation::ActivationError),
    #[error(transparent)]
    Challenge(#[from] cipherpad_core::challenge::ChallengeError),
    #[error(transparent)]
    Payee(#[from] cipherpad_core::payment::PayeeError),
    #[error(transparent)]
    Amount(#[from] cipherpad_core::payment::AmountError),
    #[error(transparent)]
    Qr(#[from] cipherpad_core::qr::QrError),
    #[error(transparent)]
    Ocra(#[from] cipherpad_core::ocra::OcraError),
    #[error("the generator of random numbers failed: {0}")]
    Random(#[from] getrandom::Error),
    #[error("the clock of this computer stands before 1970: set it")]
    Clock,
    #[error("{0} holds the pad of {1}: choose another --store, or add --replace to give that pad up")]
    Occupied(String, String),
    #[error("nothing was answered")]
    Declined,
    #[error("cannot write to the terminal: {0}")]
    Screen(#[from] std::io::Error),
}

fn main() -> ExitCode {
    let Cli { store, command } = Cli::parse();
    let done = match command {
        Command::Activate(order) => activate::run(&store, order),
        Command::Answer { challenge, pin } => answer::login(&store, &challenge.concat(), pin.pin),
        Command::Pay { challenge, purse, amount, minor_digits, pin } => {
            answer::payment(&store, &challenge.concat(), &purse, &amount, minor_digits, pin.pin)
        }
        Command::Operation { challenge, check, amount, minor_digits, pin } => {
            answer::operation(&store, &challenge.concat(), &check, (amount.as_deref(), minor_digits), pin.pin)
        }
        Command::Scan { text, pin } => answer::scan(&store, &text, pin.pin),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If even this cannot be written there is nobody to tell; the exit code still says it.
            let _unheard = screen::say(&format!("enum-pad: {error}"));
            ExitCode::FAILURE
        }
    }
}
