//! What a page says above its own text.

use crate::{
    clock::{HOUR, MINUTE, Millis},
    login::ceremony::Later,
};

/// Minutes are counted up to here, hours from here on.
const IN_MINUTES: Millis = 2 * HOUR;

/// The key of a text, and what is filled in for `{wait}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Complaint<'e> {
    pub(super) error: Option<&'e str>,
    pub(super) wait: Option<Millis>,
}

impl<'e> From<Option<&'e str>> for Complaint<'e> {
    fn from(error: Option<&'e str>) -> Self {
        Self { error, wait: None }
    }
}

impl<'e> Complaint<'e> {
    /// Why nothing was sent. `error` is what would have stood above a question.
    pub(super) fn about(later: Later, error: Option<&'e str>, now: Millis) -> Self {
        let (error, wait) = match later {
            Later::Unasked => (error.map(without_a_question), None),
            Later::Paused => (Some("error_blocked"), None),
            Later::Enough => (Some("error_codes_enough"), None),
            Later::Held => (Some("error_sms_held"), None),
            Later::At(at) if at - now <= IN_MINUTES => (Some("error_codes_minutes"), Some(parts(at - now, MINUTE))),
            Later::At(at) => (Some("error_codes_hours"), Some(parts(at - now, HOUR))),
        };
        Self { error, wait }
    }
}

/// Nothing is asked anew until the person wants it.
fn without_a_question(error: &str) -> &str {
    match error {
        "error_wrong_new" => "error_code_void",
        "error_expired" => "error_code_expired",
        other => other,
    }
}

/// Begun ones count, and there is at least one.
fn parts(time: Millis, unit: Millis) -> i64 {
    ((time + unit - 1) / unit).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_begun_minutes_or_hours() {
        for (time, expected) in [
            (1, ("error_codes_minutes", 1)),
            (MINUTE, ("error_codes_minutes", 1)),
            (MINUTE + 1, ("error_codes_minutes", 2)),
            (2 * HOUR, ("error_codes_minutes", 120)),
            (2 * HOUR + 1, ("error_codes_hours", 3)),
            (24 * HOUR, ("error_codes_hours", 24)),
        ] {
            let complaint = Complaint::about(Later::At(7 + time), None, 7);
            assert_eq!((complaint.error, complaint.wait), (Some(expected.0), Some(expected.1)), "{time}");
        }
    }
}
