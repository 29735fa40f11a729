//! How large a version may be.

use crate::{Content, Document};

/// How large a version may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of its texts together, and of what else its messages carry.
    pub content_bytes: usize,
    /// Entries of a chat.
    pub messages: usize,
    /// Variables and placeholders.
    pub variables: usize,
    /// Bytes of its configuration as JSON.
    pub config_bytes: usize,
}

/// A version that is over a limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// Its texts are too long.
    #[error(
        "the prompt has {bytes} bytes of content, and at most {limit} are allowed: split it, or include parts"
    )]
    Content {
        /// So many.
        bytes: usize,
        /// And no more than these.
        limit: usize,
    },
    /// It has too many messages.
    #[error(
        "the prompt has {messages} messages, and at most {limit} are allowed: leave history to a placeholder"
    )]
    Messages {
        /// So many.
        messages: usize,
        /// And no more than these.
        limit: usize,
    },
    /// It has too many variables.
    #[error(
        "the prompt has {variables} variables, and at most {limit} are allowed: pass an array or an object"
    )]
    Variables {
        /// So many.
        variables: usize,
        /// And no more than these.
        limit: usize,
    },
    /// Its configuration is too large.
    #[error("the prompt's configuration has {bytes} bytes, and at most {limit} are allowed: make it smaller")]
    Config {
        /// So many.
        bytes: usize,
        /// And no more than these.
        limit: usize,
    },
}

impl Limits {
    /// What every installation keeps to.
    pub const DEFAULT: Self =
        Self { content_bytes: 1 << 20, messages: 1_000, variables: 500, config_bytes: 256 << 10 };

    /// Checks everything but the number of variables, which takes a parsed template.
    ///
    /// # Errors
    ///
    /// The first limit that the document is over.
    pub fn check(&self, document: &Document) -> Result<(), LimitError> {
        let (messages, bytes) = match &document.content {
            Content::Text(text) => (0, text.len()),
            Content::Chat(parts) => (parts.len(), json_len(&serde_json::to_value(parts).unwrap_or_default())),
        };
        if messages > self.messages {
            return Err(LimitError::Messages { messages, limit: self.messages });
        }
        if bytes > self.content_bytes {
            return Err(LimitError::Content { bytes, limit: self.content_bytes });
        }
        let bytes = document.config.as_map().iter().map(|(name, value)| name.len() + json_len(value)).sum();
        if bytes > self.config_bytes {
            return Err(LimitError::Config { bytes, limit: self.config_bytes });
        }
        Ok(())
    }

    /// Checks the number of variables and placeholders.
    ///
    /// # Errors
    ///
    /// Where there are more.
    pub const fn check_variables(&self, variables: usize) -> Result<(), LimitError> {
        if variables > self.variables {
            return Err(LimitError::Variables { variables, limit: self.variables });
        }
        Ok(())
    }
}

/// The bytes of a value: of its texts and names as they are, of the rest as JSON writes it.
fn json_len(value: &serde_json::Value) -> usize {
    use serde_json::Value;
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(json_len).sum(),
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + json_len(value)).sum(),
        plain => plain.to_string().len(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Syntax;

    const SMALL: Limits = Limits { content_bytes: 40, messages: 2, variables: 1, config_bytes: 12 };

    fn check(content: serde_json::Value, config: serde_json::Value) -> Result<(), LimitError> {
        let (content, config) = (content.try_into().unwrap(), config.try_into().unwrap());
        SMALL.check(&Document { syntax: Syntax::Jinja, content, config })
    }

    #[test]
    fn each_limit_is_named() {
        assert_eq!(check(json!("x".repeat(40)), json!({ "model": "gpt-5" })), Ok(()));
        assert_eq!(
            check(json!("x".repeat(41)), json!({})),
            Err(LimitError::Content { bytes: 41, limit: 40 })
        );
        let message = json!({ "role": "a", "content": "" });
        assert_eq!(
            check(json!([message, message, message]), json!({})),
            Err(LimitError::Messages { messages: 3, limit: 2 })
        );
        assert_eq!(check(json!(""), json!({ "model": "gpt-5-x" })), Ok(()));
        assert_eq!(
            check(json!(""), json!({ "model": "gpt-5-xy" })),
            Err(LimitError::Config { bytes: 13, limit: 12 })
        );
        assert_eq!(SMALL.check_variables(2), Err(LimitError::Variables { variables: 2, limit: 1 }));
        let message = SMALL.check_variables(2).unwrap_err().to_string();
        assert!(message.contains("at most 1 are allowed"), "{message}");
    }
}
