//! The ten fingers.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A finger, by the name that fprintd has for it. There are ten, so nobody has an eleventh print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::enum_variant_names, reason = "fprintd's names, word for word")]
pub(crate) enum Finger {
    LeftThumb,
    LeftIndexFinger,
    LeftMiddleFinger,
    LeftRingFinger,
    LeftLittleFinger,
    RightThumb,
    RightIndexFinger,
    RightMiddleFinger,
    RightRingFinger,
    RightLittleFinger,
}

impl Finger {
    /// fprintd's name, such as `right-index-finger`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::LeftThumb => "left-thumb",
            Self::LeftIndexFinger => "left-index-finger",
            Self::LeftMiddleFinger => "left-middle-finger",
            Self::LeftRingFinger => "left-ring-finger",
            Self::LeftLittleFinger => "left-little-finger",
            Self::RightThumb => "right-thumb",
            Self::RightIndexFinger => "right-index-finger",
            Self::RightMiddleFinger => "right-middle-finger",
            Self::RightRingFinger => "right-ring-finger",
            Self::RightLittleFinger => "right-little-finger",
        }
    }

    /// The finger of this name; `None` for a name that fprintd does not have.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::value_variants().iter().copied().find(|finger| finger.name() == name)
    }
}

impl fmt::Display for Finger {
    /// In words: `right index finger`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name().replace('-', " "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_on_the_bus_in_files_and_on_the_command_line() {
        let all = Finger::value_variants();
        assert_eq!(all.len(), 10);
        for &finger in all {
            assert_eq!(Finger::of_name(finger.name()), Some(finger));
            assert_eq!(serde_json::json!(finger), finger.name());
            assert_eq!(finger.to_possible_value().map(|value| value.get_name().to_owned()), Some(finger.name().into()));
        }
        assert_eq!(Finger::of_name("any"), None);
        assert_eq!(Finger::of_name("sixth-finger"), None);
    }
}
