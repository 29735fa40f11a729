//! Where in a request a prompt goes, in each dialect.
//!
//! Its messages come before those of the request. A text is what the model is told before it is asked, and where the request
//! asks nothing, it is the question. Of the version's configuration goes in what the request does not say itself and the API
//! knows, under the API's names.

use cp_genai::Family;
use cp_prompt::Rendered;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Fields, Filled, Unfilled};

/// How a request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// OpenAI's chat completions, which others speak too.
    Chat,
    /// OpenAI's responses.
    Responses,
    /// Anthropic's messages.
    Messages,
}

impl Dialect {
    pub(super) fn of(family: Family, path: &str) -> Option<Self> {
        let path = path.split('?').next().unwrap_or_default().trim_end_matches('/');
        match family {
            Family::Anthropic => path.ends_with("/messages").then_some(Self::Messages),
            _ if path.ends_with("/chat/completions") => Some(Self::Chat),
            _ if path.ends_with("/responses") => Some(Self::Responses),
            _ => None,
        }
    }

    pub(super) fn place(self, fields: &mut Fields, filled: &Filled) -> Result<(), Unfilled> {
        let Filled { rendered, config, .. } = filled;
        let model = take(fields, "model")?.filter(|model| !names_a_prompt(model));
        let model = model.or_else(|| config.model().map(Into::into)).ok_or_else(|| {
            Unfilled::invalid("neither the request nor the prompt's configuration names a model: add `model` to one of them")
        })?;
        put(fields, "model", &model)?;
        match self {
            Self::Chat => {
                let asked = list(fields, "messages")?;
                put(fields, "messages", &messages(rendered, asked, "system"))?;
            }
            Self::Responses => {
                let asked = match take(fields, "input")? {
                    Some(Value::String(text)) => vec![json!({ "role": "user", "content": text })],
                    Some(Value::Array(items)) => items,
                    _ => Vec::new(),
                };
                put(fields, "input", &messages(rendered, asked, "developer"))?;
            }
            Self::Messages => {
                let asked = list(fields, "messages")?;
                let (told, messages): (Vec<_>, Vec<_>) =
                    list_of(messages(rendered, asked, "system")).into_iter().partition(is_told);
                put(fields, "messages", &messages.into())?;
                place_system(fields, &told)?;
            }
        }
        self.place_config(fields, filled)
    }

    fn place_config(self, fields: &mut Fields, Filled { config, .. }: &Filled) -> Result<(), Unfilled> {
        let parameters = config.parameters().filter_map(|(name, value)| self.parameter(name, value));
        let tools = config.tools().map(|tools| ("tools", tools.iter().map(|tool| self.tool(tool)).collect()));
        let format = config.response_format().and_then(|format| self.format(format));
        for (name, value) in parameters.chain(tools).chain(format) {
            if !fields.contains_key(name) {
                put(fields, name, &value)?;
            }
        }
        Ok(())
    }

    /// A parameter as the API calls it; `None` for one that it does not know.
    fn parameter<'a>(self, name: &'a str, value: &Value) -> Option<(&'a str, Value)> {
        let name = match (self, name) {
            (_, "model" | "messages" | "input" | "prompt" | "stream") => return None,
            (Self::Responses, "max_tokens" | "max_completion_tokens") => "max_output_tokens",
            (Self::Responses, "frequency_penalty" | "presence_penalty" | "seed" | "stop" | "n") => {
                return None;
            }
            (Self::Messages, "max_completion_tokens" | "max_output_tokens") => "max_tokens",
            (Self::Messages, "stop") => {
                let list = if value.is_array() { value.clone() } else { json!([value]) };
                return Some(("stop_sequences", list));
            }
            (Self::Messages, "frequency_penalty" | "presence_penalty" | "seed" | "n" | "logprobs") => {
                return None;
            }
            (_, name) => name,
        };
        Some((name, value.clone()))
    }

    /// A function, as the API writes one.
    fn tool(self, tool: &Value) -> Value {
        let Some(function) = tool.get("function").filter(|_| self != Self::Chat) else { return tool.clone() };
        let mut flat = function.clone();
        if let Some(fields) = flat.as_object_mut() {
            match self {
                Self::Messages => {
                    let schema = fields.remove("parameters");
                    fields.remove("strict");
                    fields
                        .insert("input_schema".into(), schema.unwrap_or_else(|| json!({ "type": "object" })));
                }
                _ => drop(fields.insert("type".into(), "function".into())),
            }
        }
        flat
    }

    /// The shape of the answer, as the API writes it.
    fn format(self, format: &Value) -> Option<(&'static str, Value)> {
        match self {
            Self::Chat => Some(("response_format", format.clone())),
            Self::Responses => {
                let mut flat = format.clone();
                if let Some(fields) = flat.as_object_mut()
                    && let Some(Value::Object(schema)) = fields.remove("json_schema")
                {
                    fields.extend(schema);
                }
                Some(("text", json!({ "format": flat })))
            }
            Self::Messages => None,
        }
    }
}

fn names_a_prompt(model: &Value) -> bool {
    model.as_str().is_some_and(|model| cp_prompt::Reference::from_model(model).is_some())
}

/// What is said before everything else.
fn is_told(message: &Value) -> bool {
    matches!(message.get("role").and_then(Value::as_str), Some("system" | "developer"))
}

/// The prompt's messages, and then those of the request.
fn messages(rendered: &Rendered, asked: Vec<Value>, telling: &str) -> Value {
    let mut all = match rendered {
        Rendered::Chat(messages) => messages.clone(),
        Rendered::Text(text) => {
            let role = if asked.is_empty() { "user" } else { telling };
            vec![json!({ "role": role, "content": text })]
        }
    };
    all.extend(asked);
    all.into()
}

/// The prompt's part of `system`, before the request's.
fn place_system(fields: &mut Fields, told: &[Value]) -> Result<(), Unfilled> {
    let told: Vec<_> = told.iter().filter_map(|message| message.get("content")).cloned().collect();
    if told.is_empty() {
        return Ok(());
    }
    let block = |text: Value| match text {
        Value::Array(blocks) => blocks,
        text => vec![json!({ "type": "text", "text": text })],
    };
    let given = take(fields, "system")?.map(block).unwrap_or_default();
    let blocks: Vec<_> = told.into_iter().flat_map(block).chain(given).collect();
    put(fields, "system", &blocks.into())
}

fn list(fields: &mut Fields, name: &str) -> Result<Vec<Value>, Unfilled> {
    take(fields, name).map(|value| value.map(list_of).unwrap_or_default())
}

fn list_of(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

fn take(fields: &mut Fields, name: &str) -> Result<Option<Value>, Unfilled> {
    let raw = fields.remove(name);
    raw.map(|raw| serde_json::from_str(raw.get())).transpose().map_err(Unfilled::invalid)
}

fn put(fields: &mut Fields, name: &str, value: &Value) -> Result<(), Unfilled> {
    let raw = RawValue::from_string(value.to_string()).map_err(Unfilled::invalid)?;
    fields.insert(name.to_owned(), raw);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{filled, named};
    use super::*;

    fn resolved(dialect: Dialect, request: &Value, rendered: Rendered, config: Value) -> Value {
        let (_, fields) = named(request.to_string().as_bytes()).unwrap().unwrap();
        let config = config.try_into().unwrap();
        let version = "pv_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let body = filled(dialect, fields, &Filled { version, rendered, config }).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    fn chat() -> Rendered {
        Rendered::Chat(vec![
            json!({ "role": "system", "content": "Be kind." }),
            json!({ "role": "user", "content": "Hello" }),
        ])
    }

    #[test]
    fn a_chat_begins_with_the_prompt() {
        let request = json!({
            "model": "prompt:support/reply@staging",
            "prompt": { "variables": { "x": "y" } },
            "temperature": 0.25,
            "messages": [{ "role": "user", "content": "Where?" }],
        });
        let config = json!({ "model": "gpt-5", "temperature": 1, "max_tokens": 9, "response_format": { "type": "text" } });
        assert_eq!(
            resolved(Dialect::Chat, &request, chat(), config),
            json!({
                "model": "gpt-5", "temperature": 0.25, "max_tokens": 9, "response_format": { "type": "text" },
                "messages": [
                    { "role": "system", "content": "Be kind." },
                    { "role": "user", "content": "Hello" },
                    { "role": "user", "content": "Where?" },
                ],
            })
        );
    }

    #[test]
    fn a_response_takes_the_configuration_under_its_own_names() {
        let request =
            json!({ "prompt": { "id": "p", "version": "2" }, "input": "Where?", "model": "gpt-5-mini" });
        let config = json!({
            "model": "gpt-5",
            "parameters": { "max_tokens": 9, "seed": 1 },
            "tools": [{ "type": "function", "function": { "name": "f", "parameters": {} } }],
            "response_format": { "type": "json_schema", "json_schema": { "name": "s", "schema": {} } },
        });
        assert_eq!(
            resolved(Dialect::Responses, &request, Rendered::Text("Be kind.".into()), config),
            json!({
                "model": "gpt-5-mini", "max_output_tokens": 9,
                "tools": [{ "type": "function", "name": "f", "parameters": {} }],
                "text": { "format": { "type": "json_schema", "name": "s", "schema": {} } },
                "input": [{ "role": "developer", "content": "Be kind." }, { "role": "user", "content": "Where?" }],
            })
        );
    }

    #[test]
    fn a_text_is_the_question_where_nothing_is_asked() {
        let request = json!({ "prompt": { "id": "p" } });
        let got =
            resolved(Dialect::Responses, &request, Rendered::Text("Hi".into()), json!({ "model": "m" }));
        assert_eq!(got, json!({ "model": "m", "input": [{ "role": "user", "content": "Hi" }] }));
    }

    #[test]
    fn messages_tell_apart_from_what_they_ask() {
        let request = json!({
            "model": "prompt:p", "system": "Short.", "max_tokens": 5, "messages": [{ "role": "user", "content": "Where?" }],
        });
        let config = json!({ "model": "claude", "max_tokens": 9, "stop": "!", "seed": 1 });
        assert_eq!(
            resolved(Dialect::Messages, &request, chat(), config),
            json!({
                "model": "claude", "max_tokens": 5, "stop_sequences": ["!"],
                "system": [{ "type": "text", "text": "Be kind." }, { "type": "text", "text": "Short." }],
                "messages": [{ "role": "user", "content": "Hello" }, { "role": "user", "content": "Where?" }],
            })
        );
    }

    #[test]
    fn what_names_no_prompt_of_ours_is_left_alone() {
        for request in [
            json!({ "model": "gpt-5", "messages": [{ "role": "user", "content": "a \"prompt\" and prompt:x" }] }),
            json!({ "prompt": { "id": "pmpt_123", "version": "2" }, "model": "gpt-5" }),
            json!({ "prompt": "Once upon a time", "model": "gpt-3.5-turbo-instruct" }),
            json!(["prompt"]),
        ] {
            assert!(matches!(named(request.to_string().as_bytes()), Ok(None)), "{request}");
        }
        assert!(matches!(named(br#"{"prompt": "#), Ok(None)));
    }

    #[test]
    fn what_cannot_be_meant_is_said() {
        for (request, part) in [
            (json!({ "model": "prompt:a", "prompt": { "id": "b" } }), "leave one of them out"),
            (json!({ "model": "prompt:a//b" }), "`model`"),
            (json!({ "prompt": { "id": "a", "version": "No Label" } }), "neither"),
            (json!({ "prompt": { "id": "a", "variables": ["x"] } }), "an object of values"),
            (
                json!({ "prompt": { "id": "a", "variables": { "i": { "type": "input_image" } } } }),
                "takes text",
            ),
        ] {
            let error = named(request.to_string().as_bytes()).unwrap_err().to_string();
            assert!(error.contains(part), "{request}: {error}");
        }
        let (_, fields) = named(br#"{"prompt":{"id":"a"},"input":"x"}"#).unwrap().unwrap();
        let version = "pv_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let bare = Filled { version, rendered: Rendered::Text("x".into()), config: Default::default() };
        let error = filled(Dialect::Responses, fields, &bare).unwrap_err().to_string();
        assert!(error.contains("names a model"), "{error}");
    }
}
