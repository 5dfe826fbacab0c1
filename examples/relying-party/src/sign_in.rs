//! Everything that this website knows of OpenID Connect. Copy this file; it needs nothing from the rest of the example.

use std::{error::Error, sync::Arc, time::Duration};

use openidconnect::{
    AccessToken, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    IssuerUrl, LoginHint, LogoutRequest, Nonce, NonceVerifier, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, RefreshToken, RequestTokenError,
    Scope, StandardErrorResponse, TokenResponse,
    core::{
        CoreAuthenticationFlow, CoreClient, CoreErrorResponseType, CoreIdToken, CoreIdTokenClaims, CoreTokenResponse,
        CoreUserInfoClaims,
    },
    reqwest,
    url::Url,
};
use serde::Deserialize;
use tokio::sync::RwLock;

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// What the provider publishes about itself, and a client made from it.
struct Provider {
    metadata: ProviderMetadataWithLogout,
    client: Client,
}

/// This website as a client of one OpenID provider.
pub(crate) struct SignIn {
    pub(crate) issuer: IssuerUrl,
    pub(crate) client_id: ClientId,
    pub(crate) client_secret: ClientSecret,
    pub(crate) redirect: RedirectUrl,
    pub(crate) after_logout: PostLogoutRedirectUrl,
    pub(crate) http: reqwest::Client,
    provider: RwLock<Option<Arc<Provider>>>,
}

/// What is kept, on the server, between sending a browser away and its return.
pub(crate) struct Pending {
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

/// Query of the redirect back to this website (RFC 6749 §4.1.2, RFC 9207).
#[derive(Deserialize)]
pub(crate) struct Callback {
    pub(crate) state: Option<String>,
    iss: Option<String>,
    code: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// Somebody who has signed in.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) sub: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) acr: String,
    pub(crate) amr: Vec<String>,
    pub(crate) refresh_token: Option<RefreshToken>,
    pub(crate) refreshed: u32,
    id_token: CoreIdToken,
    nonce: Nonce,
}

/// Why it did not work, in words for the page.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The provider cannot be reached, or does not answer as it should.
    Provider(String),
    /// The provider says no, in its own words.
    Declined { error: String, description: String },
    /// What came back does not belong to anything that this browser started, or does not hold.
    Unexpected(String),
}

impl SignIn {
    pub(crate) fn new(
        issuer: IssuerUrl,
        client_id: ClientId,
        client_secret: ClientSecret,
        base: &Url,
    ) -> Result<Self, Box<dyn Error>> {
        // Following redirects of the provider's endpoints would let it send our credentials anywhere.
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(10))
            .build()?;
        let redirect = RedirectUrl::from_url(base.join("/callback")?);
        let after_logout = PostLogoutRedirectUrl::from_url(base.join("/")?);
        Ok(Self { issuer, client_id, client_secret, redirect, after_logout, http, provider: RwLock::default() })
    }

    /// Reads the provider's discovery document on first use, so that it may start after us; then keeps it.
    async fn provider(&self) -> Result<Arc<Provider>, Trouble> {
        if let Some(known) = self.provider.read().await.as_ref() {
            return Ok(Arc::clone(known));
        }
        self.discover().await
    }

    async fn discover(&self) -> Result<Arc<Provider>, Trouble> {
        let metadata = ProviderMetadataWithLogout::discover_async(self.issuer.clone(), &self.http)
            .await
            .map_err(|e| failed(&e))?;
        let client = CoreClient::from_provider_metadata(
            metadata.clone(),
            self.client_id.clone(),
            Some(self.client_secret.clone()),
        )
        .set_redirect_uri(self.redirect.clone());
        let found = Arc::new(Provider { metadata, client });
        *self.provider.write().await = Some(Arc::clone(&found));
        Ok(found)
    }

    /// Where to send the browser, and what to remember under the returned `state`.
    pub(crate) async fn start(&self, email: &str) -> Result<(Url, CsrfToken, Pending), Trouble> {
        let provider = self.provider().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = provider
            .client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(["profile", "email", "offline_access"].map(|scope| Scope::new(scope.into())))
            .set_pkce_challenge(challenge);
        if !email.trim().is_empty() {
            request = request.set_login_hint(LoginHint::new(email.trim().into()));
        }
        let (url, state, nonce) = request.url();
        Ok((url, state, Pending { nonce, verifier }))
    }

    /// Turns the provider's answer into a person. `pending` is what [`Self::start`] gave for the answer's `state`.
    pub(crate) async fn finish(&self, pending: Pending, answer: Callback) -> Result<Person, Trouble> {
        // RFC 9207: another provider's answer must not be exchanged at this one.
        if answer.iss.as_deref() != Some(self.issuer.as_str()) {
            return Err(Trouble::Unexpected("The answer does not name the provider that was asked.".into()));
        }
        if let Some(error) = answer.error {
            return Err(Trouble::Declined { error, description: answer.error_description.unwrap_or_default() });
        }
        let code = answer.code.ok_or_else(|| Trouble::Unexpected("The answer carries no code.".into()))?;
        let provider = self.provider().await?;
        let request = provider.client.exchange_code(AuthorizationCode::new(code)).map_err(|e| failed(&e))?;
        let tokens: CoreTokenResponse =
            request.set_pkce_verifier(pending.verifier).request_async(&self.http).await.map_err(|e| refused(&e))?;
        let id_token =
            tokens.id_token().ok_or_else(|| Trouble::Unexpected("The provider sent no ID token.".into()))?.clone();
        let claims = self.verified(&id_token, &pending.nonce).await?;
        let user: CoreUserInfoClaims = provider
            .client
            .user_info(AccessToken::clone(tokens.access_token()), Some(claims.subject().clone()))
            .map_err(|e| failed(&e))?
            .request_async(&self.http)
            .await
            .map_err(|e| failed(&e))?;
        Ok(Person {
            sub: claims.subject().to_string(),
            name: user.name().and_then(|name| name.get(None)).map(|name| name.to_string()).unwrap_or_default(),
            email: user.email().map(|email| email.to_string()).unwrap_or_default(),
            acr: claims.auth_context_ref().map(|acr| acr.to_string()).unwrap_or_default(),
            amr: claims.auth_method_refs().into_iter().flatten().map(|amr| amr.to_string()).collect(),
            refresh_token: tokens.refresh_token().cloned(),
            refreshed: 0,
            id_token,
            nonce: pending.nonce,
        })
    }

    /// Signature, issuer, audience, expiry and nonce. The keys are fetched anew when the token names one we do not know.
    async fn verified(&self, token: &CoreIdToken, nonce: impl NonceVerifier) -> Result<CoreIdTokenClaims, Trouble> {
        let mut provider = self.provider().await?;
        if token.signing_key(&provider.client.id_token_verifier()).is_err() {
            provider = self.discover().await?;
        }
        token.claims(&provider.client.id_token_verifier(), nonce).cloned().map_err(|e| Trouble::Unexpected(told(&e)))
    }

    /// Uses a refresh token, once: the provider replaces it, and takes a second use for theft (RFC 9700 §4.14.2).
    pub(crate) async fn refresh(&self, mut person: Person, token: RefreshToken) -> Result<Person, Trouble> {
        let provider = self.provider().await?;
        let request = provider.client.exchange_refresh_token(&token).map_err(|e| failed(&e))?;
        let tokens: CoreTokenResponse = request.request_async(&self.http).await.map_err(|e| refused(&e))?;
        if let Some(renewed) = tokens.id_token() {
            // OpenID Connect Core §12.2: the same person, and either no nonce or the first one.
            let first = &person.nonce;
            let same = |got: Option<&Nonce>| got.map_or(Ok(()), |_| first.verify(got));
            let claims = self.verified(renewed, same).await?;
            if claims.subject().as_str() != person.sub {
                return Err(Trouble::Unexpected("The refreshed ID token is about somebody else.".into()));
            }
            person.id_token = renewed.clone();
        }
        person.refresh_token = Some(tokens.refresh_token().cloned().unwrap_or(token));
        person.refreshed += 1;
        Ok(person)
    }

    /// Where to send the browser to sign out of the provider too (OpenID Connect RP-Initiated Logout 1.0).
    pub(crate) async fn sign_out(&self, person: &Person, state: CsrfToken) -> Result<Option<Url>, Trouble> {
        let provider = self.provider().await?;
        let endpoint = provider.metadata.additional_metadata().end_session_endpoint.clone();
        Ok(endpoint.map(|endpoint| {
            LogoutRequest::from(endpoint)
                .set_id_token_hint(&person.id_token)
                .set_client_id(self.client_id.clone())
                .set_post_logout_redirect_uri(self.after_logout.clone())
                .set_state(state)
                .http_get_url()
        }))
    }
}

fn failed(error: &dyn Error) -> Trouble {
    Trouble::Provider(told(error))
}

/// An answer of the token endpoint that is an error of RFC 6749 §5.2, or no answer at all.
fn refused<E: Error + 'static>(error: &RequestTokenError<E, StandardErrorResponse<CoreErrorResponseType>>) -> Trouble {
    match error {
        RequestTokenError::ServerResponse(answer) => Trouble::Declined {
            error: answer.error().to_string(),
            description: answer.error_description().cloned().unwrap_or_default(),
        },
        other => failed(other),
    }
}

/// An error and what caused it, in one line.
pub(crate) fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
