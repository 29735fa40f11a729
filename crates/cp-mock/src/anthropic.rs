//! Anthropic: messages, token counts, models. Shapes as in anthropic-sdk-python 2.12, `types/`.

use serde_json::{Value, json};

use crate::answer::{Answer, Finish, Question, Tool, answer, chosen, no_parameters};
use crate::directive::Directives;
use crate::failure::{Dialect, Failure};
use crate::text::{base64, draw, id, slices, tokens};

/// Aliases, the releases that they name, and the names that people read.
const MODELS: &[(&str, &str, &str, &str)] = &[
    ("claude-opus-5-5", "claude-opus-5-5", "Claude Opus 5.5", "opus"),
    ("claude-sonnet-5-5", "claude-sonnet-5-5", "Claude Sonnet 5.5", "sonnet"),
    ("claude-haiku-5-5", "claude-haiku-5-5", "Claude Haiku 5.5", "haiku"),
    ("claude-haiku-4-5", "claude-haiku-4-5-20251001", "Claude Haiku 4.5", "haiku"),
];

/// Characters of arguments in one event of a stream.
const ARGUMENT_SLICE: usize = 16;

/// A request for a message.
pub(crate) struct Messages {
    pub(crate) question: Question,
    pub(crate) stream: bool,
    thinking_omitted: bool,
    cache: Cache,
}

/// Tokens that the provider's cache has a part in. They are not among the input tokens.
#[derive(Clone, Copy, Debug, Default)]
struct Cache {
    read: u64,
    written_5m: u64,
    written_1h: u64,
}

/// Reads a request.
pub(crate) fn messages(body: &Value, seed: u64) -> Result<Messages, Failure> {
    let model = body.get("model").and_then(Value::as_str).ok_or_else(|| required("model"))?.to_owned();
    if model.starts_with("missing") {
        return Err(Failure::new(404, format!("model: {model}")));
    }
    let messages = body.get("messages").and_then(Value::as_array).ok_or_else(|| required("messages"))?;
    let max_tokens = body.get("max_tokens").and_then(Value::as_u64).ok_or_else(|| required("max_tokens"))?;
    let spoken = messages.iter().any(|message| role(message) == "assistant");
    let system = text(body.get("system"));
    let cache = cache(body, tokens(&system), spoken);
    let last = messages.last().filter(|message| role(message) == "user");
    let format = body.pointer("/output_config/format").or(body.get("output_format"));
    let thinking = body.pointer("/thinking/type").and_then(Value::as_str);
    let total = input_tokens(body);
    Ok(Messages {
        question: Question {
            seed,
            user: user_text(messages),
            tools: tools(body),
            tool_results: last.map(tool_results).unwrap_or_default(),
            schema: format.and_then(|format| format.get("schema")).cloned(),
            thinks: matches!(thinking, Some("enabled" | "adaptive")),
            stop: stop_sequences(body),
            max_tokens: Some(max_tokens),
            input_tokens: total.saturating_sub(cache.read + cache.written_5m + cache.written_1h),
            system,
            model,
        },
        stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
        thinking_omitted: body.pointer("/thinking/display").and_then(Value::as_str) == Some("omitted"),
        cache,
    })
}

fn required(field: &str) -> Failure {
    Failure::new(400, format!("{field}: Field required"))
}

/// Counts tokens of a request.
pub(crate) fn count_tokens(body: &Value) -> Result<Value, Failure> {
    body.get("messages").ok_or_else(|| required("messages"))?;
    Ok(json!({ "input_tokens": input_tokens(body) }))
}

fn input_tokens(body: &Value) -> u64 {
    let messages = body.get("messages").and_then(Value::as_array).into_iter().flatten();
    let spoken: u64 = messages.map(|message| tokens(&text(message.get("content"))) + 4).sum();
    let tools = body.get("tools").map_or(0, |tools| tokens(&tools.to_string()));
    spoken + tools + tokens(&text(body.get("system")))
}

/// System instructions marked for the cache are written to it by the first turn and read from it by later ones.
fn cache(body: &Value, system_tokens: u64, spoken: bool) -> Cache {
    let blocks = body.get("system").and_then(Value::as_array).into_iter().flatten();
    let Some(control) = blocks.filter_map(|block| block.get("cache_control")).next() else {
        return Cache::default();
    };
    let hour = control.get("ttl").and_then(Value::as_str) == Some("1h");
    match (spoken, hour) {
        (true, _) => Cache { read: system_tokens, ..Cache::default() },
        (false, true) => Cache { written_1h: system_tokens, ..Cache::default() },
        (false, false) => Cache { written_5m: system_tokens, ..Cache::default() },
    }
}

fn role(message: &Value) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or_default()
}

/// The text in a content: a string, or a list of blocks.
fn text(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(blocks)) => {
            let texts = blocks.iter().filter_map(|block| block.get("text")?.as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// The last text that a user wrote; a message of tool results has none.
fn user_text(messages: &[Value]) -> String {
    let users = messages.iter().rev().filter(|message| role(message) == "user");
    users.map(|message| text(message.get("content"))).find(|text| !text.is_empty()).unwrap_or_default()
}

fn tool_results(message: &Value) -> Vec<String> {
    let blocks = message.get("content").and_then(Value::as_array).into_iter().flatten();
    let results = blocks.filter(|block| block.get("type").and_then(Value::as_str) == Some("tool_result"));
    results.map(|block| text(block.get("content"))).collect()
}

fn tools(body: &Value) -> Vec<Tool> {
    let choice = |name: &str| body.pointer("/tool_choice")?.get(name)?.as_str();
    if choice("type") == Some("none") {
        return Vec::new();
    }
    let offered = body.get("tools").and_then(Value::as_array).into_iter().flatten();
    let tools = offered.filter_map(|tool| {
        let name = tool.get("name")?.as_str()?.to_owned();
        Some(Tool { name, parameters: tool.get("input_schema").cloned().unwrap_or_else(no_parameters) })
    });
    chosen(tools.collect(), choice("name"))
}

fn stop_sequences(body: &Value) -> Vec<String> {
    let sequences = body.get("stop_sequences").and_then(Value::as_array).into_iter().flatten();
    sequences.filter_map(|sequence| Some(sequence.as_str()?.to_owned())).collect()
}

impl Messages {
    fn content(&self, answer: &Answer) -> Vec<Value> {
        let mut blocks = Vec::new();
        if let Some(thinking) = &answer.thinking {
            let shown = if self.thinking_omitted { "" } else { thinking };
            blocks.push(json!({ "type": "thinking", "thinking": shown, "signature": self.signature() }));
        }
        if !answer.text.is_empty() && answer.finish != Finish::Refusal {
            blocks.push(json!({ "type": "text", "text": answer.text }));
        }
        blocks.extend(answer.calls.iter().map(|call| {
            let id = id("toolu_01", call.seed, 22);
            json!({ "type": "tool_use", "id": id, "name": call.name, "input": call.arguments })
        }));
        blocks
    }

    fn signature(&self) -> String {
        let bytes: Vec<u8> =
            (0..12).flat_map(|position| draw(self.question.seed, position).to_le_bytes()).collect();
        base64(&bytes)
    }

    /// The message, without content and ending.
    fn frame(&self) -> Value {
        let known =
            MODELS.iter().find(|(alias, ..)| *alias == self.question.model).map(|(_, release, ..)| *release);
        json!({
            "id": id("msg_01", self.question.seed, 22),
            "type": "message",
            "role": "assistant",
            "model": known.unwrap_or(&self.question.model),
            "content": [],
            "stop_reason": null,
            "stop_sequence": null,
        })
    }

    fn usage(&self, output_tokens: u64) -> Value {
        json!({
            "input_tokens": self.question.input_tokens,
            "cache_creation_input_tokens": self.cache.written_5m + self.cache.written_1h,
            "cache_read_input_tokens": self.cache.read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.cache.written_5m,
                "ephemeral_1h_input_tokens": self.cache.written_1h,
            },
            "output_tokens": output_tokens,
            "service_tier": "standard",
        })
    }

    /// The message as one object.
    pub(crate) fn whole(&self, directives: &Directives) -> Value {
        let answer = answer(&self.question, directives);
        let mut message = self.frame();
        let mut usage = self.usage(answer.output_tokens);
        add_thinking(&mut usage, &answer);
        merge(&mut message, json!({ "content": self.content(&answer), "usage": usage }));
        merge(&mut message, ending(&answer));
        message
    }

    /// The message as events; the name of each is its `type`.
    pub(crate) fn events(&self, directives: &Directives) -> Vec<Value> {
        let answer = answer(&self.question, directives);
        let mut message = self.frame();
        merge(&mut message, json!({ "usage": self.usage(1) }));
        let mut events = vec![json!({ "type": "message_start", "message": message })];
        for (block, index) in self.content(&answer).iter().zip(0_u64..) {
            events.push(
                json!({ "type": "content_block_start", "index": index, "content_block": opened(block) }),
            );
            if index == 0 {
                events.push(json!({ "type": "ping" }));
            }
            let deltas = deltas(block).into_iter();
            events.extend(
                deltas.map(|delta| json!({ "type": "content_block_delta", "index": index, "delta": delta })),
            );
            events.push(json!({ "type": "content_block_stop", "index": index }));
        }
        let mut usage = json!({
            "input_tokens": self.question.input_tokens,
            "cache_creation_input_tokens": self.cache.written_5m + self.cache.written_1h,
            "cache_read_input_tokens": self.cache.read,
            "output_tokens": answer.output_tokens,
        });
        add_thinking(&mut usage, &answer);
        events.push(json!({ "type": "message_delta", "delta": ending(&answer), "usage": usage }));
        events.push(json!({ "type": "message_stop" }));
        events
    }
}

fn merge(object: &mut Value, fields: Value) {
    if let (Value::Object(object), Value::Object(fields)) = (object, fields) {
        object.extend(fields);
    }
}

fn add_thinking(usage: &mut Value, answer: &Answer) {
    if answer.thinking.is_some() {
        let details = json!({ "thinking_tokens": answer.thinking_tokens });
        merge(usage, json!({ "output_tokens_details": details }));
    }
}

fn ending(answer: &Answer) -> Value {
    let (reason, sequence) = match &answer.finish {
        Finish::Stop => ("end_turn", None),
        Finish::StopSequence(sequence) => ("stop_sequence", Some(sequence)),
        Finish::Length => ("max_tokens", None),
        Finish::Tools => ("tool_use", None),
        Finish::Refusal => ("refusal", None),
    };
    let mut ending = json!({ "stop_reason": reason, "stop_sequence": sequence });
    if answer.finish == Finish::Refusal {
        let details = json!({ "type": "refusal", "category": null, "explanation": answer.text });
        merge(&mut ending, json!({ "stop_details": details }));
    }
    ending
}

/// A block as it stands when it opens: empty.
fn opened(block: &Value) -> Value {
    let mut block = block.clone();
    let empty = match block.get("type").and_then(Value::as_str) {
        Some("text") => json!({ "text": "" }),
        Some("thinking") => json!({ "thinking": "", "signature": "" }),
        _ => json!({ "input": {} }),
    };
    merge(&mut block, empty);
    block
}

fn deltas(block: &Value) -> Vec<Value> {
    let field = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
    match field("type") {
        "text" => pieces(field("text"), |piece| json!({ "type": "text_delta", "text": piece })),
        "thinking" => {
            let mut deltas =
                pieces(field("thinking"), |piece| json!({ "type": "thinking_delta", "thinking": piece }));
            deltas.push(json!({ "type": "signature_delta", "signature": field("signature") }));
            deltas
        }
        _ => {
            // The first fragment is empty, as the provider sends it.
            let input = block.get("input").map(Value::to_string).unwrap_or_default();
            let fragments = std::iter::once(String::new()).chain(slices(&input, ARGUMENT_SLICE));
            fragments.map(|json| json!({ "type": "input_json_delta", "partial_json": json })).collect()
        }
    }
}

fn pieces(text: &str, delta: impl Fn(&str) -> Value) -> Vec<Value> {
    crate::text::pieces(text).into_iter().map(delta).collect()
}

/// All models, or the one named.
pub(crate) fn models(name: Option<&str>) -> Result<Value, Failure> {
    let entry = |(_, release, display, line): &(&str, &str, &str, &str)| {
        json!({
            "type": "model",
            "id": release,
            "display_name": display,
            "created_at": "2025-10-01T00:00:00Z",
            "lifecycle": "active",
            "line": line,
            "max_input_tokens": 200_000,
            "max_tokens": 64_000,
        })
    };
    let Some(name) = name else {
        let data: Vec<Value> = MODELS.iter().map(entry).collect();
        let ends = |model: Option<&Value>| model.and_then(|model| model.get("id")).cloned();
        return Ok(json!({
            "first_id": ends(data.first()), "last_id": ends(data.last()), "has_more": false, "data": data,
        }));
    };
    let known = MODELS.iter().find(|(alias, release, ..)| *alias == name || *release == name);
    known.map(entry).ok_or_else(|| Failure::new(404, format!("model: {name}")))
}

/// The error event in the middle of a stream.
pub(crate) fn stream_error(request_id: &str) -> Value {
    Failure::of_status(Dialect::Anthropic, 529).body(Dialect::Anthropic, request_id)
}
