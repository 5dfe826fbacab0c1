//! Time, passed in: production asks the system, tests move a hand.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

/// Unix milliseconds.
pub type Millis = i64;

/// One second in [`Millis`].
pub const SECOND: Millis = 1_000;
/// One minute in [`Millis`].
pub const MINUTE: Millis = 60 * SECOND;
/// One hour in [`Millis`].
pub const HOUR: Millis = 60 * MINUTE;
/// One day in [`Millis`].
pub const DAY: Millis = 24 * HOUR;

/// `2026-11-23 12:20 UTC`: for people. Out of the calendar's range, the bare number.
pub fn text(at: Millis) -> String {
    let Ok(time) = time::OffsetDateTime::from_unix_timestamp(at.div_euclid(SECOND)) else { return at.to_string() };
    let (date, hour, minute) = (time.date(), time.hour(), time.minute());
    format!("{}-{:02}-{:02} {hour:02}:{minute:02} UTC", date.year(), u8::from(date.month()), date.day())
}

/// Where the current time comes from.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Millis + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Arc::new(|| {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        }))
    }

    /// A clock that stands still until its hand is moved.
    pub fn by_hand(start: Millis) -> (Self, Hand) {
        let hand = Hand(Arc::new(AtomicI64::new(start)));
        let read = hand.clone();
        (Self(Arc::new(move || read.0.load(Ordering::SeqCst))), hand)
    }

    /// Unix milliseconds.
    pub fn now(&self) -> Millis {
        (self.0)()
    }

    /// Unix seconds, as JWTs count.
    pub fn seconds(&self) -> i64 {
        self.now().div_euclid(SECOND)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

/// Moves a [`Clock::by_hand`].
#[derive(Clone, Debug)]
pub struct Hand(Arc<AtomicI64>);

impl Hand {
    /// Moves the clock on by `millis`.
    pub fn advance(&self, millis: Millis) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_to_the_minute() {
        assert_eq!(text(1_790_000_000_000), "2026-09-21 14:13 UTC");
        assert_eq!(text(0), "1970-01-01 00:00 UTC");
        assert_eq!(text(Millis::MAX), Millis::MAX.to_string());
    }
}
