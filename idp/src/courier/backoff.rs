//! When to try again, and when to stop.

use crate::clock::{HOUR, MINUTE, Millis, SECOND};

/// How many attempts a message gets. With [`delay`] the last one comes about 24 hours after the first: what a message
/// carries (a link, an activation code) is then too old anyway.
pub(super) const ATTEMPTS: i32 = 18;

/// How many attempts a call gets: the last one comes 5 to 7 minutes after the first, while the answer can still be
/// fetched. A relying party that was not reached by then asks by itself.
const CALL_ATTEMPTS: i32 = 6;

/// How many attempts a message of this channel gets.
pub(super) fn attempts_of(channel: &str) -> i32 {
    if channel == super::Channel::Call.name() { CALL_ATTEMPTS } else { ATTEMPTS }
}

/// How long an attempt may stay without a result before it is taken for lost (the process died in it). Longer than
/// [`TIMEOUT`], so that a living attempt is never repeated.
pub(super) const LEASE: Millis = 3 * MINUTE;

/// How long one attempt may take.
pub(super) const TIMEOUT: Millis = 90 * SECOND;

const FIRST: Millis = 10 * SECOND;
const LONGEST: Millis = 3 * HOUR;

/// How long to wait after `attempts` (≥ 1) failed ones: doubling from 10 s to at most 3 h, with up to a quarter more from
/// `jitter`, so that messages which failed together do not come back together.
pub(super) fn delay(attempts: i32, jitter: u8) -> Millis {
    let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(20);
    let base = (FIRST << doublings).min(LONGEST);
    base + base * Millis::from(jitter) / (4 * 256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_three_hours_and_all_attempts_take_a_day() {
        assert_eq!(delay(1, 0), 10 * SECOND);
        assert_eq!(delay(2, 0), 20 * SECOND);
        assert_eq!(delay(12, 0), LONGEST);
        assert_eq!(delay(i32::MAX, 0), LONGEST);
        assert!(delay(1, 255) < 10 * SECOND * 5 / 4);
        let all: Millis = (1..ATTEMPTS).map(|attempts| delay(attempts, 0)).sum();
        assert!((23 * HOUR..25 * HOUR).contains(&all), "{all}");
        for jitter in [0, 255] {
            let of_a_call: Millis = (1..attempts_of("call")).map(|attempts| delay(attempts, jitter)).sum();
            assert!((5 * MINUTE..7 * MINUTE).contains(&of_a_call), "{of_a_call}");
        }
    }
}
