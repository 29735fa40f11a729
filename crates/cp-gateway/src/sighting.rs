//! Provider's keys that nobody has claimed, by their fingerprints: seen here, so that somebody can.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use cp_base::{ProjectScope, Timestamp};
use metrics::{counter, describe_counter};

use crate::project::Fingerprint;

/// Fingerprints that are remembered until they are taken; more are counted and passed over.
const MOST: usize = 4_096;

/// A fingerprint that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The fingerprint.
    pub fingerprint: Fingerprint,
    /// The provider that the key was for.
    pub provider: Arc<str>,
    /// The project that its calls went to, the last one; none where they were refused.
    pub project: Option<ProjectScope>,
    /// When it was seen first, since sightings were taken last.
    pub first_at: Timestamp,
    /// And last.
    pub last_at: Timestamp,
    /// How often.
    pub calls: u64,
}

/// What was seen since it was taken last.
#[derive(Debug, Default)]
pub(crate) struct Sightings(Mutex<HashMap<(Fingerprint, Arc<str>), Sighting>>);

impl Sightings {
    pub(crate) fn new() -> Self {
        describe_counter!(
            "codepromptu_gateway_fingerprints_passed_over_total",
            "Unclaimed fingerprints that there was no room to remember"
        );
        Self::default()
    }

    pub(crate) fn add(
        &self,
        fingerprint: Fingerprint,
        provider: &Arc<str>,
        project: Option<ProjectScope>,
        now: Timestamp,
    ) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (fingerprint, provider.clone());
        if seen.len() >= MOST && !seen.contains_key(&key) {
            counter!("codepromptu_gateway_fingerprints_passed_over_total").increment(1);
            return;
        }
        let sighting = seen.entry(key).or_insert_with(|| Sighting {
            fingerprint,
            provider: provider.clone(),
            project,
            first_at: now,
            last_at: now,
            calls: 0,
        });
        (sighting.last_at, sighting.project) = (now, project);
        sighting.calls += 1;
    }

    pub(crate) fn take(&self) -> Vec<Sighting> {
        let taken = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        taken.into_values().collect()
    }
}
