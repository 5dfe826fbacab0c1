//! Relying parties: those of `clients_file` and those added by command, all held in memory.

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use arc_swap::ArcSwap;
use plugin_api::message::Site;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    metadata::{self, FieldError},
    redirect_uri,
};
use crate::{
    clock::{Clock, Millis, SECOND},
    entropy::Entropy,
    error::Internal,
    keys::jws::{Alg, PublicKey},
    seal::Seal,
    store::{self, Db},
};

/// After this the clients in the store are read anew.
const FRESH: Millis = 30 * SECOND;
/// An unknown `client_id` makes us look into the store at most this often.
const LOOK_AGAIN: Millis = SECOND;

/// How a client proves who it is at the token endpoint and its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthMethod {
    /// `client_secret_basic`.
    SecretBasic,
    /// `client_secret_post`.
    SecretPost,
    /// `private_key_jwt`.
    PrivateKeyJwt,
    /// `none`: a public client.
    None,
}

/// How a client asks people without a browser (CIBA Core 1.0 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backchannel {
    /// Where it is told that there is an answer; `None`: it polls.
    pub notified_at: Option<String>,
    /// Algorithm that its requests are signed with; `None`: they are not signed.
    pub signing_alg: Option<Alg>,
}

/// One relying party.
#[expect(clippy::struct_excessive_bools, reason = "each is one member of its metadata")]
#[derive(Debug)]
pub struct Client {
    /// Its identifier.
    pub client_id: String,
    /// What people see.
    pub client_name: String,
    /// Where codes may be sent.
    pub redirect_uris: Vec<String>,
    /// Where browsers may be sent after logout.
    pub post_logout_redirect_uris: Vec<String>,
    /// How it authenticates. A request that tries another way is refused.
    pub auth_method: AuthMethod,
    /// First party: nobody is asked for consent.
    pub trusted: bool,
    /// May use a redirect URI on any port of a loopback address, and schemes of its own.
    pub native: bool,
    /// Whether it gets a subject of its own for each account.
    pub pairwise: bool,
    /// Sector of pairwise subjects.
    pub sector: String,
    /// Scopes that it may ask for; `None`: all.
    pub scope: Option<Vec<String>>,
    /// Signature of its ID tokens.
    pub id_token_alg: Alg,
    /// Used where a request has no `max_age`. Seconds.
    pub default_max_age: Option<i64>,
    /// Used where a request asks for no `acr`.
    pub default_acr_values: Vec<String>,
    /// Types of `authorization_details` that it may ask for; `None`: all.
    pub details_types: Option<Vec<String>>,
    /// Must push its requests (RFC 9126 §6).
    pub require_pushed: bool,
    /// Gets no tokens but those that are bound to a key (RFC 9449 §5.2).
    pub dpop_bound: bool,
    /// Must use PKCE although it is confidential.
    pub require_pkce: bool,
    /// May send browsers here: registered with `authorization_code` among its `grant_types`.
    pub codes: bool,
    /// May be linked by a code that a person types (RFC 8628): registered with that grant.
    pub device: bool,
    /// May refresh: registered with `refresh_token` among its `grant_types`.
    pub refresh: bool,
    /// May send backchannel requests: registered with that grant.
    pub backchannel: Option<Backchannel>,
    /// Keyed hash of its secret.
    pub(super) secret_hash: Option<String>,
    /// Keys of its assertions.
    pub(super) keys: Vec<PublicKey>,
    pub(super) metadata: Value,
}

impl Client {
    /// Whether it has no way to prove who it is.
    pub fn is_public(&self) -> bool {
        self.auth_method == AuthMethod::None
    }

    /// Whether a request may name this redirect URI.
    pub fn accepts_redirect(&self, asked: &str) -> bool {
        self.redirect_uris.iter().any(|known| redirect_uri::matches(known, asked, self.native))
    }

    /// Whether a browser may be sent here after logout: exact match.
    pub fn accepts_logout_redirect(&self, asked: &str) -> bool {
        self.post_logout_redirect_uris.iter().any(|known| known == asked)
    }

    /// How people see who asks, when the answer goes to `uri`.
    pub fn site_for(&self, uri: &str) -> Site {
        Site { name: self.client_name.clone(), origin: redirect_uri::origin(uri) }
    }
}

/// Why a client cannot be used, or the list of them not be read.
#[derive(Debug, thiserror::Error)]
pub enum ClientsError {
    /// The file is missing or unreadable.
    #[error("cannot read clients_file {path}: {source}")]
    File {
        /// Which file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not an array in JSON.
    #[error("clients_file {path} must be a JSON array of client metadata: {reason}")]
    Syntax {
        /// Which file.
        path: String,
        /// What the parser said.
        reason: String,
    },
    /// A field of an entry is wrong.
    #[error("{entry}: {source}")]
    Field {
        /// Which entry.
        entry: String,
        /// Which field, and why.
        source: FieldError,
    },
    /// Two entries have the same `client_id`.
    #[error("{entry}: `client_id` {id:?} is taken")]
    Taken {
        /// Which entry.
        entry: String,
        /// The id.
        id: String,
    },
    /// Ours.
    #[error(transparent)]
    Internal(#[from] Internal),
}

impl From<store::StoreError> for ClientsError {
    fn from(error: store::StoreError) -> Self {
        Self::Internal(error.into())
    }
}

/// What registering a client gives back. The secret is shown this once.
#[derive(Clone, Debug, Serialize)]
pub struct Registered {
    /// Its metadata, with `client_id`.
    #[serde(flatten)]
    pub metadata: Value,
    /// Its secret, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
}

type Known = HashMap<String, Arc<Client>>;

/// All relying parties.
#[derive(Debug)]
pub struct Clients {
    db: Db,
    clock: Clock,
    /// Part of this program.
    own: Known,
    file: Known,
    rows: ArcSwap<Known>,
    loaded_at: AtomicI64,
}

impl Clients {
    /// Reads `clients_file`, if there is one, and the clients in the store.
    ///
    /// # Errors
    /// The first entry of the file that cannot be used; when the store fails.
    pub async fn load(file: Option<&Path>, seal: &Seal, db: Db, clock: Clock) -> Result<Self, ClientsError> {
        let file = file.map_or_else(|| Ok(Known::new()), |path| read_file(path, seal))?;
        let rows = ArcSwap::from_pointee(read_rows(&db).await?);
        let loaded_at = AtomicI64::new(clock.now());
        Ok(Self { db, clock, own: Known::new(), file, rows, loaded_at })
    }

    /// With a client that is part of this program. It takes the place of any other of its id, and no list tells of it.
    ///
    /// # Errors
    /// The field that cannot be used.
    pub fn with_own(mut self, metadata: &Value) -> Result<Self, ClientsError> {
        let client = metadata::read(metadata, None)
            .map_err(|source| ClientsError::Field { entry: "the client of this program".to_owned(), source })?;
        self.own.insert(client.client_id.clone(), Arc::new(client));
        Ok(self)
    }

    /// The client of this id.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn find(&self, id: &str) -> Result<Option<Arc<Client>>, Internal> {
        if let Some(client) = self.own.get(id).or_else(|| self.file.get(id)) {
            return Ok(Some(client.clone()));
        }
        let known = self.rows.load().get(id).cloned();
        let (now, loaded) = (self.clock.now(), self.loaded_at.load(Ordering::Relaxed));
        let stale = now - loaded >= if known.is_some() { FRESH } else { LOOK_AGAIN };
        if !stale || self.loaded_at.compare_exchange(loaded, now, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return Ok(known);
        }
        self.rows.store(Arc::new(read_rows(&self.db).await?));
        Ok(self.rows.load().get(id).cloned())
    }

    /// Registers a client, with a fresh `client_id` unless `metadata` brings one, and a fresh secret if it needs one.
    ///
    /// # Errors
    /// The field that cannot be used, or that the id is taken; when the store fails.
    pub async fn add(&self, mut metadata: Value, seal: &Seal, entropy: &Entropy) -> Result<Registered, ClientsError> {
        let entry = "this client".to_owned();
        if metadata.is_object() && metadata.get("client_id").is_none() {
            metadata["client_id"] = entropy.id().map_err(Internal::from)?.into();
        }
        let method = metadata.get("token_endpoint_auth_method").and_then(Value::as_str);
        let needs_secret = !matches!(method, Some("none" | "private_key_jwt"));
        let given = metadata.get("client_secret").and_then(Value::as_str).map(str::to_owned);
        let secret = match given {
            None if needs_secret => Some(entropy.token().map_err(Internal::from)?),
            given => given,
        };
        let secret_hash = secret.as_deref().map(|secret| hash_secret(seal, secret));
        let client = metadata::read(&metadata, secret_hash.clone())
            .map_err(|source| ClientsError::Field { entry: entry.clone(), source })?;
        if self.find(&client.client_id).await?.is_some() {
            return Err(ClientsError::Taken { entry, id: client.client_id });
        }
        let row = store::client::Model {
            id: client.client_id,
            metadata: client.metadata.to_string(),
            secret_hash,
            created_at: self.clock.now(),
        };
        self.db.write(move |tx| Box::pin(async move { Ok::<_, Internal>(store::client::add(tx, row).await?) })).await?;
        self.rows.store(Arc::new(read_rows(&self.db).await?));
        Ok(Registered { metadata: client.metadata, client_secret: secret })
    }

    /// Metadata of all clients, without secrets, ordered by id.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self) -> Result<Vec<Value>, Internal> {
        let rows = read_rows(&self.db).await?;
        let mut all: Vec<&Arc<Client>> = self.file.values().chain(rows.values()).collect();
        all.sort_by(|a, b| a.client_id.cmp(&b.client_id));
        Ok(all.into_iter().map(|client| client.metadata.clone()).collect())
    }

    /// Removes a client that was added by command. `Ok(false)` when there is none of this id; one of the file stays.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove(&self, id: &str) -> Result<bool, Internal> {
        let id = id.to_owned();
        let gone = self
            .db
            .write(move |tx| Box::pin(async move { Ok::<_, Internal>(store::client::remove(tx, &id).await?) }))
            .await?;
        self.rows.store(Arc::new(read_rows(&self.db).await?));
        Ok(gone)
    }
}

/// Keyed hash under which a client's secret is kept and compared.
pub(super) fn hash_secret(seal: &Seal, secret: &str) -> String {
    seal.hash("client_secret", secret)
}

fn read_file(path: &Path, seal: &Seal) -> Result<Known, ClientsError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| ClientsError::File { path: shown.clone(), source })?;
    let entries: Vec<Value> = serde_json::from_str(&text)
        .map_err(|error| ClientsError::Syntax { path: shown.clone(), reason: error.to_string() })?;
    let mut known = Known::new();
    for (number, metadata) in entries.into_iter().enumerate() {
        let entry = entry_name(&shown, number, &metadata);
        let secret = metadata.get("client_secret").and_then(Value::as_str).filter(|secret| !secret.is_empty());
        let client = metadata::read(&metadata, secret.map(|secret| hash_secret(seal, secret)))
            .map_err(|source| ClientsError::Field { entry: entry.clone(), source })?;
        let id = client.client_id.clone();
        if known.insert(id.clone(), Arc::new(client)).is_some() {
            return Err(ClientsError::Taken { entry, id });
        }
    }
    Ok(known)
}

fn entry_name(path: &str, number: usize, metadata: &Value) -> String {
    let id = metadata.get("client_id").and_then(Value::as_str).map(|id| format!(" ({id})")).unwrap_or_default();
    format!("{path}: entry {}{id}", number + 1)
}

async fn read_rows(db: &Db) -> Result<Known, Internal> {
    let mut known = Known::new();
    for store::client::Model { id, metadata, secret_hash, .. } in store::client::all(db.read()).await? {
        match metadata::read(&serde_json::from_str(&metadata)?, secret_hash) {
            Ok(client) => drop(known.insert(id, Arc::new(client))),
            Err(error) => tracing::error!(client = id, %error, "a stored client cannot be used any more"),
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::io::Write;

    use super::*;

    fn told(text: &str) -> String {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let seal = Seal::new(&[1; 32], Entropy::system()).unwrap();
        read_file(file.path(), &seal).unwrap_err().to_string()
    }

    #[test]
    fn a_bad_entry_is_named_with_its_field() {
        let good = r#"{"client_id":"a","client_secret":"s","redirect_uris":["https://a.example/"]}"#;
        let bad = r#"{"client_id":"b","client_secret":"s","redirect_uris":["http://b.example/"]}"#;
        let message = told(&format!("[{good},{bad}]"));
        assert!(
            message.contains("entry 2 (b)") && message.contains("redirect_uris") && message.contains("https"),
            "{message}"
        );
        assert!(told(&format!("[{good},{good}]")).contains("taken"));
        assert!(told("{}").contains("JSON array"));
        assert!(told("[7]").contains("entry 1"));
    }
}
