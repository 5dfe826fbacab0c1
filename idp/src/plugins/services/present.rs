//! Whom the present call of a plugin is about, and until when it may run.
//!
//! Set by the thread that makes the call, on which the plugin's own calls are served, in either isolation. Whatever a
//! plugin asks from another thread, or between calls, is about nobody and is refused.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::clock::Millis;

/// What a service has to leave the plugin, so that it can still answer when the service has run out of time: a tenth of
/// the call, but no more than this.
const MARGIN: Duration = Duration::from_millis(500);

/// Whom a call is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Nobody: the plugin is started, or asked about something else than an account.
    Nobody,
    /// The account of this id.
    Account(String),
    /// Nobody, while what the plugin keeps is being migrated: in a transaction that a service would wait for.
    Migration,
    /// An address without an account, which must not be told from one: this is the id that the plugin was given.
    Decoy(String),
}

/// What is kept for a decoy, until the call is over.
pub(super) type Scratch = BTreeMap<String, Kept>;

#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) value: Value,
    pub(super) version: i64,
    pub(super) expires_at: Option<Millis>,
}

#[derive(Debug)]
struct Present {
    subject: Subject,
    until: Instant,
    scratch: Scratch,
}

thread_local! {
    static PRESENT: RefCell<Option<Present>> = const { RefCell::new(None) };
}

/// Makes a call about `subject` that ends in `limit` at the latest.
pub(in crate::plugins) fn during<T>(subject: &Subject, limit: Duration, work: impl FnOnce() -> T) -> T {
    /// Puts back what was there, also when the work panics.
    struct Before(Option<Present>);
    impl Drop for Before {
        fn drop(&mut self) {
            let before = self.0.take();
            PRESENT.with_borrow_mut(|present| *present = before);
        }
    }
    let until = Instant::now() + limit.saturating_sub((limit / 10).min(MARGIN));
    let now = Present { subject: subject.clone(), until, scratch: Scratch::new() };
    let _before = Before(PRESENT.with_borrow_mut(|present| present.replace(now)));
    work()
}

/// Whom the call of this thread is about and until when its services may work; `None` outside of a call.
pub(super) fn present() -> Option<(Subject, Instant)> {
    PRESENT.with_borrow(|present| present.as_ref().map(|present| (present.subject.clone(), present.until)))
}

/// What the present call keeps for a decoy.
pub(super) fn scratch<T>(work: impl FnOnce(&mut Scratch) -> T) -> T {
    PRESENT.with_borrow_mut(|present| match present {
        Some(present) => work(&mut present.scratch),
        None => work(&mut Scratch::new()),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use super::*;

    const LIMIT: Duration = Duration::from_secs(1);

    fn ann() -> Subject {
        Subject::Account("ann".to_owned())
    }

    #[test]
    fn a_call_within_a_call_leaves_the_outer_one_as_it_was() {
        assert!(present().is_none());
        during(&ann(), LIMIT, || {
            scratch(|scratch| {
                scratch.insert("k".to_owned(), Kept { value: Value::Null, version: 1, expires_at: None })
            });
            during(&Subject::Nobody, LIMIT, || {
                assert_eq!(present().unwrap().0, Subject::Nobody);
                assert!(scratch(|scratch| scratch.is_empty()));
            });
            assert_eq!(present().unwrap().0, ann());
            assert_eq!(scratch(|scratch| scratch.len()), 1);
        });
        assert!(present().is_none());
    }

    #[test]
    fn a_call_that_panics_is_over_all_the_same() {
        let panicked = std::panic::catch_unwind(|| during(&ann(), LIMIT, || panic!("as the test wants")));
        assert!(panicked.is_err());
        assert!(present().is_none());
    }

    #[test]
    fn other_threads_are_in_no_call() {
        during(&ann(), LIMIT, || std::thread::spawn(|| assert!(present().is_none())).join().unwrap());
    }

    #[test]
    fn services_end_before_the_call_does() {
        let started = Instant::now();
        during(&ann(), LIMIT, || assert!(present().unwrap().1 <= started + Duration::from_millis(910)));
    }
}
