//! Asking a buyer who is not at this shop's pages: by their e-mail address, with OpenID Connect CIBA Core 1.0 (`poll`). They
//! answer in their personal area at the provider. Copy this file with `payment.rs`, if you want that.

use std::time::{Duration, Instant};

use openidconnect::{CsrfToken, Nonce, reqwest};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    payment::{Confirmed, Payments, Refusal, Tokens, Trouble, failed},
    receipt::{PAYMENT, Transaction},
};

/// §10.1.
const GRANT: &str = "urn:openid:params:grant-type:ciba";
/// How long after its end a request may still have an answer that nobody could fetch, in seconds.
const FETCHED_WITHIN: u64 = 600;
/// What is read aloud or compared: nothing that looks like something else.
const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// A request that the buyer has not answered yet. What names it at the provider stays on the server.
#[derive(Clone, Deserialize)]
pub(crate) struct Request {
    auth_req_id: String,
    /// Seconds until the provider forgets it.
    expires_in: u64,
    /// Least seconds between two looks; §7.3: 5 if the provider does not say.
    #[serde(default = "usual_interval")]
    interval: u64,
    /// What the buyer sees at the provider as well, so that they know that both are about the same.
    #[serde(skip)]
    pub(crate) message: String,
}

fn usual_interval() -> u64 {
    5
}

impl Payments {
    /// Asks whoever has this address to confirm the order.
    pub(crate) async fn ask(&self, email: &str, details: &Value) -> Result<Request, Trouble> {
        let provider = self.provider().await?;
        let Some(endpoint) = provider.backchannel() else {
            return Err(Trouble::Refused("this provider asks nobody without a browser".to_owned()));
        };
        let random = CsrfToken::new_random_len(5).into_secret().into_bytes();
        let message: String =
            random.iter().take(5).map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect();
        let mut form = vec![
            ("scope", "openid".to_owned()),
            ("login_hint", email.to_owned()),
            ("binding_message", message.clone()),
            ("acr_values", PAYMENT.to_owned()),
            ("authorization_details", Value::from([details.clone()]).to_string()),
        ];
        form.extend(self.assertion()?);
        let body = self.post(endpoint, &form).await?.map_err(|no| Trouble::Refused(no.told()))?;
        let request: Request = serde_json::from_slice(&body).map_err(|e| failed(&e))?;
        Ok(Request { message, ..request })
    }

    /// Waits until the request is answered, or has ended, and holds the answer against the order.
    pub(crate) async fn wait(
        &self,
        mut request: Request,
        details: &Value,
        transaction: &Transaction,
    ) -> Result<Confirmed, Trouble> {
        let provider = self.provider().await?;
        let endpoint = provider.token_endpoint().ok_or_else(|| Trouble::Refused("no token endpoint".to_owned()))?;
        let ends = Instant::now() + Duration::from_secs(request.expires_in.saturating_add(FETCHED_WITHIN));
        loop {
            tokio::time::sleep(Duration::from_secs(request.interval)).await;
            let mut form = vec![("grant_type", GRANT.to_owned()), ("auth_req_id", request.auth_req_id.clone())];
            form.extend(self.assertion()?);
            let no = match self.post(endpoint.clone(), &form).await {
                Ok(Ok(body)) => {
                    let tokens: Tokens = serde_json::from_slice(&body).map_err(|e| failed(&e))?;
                    // There is no `nonce` without a browser: the request was made by us, and answered to us.
                    return self.verify(&tokens, |_: Option<&Nonce>| Ok(()), details, transaction).await;
                }
                // The provider restarts, or the network is gone: the request is still there, until its end.
                Err(_) if Instant::now() < ends => continue,
                Err(trouble) => return Err(trouble),
                Ok(Err(no)) => no,
            };
            match no.error.as_str() {
                "authorization_pending" => {}
                // §11: at least five seconds more from now on.
                "slow_down" => request.interval += 5,
                "access_denied" => return Err(Trouble::Declined),
                "expired_token" => return Err(Trouble::Refused("nobody answered in time".to_owned())),
                _ => return Err(Trouble::Refused(no.told())),
            }
        }
    }

    /// The body of a good answer, or the refusal.
    async fn post(
        &self,
        endpoint: openidconnect::url::Url,
        form: &[(&str, String)],
    ) -> Result<Result<Vec<u8>, Refusal>, Trouble> {
        let answer = self.http.post(endpoint).form(form).send().await.map_err(|e| failed(&e))?;
        let good = answer.status() == reqwest::StatusCode::OK;
        let body = answer.bytes().await.map_err(|e| failed(&e))?;
        if good { Ok(Ok(body.to_vec())) } else { Ok(Err(serde_json::from_slice(&body).map_err(|e| failed(&e))?)) }
    }
}
