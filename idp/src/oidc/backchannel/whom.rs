//! Of whom it is asked (§7.1: exactly one hint).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::{
    app::App,
    error::Internal,
    login::ceremony,
    oidc::{
        checks::IdTokenHint,
        client::Client,
        error::{ErrorCode, OAuthError, Refusal},
        interact::is_email,
        params::Params,
    },
    store::{account, backchannel_mute},
};

/// Who is asked: somebody, or nobody, which nobody learns.
pub(super) struct Whom {
    pub(super) account: Option<account::Model>,
    /// The account's id; where the person will never see the request, one that stands for it.
    pub(super) id: String,
    /// What stands for the person where a request is not to reach them after all.
    pub(super) aside: String,
    /// Keyed hash of the client and the hint as it was given. What is refused is counted by this alone: neither a mute nor
    /// what becomes of an account shows in it, nor that two hints lead to one person.
    pub(super) asked_hash: String,
    /// Whether there is a person who will see it.
    pub(super) sees: bool,
}

/// Reads the hint.
///
/// # Errors
/// `invalid_request` when there is not exactly one; `unknown_user_id` when what is given names nobody by its form. Whether
/// an address has an account is nothing that is told.
pub(super) async fn read(app: &App, client: &Client, params: &Params) -> Result<Whom, Refusal> {
    let refused = |code, reason: &'static str| Err(OAuthError::new(code, reason).into());
    let hint = |name| params.get(name);
    match (hint("login_hint"), hint("id_token_hint"), hint("login_hint_token")) {
        (Some(email), None, None) if is_email(email) => of_address(app, client, email).await.map_err(Refusal::from),
        (Some(_), None, None) => refused(ErrorCode::UnknownUserId, "login_hint must be an e-mail address"),
        (None, Some(token), None) => of_token(app, client, token).await,
        (None, None, Some(_)) => {
            refused(ErrorCode::InvalidRequest, "login_hint_token is not supported: use login_hint or id_token_hint")
        }
        _ => refused(ErrorCode::InvalidRequest, "exactly one of login_hint and id_token_hint is needed"),
    }
}

async fn of_address(app: &App, client: &Client, email: &str) -> Result<Whom, Internal> {
    let found = account::by_email(app.db.read(), email).await?;
    let nobody = made_up(&ceremony::decoy_address(&app.seal, email));
    whom(app, client, found, nobody).await
}

/// One of our ID tokens for this client. §7.1: it "may be expired".
async fn of_token(app: &App, client: &Client, token: &str) -> Result<Whom, Refusal> {
    let ours = IdTokenHint::read(&app.keys, &app.config, token).filter(|hint| hint.aud == client.client_id);
    let Some(hint) = ours else {
        let reason = "id_token_hint is not an ID token of ours for this client";
        return Err(OAuthError::new(ErrorCode::InvalidRequest, reason).into());
    };
    // A pairwise subject cannot be turned back into an account.
    if client.pairwise {
        let reason = "a pairwise subject does not lead to a person: use login_hint";
        return Err(OAuthError::new(ErrorCode::UnknownUserId, reason).into());
    }
    let found = account::by_id(app.db.read(), &hint.sub).await?;
    let nobody = made_up(&app.seal.derive(&[b"subject", hint.sub.as_bytes()]));
    Ok(whom(app, client, found, nobody).await?)
}

/// Who has muted the client is as out of reach as nobody. What it sends is counted apart from what reaches them, or it
/// could keep others from reaching them.
async fn whom(app: &App, client: &Client, found: Option<account::Model>, nobody: String) -> Result<Whom, Internal> {
    let account = found.filter(account::Model::is_active);
    let id = account.as_ref().map_or_else(|| nobody.clone(), |account| account.id.clone());
    let is_muted = backchannel_mute::is_muted(app.db.read(), &id, &client.client_id).await?;
    let sees = account.is_some() && !is_muted;
    let aside = made_up(&app.seal.derive(&[b"muted", client.client_id.as_bytes(), id.as_bytes()]));
    let asked_hash = app.seal.hash("backchannel asked", &format!("{}\0{nobody}", client.client_id));
    Ok(Whom { id: if is_muted { aside.clone() } else { id }, aside, asked_hash, account, sees })
}

/// As long as an account's id.
fn made_up(bytes: &[u8; 32]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(&bytes[..16])
}
