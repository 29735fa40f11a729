//! Calls.

use cp_base::{CallId, ConversationId, GatewayKeyId, NodeId, Outcome, PromptVersionId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};

use crate::{CallCapture, Cursor, Message, Part, Usd};

/// One call as lists show it: nothing here was written by a person or a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CallSummary {
    /// The call.
    #[schema(value_type = String, example = "call_01h455vb4pex5vsknk084sn02q")]
    pub id: CallId,
    /// When the request's head was read.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// The provider's name: the first segment of the gateway's path.
    #[schema(example = "openai")]
    pub provider_name: String,
    /// The kind of call; `null` for one that is passed through unread.
    #[schema(example = "chat")]
    pub operation_name: Option<String>,
    /// The HTTP method.
    #[schema(example = "POST")]
    pub method: String,
    /// The path at the provider, without the query.
    #[schema(example = "/v1/chat/completions")]
    pub path: String,
    /// The model asked for.
    pub request_model: Option<String>,
    /// The model that answered.
    pub response_model: Option<String>,
    /// How it ended; `null` while it runs.
    #[schema(schema_with = outcome_schema)]
    pub outcome: Option<Outcome>,
    /// The HTTP status that the client saw.
    pub status: Option<u16>,
    /// The gateway's error code, such as `upstream_unreachable`.
    pub error_code: Option<String>,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// Why the provider stopped, one for each choice.
    pub finish_reasons: Vec<String>,
    /// Tokens; `null` where the provider reported none.
    pub usage: Option<Usage>,
    /// Price of tokens and fees in US dollars. It is as sure as the token counts: see `usage.source`.
    pub cost_usd: Option<Usd>,
    /// The price list that it was priced with.
    pub price_list: Option<String>,
    /// The service tier, such as `flex` or `batch+us`; `null` for standard service.
    #[serde(default)]
    pub service_tier: Option<String>,
    /// Why there is no cost, such as `no_model` or `no_tier priority`; `null` with a cost.
    #[serde(default)]
    pub unpriced: Option<String>,
    /// From the request's head to the end, in microseconds.
    pub duration_us: Option<u64>,
    /// From the request's head to the first byte of the response's body, in microseconds.
    pub time_to_first_chunk_us: Option<u64>,
    /// Time spent in the gateway itself, in microseconds.
    pub overhead_us: Option<u64>,
    /// Its conversation.
    #[schema(value_type = Option<String>)]
    pub conversation_id: Option<ConversationId>,
    /// Keyed fingerprint of the client's credential: 32 hexadecimal digits.
    pub client: Option<String>,
    /// The gateway key that it came with.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub gateway_key: Option<GatewayKeyId>,
    /// How this program knows of it: `gateway`, which it passed, or `ingestion`, by which a client told of it.
    #[serde(default = "gateway")]
    #[schema(example = "gateway")]
    pub source: String,
    /// The version of a prompt that it was made from, where that is known.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub prompt_version_id: Option<PromptVersionId>,
    /// The gateway node that served it.
    #[schema(value_type = String)]
    pub node_id: NodeId,
    /// Bytes of the request's body that passed.
    pub request_bytes: u64,
    /// Bytes of the response's body that passed.
    pub response_bytes: u64,
}

fn gateway() -> String {
    "gateway".to_owned()
}

impl CallSummary {
    /// Where a page begins that follows this call.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        Cursor { started_at: self.started_at, call: self.id }
    }
}

fn outcome_schema() -> ObjectBuilder {
    let names = Outcome::ALL.into_iter().map(Outcome::as_str).map(Some).chain([None]);
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(names))
        .description(Some("How it ended; `null` while it runs."))
}

/// Tokens. `null` is "not reported", never zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// All input tokens, cached ones included.
    pub input_tokens: Option<u64>,
    /// All output tokens, reasoning included.
    pub output_tokens: Option<u64>,
    /// Input tokens read from the provider's cache.
    pub cache_read_input_tokens: Option<u64>,
    /// Input tokens written to the provider's cache, of any lifetime.
    pub cache_creation_input_tokens: Option<u64>,
    /// Of these, those kept for one hour.
    pub cache_creation_1h_input_tokens: Option<u64>,
    /// Output tokens spent on reasoning.
    pub reasoning_output_tokens: Option<u64>,
    /// Who counted.
    pub source: UsageSource,
}

/// Who counted the tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    /// The provider.
    #[default]
    Reported,
    /// We did, in part or in whole.
    Estimated,
}

/// One call, whole. While it runs, only the summary's fields are filled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CallDetail {
    /// What lists show.
    #[serde(flatten)]
    pub summary: CallSummary,
    /// System instructions that the provider takes apart from the messages.
    pub system_instructions: Vec<Part>,
    /// The messages sent.
    pub input_messages: Vec<Message>,
    /// The messages received, one for each choice; streams are reassembled.
    pub output_messages: Vec<Message>,
    /// The tools offered, as sent.
    pub tool_definitions: Vec<Value>,
    /// Every other field of the request: temperature, limits and the like.
    pub parameters: Map<String, Value>,
    /// The end user, as the SDK's field names them.
    pub user: Option<String>,
    /// The SDK's metadata.
    pub metadata: Map<String, Value>,
    /// The provider's id of the response.
    pub response_id: Option<String>,
    /// Every other field of the response.
    pub response_extra: Map<String, Value>,
    /// The provider's error.
    pub error: Option<ProviderError>,
    /// What could not be decoded, for people.
    pub warnings: Vec<String>,
    /// The request's headers that are kept; never a credential.
    pub request_headers: Vec<Header>,
    /// The response's headers that are kept.
    pub response_headers: Vec<Header>,
    /// W3C trace context that the client sent.
    pub traceparent: Option<String>,
    /// Where it came from, of a call that was served in a batch; `null` for any other.
    #[serde(default)]
    pub batch: Option<BatchRef>,
    /// The request's query, credentials redacted.
    pub query: Option<String>,
    /// Whether a body was captured only in part.
    pub truncated: bool,
    /// What the project's policy said of the call; `null` while it runs.
    #[serde(default)]
    pub capture: Option<CallCapture>,
    /// Raw bodies, kept where the messages do not say it all.
    pub raw: Option<RawBodies>,
}

/// A request of a batch: it was sent in one exchange with the provider, and its answer was fetched in another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BatchRef {
    /// The batch, by the provider's id; `null` where no exchange told.
    pub batch_id: Option<String>,
    /// What the client calls the request.
    pub custom_id: String,
    /// The call that carried the request; `null` where it did not pass here, or was captured only in part.
    #[schema(value_type = Option<String>)]
    pub sent_by: Option<CallId>,
    /// The call that fetched the answer.
    #[schema(value_type = String)]
    pub fetched_by: CallId,
}

/// One header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Header {
    /// Its name, in lower case.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// The provider's error object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProviderError {
    /// The provider's type or status, such as `rate_limit_error`.
    pub kind: Option<String>,
    /// The message.
    pub message: String,
    /// The provider's code.
    pub code: Option<String>,
}

/// Bodies as they passed, content encoding undone where it could be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RawBodies {
    /// The request's.
    pub request: RawBody,
    /// The response's.
    pub response: RawBody,
}

/// A body as JSON can carry it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "encoding", content = "content", rename_all = "snake_case")]
pub enum RawBody {
    /// The body is UTF-8: its text.
    Utf8(String),
    /// It is not: base 64 (RFC 4648, section 4).
    Base64(String),
}

/// A page of calls, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CallPage {
    /// The calls.
    pub calls: Vec<CallSummary>,
    /// Where the next page begins: pass it as `after`; `null` at the end.
    #[schema(value_type = Option<String>)]
    pub next: Option<Cursor>,
    /// True when a text search stopped at its bound before the page was full; `next` goes on from there.
    pub scan_stopped: bool,
}

/// Data of the event `lagged`: a live tail was too slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lagged {
    /// How many calls it missed.
    pub missed: u64,
}
