//! Interactions: input as text, content or steps; the answer as an object or as events.

use serde_json::{Value, json};

use super::{known, lower_case_types, signature};
use crate::answer::{Answer, Finish, Question, Tool, answer, no_parameters};
use crate::directive::Directives;
use crate::failure::Failure;
use crate::text::{id, pieces, slices, tokens};

/// Characters of arguments in one event of a stream.
const ARGUMENT_SLICE: usize = 16;

/// A request for an interaction.
pub(crate) struct Interaction {
    question: Question,
    pub(crate) stream: bool,
    agent: Option<String>,
    shows_thoughts: bool,
}

/// Reads a request.
pub(crate) fn interaction(body: &Value, seed: u64) -> Result<Interaction, Failure> {
    let string = |name: &str| body.get(name).and_then(Value::as_str);
    let agent = string("agent").map(str::to_owned);
    let model = match string("model") {
        Some(model) => known(model)?,
        None if agent.is_some() => "",
        None => return Err(Failure::new(400, "Either model or agent must be set.")),
    };
    let input = body.get("input").ok_or_else(|| Failure::new(400, "input is not specified"))?;
    let steps = input.as_array().map(Vec::as_slice).unwrap_or_default();
    let user = steps.iter().rev().filter(|step| !is_model_side(step)).map(text);
    let user = input.as_str().map(str::to_owned).or_else(|| user.into_iter().find(|text| !text.is_empty()));
    let results = steps.iter().rev().take_while(|step| kind(step) == "function_result");
    let tools = body.get("tools").and_then(Value::as_array);
    let config = body.get("generation_config").unwrap_or(&Value::Null);
    let summaries = config.get("thinking_summaries").and_then(Value::as_str);
    let system = string("system_instruction").unwrap_or_default();
    let offered = tools.map_or(0, |tools| tokens(&Value::from(tools.clone()).to_string()));
    Ok(Interaction {
        question: Question {
            seed,
            model: model.to_owned(),
            system: system.to_owned(),
            user: user.unwrap_or_default(),
            tools: tools.into_iter().flatten().filter_map(tool).collect(),
            tool_results: results.filter_map(|step| Some(step.get("result")?.to_string())).collect(),
            schema: body.pointer("/response_format/schema").map(lower_case_types),
            thinks: config.get("thinking_level").is_some() || summaries.is_some(),
            stop: Vec::new(),
            max_tokens: config.get("max_output_tokens").and_then(Value::as_u64),
            input_tokens: tokens(&input.to_string()) + tokens(system) + offered,
        },
        stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
        agent,
        shows_thoughts: summaries == Some("auto"),
    })
}

fn kind(step: &Value) -> &str {
    step.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn is_model_side(step: &Value) -> bool {
    matches!(kind(step), "model_output" | "thought" | "function_call" | "function_result")
}

fn text(step: &Value) -> String {
    let own = step.get("text").and_then(Value::as_str);
    let content = step.get("content").and_then(Value::as_array).into_iter().flatten();
    let texts = own.into_iter().chain(content.filter_map(|item| item.get("text")?.as_str()));
    texts.collect::<Vec<_>>().join("\n")
}

fn tool(tool: &Value) -> Option<Tool> {
    let name = tool.get("name").filter(|_| kind(tool) == "function")?.as_str()?.to_owned();
    Some(Tool { name, parameters: tool.get("parameters").map_or_else(no_parameters, lower_case_types) })
}

impl Interaction {
    /// The text in which directives stand.
    pub(crate) fn user(&self) -> &str {
        &self.question.user
    }

    fn steps(&self, answer: &Answer) -> Vec<Value> {
        let mut steps = Vec::new();
        if let Some(thinking) = &answer.thinking {
            let mut step = json!({ "type": "thought", "signature": signature(self.question.seed) });
            if let Some(fields) = step.as_object_mut().filter(|_| self.shows_thoughts) {
                fields.insert("summary".to_owned(), json!([{ "type": "text", "text": thinking }]));
            }
            steps.push(step);
        }
        if !answer.text.is_empty() {
            let content = json!([{ "type": "text", "text": answer.text }]);
            steps.push(json!({ "type": "model_output", "content": content }));
        }
        steps.extend(answer.calls.iter().map(|call| {
            let id = id("", call.seed, 8);
            json!({ "type": "function_call", "id": id, "name": call.name, "arguments": call.arguments })
        }));
        steps
    }

    fn frame(&self, status: &str) -> Value {
        let mut frame = json!({
            "id": id("v1_", self.question.seed, 40),
            "status": status,
            "object": "interaction",
            "created": "2026-11-20T10:00:00Z",
            "updated": "2026-11-20T10:00:01Z",
        });
        let (name, value) =
            self.agent.as_ref().map_or(("model", &self.question.model), |agent| ("agent", agent));
        put(&mut frame, name, value.as_str().into());
        frame
    }

    fn usage(&self, answer: &Answer) -> Value {
        let input = self.question.input_tokens;
        json!({
            "total_tokens": input + answer.output_tokens,
            "total_input_tokens": input,
            "input_tokens_by_modality": [{ "modality": "text", "tokens": input }],
            "total_cached_tokens": 0,
            "total_output_tokens": answer.output_tokens - answer.thinking_tokens,
            "total_tool_use_tokens": 0,
            "total_thought_tokens": answer.thinking_tokens,
        })
    }

    /// The interaction before its end.
    pub(crate) fn begun(&self) -> Value {
        self.frame("in_progress")
    }

    /// The interaction as one object.
    pub(crate) fn whole(&self, directives: &Directives) -> Value {
        let answer = answer(&self.question, directives);
        let mut interaction = self.frame(status(&answer));
        put(&mut interaction, "steps", self.steps(&answer).into());
        put(&mut interaction, "usage", self.usage(&answer));
        interaction
    }

    /// The interaction as events; the name of each is its `event_type`.
    pub(crate) fn events(&self, directives: &Directives) -> Vec<Value> {
        let answer = answer(&self.question, directives);
        let created = self.frame("in_progress");
        let update = json!({ "interaction_id": created.get("id"), "status": "in_progress" });
        let mut events = vec![
            ("interaction.created", json!({ "interaction": created })),
            ("interaction.status_update", update),
        ];
        for (step, index) in self.steps(&answer).iter().zip(0_u64..) {
            events.push(("step.start", json!({ "index": index, "step": opened(step) })));
            let deltas = deltas(step).into_iter();
            events.extend(deltas.map(|delta| ("step.delta", json!({ "index": index, "delta": delta }))));
            events.push(("step.stop", json!({ "index": index })));
        }
        let mut completed = self.frame(status(&answer));
        put(&mut completed, "usage", self.usage(&answer));
        events.push(("interaction.completed", json!({ "interaction": completed })));
        let named = events.into_iter().zip(1_u64..).map(|((kind, mut event), number)| {
            put(&mut event, "event_type", kind.into());
            put(&mut event, "event_id", format!("evt_{number}").into());
            event
        });
        named.collect()
    }
}

fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

fn status(answer: &Answer) -> &'static str {
    match answer.finish {
        Finish::Stop | Finish::StopSequence(_) | Finish::Refusal => "completed",
        Finish::Length => "incomplete",
        Finish::Tools => "requires_action",
    }
}

/// A step as it stands when it opens: empty.
fn opened(step: &Value) -> Value {
    match kind(step) {
        "function_call" => {
            let mut step = step.clone();
            put(&mut step, "arguments", json!({}));
            step
        }
        kind => json!({ "type": kind }),
    }
}

fn deltas(step: &Value) -> Vec<Value> {
    let summary = step.pointer("/summary/0/text").and_then(Value::as_str).unwrap_or_default();
    match kind(step) {
        "model_output" => {
            let text = text(step);
            pieces(&text).into_iter().map(|piece| json!({ "type": "text", "text": piece })).collect()
        }
        "thought" => pieces(summary)
            .into_iter()
            .map(|piece| json!({ "type": "thought_summary", "content": { "type": "text", "text": piece } }))
            .chain(std::iter::once(
                json!({ "type": "thought_signature", "signature": step.get("signature") }),
            ))
            .collect(),
        _ => {
            let arguments = step.get("arguments").map(Value::to_string).unwrap_or_default();
            let slices = slices(&arguments, ARGUMENT_SLICE).into_iter();
            slices.map(|slice| json!({ "type": "arguments_delta", "arguments": slice })).collect()
        }
    }
}

/// The error event in the middle of a stream.
pub(crate) fn stream_error() -> Value {
    let error = json!({ "code": "service_unavailable", "message": "The model is overloaded." });
    json!({ "event_type": "error", "error": error })
}
