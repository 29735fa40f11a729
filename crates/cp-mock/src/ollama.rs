//! Ollama's own API. Shapes as in ollama-python 0.6, `_types.py`.

use serde_json::{Map, Value, json};

use crate::answer::{Answer, Finish, Question, Tool, answer, chosen, no_parameters};
use crate::directive::Directives;
use crate::failure::Failure;
use crate::openai::vector;
use crate::text::{hash, tokens};

/// Models that are pulled.
const MODELS: [&str; 3] = ["llama3.2", "qwen3", "nomic-embed-text"];

/// A request to generate: a chat, or a completion of a prompt.
pub(crate) struct Generate {
    pub(crate) question: Question,
    pub(crate) stream: bool,
    is_chat: bool,
}

/// Reads a request to `/api/chat` or `/api/generate`.
pub(crate) fn generate(body: &Value, seed: u64, is_chat: bool) -> Result<Generate, Failure> {
    let model = model(body)?;
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let messages = body.get("messages").and_then(Value::as_array).cloned().unwrap_or_default();
    let of = |role: &'static str| -> Vec<String> {
        messages.iter().filter(|message| said(message, "role") == role).map(content).collect()
    };
    let last_spoken = messages.iter().rposition(|message| said(message, "role") == "assistant");
    let since = last_spoken.and_then(|at| messages.get(at + 1..)).unwrap_or_default();
    let results = since.iter().filter(|message| said(message, "role") == "tool");
    let (system, user) = if is_chat {
        (of("system").join("\n"), of("user").pop().unwrap_or_default())
    } else {
        (text("system"), text("prompt"))
    };
    let said: u64 = messages.iter().map(|message| tokens(&content(message)) + 4).sum();
    let thinks = body.get("think").is_some_and(|think| think != false && !think.is_null());
    Ok(Generate {
        question: Question {
            seed,
            input_tokens: said + if is_chat { 0 } else { tokens(&system) + tokens(&user) },
            system,
            user,
            tools: tools(body),
            tool_results: results.map(content).collect(),
            schema: body.get("format").filter(|format| format.is_object()).cloned(),
            thinks,
            stop: Vec::new(),
            max_tokens: body.pointer("/options/num_predict").and_then(Value::as_u64),
            model,
        },
        stream: body.get("stream").and_then(Value::as_bool).unwrap_or(true),
        is_chat,
    })
}

fn model(body: &Value) -> Result<String, Failure> {
    let model = said(body, "model");
    let name = model.split(':').next().unwrap_or_default();
    if model.is_empty() {
        Err(Failure::new(400, "model is required"))
    } else if MODELS.contains(&name) {
        Ok(model.to_owned())
    } else {
        Err(Failure::new(404, format!("model '{model}' not found")))
    }
}

fn said<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn content(message: &Value) -> String {
    said(message, "content").to_owned()
}

fn tools(body: &Value) -> Vec<Tool> {
    let offered = body.get("tools").and_then(Value::as_array).into_iter().flatten();
    let tools = offered.filter_map(|tool| {
        let function = tool.get("function")?;
        let parameters = function.get("parameters").cloned().unwrap_or_else(no_parameters);
        Some(Tool { name: said(function, "name").to_owned(), parameters })
    });
    chosen(tools.collect(), None)
}

impl Generate {
    fn frame(&self, text: &str, thinking: &str, calls: &[Value]) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("model".to_owned(), self.question.model.clone().into());
        fields.insert("created_at".to_owned(), "2026-11-22T12:00:00.123456789Z".into());
        let mut message = Map::new();
        message.insert("role".to_owned(), "assistant".into());
        message.insert("content".to_owned(), text.into());
        if !thinking.is_empty() {
            message.insert("thinking".to_owned(), thinking.into());
        }
        if !calls.is_empty() {
            message.insert("tool_calls".to_owned(), calls.into());
        }
        if self.is_chat {
            fields.insert("message".to_owned(), Value::Object(message));
        } else {
            fields.insert("response".to_owned(), text.into());
            fields.extend(message.remove("thinking").map(|thinking| ("thinking".to_owned(), thinking)));
        }
        fields.insert("done".to_owned(), false.into());
        fields
    }

    fn finish(&self, fields: &mut Map<String, Value>, answer: &Answer) {
        let reason = if answer.finish == Finish::Length { "length" } else { "stop" };
        fields.extend([
            ("done".to_owned(), true.into()),
            ("done_reason".to_owned(), reason.into()),
            ("total_duration".to_owned(), 5_191_566_416_u64.into()),
            ("load_duration".to_owned(), 2_154_458_u64.into()),
            ("prompt_eval_count".to_owned(), self.question.input_tokens.into()),
            ("prompt_eval_duration".to_owned(), 383_809_000_u64.into()),
            ("eval_count".to_owned(), answer.output_tokens.into()),
            ("eval_duration".to_owned(), 4_799_921_000_u64.into()),
        ]);
    }

    fn calls(answer: &Answer) -> Vec<Value> {
        let call =
            |name: &str, arguments: &Value| json!({ "function": { "name": name, "arguments": arguments } });
        answer.calls.iter().map(|asked| call(&asked.name, &asked.arguments)).collect()
    }

    /// The answer as one object.
    pub(crate) fn whole(&self, directives: &Directives) -> Value {
        let answer = answer(&self.question, directives);
        let thinking = answer.thinking.clone().unwrap_or_default();
        let mut whole = self.frame(&answer.text, &thinking, &Self::calls(&answer));
        self.finish(&mut whole, &answer);
        Value::Object(whole)
    }

    /// The answer as the objects of a stream.
    pub(crate) fn chunks(&self, directives: &Directives) -> Vec<Value> {
        let answer = answer(&self.question, directives);
        let thought = answer.thinking.iter().map(|thinking| self.frame("", thinking, &[]));
        let spoken = answer.pieces().into_iter().map(|piece| self.frame(piece, "", &[]));
        let mut chunks: Vec<_> = thought.chain(spoken).collect();
        chunks.extend(Self::calls(&answer).into_iter().map(|call| self.frame("", "", &[call])));
        let mut last = self.frame("", "", &[]);
        self.finish(&mut last, &answer);
        chunks.push(last);
        chunks.into_iter().map(Value::Object).collect()
    }
}

/// Embeds texts.
pub(crate) fn embed(body: &Value) -> Result<Value, Failure> {
    let model = model(body)?;
    let texts = match body.get("input") {
        Some(Value::Array(texts)) => texts.clone(),
        Some(text) => vec![text.clone()],
        None => return Err(Failure::new(400, "input is required")),
    };
    let vectors: Vec<_> = texts.iter().map(|text| vector(hash(text.to_string().as_bytes()), 16)).collect();
    let count: u64 = texts.iter().map(|text| tokens(&text.to_string())).sum();
    Ok(
        json!({ "model": model, "embeddings": vectors, "total_duration": 14_143_917, "prompt_eval_count": count }),
    )
}

/// Embeds a text, as `/api/embeddings` does.
pub(crate) fn embed_one(body: &Value) -> Result<Value, Failure> {
    model(body)?;
    Ok(json!({ "embedding": vector(hash(said(body, "prompt").as_bytes()), 16) }))
}

/// The models that are there.
pub(crate) fn tags() -> Value {
    let model = |name: &&str| {
        json!({
            "name": format!("{name}:latest"),
            "model": format!("{name}:latest"),
            "modified_at": "2026-11-22T12:00:00Z",
            "size": 2_019_393_189_u64,
            "digest": "a80c4f17acd55265feec403c7aef86be0c25983ab279d83f3bcd3abbcb5b8b72",
            "details": { "format": "gguf", "family": "llama", "families": null, "parameter_size": "3.2B", "quantization_level": "Q4_K_M" },
        })
    };
    json!({ "models": MODELS.iter().map(model).collect::<Vec<_>>() })
}
