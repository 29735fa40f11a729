//! Calls that clients tell of. A record holds a piece of what is told; it is redacted like a call that passed, and laid over
//! what is stored, or was told in the same stretch of the log.
//!
//! What is told has no exchange: its conversation is the client's session, or else the client's trace, and it costs what the
//! client says, or else what the price lists say.

use cp_base::{CallId, ConversationId, Digest, Outcome, SealingKey, Timestamp, UsdNanos};
use cp_capture::Closing;
use cp_genai::{BillingTerms, CostByKind, Observation, OperationName};
use cp_traffic::{
    Billing, CallDocument, CallMessages, CallSummary, FinishedCall, Label, StoreError, Told, Write,
};

use crate::batched::labels;
use crate::consumer::StoreCalls;
use crate::derive::{Deriver, columns, scope};

/// The name of the price list of calls whose clients say what they cost.
const BY_CLIENT: &str = "client";
/// The provider of calls whose clients do not say.
const UNKNOWN: &str = "unknown";

impl StoreCalls {
    /// The call with what the record tells of it. Takes the place of what `earlier` holds of it.
    pub(crate) async fn told(
        &self,
        closing: &Closing,
        earlier: &mut Vec<Write>,
    ) -> Result<Write, StoreError> {
        let scope = scope(&closing.opening);
        let key = self.traffic.hashing_key(scope)?;
        let body = closing.request.pieces.concat();
        let observation: Observation = serde_json::from_slice(&body).unwrap_or_else(|error| {
            tracing::error!(%error, "what a client told of a call is not to be read");
            Observation::default()
        });
        let piece = self.privacy.told(&closing.opening, piece(&key, closing, &observation))?;
        let (base, told) = match take(earlier, closing.opening.call) {
            Some(here) => here,
            None => {
                let (told, stored) = self.traffic.find_told(scope, closing.opening.call).await?;
                (stored, told)
            }
        };
        let mut call = match base {
            Some(base) => laid_over(base, piece, &observation),
            None => piece,
        };
        self.deriver.price_told(&mut call);
        Ok(Write::Told(Box::new(call), told))
    }
}

/// Takes out what is to be written of a call already.
fn take(earlier: &mut Vec<Write>, call: CallId) -> Option<(Option<FinishedCall>, Told)> {
    let place = earlier
        .iter()
        .position(|write| matches!(write, Write::Told(known, _) if known.summary.call == call))?;
    match earlier.remove(place) {
        Write::Told(known, told) => Some((Some(*known), told)),
        _ => None,
    }
}

/// By what a call is found, and whom it names.
fn names(key: &SealingKey, document: &CallDocument) -> (Vec<Digest>, Vec<Digest>) {
    let mut labels = labels(&[], &document.decoded);
    let said = |name: &str| document.decoded.metadata.get(name).and_then(|value| value.as_str());
    labels.extend(said("session").map(|session| Label::Session(session.to_owned())));
    labels.extend(said("trace").map(|trace| Label::Trace(trace.to_owned())));
    let users = labels.iter().filter(|label| matches!(label, Label::User(_)));
    let users = users.map(|label| label.digest(key)).collect();
    (labels.iter().map(|label| label.digest(key)).collect(), users)
}

/// What the record alone says.
fn piece(key: &SealingKey, closing: &Closing, told: &Observation) -> FinishedCall {
    let mut decoded = told.decode();
    if let Some(trace) = &told.trace {
        decoded.metadata.insert("trace".to_owned(), trace.clone().into());
    }
    let messages = CallMessages {
        input: std::mem::take(&mut decoded.input_messages),
        output: std::mem::take(&mut decoded.output_messages),
    };
    let length =
        |value: &Option<serde_json::Value>| value.as_ref().map_or(0, |value| value.to_string().len() as u64);
    let summary = CallSummary {
        started_at: told.started_at.unwrap_or(closing.opening.started_at),
        provider_name: told.provider.clone().unwrap_or_else(|| UNKNOWN.to_owned()),
        operation_name: Some(told.operation.unwrap_or(OperationName::Chat)),
        outcome: Some(outcome(told)),
        prompt_version: closing.prompt_version,
        duration_us: between(told.started_at, told.ended_at),
        time_to_first_chunk_us: between(told.started_at, told.first_chunk_at),
        request_model: decoded.request_model.clone(),
        response_model: decoded.response_model.clone(),
        stream: told.first_chunk_at.is_some(),
        finish_reasons: decoded.finish_reasons.clone(),
        usage: decoded.usage.clone(),
        cost: told.cost_usd_nanos.map(UsdNanos),
        price_list: told.cost_usd_nanos.map(|_| BY_CLIENT.to_owned()),
        conversation: conversation(key, told),
        request_bytes: length(&told.input),
        response_bytes: length(&told.output),
        ..columns(&closing.opening)
    };
    decoded.operation_name = summary.operation_name;
    let document = CallDocument { decoded, capture: closing.opening.capture, ..CallDocument::default() };
    let (handles, users) = names(key, &document);
    let scope = scope(&closing.opening);
    FinishedCall {
        scope,
        summary,
        chain_tip: None,
        handles,
        users,
        parent: None,
        document,
        messages,
        raw: None,
    }
}

fn outcome(told: &Observation) -> Outcome {
    if told.error.is_some() { Outcome::UpstreamError } else { Outcome::Completed }
}

fn between(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<u64> {
    u64::try_from(to?.0.checked_sub(from?.0)?).ok()
}

/// The calls of a session are a conversation; without one, those of a trace.
fn conversation(key: &SealingKey, told: &Observation) -> Option<ConversationId> {
    let (kind, id) = match (&told.session, &told.trace) {
        (Some(session), _) => (b"session".as_slice(), session),
        (None, Some(trace)) => (b"trace".as_slice(), trace),
        (None, None) => return None,
    };
    Some(ConversationId::derived(Timestamp(0), &key.digest(&[b"told conversation", kind, id.as_bytes()])))
}

/// The call with a later piece over it. What the piece does not tell stays.
fn laid_over(base: FinishedCall, piece: FinishedCall, told: &Observation) -> FinishedCall {
    let summary = summary_over(&base.summary, &piece.summary, told);
    let (mut document, later) = (base.document, piece.document.decoded);
    let decoded = &mut document.decoded;
    decoded.operation_name = summary.operation_name;
    decoded.parameters.extend(later.parameters);
    decoded.metadata.extend(later.metadata);
    over(&mut decoded.request_model, later.request_model);
    over(&mut decoded.response_model, later.response_model);
    over(&mut decoded.response_id, later.response_id);
    over(&mut decoded.usage, later.usage);
    over(&mut decoded.error, later.error);
    over(&mut decoded.user, later.user);
    longer(&mut decoded.system_instructions, later.system_instructions);
    longer(&mut decoded.tool_definitions, later.tool_definitions);
    longer(&mut decoded.finish_reasons, later.finish_reasons);
    longer(&mut decoded.warnings, later.warnings);
    document.capture = piece.document.capture;
    let mut messages = base.messages;
    longer(&mut messages.input, piece.messages.input);
    longer(&mut messages.output, piece.messages.output);
    let (mut handles, mut users) = (base.handles, base.users);
    handles.extend(piece.handles);
    users.extend(piece.users);
    for digests in [&mut handles, &mut users] {
        digests.sort_unstable();
        digests.dedup();
    }
    FinishedCall { summary, handles, users, document, messages, raw: None, ..base }
}

fn summary_over(base: &CallSummary, piece: &CallSummary, told: &Observation) -> CallSummary {
    let mut summary = base.clone();
    let ended_at = told.ended_at.or_else(|| after(base.started_at, base.duration_us));
    let first_at = told.first_chunk_at.or_else(|| after(base.started_at, base.time_to_first_chunk_us));
    summary.started_at = told.started_at.unwrap_or(base.started_at);
    summary.duration_us = between(Some(summary.started_at), ended_at);
    summary.time_to_first_chunk_us = between(Some(summary.started_at), first_at);
    summary.stream |= piece.stream;
    over(&mut summary.prompt_version, piece.prompt_version);
    if told.provider.is_some() {
        summary.provider_name.clone_from(&piece.provider_name);
    }
    if told.operation.is_some() {
        summary.operation_name = piece.operation_name;
    }
    if told.error.is_some() {
        summary.outcome = piece.outcome;
    }
    // The session is the better word.
    if told.session.is_some() || summary.conversation.is_none() {
        over(&mut summary.conversation, piece.conversation);
    }
    over(&mut summary.request_model, piece.request_model.clone());
    over(&mut summary.response_model, piece.response_model.clone());
    over(&mut summary.usage, piece.usage.clone());
    over(&mut summary.cost, piece.cost);
    over(&mut summary.price_list, piece.price_list.clone());
    longer(&mut summary.finish_reasons, piece.finish_reasons.clone());
    summary.request_bytes = if told.input.is_some() { piece.request_bytes } else { base.request_bytes };
    summary.response_bytes = if told.output.is_some() { piece.response_bytes } else { base.response_bytes };
    summary
}

fn after(at: Timestamp, duration_us: Option<u64>) -> Option<Timestamp> {
    Some(Timestamp(at.0.checked_add(i64::try_from(duration_us?).ok()?)?))
}

fn over<T>(place: &mut Option<T>, later: Option<T>) {
    if later.is_some() {
        *place = later;
    }
}

fn longer<T>(place: &mut Vec<T>, later: Vec<T>) {
    if !later.is_empty() {
        *place = later;
    }
}

impl Deriver {
    /// Gives a call its cost and its tokens, where its client did not say.
    fn price_told(&self, call: &mut FinishedCall) {
        let summary = &mut call.summary;
        if summary.price_list.as_deref() == Some(BY_CLIENT) {
            let by_kind = CostByKind { input: summary.cost.unwrap_or_default(), ..CostByKind::default() };
            summary.billing = Billing { by_kind, ..Billing::default() };
            return;
        }
        let decoded = &mut call.document.decoded;
        let terms = BillingTerms::of(decoded);
        let provider = &summary.provider_name;
        let list = self.price_lists.get(provider).map_or(provider.as_str(), String::as_str);
        let priced = self.prices.price_call(list, summary.started_at, decoded, &terms);
        (summary.cost, summary.price_list, summary.billing) = Billing::new(terms, priced);
    }
}
