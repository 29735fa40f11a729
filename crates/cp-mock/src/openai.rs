//! OpenAI: chat completions, embeddings, models. Shapes as in openai-python 3.54, `types/`.

pub(crate) mod completions;
pub(crate) mod responses;

use serde_json::{Value, json};

use crate::answer::{Answer, Finish, Question, Tool, ToolCall, answer, chosen, no_parameters};
use crate::directive::Directives;
use crate::failure::{Dialect, Failure};
use crate::text::{base64, draw, hash, id, slices, tokens};

/// Release of each alias, as responses name it.
const RELEASES: &[(&str, &str)] = &[
    ("gpt-6.1-sol", "gpt-6.1-sol"),
    ("gpt-5.4-mini", "gpt-5.4-mini-2026-03-17"),
    ("gpt-4.1", "gpt-4.1-2025-04-14"),
    ("gpt-4.1-mini", "gpt-4.1-mini-2025-04-14"),
    ("o4-mini", "o4-mini-2025-04-16"),
    ("text-embedding-3-small", "text-embedding-3-small"),
];

/// Caching begins at this size of a prompt, and counts in such steps.
const CACHE_FROM: u64 = 1024;
const CACHE_STEP: u64 = 128;

/// Bytes of arguments in one chunk of a stream.
const ARGUMENT_SLICE: usize = 12;

/// A chat request.
pub(crate) struct Chat {
    pub(crate) question: Question,
    pub(crate) stream: bool,
    include_usage: bool,
    choices: u64,
}

/// Reads a chat request.
pub(crate) fn chat(body: &Value, seed: u64) -> Result<Chat, Failure> {
    let model = model(body)?;
    let messages = body.get("messages").and_then(Value::as_array).ok_or_else(|| missing("messages"))?;
    let last_spoken = messages.iter().rposition(|message| role(message) == "assistant");
    let since = last_spoken.and_then(|at| messages.get(at + 1..)).unwrap_or_default();
    Ok(Chat {
        question: Question {
            seed,
            system: text_of(messages, &["system", "developer"]).join("\n"),
            user: text_of(messages, &["user"]).pop().unwrap_or_default(),
            tools: tools(body),
            tool_results: text_of(since, &["tool"]),
            schema: schema(body),
            thinks: thinks(&model),
            stop: strings(body.get("stop")),
            max_tokens: ["max_completion_tokens", "max_tokens"]
                .iter()
                .find_map(|name| body.get(name)?.as_u64()),
            input_tokens: messages.iter().map(|message| tokens(&content(message)) + 4).sum(),
            model,
        },
        stream: is_true(body.get("stream")),
        include_usage: is_true(body.pointer("/stream_options/include_usage")),
        choices: body.get("n").and_then(Value::as_u64).unwrap_or(1).clamp(1, 8),
    })
}

fn thinks(model: &str) -> bool {
    ["o", "gpt-5", "gpt-6"].iter().any(|line| model.starts_with(line))
}

fn is_true(value: Option<&Value>) -> bool {
    value.and_then(Value::as_bool).unwrap_or(false)
}

fn missing(param: &'static str) -> Failure {
    let failure = Failure::new(400, format!("Missing required parameter: '{param}'."));
    Failure { param: Some(param), code: Some("missing_required_parameter"), ..failure }
}

fn model(body: &Value) -> Result<String, Failure> {
    let model = body
        .get("model")
        .and_then(Value::as_str)
        .ok_or_else(|| Failure::new(400, "you must provide a model parameter"))?;
    if model.starts_with("missing") {
        return Err(no_model(model));
    }
    Ok(model.to_owned())
}

fn no_model(model: &str) -> Failure {
    let message = format!("The model `{model}` does not exist or you do not have access to it.");
    Failure { code: Some("model_not_found"), ..Failure::new(404, message) }
}

fn schema(body: &Value) -> Option<Value> {
    match body.pointer("/response_format/type")?.as_str()? {
        "json_schema" => body.pointer("/response_format/json_schema/schema").cloned(),
        "json_object" => Some(json!({ "type": "object", "properties": { "answer": { "type": "string" } } })),
        _ => None,
    }
}

fn role(message: &Value) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or_default()
}

/// The text of a message; its content is a string or a list of parts.
fn content(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().filter_map(|part| part.get("text")?.as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

fn text_of(messages: &[Value], roles: &[&str]) -> Vec<String> {
    messages.iter().filter(|message| roles.contains(&role(message))).map(content).collect()
}

fn tools(body: &Value) -> Vec<Tool> {
    let choice = body.get("tool_choice");
    if choice.and_then(Value::as_str) == Some("none") {
        return Vec::new();
    }
    let offered = body.get("tools").and_then(Value::as_array).into_iter().flatten();
    let tools = offered.filter_map(|tool| {
        let name = tool.pointer("/function/name")?.as_str()?.to_owned();
        let parameters = tool.pointer("/function/parameters").cloned().unwrap_or_else(no_parameters);
        Some(Tool { name, parameters })
    });
    chosen(tools.collect(), choice.and_then(|choice| choice.pointer("/function/name")?.as_str()))
}

/// A string or a list of strings.
fn strings(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => many.iter().filter_map(|one| Some(one.as_str()?.to_owned())).collect(),
        _ => Vec::new(),
    }
}

impl Chat {
    fn answers(&self, directives: &Directives) -> Vec<Answer> {
        let nth = |index| {
            let seed = if index == 0 { self.question.seed } else { draw(self.question.seed, index) };
            answer(&Question { seed, ..self.question.clone() }, directives)
        };
        (0..self.choices).map(nth).collect()
    }

    fn frame(&self, object: &str) -> Value {
        json!({
            "id": id("chatcmpl-", self.question.seed, 29),
            "object": object,
            "created": created(self.question.seed),
            "model": release(&self.question.model),
            "service_tier": "default",
            "system_fingerprint": id("fp_", hash(self.question.model.as_bytes()), 10),
        })
    }

    fn usage(&self, answers: &[Answer]) -> Value {
        let prompt = self.question.input_tokens;
        let completion: u64 = answers.iter().map(|answer| answer.output_tokens).sum();
        json!({
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": { "cached_tokens": cached(prompt), "audio_tokens": 0 },
            "completion_tokens_details": {
                "reasoning_tokens": answers.iter().map(|answer| answer.thinking_tokens).sum::<u64>(),
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        })
    }

    /// The completion as one object.
    pub(crate) fn whole(&self, directives: &Directives) -> Value {
        let answers = self.answers(directives);
        let mut completion = self.frame("chat.completion");
        let choices = answers.iter().zip(0_u64..).map(|(answer, index)| {
            let (message, finish) = (message(answer), finish_reason(answer));
            json!({ "index": index, "message": message, "logprobs": null, "finish_reason": finish })
        });
        set(&mut completion, "choices", choices.collect());
        set(&mut completion, "usage", self.usage(&answers));
        completion
    }

    /// The completion as the data of server-sent events, `[DONE]` not among them.
    pub(crate) fn chunks(&self, directives: &Directives) -> Vec<Value> {
        let answers = self.answers(directives);
        let mut chunks = Vec::new();
        for (answer, index) in answers.iter().zip(0_u64..) {
            let mut push = |delta: Value, finish: Value| {
                let mut chunk = self.frame("chat.completion.chunk");
                let choice =
                    json!({ "index": index, "delta": delta, "logprobs": null, "finish_reason": finish });
                set(&mut chunk, "choices", json!([choice]));
                if self.include_usage {
                    set(&mut chunk, "usage", Value::Null);
                }
                chunks.push(chunk);
            };
            deltas(answer).into_iter().for_each(|delta| push(delta, Value::Null));
            push(json!({}), finish_reason(answer).into());
        }
        if self.include_usage {
            let mut last = self.frame("chat.completion.chunk");
            set(&mut last, "choices", json!([]));
            set(&mut last, "usage", self.usage(&answers));
            chunks.push(last);
        }
        chunks
    }
}

fn release(model: &str) -> &str {
    RELEASES.iter().find(|(alias, _)| *alias == model).map_or(model, |(_, release)| release)
}

/// How much of a prompt comes from the cache.
fn cached(prompt: u64) -> u64 {
    if prompt >= CACHE_FROM { prompt / 2 / CACHE_STEP * CACHE_STEP } else { 0 }
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

fn created(seed: u64) -> u64 {
    1_790_000_000 + seed % 1_000_000
}

fn finish_reason(answer: &Answer) -> &'static str {
    match answer.finish {
        Finish::Stop | Finish::StopSequence(_) | Finish::Refusal => "stop",
        Finish::Length => "length",
        Finish::Tools => "tool_calls",
    }
}

fn message(answer: &Answer) -> Value {
    let mut message =
        json!({ "role": "assistant", "content": answer.text, "refusal": null, "annotations": [] });
    if answer.finish == Finish::Refusal {
        set(&mut message, "content", Value::Null);
        set(&mut message, "refusal", answer.text.as_str().into());
    }
    if !answer.calls.is_empty() {
        let calls = answer.calls.iter().map(|call| {
            let function = json!({ "name": call.name, "arguments": call.arguments.to_string() });
            json!({ "id": call_id(call), "type": "function", "function": function })
        });
        set(&mut message, "tool_calls", calls.collect());
        if answer.text.is_empty() {
            set(&mut message, "content", Value::Null);
        }
    }
    message
}

fn call_id(call: &ToolCall) -> String {
    id("call_", call.seed, 24)
}

/// The deltas of one choice, the last and empty one not among them.
fn deltas(answer: &Answer) -> Vec<Value> {
    let silent = answer.text.is_empty() && !answer.calls.is_empty();
    let opening = if silent { Value::Null } else { "".into() };
    let mut deltas = vec![json!({ "role": "assistant", "content": opening, "refusal": null })];
    let field = if answer.finish == Finish::Refusal { "refusal" } else { "content" };
    deltas.extend(answer.pieces().into_iter().map(|piece| json!({ field: piece })));
    for (call, index) in answer.calls.iter().zip(0_u64..) {
        let function = json!({ "name": call.name, "arguments": "" });
        let opening =
            json!({ "index": index, "id": call_id(call), "type": "function", "function": function });
        deltas.push(json!({ "tool_calls": [opening] }));
        let arguments = call.arguments.to_string();
        deltas.extend(
            slices(&arguments, ARGUMENT_SLICE).into_iter().map(
                |slice| json!({ "tool_calls": [{ "index": index, "function": { "arguments": slice } }] }),
            ),
        );
    }
    deltas
}

/// Answers an embeddings request.
pub(crate) fn embeddings(body: &Value) -> Result<Value, Failure> {
    let model = model(body)?;
    let inputs = match body.get("input") {
        Some(one @ Value::String(_)) => vec![one],
        Some(Value::Array(many)) if many.iter().all(Value::is_number) => vec![body],
        Some(Value::Array(many)) => many.iter().collect(),
        _ => return Err(missing("input")),
    };
    let dimensions = body.get("dimensions").and_then(Value::as_u64).unwrap_or(1536).min(3072);
    let encoded = body.get("encoding_format").and_then(Value::as_str) == Some("base64");
    let data = inputs.iter().zip(0_u64..).map(|(input, index)| {
        let vector = vector(hash(input.to_string().as_bytes()), dimensions);
        let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
        let embedding = if encoded { base64(&bytes).into() } else { json!(vector) };
        json!({ "object": "embedding", "index": index, "embedding": embedding })
    });
    let used: u64 = inputs.iter().map(|input| tokens(&input.to_string())).sum();
    let usage = json!({ "prompt_tokens": used, "total_tokens": used });
    Ok(json!({ "object": "list", "data": data.collect::<Vec<_>>(), "model": model, "usage": usage }))
}

/// Numbers between -1 and 1, exact in 16 bits so that they print short.
pub(crate) fn vector(seed: u64, dimensions: u64) -> Vec<f32> {
    let number =
        |position| f32::from(draw(seed, position).to_le_bytes().first().copied().unwrap_or_default());
    (0..dimensions).map(|position| number(position) / 128.0 - 1.0).collect()
}

/// All models, or the one named.
pub(crate) fn models(name: Option<&str>) -> Result<Value, Failure> {
    let entry =
        |name: &str| json!({ "id": name, "object": "model", "created": 1_715_367_049, "owned_by": "system" });
    match name {
        None => Ok(
            json!({ "object": "list", "data": RELEASES.iter().map(|(name, _)| entry(name)).collect::<Vec<_>>() }),
        ),
        Some(name) if RELEASES.iter().any(|(known, _)| *known == name) => Ok(entry(name)),
        Some(name) => Err(no_model(name)),
    }
}

/// The error event in the middle of a stream.
pub(crate) fn stream_error() -> Value {
    Failure::of_status(Dialect::OpenAi, 500).body(Dialect::OpenAi, "")
}
