//! Moments as the pages show them.

use super::Area;
pub(super) use crate::when::{of, rfc3339, zone};
use crate::{clock::Millis, when};

impl Area {
    /// `2026-11-22 09:05 UTC`, in the account's time zone.
    pub(super) fn when(&self, at: Millis) -> String {
        when::shown(at, &self.zone)
    }

    /// The first moment of a day written `2026-11-22`.
    pub(super) fn day(&self, text: &str) -> Option<Millis> {
        when::day(text, &self.zone)
    }
}
