//! Signing keys: made at first start, sealed at rest, rotated with overlap, published as a JWK set.
//!
//! Key pairs are parsed once, when they are loaded: parsing PKCS#8 at each signature would cost more than signing. The
//! newest active key of an algorithm signs; retired ones stay published, so that tokens and receipts made with them can
//! be verified by anyone. Another node's rotation is noticed by [`Keys::refresh`], which the server calls every minute and
//! whenever it meets a `kid` that it does not know.

pub mod jws;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use arc_swap::ArcSwap;
use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use axum::body::Bytes;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use self::jws::{Alg, JwsError, PublicKey, Unverified};
use crate::{
    clock::{Clock, Millis, SECOND},
    error::Internal,
    seal::Seal,
    store::{self, Db},
};

/// A `kid` that nobody knows makes us look into the store at most this often.
const LOOK_AGAIN: Millis = 5 * SECOND;

/// Algorithms that we sign with, the default first.
pub const SIGNING: [Alg; 2] = [Alg::Es256, Alg::Rs256];

/// A document that is the same for everyone, ready to be sent.
#[derive(Clone, Debug)]
pub struct Published {
    /// JSON.
    pub body: Bytes,
    /// Strong entity tag, in quotes.
    pub etag: String,
}

impl Published {
    /// Serialises `value` once.
    pub fn new(value: &Value) -> Self {
        let body = value.to_string();
        let etag = format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(&body)[..12]));
        Self { body: body.into(), etag }
    }
}

/// What `keys list` shows of a key.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// `ES256` or `RS256`.
    pub alg: String,
    /// `active` or `retired`.
    pub state: String,
    /// Unix milliseconds.
    pub created_at: Millis,
    /// Unix milliseconds.
    pub retired_at: Option<Millis>,
}

/// The signing keys of this provider.
pub struct Keys {
    db: Db,
    clock: Clock,
    set: ArcSwap<Set>,
    looked_at: AtomicI64,
}

struct Set {
    es256: Signer<EcdsaKeyPair>,
    rs256: Signer<RsaKeyPair>,
    verifiers: HashMap<String, PublicKey>,
    jwks: Published,
}

struct Signer<K> {
    kid: String,
    pair: K,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({:?})", self.set.load().verifiers.keys())
    }
}

impl Keys {
    /// Loads the keys, and makes those that are missing.
    ///
    /// # Errors
    /// When the store fails, or a key does not open under this master key.
    pub async fn load(db: Db, seal: &Seal, clock: Clock) -> Result<Self, Internal> {
        let known = store::key::all(db.read()).await?;
        for alg in SIGNING {
            if !known.iter().any(|key| key.alg == alg.name() && key.state == "active") {
                let made = make(alg, seal, clock.now())?;
                db.write(move |tx| Box::pin(async move { Ok::<_, Internal>(store::key::add(tx, made).await?) }))
                    .await?;
            }
        }
        let set = read(&db, seal).await?;
        let looked_at = AtomicI64::new(clock.now());
        Ok(Self { db, clock, set: ArcSwap::from_pointee(set), looked_at })
    }

    /// Signs `claims` with the newest key of `alg` as a compact JWS with header `typ`.
    ///
    /// # Errors
    /// When the claims are not JSON, `alg` is none of [`SIGNING`], or signing fails.
    pub fn sign(&self, alg: Alg, typ: &str, claims: &impl Serialize) -> Result<String, Internal> {
        let set = self.set.load();
        let failed = |_| Internal::Signing(format!("{} failed", alg.name()));
        let random = SystemRandom::new();
        match alg {
            Alg::Es256 => jws::assemble(alg, &set.es256.kid, typ, claims, |text| {
                set.es256.pair.sign(&random, text).map(|signature| signature.as_ref().to_vec()).map_err(failed)
            }),
            Alg::Rs256 => jws::assemble(alg, &set.rs256.kid, typ, claims, |text| {
                let mut signature = vec![0; set.rs256.pair.public_modulus_len()];
                set.rs256.pair.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature).map_err(failed)?;
                Ok(signature)
            }),
            Alg::Ps256 | Alg::EdDsa => Err(Internal::Signing(format!("we do not sign with {}", alg.name()))),
        }
    }

    /// Verifies a token of ours: by the key that its `kid` names, whose `typ` is one of `types`. Checks no claim.
    ///
    /// # Errors
    /// Why it is not one of ours.
    pub fn verify<T: DeserializeOwned>(&self, text: &str, types: &[&str]) -> Result<T, JwsError> {
        let token = Unverified::parse(text)?;
        if !token.header.typ.as_deref().is_some_and(|typ| types.contains(&typ)) {
            return Err(JwsError::Header("typ"));
        }
        let set = self.set.load();
        let key = token.header.kid.as_deref().and_then(|kid| set.verifiers.get(kid)).ok_or(JwsError::UnknownKey)?;
        token.verify(key)
    }

    /// As [`Keys::verify`]; looks into the store first when the `kid` is new, since another node may have rotated.
    ///
    /// # Errors
    /// The outer error is ours, the inner one the token's.
    pub async fn verify_fresh<T: DeserializeOwned>(
        &self,
        seal: &Seal,
        text: &str,
        types: &[&str],
    ) -> Result<Result<T, JwsError>, Internal> {
        let verdict = self.verify(text, types);
        if !matches!(verdict, Err(JwsError::UnknownKey)) || !self.may_look_again() {
            return Ok(verdict);
        }
        self.refresh(seal).await?;
        Ok(self.verify(text, types))
    }

    fn may_look_again(&self) -> bool {
        let (now, last) = (self.clock.now(), self.looked_at.load(Ordering::Relaxed));
        now - last >= LOOK_AGAIN
            && self.looked_at.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Reads the keys anew.
    ///
    /// # Errors
    /// When the store fails or a key does not open; the keys in use stay.
    pub async fn refresh(&self, seal: &Seal) -> Result<(), Internal> {
        self.set.store(Arc::new(read(&self.db, seal).await?));
        Ok(())
    }

    /// Makes a new key of `alg`, which signs from now on, and retires the old one, which stays published.
    ///
    /// # Errors
    /// When the store fails, or `alg` is none of [`SIGNING`].
    pub async fn rotate(&self, alg: Alg, seal: &Seal) -> Result<String, Internal> {
        let now = self.clock.now();
        let made = make(alg, seal, now)?;
        let kid = made.kid.clone();
        self.db
            .write(move |tx| {
                Box::pin(async move {
                    store::key::retire(tx, alg.name(), now).await?;
                    Ok::<_, Internal>(store::key::add(tx, made).await?)
                })
            })
            .await?;
        self.refresh(seal).await?;
        Ok(kid)
    }

    /// All keys, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self) -> Result<Vec<Listed>, Internal> {
        let keys = store::key::all(self.db.read()).await?;
        Ok(keys
            .into_iter()
            .map(|store::key::Model { kid, alg, state, created_at, retired_at, .. }| Listed {
                kid,
                alg,
                state,
                created_at,
                retired_at,
            })
            .collect())
    }

    /// The JWK set: active and retired keys.
    pub fn jwks(&self) -> Published {
        self.set.load().jwks.clone()
    }
}

async fn read(db: &Db, seal: &Seal) -> Result<Set, Internal> {
    let rows = store::key::all(db.read()).await?;
    let mut verifiers = HashMap::new();
    let mut published = Vec::new();
    for row in &rows {
        let jwk: Value = serde_json::from_str(&row.public)?;
        let key =
            PublicKey::from_jwk(&jwk, None).map_err(|reason| Internal::Signing(format!("{}: {reason}", row.kid)))?;
        verifiers.insert(row.kid.clone(), key);
        published.push(jwk);
    }
    let es256 = newest(&rows, Alg::Es256)?;
    let rs256 = newest(&rows, Alg::Rs256)?;
    let rejected = |kid: &str| Internal::Signing(format!("key {kid} is damaged"));
    Ok(Set {
        es256: Signer {
            pair: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &private(es256, seal)?)
                .map_err(|_| rejected(&es256.kid))?,
            kid: es256.kid.clone(),
        },
        rs256: Signer {
            pair: RsaKeyPair::from_pkcs8(&private(rs256, seal)?).map_err(|_| rejected(&rs256.kid))?,
            kid: rs256.kid.clone(),
        },
        verifiers,
        jwks: Published::new(&json!({ "keys": published })),
    })
}

fn newest(rows: &[store::key::Model], alg: Alg) -> Result<&store::key::Model, Internal> {
    rows.iter()
        .find(|row| row.alg == alg.name() && row.state == "active")
        .ok_or_else(|| Internal::Signing(format!("there is no active {} key: run `enum-idp keys rotate`", alg.name())))
}

fn private(row: &store::key::Model, seal: &Seal) -> Result<Zeroizing<Vec<u8>>, Internal> {
    Ok(Zeroizing::new(seal.open_record("signing_key", &row.kid, &row.sealed)?))
}

fn make(alg: Alg, seal: &Seal, now: Millis) -> Result<store::key::Model, Internal> {
    let (mut jwk, pkcs8) = match alg {
        Alg::Es256 => make_ec()?,
        Alg::Rs256 => make_rsa()?,
        Alg::Ps256 | Alg::EdDsa => return Err(Internal::Signing(format!("we do not sign with {}", alg.name()))),
    };
    let kid = jws::thumbprint(&jwk);
    jwk["kid"] = json!(kid);
    jwk["alg"] = json!(alg.name());
    jwk["use"] = json!("sig");
    Ok(store::key::Model {
        sealed: seal.record("signing_key", &kid, &pkcs8)?,
        kid,
        alg: alg.name().to_owned(),
        state: "active".to_owned(),
        public: jwk.to_string(),
        created_at: now,
        retired_at: None,
    })
}

type Made = (Value, Zeroizing<Vec<u8>>);

fn make_ec() -> Result<Made, Internal> {
    let failed = |_| Internal::Signing("making an ES256 key failed".to_owned());
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?;
    // SEC 1 §2.3.3, uncompressed: 04, x, y.
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let jwk = json!({
        "kty": "EC",
        "crv": "P-256",
        "x": BASE64_URL_SAFE_NO_PAD.encode(x),
        "y": BASE64_URL_SAFE_NO_PAD.encode(y),
    });
    Ok((jwk, Zeroizing::new(pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec())))
}

fn make_rsa() -> Result<Made, Internal> {
    let failed = |_| Internal::Signing("making an RS256 key failed".to_owned());
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
    let public = pair.public_key();
    let jwk = json!({
        "kty": "RSA",
        "n": BASE64_URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
        "e": BASE64_URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
    });
    Ok((jwk, Zeroizing::new(pair.as_der().map_err(failed)?.as_ref().to_vec())))
}

#[cfg(test)]
mod tests;
