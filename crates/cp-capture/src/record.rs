//! What the log holds. Records are MessagePack maps with field names, so that a newer program can add fields and an
//! older record still decodes: every field added after format 1 has a default.

use bytes::Bytes;
use cp_base::{
    CallId, CallSource, CaptureMark, GatewayKeyId, NodeId, OrgId, Outcome, ProjectId, PromptVersionId,
    Timestamp,
};
use serde::{Deserialize, Serialize};

/// One record of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// A process opened the log. Calls of this node that were opened before and never closed are lost.
    Started(Started),
    /// A call was admitted; written before the provider is called.
    Opening(Box<Opening>),
    /// The call ended; exactly one for each opening, unless the process died.
    Closing(Box<Closing>),
}

/// A process opened the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// Whose log it is.
    pub node: NodeId,
    /// When.
    pub at: Timestamp,
}

/// A call was admitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The call.
    pub call: CallId,
    /// The node that serves it.
    pub node: NodeId,
    /// The tenant.
    pub org: OrgId,
    /// The tenant's project.
    pub project: ProjectId,
    /// When the request's head was read.
    pub started_at: Timestamp,
    /// The provider's name: the first segment of the gateway's path.
    pub provider: String,
    /// The HTTP method.
    pub method: String,
    /// The path at the provider, with its leading slash, without the query.
    pub path: String,
    /// The query, credentials redacted.
    pub query: Option<String>,
    /// Request headers worth keeping, lower-case names; never a credential.
    pub headers: Vec<(String, String)>,
    /// Keyed fingerprint of the client's credential.
    pub client_fingerprint: Option<[u8; 16]>,
    /// What the project's policy says of this call.
    #[serde(default)]
    pub capture: CaptureMark,
    /// The gateway key that the call came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_key: Option<GatewayKeyId>,
    /// How this program knows of the call. Of one that a client told of, the request's body is what was told, as `cp-genai`
    /// writes an observation, and there may be several records: each says more, or something else, of the same call.
    #[serde(default, skip_serializing_if = "CallSource::is_gateway")]
    pub source: CallSource,
}

/// A call ended. It repeats the opening, so that a reader needs no memory of what is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// The opening, once more.
    pub opening: Opening,
    /// How it ended.
    pub outcome: Outcome,
    /// When, by the wall clock.
    pub ended_at: Timestamp,
    /// From the request's head to the end, by the monotonic clock.
    pub duration_us: u64,
    /// From the request's head to the first byte of the response's body.
    pub time_to_first_chunk_us: Option<u64>,
    /// Time spent in the gateway itself until the response's head went out.
    pub overhead_us: u64,
    /// The provider's status, or the gateway's own where no provider answered.
    pub status: Option<u16>,
    /// The gateway's error code where it answered itself or broke off, such as `upstream_unreachable`.
    pub error: Option<String>,
    /// Response headers worth keeping, lower-case names.
    pub headers: Vec<(String, String)>,
    /// The version of a prompt of the library that the client named, and that stands in the request in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_version: Option<PromptVersionId>,
    /// The request's body, as the provider got it.
    pub request: Body,
    /// The response's body, as the provider sent it.
    pub response: Body,
}

/// A body as it was captured: the first bytes of what passed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// The captured bytes, in pieces as they passed, still in their content encoding.
    pub pieces: Vec<Bytes>,
    /// How many bytes passed.
    pub total_bytes: u64,
}

impl Body {
    /// How many bytes were captured.
    #[must_use]
    pub fn captured_bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.len() as u64).sum()
    }

    /// Whether bytes passed that were not captured.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.captured_bytes() < self.total_bytes
    }
}
