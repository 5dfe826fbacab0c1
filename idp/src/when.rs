//! Moments as people are shown them, in the time zone of their account.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{clock::Millis, store::account::Model as Account};

/// RFC 3339, in UTC, to the second.
pub fn rfc3339(at: Millis) -> String {
    Timestamp::from_second(at.div_euclid(1000)).map(|moment| moment.to_string()).unwrap_or_default()
}

/// The zone of an account; UTC when it has chosen none, or one that is gone.
pub fn zone(account: &Account) -> TimeZone {
    TimeZone::get(&account.time_zone).unwrap_or(TimeZone::UTC)
}

/// As [`shown`], in the time zone of an account.
pub fn of(account: &Account, at: Millis) -> String {
    shown(at, &zone(account))
}

/// `2026-11-22 09:05 UTC`, in a time zone.
pub fn shown(at: Millis, zone: &TimeZone) -> String {
    let moment = Timestamp::from_millisecond(at).map(|moment| moment.to_zoned(zone.clone()));
    moment.map(|moment| moment.strftime("%Y-%m-%d %H:%M %Z").to_string()).unwrap_or_default()
}

/// The first moment of a day written `2026-11-22`, in a time zone.
pub fn day(text: &str, zone: &TimeZone) -> Option<Millis> {
    let day = Date::strptime("%Y-%m-%d", text).ok().filter(|day| day.to_string() == text)?;
    Some(day.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_moments_agree() {
        let utc = TimeZone::UTC;
        assert_eq!(day("1970-01-02", &utc), Some(86_400_000));
        assert_eq!(shown(1_790_000_000_123, &utc), "2026-09-21 14:13 UTC");
        assert_eq!(rfc3339(1_790_000_000_123), "2026-09-21T14:13:20Z");
        for wrong in ["", "2026-13-01", "2026-02-30", "today", "2026-02-3", "2026-02-03\n", "'; DROP TABLE log"] {
            assert_eq!(day(wrong, &utc), None, "{wrong}");
        }
        assert_eq!(rfc3339(Millis::MAX), "", "no such moment, and no panic");
        assert_eq!(shown(Millis::MIN, &utc), "");
    }
}
