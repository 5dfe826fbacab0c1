//! Limits on how often something may be asked for: token buckets in memory.
//!
//! They slow abuse down and are no proof of anything: counts that safety rests on are rows in the database. Each node
//! counts for itself. An address is that of the connection's peer; `X-Forwarded-For` is believed from trusted proxies alone.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use crate::clock::Millis;

/// Buckets kept at most; beyond that the fullest (idle) ones are forgotten first.
const MOST: usize = 100_000;

/// All buckets. One lives in `App`.
#[derive(Debug, Default)]
pub struct Limits {
    buckets: Mutex<HashMap<(&'static str, String), Bucket>>,
    most: Option<usize>,
}

/// Spare tokens, as of `at`.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Millis,
    /// When it will be full again, and so no different from a new one.
    full_at: Millis,
}

impl Limits {
    /// Empty.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether `key` may do `what` now: `times` at once, and as many again over every `per` milliseconds. Counts it if
    /// so.
    pub fn allow(&self, what: &'static str, key: &str, per: Millis, times: u32, now: Millis) -> bool {
        // A panic while counting leaves counts, not promises: go on with them.
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let most = self.most.unwrap_or(MOST);
        if buckets.len() >= most {
            forget(&mut buckets, most, now);
        }
        let full = f64::from(times);
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of any sensible period are exact in f64")]
        let rate = full / per.max(1) as f64;
        let bucket = buckets.entry((what, key.to_owned())).or_insert(Bucket { tokens: full, at: now, full_at: now });
        let tokens = bucket.tokens_at(per, times, now);
        let allowed = tokens >= 1.0;
        let left = if allowed { tokens - 1.0 } else { tokens };
        #[expect(clippy::cast_possible_truncation, reason = "at most `per`")]
        let until_full = ((full - left) / rate).ceil() as Millis;
        *bucket = Bucket { tokens: left, at: now.max(bucket.at), full_at: now + until_full };
        allowed
    }

    /// Whether [`Limits::allow`] would refuse now. Counts nothing.
    pub fn is_used_up(&self, what: &'static str, key: &str, per: Millis, times: u32, now: Millis) -> bool {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.get(&(what, key.to_owned())).is_some_and(|bucket| bucket.tokens_at(per, times, now) < 1.0)
    }
}

impl Bucket {
    fn tokens_at(&self, per: Millis, times: u32, now: Millis) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of any sensible period are exact in f64")]
        let (elapsed, per) = ((now - self.at).max(0) as f64, per.max(1) as f64);
        (self.tokens + elapsed * f64::from(times) / per).min(f64::from(times))
    }
}

/// Drops full buckets; if that is not enough, those that fill up soonest, down to three quarters.
fn forget(buckets: &mut HashMap<(&'static str, String), Bucket>, most: usize, now: Millis) {
    buckets.retain(|_, bucket| bucket.full_at > now);
    if buckets.len() < most {
        return;
    }
    let mut times: Vec<Millis> = buckets.values().map(|bucket| bucket.full_at).collect();
    let (_, &mut cut, _) = times.select_nth_unstable(most / 4);
    buckets.retain(|_, bucket| bucket.full_at > cut);
}

/// The block of addresses that one subscriber has: an IPv4 address, or an IPv6 /64.
pub fn block(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::clock::MINUTE;

    #[test]
    fn so_many_at_once_and_as_many_again_over_the_period() {
        let limits = Limits::new();
        let allowed = |now| limits.allow("try", "a", MINUTE, 3, now);
        assert_eq!([0, 0, 0, 0].map(allowed), [true, true, true, false]);
        assert!(!allowed(MINUTE / 3 - 10), "not yet");
        assert!(allowed(MINUTE / 3 + 10));
        assert!(!allowed(MINUTE / 3 + 10));
        assert_eq!([10 * MINUTE; 4].map(allowed), [true, true, true, false], "never more than three");
        assert!(limits.allow("try", "b", MINUTE, 3, 0), "another key");
        assert!(limits.allow("other", "a", MINUTE, 3, 0), "another thing");
    }

    #[test]
    fn looking_does_not_count() {
        let limits = Limits::new();
        assert!(!limits.is_used_up("try", "a", MINUTE, 1, 0));
        assert!(limits.allow("try", "a", MINUTE, 1, 0));
        assert!(limits.is_used_up("try", "a", MINUTE, 1, 0));
        assert!(!limits.is_used_up("try", "a", MINUTE, 1, MINUTE));
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_away() {
        let limits = Limits::new();
        assert!(limits.allow("try", "a", MINUTE, 1, 10 * MINUTE));
        assert!(!limits.allow("try", "a", MINUTE, 1, 0));
        assert!(!limits.allow("try", "a", MINUTE, 1, 10 * MINUTE + 1));
    }

    #[test]
    fn memory_is_bounded_and_the_busiest_are_kept() {
        let limits = Limits { most: Some(100), ..Limits::default() };
        for _ in 0..10 {
            limits.allow("try", "attacker", MINUTE, 10, 0);
        }
        for number in 0..1000 {
            limits.allow("try", &number.to_string(), MINUTE, 10, 0);
        }
        assert!(limits.buckets.lock().unwrap().len() <= 100);
        assert!(!limits.allow("try", "attacker", MINUTE, 10, 0));
    }

    #[test]
    fn an_ipv6_subscriber_has_a_whole_64() {
        let of = |text: &str| block(text.parse().unwrap());
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    }
}
