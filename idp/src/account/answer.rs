//! The answer to the security question: many spellings, one meaning; stored so that it cannot be read back.

use argon2::{Argon2, password_hash::PasswordHasher};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;

use crate::{entropy::Entropy, error::Internal};

/// Letters and digits that an answer needs at least.
pub(super) const SHORTEST: usize = 3;

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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use argon2::password_hash::{PasswordVerifier, phc::PasswordHash};

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
    }
}
