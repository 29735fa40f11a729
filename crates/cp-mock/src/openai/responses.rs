//! OpenAI's Responses API. Shapes as in openai-python 3.54, `types/responses`.

use serde_json::{Value, json};

use super::{call_id, content, created, is_true, model, release, role, set, text_of, thinks};
use crate::answer::{Answer, Finish, Question, Tool, answer, chosen, no_parameters};
use crate::directive::Directives;
use crate::failure::{Dialect, Failure};
use crate::text::{id, slices, tokens};

/// A request for a response.
pub(crate) struct Responses {
    pub(crate) question: Question,
    pub(crate) stream: bool,
    background: bool,
    /// Fields of the request that the response repeats.
    echo: Value,
}

const ECHOED: [&str; 6] =
    ["instructions", "max_output_tokens", "metadata", "previous_response_id", "tools", "user"];

/// Reads a request.
pub(crate) fn responses(body: &Value, seed: u64) -> Result<Responses, Failure> {
    let model = model(body)?;
    let items = match body.get("input") {
        Some(Value::String(text)) => vec![json!({ "role": "user", "content": text })],
        Some(Value::Array(items)) => items.clone(),
        _ => return Err(super::missing("input")),
    };
    let last_spoken = items.iter().rposition(|item| role(item) == "assistant" || is_call(item));
    let since = last_spoken.and_then(|at| items.get(at + 1..)).unwrap_or_default();
    let results = since.iter().filter(|item| kind(item) == "function_call_output");
    let instructions = body.get("instructions").and_then(Value::as_str).unwrap_or_default().to_owned();
    let said: u64 = items.iter().map(|item| tokens(&content(item)) + 4).sum();
    let format = body.pointer("/text/format");
    let echo = ECHOED.iter().map(|key| ((*key).to_owned(), body.get(key).cloned().unwrap_or_default()));
    Ok(Responses {
        question: Question {
            seed,
            user: text_of(&items, &["user"]).pop().unwrap_or_default(),
            tools: tools(body),
            tool_results: results.map(output).collect(),
            schema: format.and_then(|format| format.get("schema")).cloned(),
            thinks: thinks(&model),
            stop: Vec::new(),
            max_tokens: body.get("max_output_tokens").and_then(Value::as_u64),
            input_tokens: said + tokens(&instructions),
            system: [vec![instructions], text_of(&items, &["system", "developer"])].concat().join("\n"),
            model,
        },
        stream: is_true(body.get("stream")),
        background: is_true(body.get("background")),
        echo: Value::Object(echo.collect()),
    })
}

fn kind(item: &Value) -> &str {
    item.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn is_call(item: &Value) -> bool {
    kind(item) == "function_call"
}

fn output(item: &Value) -> String {
    match item.get("output") {
        Some(Value::String(text)) => text.clone(),
        other => other.map(Value::to_string).unwrap_or_default(),
    }
}

fn tools(body: &Value) -> Vec<Tool> {
    let choice = body.get("tool_choice");
    if choice.and_then(Value::as_str) == Some("none") {
        return Vec::new();
    }
    let offered = body.get("tools").and_then(Value::as_array).into_iter().flatten();
    let tools = offered.filter(|tool| kind(tool) == "function").filter_map(|tool| {
        let name = tool.get("name")?.as_str()?.to_owned();
        Some(Tool { name, parameters: tool.get("parameters").cloned().unwrap_or_else(no_parameters) })
    });
    chosen(tools.collect(), choice.and_then(|choice| choice.get("name")?.as_str()))
}

impl Responses {
    fn frame(&self, status: &str) -> Value {
        let mut response = json!({
            "id": id("resp_", self.question.seed, 48),
            "object": "response",
            "created_at": created(self.question.seed),
            "status": status,
            "background": self.background,
            "error": null,
            "incomplete_details": null,
            "model": release(&self.question.model),
            "output": [],
            "parallel_tool_calls": true,
            "reasoning": { "effort": null, "summary": null },
            "service_tier": "default",
            "store": true,
            "temperature": 1.0,
            "text": { "format": { "type": "text" }, "verbosity": "medium" },
            "tool_choice": "auto",
            "top_p": 1.0,
            "truncation": "disabled",
            "usage": null,
        });
        for (key, value) in self.echo.as_object().into_iter().flatten() {
            let value = if key == "tools" && value.is_null() { json!([]) } else { value.clone() };
            set(&mut response, key, value);
        }
        response
    }

    fn items(&self, answer: &Answer) -> Vec<Value> {
        let seed = self.question.seed;
        let mut items = Vec::new();
        if answer.thinking.is_some() {
            items.push(json!({ "id": id("rs_", seed, 48), "type": "reasoning", "summary": [] }));
        }
        if !answer.text.is_empty() {
            let part = if answer.finish == Finish::Refusal {
                json!({ "type": "refusal", "refusal": answer.text })
            } else {
                json!({ "type": "output_text", "text": answer.text, "annotations": [], "logprobs": [] })
            };
            let status = if answer.finish == Finish::Length { "incomplete" } else { "completed" };
            items.push(json!({
                "id": id("msg_", seed, 48),
                "type": "message",
                "status": status,
                "role": "assistant",
                "content": [part],
            }));
        }
        items.extend(answer.calls.iter().map(|call| {
            json!({
                "id": id("fc_", call.seed, 48),
                "type": "function_call",
                "status": "completed",
                "call_id": call_id(call),
                "name": call.name,
                "arguments": call.arguments.to_string(),
            })
        }));
        items
    }

    fn finished(&self, answer: &Answer) -> Value {
        let prompt = self.question.input_tokens;
        let mut response =
            self.frame(if answer.finish == Finish::Length { "incomplete" } else { "completed" });
        if answer.finish == Finish::Length {
            set(&mut response, "incomplete_details", json!({ "reason": "max_output_tokens" }));
        }
        set(&mut response, "output", self.items(answer).into());
        let usage = json!({
            "input_tokens": prompt,
            "input_tokens_details": { "cached_tokens": super::cached(prompt), "cache_write_tokens": 0 },
            "output_tokens": answer.output_tokens,
            "output_tokens_details": { "reasoning_tokens": answer.thinking_tokens },
            "total_tokens": prompt + answer.output_tokens,
        });
        set(&mut response, "usage", usage);
        response
    }

    /// The response before its end.
    pub(crate) fn begun(&self) -> Value {
        self.frame("queued")
    }

    /// The response as one object.
    pub(crate) fn whole(&self, directives: &Directives) -> Value {
        self.finished(&answer(&self.question, directives))
    }

    /// The response as events, each with its `type`.
    pub(crate) fn events(&self, directives: &Directives) -> Vec<Value> {
        let answer = answer(&self.question, directives);
        let begun = self.frame("in_progress");
        let mut events = vec![
            json!({ "type": "response.created", "response": begun }),
            json!({ "type": "response.in_progress", "response": begun }),
        ];
        for (item, index) in self.items(&answer).into_iter().zip(0_u64..) {
            events.extend(item_events(&item, index, &answer));
        }
        let last = if answer.finish == Finish::Length { "incomplete" } else { "completed" };
        events.push(json!({ "type": format!("response.{last}"), "response": self.finished(&answer) }));
        for (event, number) in events.iter_mut().zip(0_u64..) {
            set(event, "sequence_number", number.into());
        }
        events
    }
}

fn item_events(item: &Value, index: u64, answer: &Answer) -> Vec<Value> {
    let item_id = item.get("id").cloned().unwrap_or_default();
    let event = |kind: &str, rest: Value| {
        let mut event =
            json!({ "type": format!("response.{kind}"), "item_id": item_id, "output_index": index });
        for (key, value) in rest.as_object().into_iter().flatten() {
            set(&mut event, key, value.clone());
        }
        event
    };
    let mut begun = item.clone();
    if item.get("status").is_some() {
        set(&mut begun, "status", "in_progress".into());
    }
    let mut between = Vec::new();
    match kind(item) {
        "message" => {
            set(&mut begun, "content", json!([]));
            let part = item.pointer("/content/0").cloned().unwrap_or_default();
            let (kind, key) =
                if kind(&part) == "refusal" { ("refusal", "refusal") } else { ("output_text", "text") };
            let mut empty = part.clone();
            set(&mut empty, key, "".into());
            between.push(event("content_part.added", json!({ "content_index": 0, "part": empty })));
            between.extend(answer.pieces().into_iter().map(|piece| {
                event(&format!("{kind}.delta"), json!({ "content_index": 0, "delta": piece, "logprobs": [] }))
            }));
            let done = json!({ "content_index": 0, key: part.get(key), "logprobs": [] });
            between.push(event(&format!("{kind}.done"), done));
            between.push(event("content_part.done", json!({ "content_index": 0, "part": part })));
        }
        "function_call" => {
            set(&mut begun, "arguments", "".into());
            let arguments = item.get("arguments").and_then(Value::as_str).unwrap_or_default();
            let pieces = slices(arguments, super::ARGUMENT_SLICE).into_iter();
            between.extend(
                pieces.map(|piece| event("function_call_arguments.delta", json!({ "delta": piece }))),
            );
            between.push(event("function_call_arguments.done", json!({ "arguments": arguments })));
        }
        _ => {}
    }
    let mut events = vec![event("output_item.added", json!({ "item": begun }))];
    events.append(&mut between);
    events.push(event("output_item.done", json!({ "item": item })));
    events
}

/// The error event in the middle of a stream.
pub(crate) fn stream_error() -> Value {
    let failure = Failure::of_status(Dialect::OpenAi, 500);
    json!({ "type": "error", "code": "server_error", "message": failure.message, "param": null, "sequence_number": 2 })
}
