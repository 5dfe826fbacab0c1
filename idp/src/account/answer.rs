//! The answer to the security question: many spellings, one meaning; stored so that it cannot be read back.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;

use crate::{entropy::Entropy, error::Internal};

/// Letters and digits that an answer needs at least.
pub(super) const SHORTEST: usize = 3;

/// What an answer is held against where there is none: costs as much as [`hash`] and is nobody's.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Each computation takes 19 MiB for some 20 ms: more at once would only fill memory.
static AT_ONCE: Semaphore = Semaphore::const_new(4);

/// The letters and digits of `answer`, compatibility forms unified (NFKC), case folded, everything else left out:
/// `" Сан-Франциско! "` and `"сан франциско"` are one answer.
pub(super) fn normalise(answer: &str) -> String {
    // Upper case first: it unfolds ß and unites the two small sigmas.
    let folded: String = answer
        .nfkc()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .filter(|c| c.is_alphanumeric())
        .collect();
    folded.nfkc().collect()
}

/// Argon2id of the normalised answer as a PHC string, computed off the asynchronous threads.
///
/// # Errors
/// When the generator or the computation fails.
pub(super) async fn hash(entropy: &Entropy, answer: &str) -> Result<String, Internal> {
    let salt = entropy.bytes::<16>()?;
    let normal = normalise(answer);
    let failed = |error: &dyn std::fmt::Display| Internal::Other(format!("Argon2: {error}"));
    let _turn = AT_ONCE.acquire().await.map_err(|error| failed(&error))?;
    let hashed = tokio::task::spawn_blocking(move || {
        Argon2::default().hash_password_with_salt(normal.as_bytes(), &salt).map(|phc| phc.to_string())
    });
    hashed.await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
}

/// Whether `answer` is the one whose hash is `stored`; takes as long where there is none, and is then never right.
///
/// # Errors
/// When the stored hash cannot be read, or the computation fails.
pub(super) async fn is_right(stored: Option<&str>, answer: &str) -> Result<bool, Internal> {
    let normal = normalise(answer);
    let (real, phc) = (stored.is_some(), stored.unwrap_or(NOBODYS).to_owned());
    let failed = |error: &dyn std::fmt::Display| Internal::Other(format!("Argon2: {error}"));
    let _turn = AT_ONCE.acquire().await.map_err(|error| failed(&error))?;
    let verified = tokio::task::spawn_blocking(move || {
        let stored = PasswordHash::new(&phc)?;
        match Argon2::default().verify_password(normal.as_bytes(), &stored) {
            Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
            verified => verified.map(|()| real),
        }
    });
    verified.await.map_err(|error| failed(&error))?.map_err(|error: argon2::password_hash::Error| failed(&error))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn spellings_of_one_answer_are_one() {
        for (one, other) in [
            ("  Rex ", "rex"),
            ("Сан-Франциско!", "сан  франциско"),
            ("Straße", "STRASSE"),
            ("Ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ"),
            ("Ｒｅｘ", "rex"),
            ("Nguyễn", "Nguye\u{302}\u{303}n"),
            ("ﬁsh", "FISH"),
        ] {
            assert_eq!(normalise(one), normalise(other), "{one} / {other}");
        }
        assert_ne!(normalise("ma"), normalise("má"), "a tone is a letter of its own");
        assert_eq!(normalise(" .,!- "), "");
    }

    #[tokio::test]
    async fn the_hash_verifies_and_two_are_never_the_same() {
        let entropy = Entropy::system();
        let (one, other) = (hash(&entropy, "Rex").await.unwrap(), hash(&entropy, "Rex").await.unwrap());
        assert!(one.starts_with("$argon2id$"));
        assert_ne!(one, other);
        let parsed = PasswordHash::new(&one).unwrap();
        assert!(Argon2::default().verify_password(normalise(" REX ").as_bytes(), &parsed).is_ok());
        assert!(Argon2::default().verify_password(b"max", &parsed).is_err());
        assert!(is_right(Some(&one), " REX ").await.unwrap());
        assert!(!is_right(Some(&one), "max").await.unwrap());
        assert!(is_right(Some("not a hash"), "rex").await.is_err());
    }

    #[tokio::test]
    async fn nobody_has_a_right_answer_and_refusing_it_costs_as_much() {
        assert!(!is_right(None, "Rex").await.unwrap());
        assert!(!is_right(None, "").await.unwrap());
        let parameters = |phc: &str| phc.rsplitn(3, '$').nth(2).unwrap().to_owned();
        let lengths = |phc: &str| phc.rsplit('$').take(2).map(str::len).collect::<Vec<_>>();
        let real = hash(&Entropy::system(), "Rex").await.unwrap();
        assert_eq!((parameters(NOBODYS), lengths(NOBODYS)), (parameters(&real), lengths(&real)));
    }
}
