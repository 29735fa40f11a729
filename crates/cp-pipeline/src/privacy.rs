//! What a project's policy takes out of a call, before anything of it reaches the store: the last thing that is done to a
//! call, so that threading, pricing and labels see what passed.
//!
//! How much is kept was decided when the call was admitted, and stands in its record. What is redacted is what the project
//! wants when the call is stored, and what it wanted when the call was admitted: neither a change nor a rebuild of the store
//! from the log lets anything through. Message chains and labels are keyed digests of what passed, not of what is stored:
//! conversations hold although masked messages look alike, and whatever the policy was when each of their calls passed.

mod log;
mod masked;
mod redacted;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use cp_base::{CaptureMode, ProjectId};
use cp_capture::Opening;
use cp_redact::{CapturePolicies, Redactor, Rules};
use cp_traffic::{FinishedCall, StoreError, TrafficStore, Write};
use tokio::sync::watch;

pub use self::log::redact_log;
use crate::derive::{columns, scope};

/// Combinations of rules that are kept compiled.
const MAX_CACHED: usize = 64;

/// A project, the version of its policy, and the kinds that a record adds to it.
type RulesKey = (ProjectId, u64, u32);

/// Knows what is to be taken out of whose calls.
#[derive(Debug)]
pub(crate) struct Privacy {
    policies: watch::Receiver<Arc<CapturePolicies>>,
    traffic: TrafficStore,
    rules: Mutex<BTreeMap<RulesKey, Arc<Rules>>>,
}

impl Privacy {
    pub(crate) fn new(policies: watch::Receiver<Arc<CapturePolicies>>, traffic: TrafficStore) -> Self {
        Self { policies, traffic, rules: Mutex::default() }
    }

    /// A call that has ended, without what its project does not want stored.
    pub(crate) fn finished(&self, opening: &Opening, call: FinishedCall) -> Result<Write, StoreError> {
        Ok(Write::Finished(Box::new(self.told(opening, call)?)))
    }

    /// The same of a piece of a call, which a client told.
    pub(crate) fn told(&self, opening: &Opening, mut call: FinishedCall) -> Result<FinishedCall, StoreError> {
        match opening.capture.mode {
            CaptureMode::Full => {}
            CaptureMode::Masked => masked::mask(&mut call),
            CaptureMode::MetadataOnly | CaptureMode::Off if opening.source.is_gateway() => {
                masked::leave_out_bodies(&mut call);
            }
            // The log has all that a client told.
            CaptureMode::MetadataOnly | CaptureMode::Off => {
                masked::leave_out_bodies(&mut call);
                masked::leave_out_what_was_told(&mut call);
            }
        }
        if let Some(redactor) = self.redactor(opening)? {
            redacted::redact(&redactor, &mut call);
        }
        Ok(call)
    }

    /// The same of a call that has not ended.
    pub(crate) fn opened(&self, opening: &Opening) -> Result<Write, StoreError> {
        let mut summary = columns(opening);
        if let Some(redactor) = self.redactor(opening)? {
            redacted::redact_text(&redactor, &mut summary.path);
        }
        Ok(Write::Opened(scope(opening), Box::new(summary)))
    }

    /// What redacts a call; nothing where nothing is to be redacted.
    fn redactor(&self, opening: &Opening) -> Result<Option<Redactor>, StoreError> {
        let rules = self.rules(opening);
        if rules.is_empty() {
            return Ok(None);
        }
        Ok(Some(Redactor::new(rules, &self.traffic.hashing_key(scope(opening))?)))
    }

    fn rules(&self, opening: &Opening) -> Arc<Rules> {
        let kinds = opening.capture.redacted_kinds;
        let policy = self.policies.borrow().find(opening.project).cloned();
        let known = policy.as_ref().map(|policy| policy.rules().clone()).unwrap_or_default();
        if kinds & !known.kind_bits() == 0 {
            return known;
        }
        let version = policy.map_or(0, |policy| policy.version());
        let mut cached = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.len() >= MAX_CACHED {
            cached.clear();
        }
        let key = (opening.project, version, kinds);
        cached.entry(key).or_insert_with(|| Arc::new(known.with_kinds(kinds))).clone()
    }
}
