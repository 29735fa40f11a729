//! How often something may fail: counted in memory, by account or address, within a window of time.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cp_base::{Digest, Timestamp, sha256};

use crate::AppError;

/// Keys that are counted at once; when there are more, the oldest is forgotten.
const MAX_KEYS: usize = 10_000;

/// Failures by key.
#[derive(Debug)]
pub(crate) struct Throttle {
    limit: u32,
    window: Duration,
    keys: Mutex<HashMap<Digest, Count>>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    since: Timestamp,
    failures: u32,
    last: Option<Digest>,
}

impl Throttle {
    /// After `limit` failures of a key nothing of it is looked at for the rest of its `window`.
    pub(crate) fn new(limit: u32, window: Duration) -> Self {
        Self { limit, window, keys: Mutex::default() }
    }

    /// Nothing, or that there were too many failures.
    pub(crate) fn check(&self, key: &str, now: Timestamp) -> Result<(), AppError> {
        let keys = self.lock();
        let over =
            keys.get(&digest(key)).filter(|count| self.is_open(count, now) && count.failures >= self.limit);
        over.map_or(Ok(()), |_| {
            let minutes = self.window.as_secs().div_ceil(60);
            Err(AppError::rate_limited(format_args!(
                "too many attempts failed: try again in {minutes} minutes"
            )))
        })
    }

    /// Counts an attempt as failed, unless it turns out otherwise: see [`Self::forgive`].
    pub(crate) fn count(&self, key: &str, now: Timestamp) {
        self.add(key, None, now);
    }

    /// Counts a failure with `what`. The same again is no guess, and not counted.
    pub(crate) fn count_other(&self, key: &str, what: &str, now: Timestamp) {
        self.add(key, Some(digest(what)), now);
    }

    /// Takes an attempt back that succeeded.
    pub(crate) fn forgive(&self, key: &str) {
        if let Some(count) = self.lock().get_mut(&digest(key)) {
            count.failures = count.failures.saturating_sub(1);
        }
    }

    fn add(&self, key: &str, what: Option<Digest>, now: Timestamp) {
        let mut keys = self.lock();
        let key = digest(key);
        if keys.len() >= MAX_KEYS && !keys.contains_key(&key) {
            keys.retain(|_, count| self.is_open(count, now));
            let oldest = keys.iter().min_by_key(|(_, count)| count.since).map(|(key, _)| *key);
            if let Some(oldest) = oldest.filter(|_| keys.len() >= MAX_KEYS) {
                keys.remove(&oldest);
            }
        }
        let count = keys.entry(key).or_insert(Count { since: now, failures: 0, last: None });
        if !self.is_open(count, now) {
            *count = Count { since: now, failures: 0, last: None };
        }
        if what.is_none() || what != count.last {
            count.failures = count.failures.saturating_add(1);
            count.last = what;
        }
    }

    fn is_open(&self, count: &Count, now: Timestamp) -> bool {
        now < count.since.after(self.window)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Count>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(text: &str) -> Digest {
    sha256(&[text.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn too_many_failures_close_the_door_for_a_while() {
        let (throttle, now) = (Throttle::new(3, MINUTE), Timestamp(1_000_000));
        for _ in 0..3 {
            assert!(throttle.check("a", now).is_ok());
            throttle.count("a", now);
        }
        assert!(throttle.check("a", now).is_err() && throttle.check("b", now).is_ok());
        throttle.forgive("a");
        assert!(throttle.check("a", now).is_ok());
        throttle.count("a", now);
        assert!(throttle.check("a", now).is_err());
        assert!(throttle.check("a", now.after(MINUTE)).is_ok());
    }

    #[test]
    fn the_same_wrong_key_is_no_guess() {
        let (throttle, now) = (Throttle::new(2, MINUTE), Timestamp(0));
        for _ in 0..10 {
            throttle.count_other("address", "key 1", now);
        }
        assert!(throttle.check("address", now).is_ok());
        throttle.count_other("address", "key 2", now);
        assert!(throttle.check("address", now).is_err());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let throttle = Throttle::new(1, MINUTE);
        for number in 0..i64::try_from(MAX_KEYS).unwrap() + 50 {
            throttle.count(&number.to_string(), Timestamp(number));
        }
        assert_eq!(throttle.lock().len(), MAX_KEYS);
        assert!(throttle.check("0", Timestamp(0)).is_ok());
        assert!(throttle.check("10049", Timestamp(10_049)).is_err());
    }
}
