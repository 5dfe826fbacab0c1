//! How a PIN hides the key on the device: every PIN opens to *some* key.
//!
//! `stored = K ⊕ Argon2id(PIN, salt)`, without MAC, checksum or known plaintext: nothing on the device can tell a
//! right PIN from a wrong one. A wrong PIN gives a wrong answer, and the server counts those. Changing the PIN means
//! activating anew: one K under two PINs would give both away.

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    encoding,
    keys::{Keys, Secret},
    typed,
};

const LONGEST: usize = 12;
/// PINs that everybody tries first and that no rule below catches.
const COMMON: [&str; 14] = [
    "112233", "147258", "159357", "159753", "258456", "314159", "520131", "696969", "789456", "147852", "1004", "2580",
    "6969", "1379",
];

/// Why a PIN is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PinError {
    /// Not digits.
    #[error("a PIN has digits only")]
    NotDigits,
    /// Too short or too long.
    #[error("a PIN has {min} to {LONGEST} digits")]
    Length {
        /// By policy.
        min: usize,
    },
    /// On the blocklist.
    #[error("this PIN is among the first that a thief would try")]
    TooCommon,
    /// The cost in the store is outside what Argon2 can do.
    #[error("the PIN settings in the store are damaged")]
    Cost,
}

/// How long a chosen PIN must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PinPolicy {
    /// At least 6 digits.
    #[default]
    Six,
    /// At least 4 digits: only where policy says so.
    Four,
}

/// A PIN in ASCII digits. Wiped when dropped, never shown by `Debug`.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Pin(String);

impl Pin {
    /// A new PIN that its owner has just chosen.
    ///
    /// # Errors
    /// If it is too short or easy to guess.
    pub fn choose(text: &str, policy: PinPolicy) -> Result<Self, PinError> {
        let pin = Self::typed(text)?;
        let min = match policy {
            PinPolicy::Six => 6,
            PinPolicy::Four => 4,
        };
        if pin.0.len() < min {
            return Err(PinError::Length { min });
        }
        if is_common(&pin.0) { Err(PinError::TooCommon) } else { Ok(pin) }
    }

    /// A PIN typed in use. Whether it is the right one cannot be known here.
    ///
    /// # Errors
    /// If it cannot be any PIN.
    pub fn typed(text: &str) -> Result<Self, PinError> {
        let digits = typed::digits(text).ok_or(PinError::NotDigits)?;
        if (4..=LONGEST).contains(&digits.len()) { Ok(Self(digits)) } else { Err(PinError::Length { min: 4 }) }
    }
}

/// Repetitions of one to three digits (`000000`, `121212`, `123123`), runs up or down, and the listed ones.
fn is_common(pin: &str) -> bool {
    let digits = pin.as_bytes();
    let repeats =
        (1..=3).any(|period| digits.len() > period && digits.iter().zip(&digits[period..]).all(|(a, b)| a == b));
    let runs = |step: u8| digits.windows(2).all(|pair| (pair[0] - b'0' + step) % 10 == pair[1] - b'0');
    repeats || runs(1) || runs(9) || COMMON.contains(&pin)
}

/// What Argon2id may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for Cost {
    /// 64 MiB, three passes: RFC 9106's second recommendation, on one lane.
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3 }
    }
}

/// A key hidden by a PIN, as the device stores it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden {
    #[serde(with = "encoding")]
    salt: [u8; 16],
    cost: Cost,
    #[serde(with = "encoding")]
    key: [u8; 32],
}

impl Hidden {
    /// Hides a key. `salt` is fresh and random.
    ///
    /// # Errors
    /// If the cost is outside what Argon2 can do.
    pub fn hide(keys: &Keys, pin: &Pin, salt: [u8; 16], cost: Cost) -> Result<(Self, Picture), PinError> {
        let (stream, picture) = stretch(pin, &salt, cost)?;
        Ok((Self { salt, cost, key: xor(keys.root().expose(), &stream) }, picture))
    }

    /// Opens to the key that belongs to this PIN: the right one for the right PIN, some other one for any other.
    ///
    /// # Errors
    /// If the stored cost is outside what Argon2 can do.
    pub fn open(&self, pin: &Pin) -> Result<(Keys, Picture), PinError> {
        let (stream, picture) = stretch(pin, &self.salt, self.cost)?;
        Ok((Keys::from_root(Secret::new(xor(&self.key, &stream))), picture))
    }
}

fn xor(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    std::array::from_fn(|index| left[index] ^ right[index])
}

/// 32 bytes to hide the key with, and one more for the picture: it says nothing of the other 32, and testing a PIN
/// against a picture that was seen costs as much as testing it against an answer.
fn stretch(pin: &Pin, salt: &[u8; 16], cost: Cost) -> Result<(Zeroizing<[u8; 32]>, Picture), PinError> {
    let params = Params::new(cost.memory_kib, cost.passes, 1, Some(33)).map_err(|_| PinError::Cost)?;
    let mut out = Zeroizing::new([0u8; 33]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(pin.0.as_bytes(), salt, out.as_mut_slice())
        .map_err(|_| PinError::Cost)?;
    let mut stream = Zeroizing::new([0; 32]);
    stream.copy_from_slice(&out[..32]);
    Ok((stream, Picture(out[32] & 15)))
}

/// One of 16 pictures that goes with a PIN: a slip of the finger shows another one, 15 times out of 16. It tells
/// whoever sees it 4 bits of the PIN, so the paranoid mode does not show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture(u8);

const PICTURES: [&str; 16] = [
    "anchor", "apple", "bell", "boat", "cat", "clover", "crown", "fish", "flower", "key", "lamp", "moon", "star",
    "sun", "tree", "umbrella",
];

impl Picture {
    /// Its name.
    pub fn name(self) -> &'static str {
        PICTURES[usize::from(self.0 & 15)]
    }
}
