//! Rows that this node wrote moments ago and that are fetched once, for whoever fetches them is on the way already:
//! authorization codes and pushed requests. It saves the read.
//!
//! A row is handed out once; who asks again, or asks another node, reads the database. That a row here may be out of date
//! does no harm: either kind is used up by a conditional update, and that one judges.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

/// Rows kept at most; the oldest go first. A code with a receipt has 3 KiB.
const MOST: usize = 512;

/// Fresh rows of one table by their hash.
#[derive(Debug)]
pub(super) struct Fresh<R>(Mutex<Rows<R>>);

#[derive(Debug)]
struct Rows<R> {
    by_hash: HashMap<String, R>,
    /// Oldest first; some may have been fetched.
    order: VecDeque<String>,
}

impl<R> Default for Fresh<R> {
    fn default() -> Self {
        Self(Mutex::new(Rows { by_hash: HashMap::new(), order: VecDeque::new() }))
    }
}

impl<R> Fresh<R> {
    /// Keeps a row that is durable now.
    pub(super) fn put(&self, hash: &str, row: R) {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.order.len() == MOST
            && let Some(oldest) = rows.order.pop_front()
        {
            rows.by_hash.remove(&oldest);
        }
        rows.order.push_back(hash.to_owned());
        rows.by_hash.insert(hash.to_owned(), row);
    }

    /// Gives a row away.
    pub(super) fn take(&self, hash: &str) -> Option<R> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_hash.remove(hash)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_row_is_handed_out_once_and_the_oldest_make_room() {
        let fresh = Fresh::default();
        for row in 0..=MOST {
            fresh.put(&row.to_string(), row);
        }
        assert_eq!(fresh.take("0"), None);
        assert_eq!(fresh.take("1"), Some(1));
        assert_eq!(fresh.take("1"), None);
        assert_eq!(fresh.take(&MOST.to_string()), Some(MOST));
    }

    #[test]
    fn rows_that_were_fetched_do_not_pile_up() {
        let fresh = Fresh::default();
        for row in 0..4 * MOST {
            fresh.put(&row.to_string(), row);
            fresh.take(&row.to_string());
        }
        let rows = fresh.0.lock().unwrap();
        assert_eq!((rows.by_hash.len(), rows.order.len()), (0, MOST));
    }
}
