//! Calls as they come.

use std::sync::Arc;

use cp_base::{Outcome, UsdNanos};
use cp_traffic::{CallFilter, CallSummary, LiveEvent, LiveSubscription};
use tokio::sync::watch;

/// What a live tail yields.
#[derive(Clone, Debug, PartialEq)]
pub enum TailEvent {
    /// A call began, or ended: `outcome` tells.
    Call(Arc<CallSummary>),
    /// The reader was too slow and missed so many calls.
    Lagged(u64),
}

/// A subscription to the calls of one project. Ends when the node stops.
#[derive(Debug)]
pub struct Tail {
    pub(crate) calls: LiveSubscription,
    pub(crate) filter: CallFilter,
    pub(crate) stopped: watch::Receiver<bool>,
}

impl Tail {
    /// The next event; `None` when the node stops.
    pub async fn next(&mut self) -> Option<TailEvent> {
        loop {
            let event = tokio::select! {
                event = self.calls.next() => event?,
                _ = self.stopped.wait_for(|stopped| *stopped) => return None,
            };
            match event {
                LiveEvent::Call(call) if matches(&self.filter, &call) => return Some(TailEvent::Call(call)),
                LiveEvent::Call(_) => {}
                LiveEvent::Lagged(missed) => return Some(TailEvent::Lagged(missed)),
            }
        }
    }
}

/// Whether `filter` lets `call` pass. `text` is not looked at: bodies are not in a summary.
#[must_use]
pub fn matches(filter: &CallFilter, call: &CallSummary) -> bool {
    let usage = call.usage.as_ref();
    let tokens = usage.map(|usage| usage.input_tokens.unwrap_or(0) + usage.output_tokens.unwrap_or(0));
    let models = [&call.request_model, &call.response_model];
    equal(filter.provider_name.as_ref(), Some(&call.provider_name))
        && equal(filter.operation_name.as_ref(), call.operation_name.as_ref())
        && equal::<Outcome>(filter.outcome.as_ref(), call.outcome.as_ref())
        && equal(filter.conversation.as_ref(), call.conversation.as_ref())
        && equal(filter.client_fingerprint.as_ref(), call.client_fingerprint.as_ref())
        && filter.source.is_none_or(|source| call.source == source)
        && equal(filter.prompt_version.as_ref(), call.prompt_version.as_ref())
        && filter.model.as_ref().is_none_or(|model| models.contains(&&Some(model.clone())))
        && filter.since.is_none_or(|since| call.started_at >= since)
        && filter.until.is_none_or(|until| call.started_at < until)
        && filter
            .status
            .is_none_or(|(from, to)| call.status.is_some_and(|status| (from..=to).contains(&status)))
        && at_least(filter.min_duration_us, call.duration_us)
        && at_least::<UsdNanos>(filter.min_cost, call.cost)
        && at_least(filter.min_tokens, tokens)
}

fn equal<T: PartialEq>(wanted: Option<&T>, found: Option<&T>) -> bool {
    wanted.is_none() || wanted == found
}

fn at_least<T: PartialOrd>(wanted: Option<T>, found: Option<T>) -> bool {
    wanted.is_none_or(|wanted| found.is_some_and(|found| found >= wanted))
}

#[cfg(test)]
mod tests {
    use cp_base::{CallId, NodeId, Timestamp};
    use cp_genai::{OperationName, Usage};

    use super::*;

    fn call() -> CallSummary {
        CallSummary {
            call: "call_01h455vb4pex5vsknk084sn02q".parse::<CallId>().unwrap(),
            node: "node_01h455vb4pex5vsknk084sn02q".parse::<NodeId>().unwrap(),
            started_at: Timestamp(1_000),
            provider_name: "openai".to_owned(),
            operation_name: Some(OperationName::Chat),
            method: "POST".to_owned(),
            path: "/v1/chat/completions".to_owned(),
            client_fingerprint: Some([1; 16]),
            gateway_key: None,
            source: cp_base::CallSource::Gateway,
            prompt_version: None,
            outcome: Some(Outcome::Completed),
            status: Some(429),
            error_code: None,
            duration_us: Some(5_000),
            time_to_first_chunk_us: None,
            overhead_us: None,
            request_model: Some("asked".to_owned()),
            response_model: Some("answered".to_owned()),
            stream: false,
            finish_reasons: Vec::new(),
            usage: Some(Usage { input_tokens: Some(3), output_tokens: Some(4), ..Usage::default() }),
            cost: None,
            price_list: None,
            billing: cp_traffic::Billing::default(),
            conversation: None,
            request_bytes: 0,
            response_bytes: 0,
        }
    }

    #[test]
    fn each_filter_narrows() {
        let all = CallFilter::default;
        let pass = [
            all(),
            CallFilter { model: Some("asked".to_owned()), ..all() },
            CallFilter { model: Some("answered".to_owned()), ..all() },
            CallFilter { status: Some((400, 499)), min_tokens: Some(7), ..all() },
            CallFilter { since: Some(Timestamp(1_000)), until: Some(Timestamp(1_001)), ..all() },
            CallFilter { outcome: Some(Outcome::Completed), min_duration_us: Some(5_000), ..all() },
        ];
        let stop = [
            CallFilter { provider_name: Some("anthropic".to_owned()), ..all() },
            CallFilter { model: Some("other".to_owned()), ..all() },
            CallFilter { operation_name: Some(OperationName::Embeddings), ..all() },
            CallFilter { status: Some((500, 599)), ..all() },
            CallFilter { min_tokens: Some(8), ..all() },
            CallFilter { min_cost: Some(UsdNanos(0)), ..all() },
            CallFilter { until: Some(Timestamp(1_000)), ..all() },
            CallFilter { client_fingerprint: Some([2; 16]), ..all() },
        ];
        assert!(pass.iter().all(|filter| matches(filter, &call())));
        for filter in &stop {
            assert!(!matches(filter, &call()), "{filter:?}");
        }
    }
}
