//! What others are told of stored calls: what they used, for those who keep the limits of gateway keys, and the live
//! view.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use cp_base::{CallId, Origin, ProjectScope, Settled, Spend};
use cp_capture::Record;
use cp_traffic::{CallSummary, LiveCalls, Write};

/// Hears what calls used, once they are stored. It is called between two batches, and so must not wait.
#[derive(Clone)]
pub struct Settlements(Arc<Hear>);

type Hear = dyn Fn(&[Settled]) + Send + Sync;

impl Settlements {
    /// Tells `hear`.
    #[must_use]
    pub fn new(hear: impl Fn(&[Settled]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hear))
    }

    pub(crate) fn tell(&self, settled: &[Settled]) {
        if !settled.is_empty() {
            (self.0)(settled);
        }
    }
}

impl Default for Settlements {
    /// Tells nobody.
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl fmt::Debug for Settlements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settlements")
    }
}

/// What the calls with a gateway key used, of those that ended within these records.
pub(crate) fn settled(records: &[Record], writes: &[Write]) -> Vec<Settled> {
    let finished = writes.iter().filter_map(|write| match write {
        Write::Finished(call) => Some((call.summary.gateway_key?, call)),
        Write::Opened(..) | Write::Told(..) | Write::Restarted(_) => None,
    });
    let mut finished = finished.peekable();
    if finished.peek().is_none() {
        return Vec::new();
    }
    let closings = records.iter().filter_map(|record| match record {
        Record::Closing(closing) => Some(closing.opening.call),
        Record::Started(_) | Record::Opening(_) => None,
    });
    let passed: HashSet<CallId> = closings.collect();
    finished
        .map(|(key, call)| {
            let summary = &call.summary;
            let usage = summary.usage.clone().unwrap_or_default();
            let tokens = usage.input_tokens.unwrap_or(0).saturating_add(usage.output_tokens.unwrap_or(0));
            let usd_nanos = summary.cost.map_or(0, |cost| u64::try_from(cost.0).unwrap_or(0));
            let origin = if passed.contains(&summary.call) { Origin::Exchange } else { Origin::Derived };
            Settled {
                key,
                call: summary.call,
                started_at: summary.started_at,
                spend: Spend { requests: 1, tokens, usd_nanos },
                origin,
            }
        })
        .collect()
}

/// What the live view is told, if anybody watches.
pub(crate) fn news(live: &LiveCalls, writes: &[Write]) -> Vec<(ProjectScope, CallSummary)> {
    if live.subscribers() == 0 {
        return Vec::new();
    }
    writes
        .iter()
        .filter_map(|write| match write {
            Write::Opened(scope, call) => Some((*scope, (**call).clone())),
            Write::Finished(call) | Write::Told(call, _) => Some((call.scope, call.summary.clone())),
            Write::Restarted(_) => None,
        })
        .collect()
}
