//! Messages, in the JSON shapes of OpenTelemetry's GenAI conventions.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// One message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
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
    /// Anything else, as it was sent: images, audio, files, citations.
    Generic {
        /// The provider's own object.
        value: Value,
    },
}
