//! Text search: a bounded scan of opened bodies, newest call first, without regard to case.
//!
//! There is no index of texts, since it would hold in the clear what the bodies seal. A body that many calls share is
//! opened once in a scan.

use std::collections::HashMap;

use cp_base::{CallId, Digest, ProjectScope};
use cp_db::{Tx, args};

use crate::content::{Bodies, Ref, any_text, refs_from_bytes};
use crate::read::{conditions, fetch_bodies, fetch_calls};
use crate::store::StoreError;
use crate::{CallCursor, CallFilter, CallPage, CallSummary, TrafficStore, sql};

/// The most calls that one scan looks at.
pub const MAX_SCANNED_CALLS: usize = 5_000;
/// Bytes of opened bodies after which a scan stops.
pub const MAX_SCANNED_BYTES: usize = 64 * 1024 * 1024;
/// Calls whose bodies are in memory at once.
const STEP: usize = 16;

impl TrafficStore {
    /// The calls that pass `filter` and contain the text.
    pub(crate) async fn scan(
        &self,
        scope: ProjectScope,
        filter: &CallFilter,
        mut after: Option<CallCursor>,
        (text, limit): (&str, usize),
    ) -> Result<CallPage, StoreError> {
        let vault = self.vault(scope)?;
        let mut search = Search::new(text);
        let mut page = CallPage::EMPTY;
        loop {
            let mut tx = self.db.begin_read(scope).await?;
            let calls = fetch_calls(&mut tx, scope, conditions(&vault, filter, after), STEP).await?;
            let last_step = calls.len() < STEP;
            let refs = list_refs(&mut tx, scope, &calls).await?;
            let sealed = fetch_bodies(&mut tx, scope, search.unknown(&refs)).await?;
            drop(tx);
            let vaults = self.vaults(vault.clone(), sealed.iter().filter_map(|body| body.subject)).await?;
            let found = search.step(&calls, &refs, &vaults.open_bodies(sealed)?)?;
            for (call, found) in calls.into_iter().zip(found) {
                after = Some(CallCursor::from(&call));
                if found {
                    page.calls.push(call);
                }
                if page.calls.len() == limit {
                    page.next = after;
                    return Ok(page);
                }
            }
            if last_step {
                return Ok(page);
            }
            if search.is_spent() {
                page.next = after;
                page.scan_stopped = true;
                return Ok(page);
            }
        }
    }
}

type Refs = HashMap<CallId, Vec<Ref>>;

struct Search {
    wanted: String,
    /// Whether a body that was opened contains the text.
    verdicts: HashMap<Digest, bool>,
    calls: usize,
    bytes: usize,
}

impl Search {
    fn new(text: &str) -> Self {
        Self { wanted: text.to_lowercase(), verdicts: HashMap::new(), calls: 0, bytes: 0 }
    }

    fn is_spent(&self) -> bool {
        self.calls >= MAX_SCANNED_CALLS || self.bytes >= MAX_SCANNED_BYTES
    }

    /// What is to be opened for these calls.
    fn unknown<'a>(&'a self, refs: &'a Refs) -> impl Iterator<Item = &'a Ref> {
        refs.values().flatten().filter(|entry| !self.verdicts.contains_key(&entry.hash))
    }

    /// For each call, whether it contains the text.
    fn step(&mut self, calls: &[CallSummary], refs: &Refs, bodies: &Bodies) -> Result<Vec<bool>, StoreError> {
        self.calls += calls.len();
        let contains = |text: &str| text.to_lowercase().contains(&self.wanted);
        for entry in refs.values().flatten() {
            if let Some(body) = bodies.get(&entry.hash)
                && !self.verdicts.contains_key(&entry.hash)
            {
                self.verdicts.insert(entry.hash, any_text(entry.slot, body, &contains)?);
                self.bytes += body.len();
            }
        }
        let found = |entry: &Ref| self.verdicts.get(&entry.hash).copied().unwrap_or(false);
        Ok(calls.iter().map(|call| refs.get(&call.call).is_some_and(|refs| refs.iter().any(found))).collect())
    }
}

async fn list_refs(tx: &mut Tx, scope: ProjectScope, calls: &[CallSummary]) -> Result<Refs, StoreError> {
    let ids = calls.iter().map(|call| args![call.call]).collect();
    let rows = tx.fetch_many(sql::LIST_REFS, args![scope], ids).await?;
    let refs = rows.into_iter().map(|row| {
        let refs =
            refs_from_bytes(&row.get::<Vec<u8>>("refs")?).ok_or(StoreError::Damaged("list of bodies"))?;
        Ok((row.get("call_id")?, refs))
    });
    refs.collect()
}
