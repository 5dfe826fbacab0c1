//! How often something may be sent: pure, over the times of what was sent.

use crate::clock::{DAY, HOUR, MINUTE, Millis};

/// Sendings in one interaction.
pub(super) const PER_INTERACTION: i32 = 3;
/// Least time between two sendings for one enrolment.
const BETWEEN: Millis = MINUTE;

/// Limits on sending for one enrolment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) per_hour: usize,
    pub(super) per_day: usize,
}

/// When the next sending is allowed, if that is not now. `sent` is in order.
pub(super) fn allowed_at(sent: &[Millis], limits: Limits, now: Millis) -> Option<Millis> {
    free_at(sent, &[(1, BETWEEN), (limits.per_hour, HOUR), (limits.per_day, DAY)], now)
}

/// When one more fits into `windows`, each so many within so long, if that is not now. `past` is in order.
pub fn free_at(past: &[Millis], windows: &[(usize, Millis)], now: Millis) -> Option<Millis> {
    // The one that has to leave the window before another fits in.
    let free = windows.iter().filter_map(|(most, window)| Some(past.get(past.len().checked_sub(*most)?)? + window));
    free.max().filter(|at| *at > now)
}

/// The times to remember when another one is sent now.
pub(super) fn with_one_more(sent: &[Millis], now: Millis) -> Vec<Millis> {
    sent.iter().copied().filter(|at| now - at < DAY).chain([now]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { per_hour: 5, per_day: 8 };
    const NOW: Millis = 100 * DAY;

    /// Sends as soon as it may, from `NOW` on; gives the times.
    fn as_fast_as_can_be(times: usize) -> Vec<Millis> {
        let mut sent = Vec::new();
        let mut now = NOW;
        for _ in 0..times {
            now = allowed_at(&sent, LIMITS, now).unwrap_or(now);
            assert_eq!(allowed_at(&sent, LIMITS, now), None);
            sent.push(now);
        }
        sent
    }

    #[test]
    fn the_first_goes_at_once_and_the_next_after_a_minute() {
        assert_eq!(allowed_at(&[], LIMITS, NOW), None);
        assert_eq!(allowed_at(&[NOW], LIMITS, NOW), Some(NOW + MINUTE));
        assert_eq!(allowed_at(&[NOW], LIMITS, NOW + MINUTE - 1), Some(NOW + MINUTE));
        assert_eq!(allowed_at(&[NOW], LIMITS, NOW + MINUTE), None);
    }

    #[test]
    fn never_more_in_an_hour_or_a_day_than_allowed() {
        let sent = as_fast_as_can_be(30);
        let most_within =
            |window| sent.iter().map(|from| sent.iter().filter(|at| (*from..from + window).contains(at)).count()).max();
        assert_eq!((most_within(HOUR), most_within(DAY)), (Some(5), Some(8)));
        let offsets: Vec<_> = sent[..10].iter().map(|at| at - NOW).collect();
        let minutes = [0, 1, 2, 3, 4].map(|minute| minute * MINUTE);
        assert_eq!(offsets[..5], minutes);
        assert_eq!(offsets[5..8], [HOUR, HOUR + MINUTE, HOUR + 2 * MINUTE]);
        assert_eq!(offsets[8..], [DAY, DAY + MINUTE]);
    }

    #[test]
    fn what_is_a_day_old_is_forgotten_and_nothing_else() {
        assert_eq!(with_one_more(&[NOW - DAY, NOW - DAY + 1, NOW - 1], NOW), [NOW - DAY + 1, NOW - 1, NOW]);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_away() {
        assert_eq!(allowed_at(&[NOW + HOUR], LIMITS, NOW), Some(NOW + HOUR + MINUTE));
        assert_eq!(with_one_more(&[NOW + HOUR], NOW).len(), 2);
    }
}
