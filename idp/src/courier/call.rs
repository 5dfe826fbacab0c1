//! Calls of relying parties at addresses that they registered (CIBA Core 1.0 §10.2): JSON by POST, with the bearer token that
//! they gave us. Addresses that are not public are refused unless the administrator allows them, and nothing is followed.

use std::{sync::OnceLock, time::Duration};

use reqwest::header;
use url::Url;

use super::{Parcel, transport::SendError};
use crate::outbound::{Clients, NoClients, Reach, address};

/// How long a call may take. Its answer is not read.
const WITHIN: Duration = Duration::from_secs(3);

/// Who calls.
#[derive(Debug)]
pub(super) struct Calls {
    reach: Reach,
    clients: OnceLock<Result<Clients, NoClients>>,
}

impl Calls {
    /// `private`: whether addresses that are not public may be called, and plain HTTP used.
    pub(super) fn new(private: bool) -> Self {
        Self { reach: if private { Reach::Private } else { Reach::Public }, clients: OnceLock::new() }
    }

    pub(super) async fn send(&self, parcel: &Parcel) -> Result<(), SendError> {
        let message = &parcel.message;
        let url = Url::parse(&message.to).map_err(|error| SendError::Permanent(format!("the address: {error}")))?;
        self.reach.takes(&url).map_err(|error| SendError::Permanent(error.to_string()))?;
        let clients = self.clients.get_or_init(Clients::new).as_ref();
        let client = clients.map_err(|error| SendError::Permanent(error.to_string()))?.of(self.reach);
        let call = client
            .post(url)
            .bearer_auth(&message.subject)
            .header(header::CONTENT_TYPE, "application/json")
            .body(message.text.clone())
            .timeout(WITHIN);
        let response = call.send().await.map_err(|error| failure(&error))?;
        match response.status() {
            status if status.is_success() => Ok(()),
            status if status.is_server_error() || status == 429 || status == 408 => {
                Err(SendError::Temporary(format!("it answered {status}")))
            }
            // §10.2: a redirect is not followed.
            status => Err(SendError::Permanent(format!("it answered {status}"))),
        }
    }
}

/// What went wrong, without the URL.
fn failure(error: &reqwest::Error) -> SendError {
    match address::not_public(error) {
        Some(why) => SendError::Permanent(why),
        None if error.is_builder() => SendError::Permanent("only https is called".to_owned()),
        None => SendError::Temporary(address::innermost(error).to_string()),
    }
}
