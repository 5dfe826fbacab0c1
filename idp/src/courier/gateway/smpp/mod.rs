//! SMPP 3.4 over TCP or TLS: one session, kept up, over which messages leave and their receipts come back.

use std::{sync::Arc, time::Duration};

use rusmpp_core::{
    CommandStatus,
    pdus::owned::{Pdu, SubmitSm},
    types::owned::{COctetString, OctetString},
    values::{DataCoding, EsmClass, Npi, RegisteredDelivery, Ton},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout_at},
};

use super::{
    Refusal, Sms,
    parts::{self, Coding},
    report::Reports,
    settings::GatewayConfig,
};
use crate::entropy::Entropy;

mod frame;
mod link;
mod receipt;
mod receipts;
mod session;
mod status;

use link::{State, Terms};
use session::{Answer, Lost, Session};

/// How long a message waits for a session that is being made.
const SESSION_WITHIN: Duration = Duration::from_secs(10);
/// How long all parts of a message may take.
const SUBMIT_WITHIN: Duration = Duration::from_secs(30);
/// Between attempts at a part, when an earlier one has gone and the SMSC says "later".
const AFTER_THROTTLING: Duration = Duration::from_secs(1);

/// `esm_class` of a message with a header in its user data (§5.2.12).
const WITH_HEADER: u8 = 0x40;

/// One SMSC.
pub(super) struct Smpp {
    terms: Terms,
    from: Sender,
    state: watch::Sender<State>,
}

impl std::fmt::Debug for Smpp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Smpp")
    }
}

/// Who messages are from (§5.2.5, §5.2.6).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sender {
    ton: Ton,
    npi: Npi,
    address: COctetString<1, 21>,
}

impl Sender {
    /// `+` and digits are an international number, digits a short one, all else is a name of at most 11 characters.
    fn parse(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix('+').unwrap_or(text);
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let (ton, npi, address) = match (is_number, digits.len() < text.len()) {
            (true, true) => (Ton::International, Npi::Isdn, digits),
            (true, false) => (Ton::NetworkSpecific, Npi::Unknown, digits),
            (false, _) if text.is_empty() => (Ton::Unknown, Npi::Unknown, ""),
            (false, _) if text.len() <= 11 => (Ton::Alphanumeric, Npi::Unknown, text),
            (false, _) => return Err("`from`: a name has at most 11 characters".to_owned()),
        };
        Ok(Self { ton, npi, address: word(address, "from")? })
    }
}

fn word<const MAX: usize>(text: &str, what: &str) -> Result<COctetString<1, MAX>, String> {
    COctetString::from_string(text.to_owned()).map_err(|_| format!("`{what}`: at most {} characters of ASCII", MAX - 1))
}

impl Smpp {
    /// # Errors
    /// What cannot be used; without the password.
    pub(super) fn new(config: &GatewayConfig) -> Result<Self, String> {
        let url = config.url()?;
        let tls = (url.scheme() == "smpps").then(|| crate::tls::client(config.ca_file.as_deref())).transpose()?;
        let terms = Terms {
            host: config.host()?,
            port: url.port().unwrap_or(if tls.is_some() { 3550 } else { 2775 }),
            tls: tls.map(Arc::new),
            system_id: word(&config.user()?, "user")?,
            password: word(&config.password()?, "password")?,
            system_type: word(&config.system_type, "system_type")?,
            window: config.window.clamp(1, 1000),
            enquire_every: Duration::from_secs(config.enquire_seconds.clamp(1, 3600)),
        };
        let (state, _) = watch::channel(State::Down("there is no session yet".into()));
        Ok(Self { terms, from: Sender::parse(&config.from)?, state })
    }

    /// Keeps the session up until `stop` becomes true.
    pub(super) async fn run(&self, gateway: &str, reports: Reports, entropy: Entropy, stop: watch::Receiver<bool>) {
        let receipts = receipts::Receipts::new(gateway, reports);
        link::keep_up(&self.terms, &self.state, receipts, entropy, stop).await;
    }

    /// Hands a message over; gives the names of its parts.
    pub(super) async fn send(&self, sms: &Sms<'_>) -> Result<Vec<String>, Refusal> {
        let encoded = parts::encode(sms.text, sms.reference())
            .map_err(|parts| Refusal::Refused(format!("it would take {parts} parts")))?;
        let session = self.session().await.map_err(Refusal::Unavailable)?;
        let late = Instant::now() + SUBMIT_WITHIN;
        let mut names = Vec::with_capacity(encoded.parts.len());
        for part in &encoded.parts {
            let submit = self.submit(sms.to, encoded.coding, encoded.has_headers(), part)?;
            match hand_over(&session, &submit, late, names.len()).await {
                Ok(name) => names.push(name),
                // A part of it is paid for already, and whole it would be once more.
                Err(refusal) if !names.is_empty() => return Err(Refusal::Unanswered(refusal.into_text())),
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(names)
    }

    /// The session, waited for while it is being made.
    async fn session(&self) -> Result<Session, String> {
        let mut state = self.state.subscribe();
        let settled = |state: &State| !matches!(state, State::Connecting);
        match timeout_at(Instant::now() + SESSION_WITHIN, state.wait_for(settled)).await {
            Ok(Ok(now)) => match &*now {
                State::Up(session) => Ok(session.clone()),
                State::Down(why) => Err(why.to_string()),
                State::Connecting => Err("there is no session".to_owned()),
            },
            Ok(Err(_)) | Err(_) => Err("there is no session yet".to_owned()),
        }
    }

    fn submit(&self, to: &str, coding: Coding, has_header: bool, octets: &[u8]) -> Result<SubmitSm, Refusal> {
        let refused = |what: &str| Refusal::Refused(what.to_owned());
        let to = word(to.trim_start_matches('+'), "to").map_err(|_| refused("the number has too many digits"))?;
        let octets = OctetString::from_slice(octets).map_err(|_| refused("a part is too long"))?;
        Ok(SubmitSm::builder()
            .source_addr_ton(self.from.ton)
            .source_addr_npi(self.from.npi)
            .source_addr(self.from.address.clone())
            .dest_addr_ton(Ton::International)
            .dest_addr_npi(Npi::Isdn)
            .destination_addr(to)
            .esm_class(EsmClass::from(if has_header { WITH_HEADER } else { 0 }))
            // A receipt for success and for failure (§5.2.17).
            .registered_delivery(RegisteredDelivery::from(1))
            .data_coding(match coding {
                Coding::Gsm7 => DataCoding::McSpecific,
                Coding::Ucs2 => DataCoding::Ucs2,
            })
            .short_message(octets)
            .build())
    }
}

/// One part. When `gone` parts have gone before, an SMSC that says "later" is asked again while there is time.
async fn hand_over(session: &Session, submit: &SubmitSm, late: Instant, gone: usize) -> Result<String, Refusal> {
    loop {
        let left = late.saturating_duration_since(Instant::now());
        let answer = session.request(submit.clone(), left).await.map_err(|lost| match lost {
            Lost::Unsent => Refusal::Unavailable("the session ended before it was sent".to_owned()),
            Lost::Unanswered => Refusal::Unanswered("the SMSC did not say whether it has taken it".to_owned()),
        })?;
        match answer {
            Answer { status: CommandStatus::EsmeRok, pdu } => return Ok(named(pdu)),
            Answer { status, .. } if gone > 0 && status::is_throttling(status) && left > 2 * AFTER_THROTTLING => {
                sleep(AFTER_THROTTLING).await;
            }
            Answer { status, .. } => return Err(status::refusal(status)),
        }
    }
}

fn named(pdu: Option<Pdu>) -> String {
    match pdu {
        Some(Pdu::SubmitSmResp(taken)) => taken.message_id().as_str().to_owned(),
        _ => String::new(),
    }
}
