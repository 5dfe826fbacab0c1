//! Recovery codes: ten to print, each good once. One of them stands for question and waiting time.
//!
//! A code has 80 random bits, so that nobody guesses one and a keyed hash is enough to keep it by. New ones void the
//! earlier ones.

use std::sync::Arc;

use crate::{
    app::App,
    error::Internal,
    notice::recovery as notices,
    store::{
        account::Model as Account,
        log::{self, Event},
        recovery_code,
    },
};

/// Crockford's base 32: no I, L, O and U.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a code, five bits each.
const LENGTH: usize = 16;

/// New codes. They are shown once and kept nowhere; what is stored are their keyed hashes.
pub(in crate::account) struct Codes {
    codes: Vec<String>,
    hashes: Vec<String>,
}

impl Codes {
    /// Codes that are made at once.
    pub(in crate::account) const COUNT: usize = 10;

    /// Makes codes for an account.
    ///
    /// # Errors
    /// When the generator fails.
    pub(in crate::account) fn fresh(app: &App, account_id: &str) -> Result<Self, Internal> {
        let codes = (0..Self::COUNT).map(|_| new_code(app)).collect::<Result<Vec<_>, _>>()?;
        let hashes = codes.iter().filter_map(|code| hash(app, account_id, code)).collect();
        Ok(Self { codes, hashes })
    }

    /// What is stored of them.
    pub(in crate::account) fn hashes(&self) -> &[String] {
        &self.hashes
    }

    /// The codes, for their owner's eyes.
    pub(in crate::account) fn expose(self) -> Vec<String> {
        self.codes
    }
}

/// Makes new codes for `account`, voids the earlier ones and tells the owner. They are returned here and kept nowhere.
/// `result` is the log's word for how they were asked for.
///
/// # Errors
/// When the generator or the database fails.
pub async fn make(
    app: &Arc<App>,
    account: &Account,
    result: &str,
    address: Option<String>,
) -> Result<Vec<String>, Internal> {
    let codes = Codes::fresh(app, &account.id)?;
    let hashes = codes.hashes().to_vec();
    let (now, id) = (app.clock.now(), account.id.clone());
    let notice = notices::new_codes(app, account, &app.entropy.id()?).await?;
    let event = Event { address, ..Event::new("recovery_codes", result) };
    let transaction = app.clone();
    app.db
        .write(move |tx| {
            Box::pin(async move {
                let app = transaction;
                recovery_code::replace(tx, &id, hashes, now).await?;
                for message in notice {
                    app.courier.queue_in(tx, &app.seal, message).await?;
                }
                Ok::<_, Internal>(log::append(tx, &app.seal, &id, now, &event).await?)
            })
        })
        .await?;
    app.courier.wake();
    Ok(codes.expose())
}

/// `7K2M-…`: four groups of four.
fn new_code(app: &App) -> Result<String, Internal> {
    let random: [u8; 10] = app.entropy.bytes()?;
    let bits = random.iter().fold(0_u128, |bits, byte| (bits << 8) | u128::from(*byte));
    let mut code = String::with_capacity(LENGTH + 3);
    for place in 0..LENGTH {
        if place > 0 && place % 4 == 0 {
            code.push('-');
        }
        let digit = (bits >> (5 * (LENGTH - 1 - place))) & 31;
        code.extend(usize::try_from(digit).ok().and_then(|digit| DIGITS.get(digit)).map(|digit| char::from(*digit)));
    }
    Ok(code)
}

/// The keyed hash of a code as it was typed; `None` when it is none. Belongs to one account: an address without one has no
/// code under its made-up id.
pub(super) fn hash(app: &App, account_id: &str, typed: &str) -> Option<String> {
    let code = canonical(typed)?;
    Some(app.seal.hash("recovery-code", &format!("{account_id}:{code}")))
}

/// The bare characters, with those put right that look alike.
fn canonical(typed: &str) -> Option<String> {
    let code: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        })
        .collect();
    let fits = code.len() == LENGTH && code.bytes().all(|byte| DIGITS.contains(&byte));
    fits.then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        for typed in ["7K2M-01AB-CDEF-GHJK", " 7k2m olab cdef ghjk ", "7K2MOIABCDEFGHJK"] {
            assert_eq!(canonical(typed).as_deref(), Some("7K2M01ABCDEFGHJK"), "{typed}");
        }
        for bad in ["", "7K2M-01AB-CDEF-GHJ", "7K2M-01AB-CDEF-GHJKK", "7K2M-01AB-CDEF-GHJU", "7K2M-01AB-CDEF-GHJä"] {
            assert_eq!(canonical(bad), None, "{bad}");
        }
    }
}
