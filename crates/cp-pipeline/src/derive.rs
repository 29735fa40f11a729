//! From a closing record to a call: everything that needs no store.

use std::collections::BTreeMap;

use cp_base::{Digest, ProjectScope, SealingKey};
use cp_capture::{Body, Closing, Opening, decode_body};
use cp_genai::{BillingTerms, DecodedCall, Exchange, PriceBook, Priced, Unpriced, batch_handles};
use cp_traffic::{
    Billing, CallDocument, CallMessages, CallSummary, ChainParent, FinishedCall, Label, RawBodies,
};

use crate::batched::{batch_digest, labels};
use crate::thread::{Chain, Named};

/// What a captured body may unfold to.
pub(crate) const MAX_DECODED_BYTES: usize = 64 * 1024 * 1024;
/// The same of a compressed body: a small one may unfold to this, and read as JSON takes some forty times as much memory.
const MAX_UNFOLDED_BYTES: usize = 16 * 1024 * 1024;

/// Which price list applies to the calls of each provider, by the provider's name.
pub type PriceLists = BTreeMap<String, String>;

/// What the derivation knows beside the record.
#[derive(Debug)]
pub(crate) struct Deriver {
    pub(crate) price_lists: PriceLists,
    pub(crate) prices: PriceBook,
}

/// A call, and its message chain, which says to which conversation it belongs.
#[derive(Debug)]
pub(crate) struct Derived {
    pub(crate) call: FinishedCall,
    pub(crate) chain: Chain,
    /// What it continues, in the provider's own terms.
    pub(crate) continues: Option<Digest>,
    /// What it continues, where that is known already.
    pub(crate) parent: Option<ChainParent>,
}

impl Deriver {
    /// The call as far as it can be told from its records. Never fails: what cannot be read is kept raw.
    pub(crate) fn finished(&self, scope: ProjectScope, key: &SealingKey, closing: &Closing) -> Derived {
        self.finished_on(scope, key, closing, |call| BillingTerms::of(call))
    }

    /// The same, on billing terms of the caller's choice, who may also add what another exchange says of the call.
    pub(crate) fn finished_on(
        &self,
        scope: ProjectScope,
        key: &SealingKey,
        closing: &Closing,
        terms: impl FnOnce(&mut DecodedCall) -> BillingTerms,
    ) -> Derived {
        let Read { mut decoded, request, response, truncated } = read_call(closing);
        let terms = terms(&mut decoded);
        let priced = self.price(closing, &decoded, &terms);
        let summary = summary(closing, &decoded, terms, priced);
        let messages = CallMessages {
            input: std::mem::take(&mut decoded.input_messages),
            output: std::mem::take(&mut decoded.output_messages),
        };
        let chain = Chain::of(key, closing.opening.client_fingerprint, &messages);
        let mut named = Named::of(key, &closing.opening, &decoded, &messages);
        let Opening { provider, method, path, headers, .. } = &closing.opening;
        if decoded.operation_name.is_none() {
            let handles = batch_handles(method, path, &response);
            named.handles.extend(handles.iter().map(|handle| batch_digest(key, provider, handle)));
        }
        let labels = labels(headers, &decoded);
        named.handles.extend(labels.iter().map(|label| label.digest(key)));
        let users = labels.iter().filter(|label| matches!(label, Label::User(_)));
        let users = users.map(|label| label.digest(key)).collect();
        let readable = decoded.operation_name.is_some() && decoded.warnings.is_empty();
        let document = CallDocument {
            query: closing.opening.query.clone(),
            request_headers: closing.opening.headers.clone(),
            response_headers: closing.headers.clone(),
            decoded,
            truncated,
            batch: None,
            capture: closing.opening.capture,
        };
        let raw = (!readable).then_some(RawBodies { request, response });
        let call = FinishedCall {
            scope,
            summary,
            chain_tip: chain.tip(),
            handles: named.handles.into_iter().chain(chain.choices().iter().copied()).collect(),
            users,
            parent: None,
            document,
            messages,
            raw,
        };
        Derived { call, chain, continues: named.continues, parent: None }
    }

    fn price(
        &self,
        closing: &Closing,
        decoded: &DecodedCall,
        terms: &BillingTerms,
    ) -> Result<Priced, Unpriced> {
        let Opening { provider, started_at, .. } = &closing.opening;
        let list = self.price_lists.get(provider).map_or(provider.as_str(), String::as_str);
        self.prices.price_call(list, *started_at, decoded, terms).map_err(|why| match why {
            // The answer may be one of ours, without an error of the provider.
            Unpriced::NoUsage if closing.status.is_some_and(|status| status >= 400) => Unpriced::Failed,
            why => why,
        })
    }
}

/// What the bodies of a call say, with its tokens counted where the provider counted none. Never fails.
#[must_use]
pub fn decode_call(closing: &Closing) -> DecodedCall {
    read_call(closing).decoded
}

/// A call that was read, and the bodies that it was read from.
struct Read {
    decoded: DecodedCall,
    request: Vec<u8>,
    response: Vec<u8>,
    truncated: bool,
}

fn read_call(closing: &Closing) -> Read {
    let request = read(&closing.request, &closing.opening.headers);
    let response = read(&closing.response, &closing.headers);
    let mut decoded = decode(closing, &request, &response);
    decoded.warnings.extend(request.problem.into_iter().map(|problem| format!("request: {problem}")));
    decoded.warnings.extend(response.problem.into_iter().map(|problem| format!("response: {problem}")));
    let truncated = closing.request.is_truncated() || closing.response.is_truncated();
    if !truncated {
        cp_genai::estimate_usage(&mut decoded);
    }
    Read { decoded, request: request.bytes, response: response.bytes, truncated }
}

fn decode(closing: &Closing, request: &ReadBody, response: &ReadBody) -> DecodedCall {
    cp_genai::decode(&Exchange {
        method: &closing.opening.method,
        path: &closing.opening.path,
        status: closing.status,
        request: &request.bytes,
        response: &response.bytes,
        response_content_type: header(&closing.headers, "content-type"),
        request_complete: request.complete,
        response_complete: response.complete,
    })
}

/// The log's word for the tenant: the gateway wrote it from a granted scope.
pub(crate) fn scope(opening: &Opening) -> ProjectScope {
    ProjectScope::grant(opening.org, opening.project)
}

/// The columns of a call that is still under way.
pub(crate) fn columns(opening: &Opening) -> CallSummary {
    CallSummary {
        call: opening.call,
        node: opening.node,
        started_at: opening.started_at,
        provider_name: opening.provider.clone(),
        operation_name: None,
        method: opening.method.clone(),
        path: opening.path.clone(),
        client_fingerprint: opening.client_fingerprint,
        gateway_key: opening.gateway_key,
        source: opening.source,
        prompt_version: None,
        outcome: None,
        status: None,
        error_code: None,
        duration_us: None,
        time_to_first_chunk_us: None,
        overhead_us: None,
        request_model: None,
        response_model: None,
        stream: false,
        finish_reasons: Vec::new(),
        usage: None,
        cost: None,
        price_list: None,
        billing: Billing::default(),
        conversation: None,
        request_bytes: 0,
        response_bytes: 0,
    }
}

fn summary(
    closing: &Closing,
    decoded: &DecodedCall,
    terms: BillingTerms,
    priced: Result<Priced, Unpriced>,
) -> CallSummary {
    let (cost, price_list, billing) = Billing::new(terms, priced);
    CallSummary {
        operation_name: decoded.operation_name,
        outcome: Some(closing.outcome),
        prompt_version: closing.prompt_version,
        status: closing.status,
        error_code: closing.error.clone(),
        duration_us: Some(closing.duration_us),
        time_to_first_chunk_us: closing.time_to_first_chunk_us,
        overhead_us: Some(closing.overhead_us),
        request_model: decoded.request_model.clone(),
        response_model: decoded.response_model.clone(),
        stream: decoded.stream,
        finish_reasons: decoded.finish_reasons.clone(),
        usage: decoded.usage.clone(),
        cost,
        price_list,
        billing,
        request_bytes: closing.request.total_bytes,
        response_bytes: closing.response.total_bytes,
        ..columns(&closing.opening)
    }
}

/// A captured body, its content encoding undone.
struct ReadBody {
    bytes: Vec<u8>,
    complete: bool,
    problem: Option<String>,
}

fn read(body: &Body, headers: &[(String, String)]) -> ReadBody {
    let encoding = header(headers, "content-encoding");
    let limit = if encoding.is_some() { MAX_UNFOLDED_BYTES } else { MAX_DECODED_BYTES };
    let decoded = decode_body(body, encoding, limit);
    ReadBody {
        bytes: decoded.bytes,
        complete: decoded.complete && !body.is_truncated(),
        problem: decoded.problem,
    }
}

pub(crate) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}
