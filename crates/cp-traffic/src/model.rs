//! What is stored of a call and what is read back.

use cp_base::{
    CallId, CallSource, CaptureMark, ConversationId, Digest, GatewayKeyId, NodeId, Outcome, ProjectScope,
    PromptVersionId, Timestamp, UsdNanos,
};
use cp_genai::{BillingTerms, CostByKind, DecodedCall, Message, OperationName, Priced, Unpriced, Usage};

use crate::Label;

/// The columns of a call: what lists show and filters test. Nothing here was written by a person or a model.
#[derive(Clone, Debug, PartialEq)]
pub struct CallSummary {
    /// The call.
    pub call: CallId,
    /// The gateway node that served it.
    pub node: NodeId,
    /// When the request's head was read.
    pub started_at: Timestamp,
    /// The provider's name: the first segment of the gateway's path.
    pub provider_name: String,
    /// The kind of call; absent for an opaque one.
    pub operation_name: Option<OperationName>,
    /// The HTTP method.
    pub method: String,
    /// The path at the provider, without the query.
    pub path: String,
    /// Keyed fingerprint of the client's credential.
    pub client_fingerprint: Option<[u8; 16]>,
    /// The gateway key that it came with.
    pub gateway_key: Option<GatewayKeyId>,
    /// How this program knows of it.
    pub source: CallSource,
    /// The version of a prompt that it was made from, where that is known.
    pub prompt_version: Option<PromptVersionId>,
    /// How it ended; absent while it runs.
    pub outcome: Option<Outcome>,
    /// The HTTP status that the client saw.
    pub status: Option<u16>,
    /// The gateway's error code, such as `upstream_unreachable`.
    pub error_code: Option<String>,
    /// From head to end.
    pub duration_us: Option<u64>,
    /// From head to the first byte of the response's body.
    pub time_to_first_chunk_us: Option<u64>,
    /// Time spent in the gateway.
    pub overhead_us: Option<u64>,
    /// The model asked for.
    pub request_model: Option<String>,
    /// The model that answered.
    pub response_model: Option<String>,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// Why the provider stopped.
    pub finish_reasons: Vec<String>,
    /// Tokens.
    pub usage: Option<Usage>,
    /// Price of tokens and fees, rounded once.
    pub cost: Option<UsdNanos>,
    /// The price list that it was priced with.
    pub price_list: Option<String>,
    /// What the cost is made of, or why there is none.
    pub billing: Billing,
    /// Its conversation.
    pub conversation: Option<ConversationId>,
    /// Bytes of the request's body that passed.
    pub request_bytes: u64,
    /// Bytes of the response's body that passed.
    pub response_bytes: u64,
}

/// What a cost is made of, and everything but the usage that is needed to compute it again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Billing {
    /// Service tier, modalities, uses of tools.
    pub terms: BillingTerms,
    /// The parts of the cost; zeros without one.
    pub by_kind: CostByKind,
    /// Why there is no cost, as [`Unpriced`] says it. Absent with a cost, while the call runs, and for calls that were
    /// lost.
    pub unpriced: Option<String>,
}

impl Billing {
    /// Cost, price list and billing of a call.
    #[must_use]
    pub fn new(
        terms: BillingTerms,
        priced: Result<Priced, Unpriced>,
    ) -> (Option<UsdNanos>, Option<String>, Self) {
        match priced {
            Ok(Priced { cost, by_kind, list }) => {
                (Some(cost), Some(list), Self { terms, by_kind, unpriced: None })
            }
            Err(why) => {
                (None, None, Self { terms, by_kind: CostByKind::default(), unpriced: Some(why.to_string()) })
            }
        }
    }
}

/// Everything that is stored of a call that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct FinishedCall {
    /// The tenant.
    pub scope: ProjectScope,
    /// The columns.
    pub summary: CallSummary,
    /// Hash of the message chain up to and with the answer; absent without messages.
    pub chain_tip: Option<Digest>,
    /// By what it is found: keyed digests of the provider's ids by which later calls name it, and of its labels.
    pub handles: Vec<Digest>,
    /// The end users that it names, by the digests of their labels: what it says is theirs. At most two count.
    pub users: Vec<Digest>,
    /// The call whose conversation it continues, as [`find_chain_parent`](crate::TrafficStore::find_chain_parent) told.
    pub parent: Option<CallId>,
    /// Everything that a person or a model wrote, and all that is shown of one call only. Sealed.
    pub document: CallDocument,
    /// Messages; like the document's system instructions and tool definitions they are stored content-addressed.
    pub messages: CallMessages,
    /// Raw bodies, where the messages do not say it all: opaque calls, and those that did not decode. Sealed.
    pub raw: Option<RawBodies>,
}

/// The sealed part of a call: a stored document, with a format version.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct CallDocument {
    /// The query of the request, credentials redacted.
    pub query: Option<String>,
    /// Request headers kept.
    pub request_headers: Vec<(String, String)>,
    /// Response headers kept.
    pub response_headers: Vec<(String, String)>,
    /// The decoded call, its messages emptied: they are stored content-addressed.
    pub decoded: DecodedCall,
    /// Whether a body was captured only in part.
    pub truncated: bool,
    /// Where it came from, of a call that was served in a batch.
    pub batch: Option<BatchRef>,
    /// What the project's policy said of the call.
    pub capture: CaptureMark,
}

/// A request of a batch: it was sent in one exchange with the provider, and its answer was fetched in another one.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BatchRef {
    /// The batch, by the provider's id; absent where no exchange told.
    pub batch_id: Option<String>,
    /// What the client calls the request.
    pub custom_id: String,
    /// The exchange that carried the request; absent where it did not pass here, or was captured only in part.
    pub sent_by: Option<CallId>,
    /// The exchange that fetched the answer.
    pub fetched_by: CallId,
}

/// The messages of a call, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallMessages {
    /// Sent.
    pub input: Vec<Message>,
    /// Received.
    pub output: Vec<Message>,
}

/// Bodies as they passed, content encoding undone where it could be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawBodies {
    /// The request's.
    pub request: Vec<u8>,
    /// The response's.
    pub response: Vec<u8>,
}

/// One call, whole.
#[derive(Clone, Debug, PartialEq)]
pub struct CallDetail {
    /// The columns.
    pub summary: CallSummary,
    /// The sealed document; absent while the call runs.
    pub document: Option<CallDocument>,
    /// The messages.
    pub messages: CallMessages,
    /// Raw bodies, where they were kept.
    pub raw: Option<RawBodies>,
}

/// Which calls to list. Every field narrows; the default is all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallFilter {
    /// Started at or after.
    pub since: Option<Timestamp>,
    /// Started before.
    pub until: Option<Timestamp>,
    /// Provider's name, exact.
    pub provider_name: Option<String>,
    /// Request or response model, exact.
    pub model: Option<String>,
    /// Kind of call.
    pub operation_name: Option<OperationName>,
    /// Ending.
    pub outcome: Option<Outcome>,
    /// Status, from and to, inclusive.
    pub status: Option<(u16, u16)>,
    /// Lasted at least.
    pub min_duration_us: Option<u64>,
    /// Cost at least.
    pub min_cost: Option<UsdNanos>,
    /// Input and output tokens together at least.
    pub min_tokens: Option<u64>,
    /// Conversation.
    pub conversation: Option<ConversationId>,
    /// Client's fingerprint.
    pub client_fingerprint: Option<[u8; 16]>,
    /// How this program knows of it.
    pub source: Option<CallSource>,
    /// The version of a prompt that it was made from.
    pub prompt_version: Option<PromptVersionId>,
    /// What clients say of calls, each of them.
    pub labels: Vec<Label>,
    /// Text in any message or raw body, without regard to case: a bounded scan of opened bodies.
    pub text: Option<String>,
}

/// Where a page begins: just after this call, in the order of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallCursor {
    /// Its start.
    pub started_at: Timestamp,
    /// Its id, for calls of one instant.
    pub call: CallId,
}

/// A page of calls, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct CallPage {
    /// The calls.
    pub calls: Vec<CallSummary>,
    /// Where the next page begins; absent at the end.
    pub next: Option<CallCursor>,
    /// True when a text scan stopped at its bound before the page was full; `next` goes on from there.
    pub scan_stopped: bool,
}

impl CallPage {
    pub(crate) const EMPTY: Self = Self { calls: Vec::new(), next: None, scan_stopped: false };
}

impl From<&CallSummary> for CallCursor {
    fn from(call: &CallSummary) -> Self {
        Self { started_at: call.started_at, call: call.call }
    }
}

/// A page of whole calls, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct DetailPage {
    /// The calls. Fewer than asked for where they are large.
    pub calls: Vec<CallDetail>,
    /// As in [`CallPage`].
    pub next: Option<CallCursor>,
    /// As in [`CallPage`].
    pub scan_stopped: bool,
}

/// What is to be written, in the order of the log, in one transaction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// The writes.
    pub writes: Vec<Write>,
    /// Where the consumer stands afterwards.
    pub cursor: Option<LogCursor>,
}

/// One write of a [`Batch`].
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// A call began.
    Opened(ProjectScope, Box<CallSummary>),
    /// A call ended.
    Finished(Box<FinishedCall>),
    /// A call that a client told of, in place of what is stored of it.
    Told(Box<FinishedCall>, Told),
    /// A node's process began anew: what the node had begun before, and not ended, is lost.
    Restarted(NodeId),
}

/// What was stored of a call when more was told of it: as long as it is, the call can be written. None of a new call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told(pub(crate) Option<[u8; 16]>);

/// How far a consumer has read a node's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogCursor {
    /// Whose log.
    pub node: NodeId,
    /// The consumer's name.
    pub consumer: String,
    /// Where it stood before, as the store said; `None` where the store knew nothing of it. A store that says otherwise
    /// now has lost commits, or another consumer of that name is at work: then nothing is written.
    pub from: Option<i64>,
    /// The position in the log up to which everything is stored.
    pub position: i64,
}

/// The call that another one continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainParent {
    /// The call.
    pub call: CallId,
    /// Its conversation.
    pub conversation: Option<ConversationId>,
    /// Whether another call continues it already.
    pub continued: bool,
}

/// A project in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrafficStatus {
    /// Calls stored.
    pub calls: u64,
    /// Of these, those that have not ended.
    pub running: u64,
    /// When the latest of them began.
    pub latest_started_at: Option<Timestamp>,
}
