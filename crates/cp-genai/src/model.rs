//! The Call model: what every codec decodes into. Names and JSON shapes are OpenTelemetry's GenAI conventions.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What kind of call it is (`gen_ai.operation.name`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationName {
    /// A conversation with a model.
    Chat,
    /// A completion of a plain text.
    TextCompletion,
    /// Embeddings.
    Embeddings,
    /// Gemini's multimodal generation.
    GenerateContent,
    /// A task for an agent that the provider runs.
    InvokeAgent,
}

impl OperationName {
    /// The convention's string.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::TextCompletion => "text_completion",
            Self::Embeddings => "embeddings",
            Self::GenerateContent => "generate_content",
            Self::InvokeAgent => "invoke_agent",
        }
    }
}

/// A call as decoded from its bodies. Decoding never fails: what could not be read is named in `warnings`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DecodedCall {
    /// The kind of call; absent for one that is passed through unread.
    pub operation_name: Option<OperationName>,
    /// The model that was asked for.
    pub request_model: Option<String>,
    /// The model that answered.
    pub response_model: Option<String>,
    /// The provider's id of the response. Never a key: providers repeat them.
    pub response_id: Option<String>,
    /// Whether the client asked for a stream.
    pub stream: bool,
    /// Every request field that has no place of its own: temperature, limits, and whatever is new.
    pub parameters: Map<String, Value>,
    /// System instructions that the provider takes apart from the messages.
    pub system_instructions: Vec<Part>,
    /// The messages sent.
    pub input_messages: Vec<Message>,
    /// The messages received, one for each choice; streams are reassembled.
    pub output_messages: Vec<Message>,
    /// The tools offered, as sent.
    pub tool_definitions: Vec<Value>,
    /// What the provider counted.
    pub usage: Option<Usage>,
    /// Why the provider stopped, one for each choice, in the provider's words.
    pub finish_reasons: Vec<String>,
    /// The provider's error.
    pub error: Option<ProviderError>,
    /// The end user, as the SDK's field names them.
    pub user: Option<String>,
    /// The SDK's metadata.
    pub metadata: Map<String, Value>,
    /// Response fields that have no place of their own.
    pub response_extra: Map<String, Value>,
    /// What could not be decoded, for people.
    pub warnings: Vec<String>,
}

/// One message (`gen_ai.input.messages`, `gen_ai.output.messages`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `developer`, `user`, `assistant`, `tool`, or what the provider calls it.
    pub role: String,
    /// The content.
    pub parts: Vec<Part>,
    /// The participant's name, where one was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Why the model stopped here (output messages).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
}

/// One part of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    /// Text.
    Text {
        /// The text.
        content: String,
    },
    /// The model asks for a tool.
    ToolCall {
        /// The provider's id of the tool call.
        id: Option<String>,
        /// The tool.
        name: String,
        /// Arguments: parsed where they are JSON, else the text as a string.
        arguments: Value,
    },
    /// A tool's answer.
    ToolCallResponse {
        /// The tool call that it answers.
        id: Option<String>,
        /// The answer.
        response: Value,
    },
    /// The model's reasoning.
    Reasoning {
        /// The text, empty where the provider hides it.
        content: String,
    },
    /// The model refuses.
    Refusal {
        /// The text.
        content: String,
    },
    /// Anything else, as it was sent: images, audio, files, what is new.
    ///
    /// Also what a part or message carried beyond its own fields: it follows as an object whose `type` is
    /// `annotation`, with the annotated type in `of`, such as
    /// `{"type": "annotation", "of": "text", "citations": […]}`.
    Generic {
        /// The provider's own object.
        value: Value,
    },
}

/// Tokens. `None` is "not reported", never zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// All input tokens, cached ones included (OpenTelemetry's rule).
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    /// The provider.
    #[default]
    Reported,
    /// We did, in part or in whole.
    Estimated,
}

/// The provider's error object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProviderError {
    /// The provider's type or status, such as `rate_limit_error`.
    pub kind: Option<String>,
    /// The message.
    pub message: String,
    /// The provider's code.
    pub code: Option<String>,
}
