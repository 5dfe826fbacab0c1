//! Having a payment confirmed by E-num: everything that the shop knows of OpenID Connect. Copy this file together with
//! `key.rs` and `receipt.rs`.
//!
//! The order is pushed to the provider as `authorization_details` (RFC 9396, RFC 9126), so that it never passes through
//! the browser; the answer is a code, and what the code is exchanged for carries the receipt.

use std::{error::Error, sync::Arc, time::Duration};

use jsonwebtoken::jwk::JwkSet;
use openidconnect::{
    AdditionalProviderMetadata, AuthenticationContextClass, AuthorizationCode, Client, ClientId, CsrfToken,
    EmptyAdditionalClaims, EndpointMaybeSet, EndpointNotSet, EndpointSet, ExtraTokenFields, IdTokenFields, IssuerUrl,
    Nonce, NonceVerifier, PkceCodeChallenge, PkceCodeVerifier, ProviderMetadata, RedirectUrl, RequestTokenError,
    StandardErrorResponse, StandardTokenResponse, TokenResponse,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClientAuthMethod,
        CoreErrorResponseType, CoreGenderClaim, CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
        CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType, CoreRevocableToken,
        CoreRevocationErrorResponse, CoreSubjectIdentifierType, CoreTokenIntrospectionResponse, CoreTokenType,
    },
    reqwest,
    url::Url,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::RwLock;

use crate::{
    key::ClientKey,
    receipt::{self, Expected, PAYMENT, Receipt, Transaction},
};

/// RFC 9126 §5: what the crate does not read of the discovery document by itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct PushEndpoint {
    pushed_authorization_request_endpoint: Url,
    /// CIBA Core 1.0 §4, where the provider has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    backchannel_authentication_endpoint: Option<Url>,
}
impl AdditionalProviderMetadata for PushEndpoint {}

/// What the person was charged by E-num for confirming: a text message costs, other methods do not.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Fee {
    /// Decimal number.
    pub(crate) amount: String,
    pub(crate) currency: String,
}

/// A payment that was confirmed.
pub(crate) struct Confirmed {
    /// The receipt as it came: keep this one.
    pub(crate) token: String,
    /// What it says.
    pub(crate) receipt: Receipt,
    pub(crate) fee: Option<Fee>,
}

/// What the token response holds beside the tokens (RFC 9396 §7).
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Approved {
    #[serde(default)]
    authorization_details: Vec<Value>,
    receipt: Option<String>,
    enum_fee: Option<Fee>,
}
impl ExtraTokenFields for Approved {}

type Metadata = ProviderMetadata<
    PushEndpoint,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;
pub(crate) type Tokens = StandardTokenResponse<
    IdTokenFields<
        EmptyAdditionalClaims,
        Approved,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;
type PaymentClient = Client<
    EmptyAdditionalClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

pub(crate) struct Provider {
    metadata: Metadata,
    client: PaymentClient,
}

impl Provider {
    /// Where somebody is asked without a browser.
    pub(crate) fn backchannel(&self) -> Option<Url> {
        self.metadata.additional_metadata().backchannel_authentication_endpoint.clone()
    }

    pub(crate) fn token_endpoint(&self) -> Option<Url> {
        self.metadata.token_endpoint().map(|endpoint| endpoint.url().clone())
    }
}

/// The shop as a client of the provider.
pub(crate) struct Payments {
    pub(crate) issuer: IssuerUrl,
    client_id: ClientId,
    key: ClientKey,
    redirect: RedirectUrl,
    pub(crate) http: reqwest::Client,
    provider: RwLock<Option<Arc<Provider>>>,
}

/// What is kept, on the server, until the browser is back.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) state: String,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

/// Query of the redirect back to the shop (RFC 6749 §4.1.2, RFC 9207).
#[derive(Deserialize)]
pub(crate) struct Callback {
    #[serde(default)]
    pub(crate) state: String,
    iss: Option<String>,
    code: Option<String>,
    error: Option<String>,
    #[serde(default)]
    error_description: String,
}

/// Why there is no payment.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The provider cannot be reached, or does not answer as it should.
    Provider(String),
    /// The person said no.
    Declined,
    /// The provider said no, or what it said does not hold.
    Refused(String),
}

#[derive(Deserialize)]
struct Pushed {
    request_uri: String,
}

#[derive(Deserialize)]
pub(crate) struct Refusal {
    pub(crate) error: String,
    #[serde(default)]
    error_description: String,
}

impl Refusal {
    pub(crate) fn told(&self) -> String {
        format!("{}: {}", self.error, self.error_description)
    }
}

impl Payments {
    pub(crate) fn new(
        issuer: IssuerUrl,
        client_id: String,
        key: ClientKey,
        redirect: RedirectUrl,
    ) -> Result<Self, Trouble> {
        // Following redirects of the provider's endpoints would let it send our assertions anywhere.
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(10))
            .build()
            .map_err(|e| failed(&e))?;
        Ok(Self { issuer, client_id: ClientId::new(client_id), key, redirect, http, provider: RwLock::default() })
    }

    /// Reads the provider's discovery document on first use, so that it may start after us; then keeps it.
    pub(crate) async fn provider(&self) -> Result<Arc<Provider>, Trouble> {
        if let Some(known) = self.provider.read().await.as_ref() {
            return Ok(Arc::clone(known));
        }
        self.discover().await
    }

    async fn discover(&self) -> Result<Arc<Provider>, Trouble> {
        let metadata = Metadata::discover_async(self.issuer.clone(), &self.http).await.map_err(|e| failed(&e))?;
        // No secret: each request carries a signed assertion instead.
        let client = PaymentClient::from_provider_metadata(metadata.clone(), self.client_id.clone(), None)
            .set_redirect_uri(self.redirect.clone());
        let found = Arc::new(Provider { metadata, client });
        *self.provider.write().await = Some(Arc::clone(&found));
        Ok(found)
    }

    /// Pushes the order; returns where to send the browser, and what to keep until it is back.
    pub(crate) async fn start(&self, details: &Value) -> Result<(Url, Pending), Trouble> {
        let provider = self.provider().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (request, state, nonce) = provider
            .client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .add_auth_context_value(AuthenticationContextClass::new(PAYMENT.into()))
            .add_extra_param("authorization_details", Value::from([details.clone()]).to_string())
            .set_pkce_challenge(challenge)
            .url();
        let pushed = self.push(&provider, &request).await?;
        let mut url = provider.metadata.authorization_endpoint().url().clone();
        url.query_pairs_mut().append_pair("client_id", &self.client_id).append_pair("request_uri", &pushed.request_uri);
        Ok((url, Pending { state: state.into_secret(), nonce, verifier }))
    }

    /// RFC 9126: what would have been the query of the authorization request is posted to the provider.
    async fn push(&self, provider: &Provider, request: &Url) -> Result<Pushed, Trouble> {
        let mut form: Vec<(String, String)> = request.query_pairs().into_owned().collect();
        form.extend(self.assertion()?.map(|(name, value)| (name.to_owned(), value)));
        let endpoint = provider.metadata.additional_metadata().pushed_authorization_request_endpoint.clone();
        let answer = self.http.post(endpoint).form(&form).send().await.map_err(|e| failed(&e))?;
        let created = answer.status() == reqwest::StatusCode::CREATED;
        let body = answer.bytes().await.map_err(|e| failed(&e))?;
        if created {
            return serde_json::from_slice(&body).map_err(|e| failed(&e));
        }
        let no: Refusal = serde_json::from_slice(&body).map_err(|e| failed(&e))?;
        Err(Trouble::Refused(no.told()))
    }

    /// Client authentication by a signed assertion (RFC 7521 §4.2).
    pub(crate) fn assertion(&self) -> Result<[(&'static str, String); 2], Trouble> {
        let assertion = self.key.assertion(&self.client_id, &self.issuer).map_err(|e| failed(&e))?;
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned();
        Ok([("client_assertion_type", kind), ("client_assertion", assertion)])
    }

    /// Turns the provider's answer into a receipt of exactly this order.
    pub(crate) async fn finish(
        &self,
        pending: Pending,
        answer: Callback,
        details: &Value,
        transaction: &Transaction,
    ) -> Result<Confirmed, Trouble> {
        let refused = |text: &str| Trouble::Refused(text.to_owned());
        // RFC 9207: another provider's answer must not be exchanged at this one.
        if answer.iss.as_deref() != Some(self.issuer.as_str()) {
            return Err(refused("the answer does not name the provider that was asked"));
        }
        match answer.error.as_deref() {
            Some("access_denied") => return Err(Trouble::Declined),
            Some(error) => return Err(Trouble::Refused(format!("{error}: {}", answer.error_description))),
            None => {}
        }
        let code = answer.code.ok_or_else(|| refused("the answer carries no code"))?;
        let tokens = self.exchange(code, pending.verifier).await?;
        self.verify(&tokens, &pending.nonce, details, transaction).await
    }

    /// Holds tokens against the order that they must be about.
    pub(crate) async fn verify(
        &self,
        tokens: &Tokens,
        nonce: impl NonceVerifier,
        details: &Value,
        transaction: &Transaction,
    ) -> Result<Confirmed, Trouble> {
        let refused = |text: &str| Trouble::Refused(text.to_owned());
        let id_token = tokens.id_token().ok_or_else(|| refused("there is no ID token"))?;
        let mut provider = self.provider().await?;
        if id_token.signing_key(&provider.client.id_token_verifier()).is_err() {
            // The provider has changed its keys since we read them.
            provider = self.discover().await?;
        }
        let claims =
            id_token.claims(&provider.client.id_token_verifier(), nonce).map_err(|e| Trouble::Refused(told(&e)))?;

        let approved = tokens.extra_fields().extra_fields();
        let [returned] = approved.authorization_details.as_slice() else {
            return Err(refused("not exactly one payment was approved"));
        };
        if !same_order(details, returned) {
            return Err(refused("another payment than this order was approved"));
        }
        let receipt = returned.get("receipt").and_then(Value::as_str).or(approved.receipt.as_deref());
        let receipt = receipt.ok_or_else(|| refused("there is no receipt"))?;
        let keys: JwkSet =
            serde_json::to_value(provider.metadata.jwks()).and_then(serde_json::from_value).map_err(|e| failed(&e))?;
        let expected =
            Expected { issuer: &self.issuer, client_id: &self.client_id, sub: claims.subject(), transaction };
        let verified = receipt::verify(receipt, &keys, &expected).map_err(Trouble::Refused)?;
        Ok(Confirmed { token: receipt.to_owned(), receipt: verified, fee: approved.enum_fee.clone() })
    }

    async fn exchange(&self, code: String, verifier: PkceCodeVerifier) -> Result<Tokens, Trouble> {
        let provider = self.provider().await?;
        let mut request = provider
            .client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|e| failed(&e))?
            .set_pkce_verifier(verifier);
        for (name, value) in self.assertion()? {
            request = request.add_extra_param(name, value);
        }
        request.request_async(&self.http).await.map_err(|e| match e {
            RequestTokenError::ServerResponse(no) => Trouble::Refused(no.to_string()),
            other => failed(&other),
        })
    }
}

/// Whether what came back is what was sent; the provider adds its confirmation and the receipt, and nothing else.
fn same_order(sent: &Value, returned: &Value) -> bool {
    let mut returned = returned.clone();
    if let Some(members) = returned.as_object_mut() {
        members.remove("confirmation");
        members.remove("receipt");
    }
    returned == *sent
}

pub(crate) fn failed(error: &dyn Error) -> Trouble {
    Trouble::Provider(told(error))
}

/// An error and what caused it, in one line.
fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
