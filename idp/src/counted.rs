//! What is counted in the database now and then and kept in memory in between, by one request at a time.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use crate::{
    clock::{MINUTE, Millis},
    error::Internal,
};

/// How long a count is used.
const COUNTED_FOR: Millis = MINUTE;

/// A count of this node.
#[derive(Debug)]
pub struct Counted<T> {
    kept: ArcSwap<Option<(Millis, T)>>,
    counting: Mutex<()>,
}

impl<T> Default for Counted<T> {
    fn default() -> Self {
        Self { kept: ArcSwap::default(), counting: Mutex::default() }
    }
}

impl<T: Clone> Counted<T> {
    /// What was counted within the last minute and is still `usable`; otherwise what `count` gives now.
    ///
    /// # Errors
    /// Those of `count`.
    pub async fn get(
        &self,
        now: Millis,
        usable: impl Fn(&T) -> bool,
        count: impl Future<Output = Result<T, Internal>>,
    ) -> Result<T, Internal> {
        let kept = || Option::clone(&self.kept.load()).filter(|(_, counted)| usable(counted));
        let fresh = || kept().filter(|(at, _)| (0..COUNTED_FOR).contains(&(now - at))).map(|(_, counted)| counted);
        if let Some(counted) = fresh() {
            return Ok(counted);
        }
        // While one request counts, the others go by the last count, if there is one.
        let _counting = match (self.counting.try_lock(), kept()) {
            (Ok(counting), _) => counting,
            (Err(_), Some((_, counted))) => return Ok(counted),
            (Err(_), None) => self.counting.lock().await,
        };
        if let Some(counted) = fresh() {
            return Ok(counted);
        }
        let counted = count.await?;
        self.kept.store(Arc::new(Some((now, counted.clone()))));
        Ok(counted)
    }
}
