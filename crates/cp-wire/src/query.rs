//! Query parameters. They are text here: the server alone reads them, so that there is one grammar and one set of
//! error messages for programs, the command line and the page.

use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

/// Which calls. Every parameter narrows; without any it is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct CallQuery {
    /// Started at or after: an RFC 3339 time, or a duration ago such as `15m`, `2h`, `7d`.
    #[param(required = false, example = "15m")]
    pub since: Option<String>,
    /// Started before: a time or a duration ago, like `since`.
    pub until: Option<String>,
    /// Provider's name, exact.
    #[param(example = "openai")]
    pub provider: Option<String>,
    /// Model asked for or model that answered, exact.
    pub model: Option<String>,
    /// Kind of call: `chat`, `text_completion`, `embeddings`, `generate_content` or `invoke_agent`.
    pub operation: Option<String>,
    /// How it ended: `completed`, `upstream_error`, `client_cancelled`, `timed_out`, `rejected`, `shut_down` or `lost`.
    pub outcome: Option<String>,
    /// HTTP status: one (`429`), a class (`4xx`) or a range (`400-499`).
    pub status: Option<String>,
    /// Lasted at least so many milliseconds.
    pub min_duration_ms: Option<String>,
    /// Cost at least so many dollars, such as `0.05`.
    pub min_cost_usd: Option<String>,
    /// Input and output tokens together at least.
    pub min_tokens: Option<String>,
    /// Conversation's id.
    pub conversation: Option<String>,
    /// Client's fingerprint, 32 hexadecimal digits.
    pub client: Option<String>,
    /// How it is known: `gateway`, which it passed, or `ingestion`, by which a client told of it.
    pub source: Option<String>,
    /// The id of the version of a prompt that it was made from.
    pub prompt_version: Option<String>,
    /// Session, as its client calls it, exact.
    pub session: Option<String>,
    /// End user, as the SDK's field names them, exact.
    pub user: Option<String>,
    /// An entry of the SDK's metadata, `name=value`, exact.
    #[param(example = "team=search")]
    pub metadata: Option<String>,
    /// Trace that the client's span belongs to: 32 hexadecimal digits, or all of its `traceparent`.
    pub trace: Option<String>,
    /// Batch that served it, by the provider's id.
    pub batch: Option<String>,
    /// Text in any message or raw body, without regard to case. The scan is bounded; see `scan_stopped`.
    pub text: Option<String>,
}

/// Which page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many calls: 1 to 500, 50 without it.
    pub limit: Option<String>,
    /// Where to go on: `next` of the page before.
    pub after: Option<String>,
}
