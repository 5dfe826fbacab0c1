//! `activate`: from the code to a stored key.

use std::path::Path;

use cipherpad_core::{
    activation::{Offer, PadDone, PadStart},
    code::ActivationCode,
    pin::{Cost, Hidden, Pin, PinPolicy},
};
use clap::Args;
use serde_json::Value;

use crate::{
    PadError, pin, screen,
    store::{New, Pad, Store, StoredKey},
    surroundings,
    wire::{Provider, Reply, WireError},
};

/// The clock may be off by two minutes before answers fail.
const CLOCK_WARNING_SECONDS: u64 = 60;

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
pub(crate) struct Order {
    /// Address of the provider, such as https://id.example.
    #[arg(long)]
    url: String,
    /// E-mail address of the account.
    #[arg(long)]
    email: String,
    /// Activation code from the SMS.
    #[arg(long)]
    code: String,
    /// PIN to choose; otherwise ENUM_PAD_PIN, otherwise it is asked for on the terminal.
    #[arg(long)]
    pin: Option<String>,
    /// Store the key as it is: whoever reads the file can answer in your place.
    #[arg(long, conflicts_with = "pin")]
    no_pin: bool,
    /// Allow a PIN of four digits, where the provider's policy does.
    #[arg(long)]
    short_pin: bool,
    /// Show no picture that belongs to the PIN.
    #[arg(long)]
    paranoid: bool,
    /// Give up the pad of another account that the file holds.
    #[arg(long)]
    replace: bool,
}

/// Activates and stores. Everything that can fail here fails before the code is used.
pub(crate) fn run(path: &Path, order: Order) -> Result<(), PadError> {
    let code: ActivationCode = order.code.parse()?;
    let provider = Provider::new(&order.url)?;
    let store = Store::open(path)?;
    if !order.replace {
        refuse_to_lose(path, &store, &provider, &order.email)?;
    }
    let chosen = choose_pin(&order)?;
    let done = agree(&provider, &order.email, &code)?;
    let new = New {
        url: provider.base().to_owned(),
        email: order.email,
        paranoid: order.paranoid,
        key: hide(&done, chosen.as_ref(), order.paranoid)?,
    };
    let pad = Pad::new(new, &done);
    store.write(&pad)?;
    screen::say(&format!(
        "Activated for {} at {}. Earlier cipherpads of this account have stopped.",
        pad.email, pad.issuer
    ))?;
    Ok(())
}

fn refuse_to_lose(path: &Path, store: &Store, provider: &Provider, email: &str) -> Result<(), PadError> {
    match store.read_if_there()? {
        Some(pad) if pad.email != email || pad.url != provider.base() => {
            Err(PadError::Occupied(path.display().to_string(), format!("{} at {}", pad.email, pad.url)))
        }
        _ => Ok(()),
    }
}

fn choose_pin(order: &Order) -> Result<Option<Pin>, PadError> {
    if order.no_pin {
        return Ok(None);
    }
    let policy = if order.short_pin { PinPolicy::Four } else { PinPolicy::Six };
    let chosen = pin::chosen(order.pin.clone(), policy)?;
    if chosen.is_none() {
        screen::say("No PIN was given and there is no terminal to ask for one: the key is stored without a PIN.")?;
    }
    Ok(chosen)
}

fn agree(provider: &Provider, email: &str, code: &ActivationCode) -> Result<PadDone, PadError> {
    let start = PadStart::new(code, surroundings::random()?);
    let Reply::Ask { data, state } = provider.enrol(email, &start.hello(), None)? else {
        return Err(WireError::Reply.into());
    };
    warn_of_clock(&data)?;
    let offer: Offer = serde_json::from_value(data).map_err(|_| WireError::Reply)?;
    let (finish, done) = start.receive(offer)?.finish(surroundings::unix_seconds()?)?;
    match provider.enrol(email, &finish, Some(&state))? {
        Reply::Pass => Ok(done),
        Reply::Ask { .. } | Reply::Other => Err(WireError::Refused("the first answer was wrong".to_owned()).into()),
    }
}

fn warn_of_clock(data: &Value) -> Result<(), PadError> {
    let now = surroundings::unix_seconds()?;
    let Some(off) = data["time"].as_u64().map(|time| time.abs_diff(now)).filter(|off| *off > CLOCK_WARNING_SECONDS)
    else {
        return Ok(());
    };
    screen::say(&format!(
        "The clock of this computer is {off} seconds off the provider's: set it, or answers will be wrong."
    ))?;
    Ok(())
}

fn hide(done: &PadDone, chosen: Option<&Pin>, paranoid: bool) -> Result<StoredKey, PadError> {
    let Some(pin) = chosen else { return Ok(StoredKey::Plain(done.keys.clone())) };
    let (hidden, picture) =
        Hidden::hide(&done.keys, pin, surroundings::random()?, Cost::default()).map_err(pin::PinProblem::from)?;
    if !paranoid {
        screen::say(&format!("Picture of your PIN: {}. Another picture means that you mistyped it.", picture.name()))?;
    }
    Ok(StoredKey::Hidden(hidden))
}
