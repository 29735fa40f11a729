//! The immutable part of a version, and the bytes that are its identity.

use std::io::Write as _;

use cp_base::{Digest, sha256};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::text::named_values;
use crate::{Content, ModelConfig};

/// Which language a version's texts are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Syntax {
    /// Jinja: `{{ name }}`, `{% if … %}`, `{# … #}`.
    #[default]
    Jinja,
    /// `{{name}}` alone; everything else is text.
    Mustache,
    /// Everything is text.
    Plain,
}

named_values!(Syntax, SyntaxParseError, "template syntax", {
    Jinja = "jinja",
    Mustache = "mustache",
    Plain = "none",
});

/// The immutable part of a version. Two versions with equal documents are one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The language of its texts.
    #[serde(default)]
    pub syntax: Syntax,
    /// What it says.
    pub content: Content,
    /// Whom it says it to, and how.
    #[serde(default)]
    pub config: ModelConfig,
}

/// Bytes that are no stored document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Not JSON of the expected shape.
    #[error("the bytes are no prompt document")]
    Malformed(#[from] serde_json::Error),
    /// Written by a program that knows more.
    #[error("the prompt document has format {0}, and this program reads formats up to {FORMAT}: upgrade it")]
    Format(u32),
}

/// The format that [`Document::canonical`] writes.
const FORMAT: u32 = 1;

#[derive(Deserialize)]
struct Stored {
    format: u32,
    #[serde(flatten)]
    document: Value,
}

impl Document {
    /// The one encoding of this document: JSON without white space, its format beside its fields, the keys of every
    /// object sorted by their bytes. Equal documents have equal bytes, and [`Document::decode`] reads them for ever.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        let mut fields = serde_json::Map::new();
        fields.insert("config".into(), self.config.clone().into());
        fields.insert("content".into(), self.content.clone().into());
        fields.insert("format".into(), FORMAT.into());
        fields.insert("syntax".into(), self.syntax.as_str().into());
        let mut bytes = Vec::new();
        write_sorted(&mut bytes, &Value::Object(fields));
        bytes
    }

    /// Reads what [`Document::canonical`] wrote, in this version or an earlier one.
    ///
    /// # Errors
    ///
    /// Where the bytes are something else, or of a later format.
    pub fn decode(bytes: &[u8]) -> Result<Self, DocumentError> {
        let stored: Stored = serde_json::from_slice(bytes)?;
        match stored.format {
            FORMAT => Ok(serde_json::from_value(stored.document)?),
            later => Err(DocumentError::Format(later)),
        }
    }

    /// SHA-256 of the canonical bytes: for tags of the web and for files, which hold the content beside it. What is
    /// stored where content is sealed is addressed by a keyed hash instead.
    #[must_use]
    pub fn digest(&self) -> Digest {
        sha256(&[&self.canonical()])
    }
}

/// Sorts by itself: whether `serde_json` keeps maps sorted is decided by whoever else is built with it.
fn write_sorted(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            bytes.push(b'{');
            for (index, (name, value)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    bytes.push(b',');
                }
                write_plain(bytes, &Value::String(name.clone()));
                bytes.push(b':');
                write_sorted(bytes, value);
            }
            bytes.push(b'}');
        }
        Value::Array(items) => {
            bytes.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    bytes.push(b',');
                }
                write_sorted(bytes, item);
            }
            bytes.push(b']');
        }
        plain => write_plain(bytes, plain),
    }
}

fn write_plain(bytes: &mut Vec<u8>, value: &Value) {
    // A vector takes every byte.
    let _ = write!(bytes, "{value}");
}

#[cfg(test)]
mod tests {
    use cp_base::hex;
    use serde_json::json;

    use super::*;

    /// What the first released format wrote. It never changes.
    const FIRST: &str = include_str!("../tests/fixtures/document-1.json");

    fn document() -> Document {
        Document {
            syntax: Syntax::Mustache,
            content: serde_json::from_value(json!([
                { "role": "system", "content": "Grüße, {{name}}\n\"quoted\" \u{1}" },
                { "type": "placeholder", "name": "history" },
                { "role": "user", "content": "", "name": "x", "cache": { "b": 1, "a": [true, null] } },
            ]))
            .unwrap(),
            config: serde_json::from_value(
                json!({ "temperature": 0.1, "model": "gpt-5", "max_tokens": 100 }),
            )
            .unwrap(),
        }
    }

    #[test]
    fn the_first_format_is_read_and_written_for_ever() {
        let document = document();
        assert_eq!(String::from_utf8(document.canonical()).unwrap(), FIRST.trim_end());
        assert_eq!(Document::decode(FIRST.as_bytes()).unwrap(), document);
        let digest = hex(&document.digest());
        assert_eq!(digest, hex(&sha256(&[FIRST.trim_end().as_bytes()])));
    }

    proptest::proptest! {
        /// A number that came back as another would be another version each time that it is saved.
        #[test]
        fn numbers_are_read_as_they_are_written(number in proptest::num::f64::NORMAL) {
            let config = serde_json::from_value(json!({ "temperature": number })).unwrap();
            let document = Document { config, ..document() };
            let again = Document::decode(&document.canonical()).unwrap();
            proptest::prop_assert_eq!(again.canonical(), document.canonical());
        }
    }

    #[test]
    fn the_order_of_keys_does_not_matter() {
        let read = |text: &str| serde_json::from_str::<Document>(text).unwrap();
        let one = read(r#"{"content":"x","config":{"a":1,"b":{"d":2,"c":3}}}"#);
        let other = read(r#"{"config":{"b":{"c":3,"d":2},"a":1},"content":"x","syntax":"jinja"}"#);
        assert_eq!(one.canonical(), other.canonical());
        assert_eq!(one.digest(), other.digest());
        let third = read(r#"{"content":"x","config":{"a":1,"b":{"d":2,"c":4}}}"#);
        assert_ne!(one.digest(), third.digest());
    }

    #[test]
    fn a_later_format_is_named() {
        let later = br#"{"format":2,"content":"x"}"#;
        let message = Document::decode(later).unwrap_err().to_string();
        assert_eq!(
            message,
            "the prompt document has format 2, and this program reads formats up to 1: upgrade it"
        );
        assert!(matches!(Document::decode(b"{}"), Err(DocumentError::Malformed(_))));
    }
}
