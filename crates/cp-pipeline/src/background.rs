//! Responses made in the background: the call that creates one is answered before there is anything to count, and the
//! exchange that fetches its end tells output and usage. That exchange becomes one more call, of the same conversation,
//! with the request of the one and the answer of the other.
//!
//! Fetched again, it is the same call. None becomes of a response whose tokens its creating call has: it was made while the client
//! waited, or streamed to its end.

use cp_base::{CallId, Digest, Outcome, ProjectScope, SealingKey, Timestamp};
use cp_capture::{Closing, Opening};
use cp_genai::{BillingTerms, DecodedCall, Message, ResponseFetch};
use cp_traffic::{BatchRef, CallSummary, ChainParent, FinishedCall, StoreError, Write};
use serde_json::Value;

use crate::batched::whole;
use crate::consumer::StoreCalls;
use crate::derive::{Derived, decode_call, scope};
use crate::mates::Mates;
use crate::thread::response_digest;

/// The call that created a response.
struct Creating {
    place: ChainParent,
    summary: CallSummary,
    decoded: DecodedCall,
    input: Vec<Message>,
    traceparent: Option<(String, String)>,
}

impl StoreCalls {
    /// The call whose answer the exchange fetched; none, where it fetched none or the answer has been counted. Beside the
    /// store, `earlier` is what there is to be found.
    pub(crate) async fn fetched_response(
        &self,
        fetch: &Closing,
        mates: &mut Mates,
        earlier: &[Write],
    ) -> Result<Option<FinishedCall>, StoreError> {
        let opening = &fetch.opening;
        let Some(asked) = ResponseFetch::of(&opening.method, &opening.path) else { return Ok(None) };
        let scope = scope(opening);
        let key = self.traffic.hashing_key(scope)?;
        let mut alone = alone(&key, fetch, asked);
        let told = decode_call(&alone);
        if !told.is_accounted() || told.response_id.as_deref() != Some(asked.id) {
            return Ok(None);
        }
        let handle = response_digest(&key, &opening.provider, asked.id);
        let creating = match self.named(scope, handle, opening.call, mates).await? {
            Some(place) => self.creating(scope, place, earlier).await?,
            None => None,
        };
        let is_counted = match &creating {
            Some(creating) => creating.summary.usage.is_some(),
            None => !told.in_background(),
        };
        if is_counted {
            return Ok(None);
        }
        place(&mut alone.opening, creating.as_ref(), &told);
        let derived = self.deriver.finished_on(scope, &key, &alone, |call| {
            match &creating {
                Some(creating) => creating.ask(call),
                None => ask_as_told(call),
            }
            BillingTerms::of(call)
        });
        let derived = with_origin(derived, creating.as_ref(), opening.call, asked.id);
        self.threaded(derived, mates).await.map(Some)
    }

    async fn creating(
        &self,
        scope: ProjectScope,
        place: ChainParent,
        earlier: &[Write],
    ) -> Result<Option<Creating>, StoreError> {
        let here = earlier.iter().find_map(|write| match write {
            Write::Finished(call) if call.summary.call == place.call => {
                Some((call.summary.clone(), call.document.clone(), call.messages.input.clone()))
            }
            _ => None,
        });
        let found = match here {
            Some(here) => Some(here),
            None => self
                .traffic
                .find_call(scope, place.call)
                .await?
                .and_then(|stored| Some((stored.summary, stored.document?, stored.messages.input))),
        };
        Ok(found.map(|(summary, document, input)| {
            let mut headers = document.request_headers.into_iter();
            let traceparent = headers.find(|(name, _)| name == "traceparent");
            Creating { place, summary, decoded: document.decoded, input, traceparent }
        }))
    }
}

impl Creating {
    /// Puts what it asked for beside what was answered.
    fn ask(&self, call: &mut DecodedCall) {
        let asked = self.decoded.clone();
        call.operation_name = asked.operation_name;
        call.request_model = asked.request_model;
        call.stream = asked.stream;
        call.parameters = asked.parameters;
        call.system_instructions = asked.system_instructions;
        call.tool_definitions = asked.tool_definitions;
        call.user = asked.user;
        if call.response_extra.get("metadata").and_then(Value::as_object) == Some(&asked.metadata) {
            call.response_extra.remove("metadata");
        }
        call.metadata = asked.metadata;
        call.output_messages.retain(|message| message.role != USER);
        call.input_messages.clone_from(&self.input);
    }
}

/// What Google's answers repeat of the input, where the client asks for it.
const USER: &str = "user";

/// Of a request that is not known, what the answer says of it.
fn ask_as_told(call: &mut DecodedCall) {
    let messages = std::mem::take(&mut call.output_messages);
    (call.input_messages, call.output_messages) =
        messages.into_iter().partition(|message| message.role == USER);
    if let Some(Value::Object(metadata)) = call.response_extra.remove("metadata") {
        call.metadata = metadata;
    }
}

/// The exchange that it would have been, had the client waited.
fn alone(key: &SealingKey, fetch: &Closing, asked: ResponseFetch<'_>) -> Closing {
    let opening = Opening {
        call: call_id(key, &fetch.opening.provider, asked.id),
        method: "POST".to_owned(),
        path: asked.created_at.to_owned(),
        query: None,
        headers: Vec::new(),
        ..fetch.opening.clone()
    };
    Closing {
        opening,
        outcome: Outcome::Completed,
        error: None,
        duration_us: 0,
        time_to_first_chunk_us: None,
        overhead_us: 0,
        request: whole("{}".to_owned()),
        ..fetch.clone()
    }
}

/// The same call whenever and wherever its answer is fetched, and whatever is known of its request by then. The id tells no time:
/// not every answer does.
fn call_id(key: &SealingKey, provider: &str, response: &str) -> CallId {
    let digest: Digest = key.digest(&[b"call of a response", provider.as_bytes(), response.as_bytes()]);
    CallId::derived(Timestamp(0), &digest)
}

/// When the call began, and whose it is: those of the call that created it, or what the answer tells.
fn place(opening: &mut Opening, creating: Option<&Creating>, told: &DecodedCall) {
    if let Some(creating) = creating {
        opening.started_at = creating.summary.started_at;
        opening.client_fingerprint = creating.summary.client_fingerprint;
        opening.headers.extend(creating.traceparent.clone());
    } else if let Some(seconds) = told.response_extra.get("created_at").and_then(Value::as_i64) {
        opening.started_at = Timestamp(seconds.saturating_mul(1_000_000));
    }
}

/// Adds where the call came from; takes away what only an exchange of its own would have.
fn with_origin(
    mut derived: Derived,
    creating: Option<&Creating>,
    fetched_by: CallId,
    response: &str,
) -> Derived {
    let call = &mut derived.call;
    (call.summary.duration_us, call.summary.overhead_us) = (None, None);
    call.summary.request_bytes = creating.map_or(0, |creating| creating.summary.request_bytes);
    if creating.is_none() {
        let warning = "The request is not known: what created the response did not pass here.";
        call.document.decoded.warnings.push(warning.to_owned());
    }
    let sent_by = creating.map(|creating| creating.summary.call);
    let custom_id = response.to_owned();
    call.document.batch = Some(BatchRef { batch_id: None, custom_id, sent_by, fetched_by });
    derived.parent = creating.map(|creating| creating.place);
    derived
}
