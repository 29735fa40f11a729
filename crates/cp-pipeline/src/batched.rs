//! The calls of a batch. Their requests pass in a file or a body, and their answers in another exchange, hours later: the
//! one that fetches them tells both, and becomes as many calls as it holds answers. Fetched again, they are the same calls.
//!
//! Where the exchange is known that carried the requests, each call has its own; where it is not, it has its answer, with
//! the tokens and the cost.

use std::collections::HashMap;

use bytes::Bytes;
use cp_base::{CallId, Digest, Outcome, ProjectScope, SealingKey, Timestamp};
use cp_capture::{Body, Closing, Opening};
use cp_genai::{
    Batch, BatchHandle, BatchRequest, BatchResult, BillingTerms, DecodedCall, batch_of, batch_requests,
    batch_results, fetched_results,
};
use cp_traffic::{BatchRef, FinishedCall, Label, RawBodies, StoreError, Write};
use serde_json::Value;

use crate::consumer::StoreCalls;
use crate::derive::Derived;
use crate::mates::Mates;

/// Metadata by which a call is found. The providers take no more; the sealed document has all of it.
const MAX_LABELS: usize = 16;

/// The handle of an exchange by which another one refers to it.
pub(crate) fn batch_digest(key: &SealingKey, provider: &str, handle: &BatchHandle) -> Digest {
    let [kind, id] = handle.parts();
    key.digest(&[kind.as_bytes(), provider.as_bytes(), id.as_bytes()])
}

/// What a client says of a call, for finding it.
pub(crate) fn labels(headers: &[(String, String)], call: &DecodedCall) -> Vec<Label> {
    let user = call.user.iter().cloned();
    let newer = call.parameters.get("safety_identifier").and_then(Value::as_str).map(str::to_owned);
    let metadata = call.metadata.iter().take(MAX_LABELS).map(|(name, value)| Label::Metadata {
        name: name.clone(),
        value: value.as_str().map_or_else(|| value.to_string(), str::to_owned),
    });
    let parent = headers.iter().find(|(name, _)| name == "traceparent");
    let trace = parent.and_then(|(_, value)| value.split('-').nth(1)).filter(|trace| trace.len() == 32);
    let trace = trace.map(|trace| Label::Trace(trace.to_owned()));
    user.chain(newer).map(Label::User).chain(metadata).chain(trace).collect()
}

/// An exchange that had to do with a batch.
struct Exchange {
    call: CallId,
    started_at: Timestamp,
    bodies: RawBodies,
}

/// What is known of a batch whose answers were fetched.
struct Fetched<'a> {
    opening: &'a Opening,
    handle: BatchHandle,
    batch: Option<Batch>,
    made_at: Option<Timestamp>,
    sent_by: Option<CallId>,
    requests: HashMap<String, BatchRequest>,
}

impl StoreCalls {
    /// The calls whose answers the exchange fetched; none, where it fetched none. Beside the store, `earlier` is what there
    /// is to be found.
    pub(crate) async fn batched(
        &self,
        opening: &Opening,
        fetch: &FinishedCall,
        mates: &mut Mates,
        earlier: &[Write],
    ) -> Result<Vec<FinishedCall>, StoreError> {
        let Some(RawBodies { response, .. }) = &fetch.raw else { return Ok(Vec::new()) };
        let Some(handle) = fetched_results(&opening.method, &opening.path, response) else {
            return Ok(Vec::new());
        };
        let mut results = batch_results(response).peekable();
        if results.peek().is_none() {
            return Ok(Vec::new());
        }
        let fetched = self.fetched(opening, response, handle, (&*mates, earlier)).await?;
        let key = &self.traffic.hashing_key(fetch.scope)?;
        let mut calls = Vec::new();
        for result in results {
            let custom_id = result.custom_id.clone();
            let request = fetched.requests.get(&custom_id);
            let closing = fetched.closing(key, request, result);
            let terms = |call: &mut DecodedCall| BillingTerms::of(call).in_batch();
            let mut derived = self.deriver.finished_on(fetch.scope, key, &closing, terms);
            fetched.tell(key, &mut derived, custom_id, request.is_some());
            calls.push(self.threaded(derived, mates).await?);
        }
        Ok(calls)
    }

    async fn fetched<'a>(
        &self,
        opening: &'a Opening,
        response: &[u8],
        handle: BatchHandle,
        (mates, earlier): (&Mates, &[Write]),
    ) -> Result<Fetched<'a>, StoreError> {
        let find = |handle: BatchHandle| self.exchange(opening, handle, mates, earlier);
        let told = find(handle.clone()).await?;
        let batch = batch_of(response, &handle)
            .or_else(|| told.as_ref().and_then(|told| batch_of(&told.bodies.response, &handle)));
        let made = match (&handle, &batch) {
            (BatchHandle::Batch(_), _) => told,
            (BatchHandle::File(_), Some(batch)) => find(BatchHandle::Batch(batch.id.clone())).await?,
            (BatchHandle::File(_), None) => None,
        };
        let seconds = batch.as_ref().and_then(|batch| batch.created_at);
        let made_at = seconds.map(|seconds| Timestamp(seconds.saturating_mul(1_000_000)));
        let made_at = made_at.or_else(|| made.as_ref().map(|made| made.started_at));
        let sent = match batch.as_ref().and_then(|batch| batch.input_file_id.clone()) {
            Some(file) => find(BatchHandle::File(file)).await?,
            None => made,
        };
        let requests = sent.as_ref().map(|sent| batch_requests(&sent.bodies.request)).unwrap_or_default();
        let sent_by = sent.map(|sent| sent.call);
        Ok(Fetched { opening, handle, batch, made_at, sent_by, requests })
    }

    /// The latest exchange before this one that goes by the handle.
    async fn exchange(
        &self,
        opening: &Opening,
        handle: BatchHandle,
        mates: &Mates,
        earlier: &[Write],
    ) -> Result<Option<Exchange>, StoreError> {
        let scope = crate::derive::scope(opening);
        let digest = batch_digest(&self.traffic.hashing_key(scope)?, &opening.provider, &handle);
        let Some(found) = self.named(scope, digest, opening.call, mates).await? else { return Ok(None) };
        let here = earlier.iter().find_map(|write| match write {
            Write::Finished(call) if call.summary.call == found.call => {
                Some((call.summary.started_at, call.raw.clone()))
            }
            _ => None,
        });
        let (started_at, bodies) = match here {
            Some(here) => here,
            None => match self.stored(scope, found.call).await? {
                Some(stored) => stored,
                None => return Ok(None),
            },
        };
        Ok(bodies.map(|bodies| Exchange { call: found.call, started_at, bodies }))
    }

    async fn stored(
        &self,
        scope: ProjectScope,
        call: CallId,
    ) -> Result<Option<(Timestamp, Option<RawBodies>)>, StoreError> {
        let stored = self.traffic.find_call(scope, call).await?;
        Ok(stored.map(|stored| (stored.summary.started_at, stored.raw)))
    }
}

impl Fetched<'_> {
    /// The exchange that the request would have been, had it been sent alone.
    fn closing(&self, key: &SealingKey, request: Option<&BatchRequest>, result: BatchResult) -> Closing {
        let BatchResult { custom_id, path, status, body } = result;
        let path = path.map(str::to_owned).or_else(|| request?.path.clone());
        let path = path.or_else(|| self.batch.clone().unwrap_or_default().path_of(&body));
        let started_at = self.made_at.unwrap_or(self.opening.started_at);
        let opening = Opening {
            call: self.call(key, &custom_id),
            started_at,
            method: "POST".to_owned(),
            path: path.unwrap_or_else(|| self.opening.path.clone()),
            query: None,
            headers: Vec::new(),
            ..self.opening.clone()
        };
        let request = request.map_or_else(|| "{}".to_owned(), |request| request.body.clone());
        Closing {
            opening,
            prompt_version: None,
            outcome: if status.is_some() { Outcome::Completed } else { Outcome::UpstreamError },
            ended_at: started_at,
            duration_us: 0,
            time_to_first_chunk_us: None,
            overhead_us: 0,
            status,
            error: None,
            headers: Vec::new(),
            request: whole(request),
            response: whole(body),
        }
    }

    /// The same call whenever its answer is fetched, and whatever is known of the batch by then: of a file that may change,
    /// and so these ids tell no time.
    fn call(&self, key: &SealingKey, custom_id: &str) -> CallId {
        let [kind, id] = self.handle.parts();
        let parts = [self.opening.provider.as_str(), kind, id, custom_id].map(str::as_bytes);
        let [provider, kind, id, custom_id] = parts;
        let digest = key.digest(&[b"call of a batch", provider, kind, id, custom_id]);
        let made_at = self.made_at.filter(|_| matches!(self.handle, BatchHandle::Batch(_)));
        CallId::derived(made_at.unwrap_or(Timestamp(0)), &digest)
    }

    /// Adds where the call came from; takes away what only an exchange of its own would have.
    fn tell(&self, key: &SealingKey, derived: &mut Derived, custom_id: String, has_request: bool) {
        let call = &mut derived.call;
        (call.summary.duration_us, call.summary.overhead_us) = (None, None);
        let batch_id = match (&self.batch, &self.handle) {
            (Some(batch), _) => Some(batch.id.clone()),
            (None, BatchHandle::Batch(id)) => Some(id.clone()),
            (None, BatchHandle::File(_)) => None,
        };
        call.handles.extend(batch_id.clone().map(|id| Label::Batch(id).digest(key)));
        if !has_request {
            let warning =
                "The request is not known: what carried it did not pass here, or was captured in part.";
            call.document.decoded.warnings.push(warning.to_owned());
        }
        let sent_by = self.sent_by.filter(|_| has_request);
        let fetched_by = self.opening.call;
        call.document.batch = Some(BatchRef { batch_id, custom_id, sent_by, fetched_by });
    }
}

pub(crate) fn whole(text: String) -> Body {
    Body { total_bytes: text.len() as u64, pieces: vec![Bytes::from(text)] }
}
