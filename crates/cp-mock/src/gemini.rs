//! Google: `generateContent`, embeddings, token counts, models, interactions. Shapes as in python-genai 3.4, `types.py`.

mod interactions;

use serde_json::{Value, json};

pub(crate) use self::interactions::{interaction, stream_error as interaction_error};
use crate::answer::{Answer, Finish, Question, Tool, answer, chosen, no_parameters};
use crate::directive::Directives;
use crate::failure::{Dialect, Failure};
use crate::openai::vector;
use crate::text::{base64, draw, hash, id, pieces, tokens};

const MODELS: &[(&str, &str)] = &[
    ("gemini-3.8-flash", "Gemini 3.8 Flash"),
    ("gemini-3.1-pro-preview", "Gemini 3.1 Pro Preview"),
    ("gemini-2.5-flash", "Gemini 2.5 Flash"),
    ("gemini-embedding-001", "Gemini Embedding 001"),
];

/// Prompts from this size on are cached, to their half.
const CACHE_FROM: u64 = 1024;

/// A request for content.
pub(crate) struct Generate {
    question: Question,
    candidates: u64,
    shows_thoughts: bool,
}

/// The model and the method of `v1beta/models/{model}:{method}`, or of Vertex AI's longer paths.
pub(crate) fn target(path: &str) -> Option<(&str, &str)> {
    let (parent, last) = path.rsplit_once('/')?;
    last.rsplit_once(':').filter(|_| parent.ends_with("/models"))
}

/// The model that is asked for, if there is one of that name.
pub(crate) fn known(model: &str) -> Result<&str, Failure> {
    if model.starts_with("missing") {
        let message = format!("models/{model} is not found for API version v1beta, or is not supported.");
        return Err(Failure::new(404, message));
    }
    Ok(model)
}

/// Reads a request.
pub(crate) fn generate(model: &str, body: &Value, seed: u64) -> Result<Generate, Failure> {
    let contents = contents(body)?;
    let config = body.get("generationConfig").unwrap_or(&Value::Null);
    let number = |name: &str| config.get(name).and_then(Value::as_u64);
    let stop = config.get("stopSequences").and_then(Value::as_array).into_iter().flatten();
    let thinking = config.get("thinkingConfig");
    // The Python client writes the fields in here in snake case.
    let setting = |names: [&str; 2]| names.iter().find_map(|name| thinking?.get(*name));
    let shows = setting(["includeThoughts", "include_thoughts"]).and_then(Value::as_bool);
    let budget = setting(["thinkingBudget", "thinking_budget"]).and_then(Value::as_i64);
    let last = contents.last().filter(|content| role(content) != "model");
    let schema = ["responseJsonSchema", "responseSchema"].iter().find_map(|name| config.get(*name));
    Ok(Generate {
        question: Question {
            seed,
            model: known(model)?.to_owned(),
            system: body.get("systemInstruction").map(text).unwrap_or_default(),
            user: user_text(contents),
            tools: tools(body),
            tool_results: last.map(tool_results).unwrap_or_default(),
            schema: schema.map(lower_case_types),
            thinks: thinking.is_some() && budget != Some(0),
            stop: stop.filter_map(|stop| Some(stop.as_str()?.to_owned())).collect(),
            max_tokens: number("maxOutputTokens"),
            input_tokens: input_tokens(body),
        },
        candidates: number("candidateCount").unwrap_or(1).clamp(1, 8),
        shows_thoughts: shows == Some(true),
    })
}

fn contents(body: &Value) -> Result<&[Value], Failure> {
    let contents = body.get("contents").and_then(Value::as_array).filter(|contents| !contents.is_empty());
    contents
        .map(Vec::as_slice)
        .ok_or_else(|| Failure::new(400, "* GenerateContentRequest.contents: contents is not specified\n"))
}

fn role(content: &Value) -> &str {
    content.get("role").and_then(Value::as_str).unwrap_or("user")
}

fn parts(content: &Value) -> impl Iterator<Item = &Value> {
    content.get("parts").and_then(Value::as_array).into_iter().flatten()
}

fn text(content: &Value) -> String {
    let texts: Vec<&str> = parts(content).filter_map(|part| part.get("text")?.as_str()).collect();
    texts.join("\n")
}

fn user_text(contents: &[Value]) -> String {
    let users = contents.iter().rev().filter(|content| role(content) != "model");
    users.map(text).find(|text| !text.is_empty()).unwrap_or_default()
}

fn tool_results(content: &Value) -> Vec<String> {
    parts(content).filter_map(|part| Some(part.pointer("/functionResponse/response")?.to_string())).collect()
}

fn tools(body: &Value) -> Vec<Tool> {
    let config = body.pointer("/toolConfig/functionCallingConfig");
    if config.and_then(|config| config.get("mode")).and_then(Value::as_str) == Some("NONE") {
        return Vec::new();
    }
    let tools = body.get("tools").and_then(Value::as_array).into_iter().flatten();
    let offered = tools.filter_map(|tool| tool.get("functionDeclarations")?.as_array()).flatten();
    let offered = offered.filter_map(|function| {
        let name = function.get("name")?.as_str()?.to_owned();
        let schema = ["parametersJsonSchema", "parameters"].iter().find_map(|key| function.get(*key));
        Some(Tool { name, parameters: schema.map_or_else(no_parameters, lower_case_types) })
    });
    let allowed = config.and_then(|config| config.pointer("/allowedFunctionNames/0")?.as_str());
    chosen(offered.collect(), allowed)
}

/// Google's own schemas write types in capitals.
fn lower_case_types(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| match value.as_str() {
                Some(kind) if key == "type" => (key.clone(), kind.to_ascii_lowercase().into()),
                _ => (key.clone(), lower_case_types(value)),
            })
            .collect(),
        Value::Array(items) => items.iter().map(lower_case_types).collect(),
        other => other.clone(),
    }
}

fn input_tokens(body: &Value) -> u64 {
    let contents = body.get("contents").and_then(Value::as_array).into_iter().flatten();
    let spoken: u64 = contents.map(|content| tokens(&text(content)) + 2).sum();
    let system = body.get("systemInstruction").map(text).unwrap_or_default();
    spoken + body.get("tools").map_or(0, |tools| tokens(&tools.to_string())) + tokens(&system)
}

impl Generate {
    /// The text in which directives stand.
    pub(crate) fn user(&self) -> &str {
        &self.question.user
    }

    fn answers(&self, directives: &Directives) -> Vec<Answer> {
        let nth = |index| {
            let seed = if index == 0 { self.question.seed } else { draw(self.question.seed, index) };
            answer(&Question { seed, ..self.question.clone() }, directives)
        };
        (0..self.candidates).map(nth).collect()
    }

    /// A response around its candidates.
    fn frame(&self, candidates: Value, usage: Value) -> Value {
        json!({
            "candidates": candidates,
            "usageMetadata": usage,
            "modelVersion": self.question.model,
            "responseId": id("", self.question.seed, 22),
        })
    }

    /// Counts of zero are left out, as everywhere in Google's JSON.
    fn usage(&self, spoken: u64, thought: u64) -> Value {
        let prompt = self.question.input_tokens;
        let cached = if prompt >= CACHE_FROM { prompt / 2 } else { 0 };
        let mut usage = json!({
            "promptTokenCount": prompt,
            "totalTokenCount": prompt + spoken + thought,
            "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": prompt }],
        });
        let counts = [
            ("cachedContentTokenCount", cached),
            ("candidatesTokenCount", spoken),
            ("thoughtsTokenCount", thought),
        ];
        if let Some(fields) = usage.as_object_mut() {
            let counted = counts.into_iter().filter(|(_, count)| *count > 0);
            fields.extend(counted.map(|(name, count)| (name.to_owned(), count.into())));
        }
        usage
    }

    fn blocked(&self) -> Value {
        json!({
            "promptFeedback": { "blockReason": "SAFETY" },
            "usageMetadata": self.usage(0, 0),
            "modelVersion": self.question.model,
            "responseId": id("", self.question.seed, 22),
        })
    }

    /// The parts of an answer, each text in as many as `divide` makes of it.
    fn parts<'a>(&self, answer: &'a Answer, divide: impl Fn(&'a str) -> Vec<&'a str>) -> Vec<Value> {
        let thoughts = answer.thinking.as_deref().filter(|_| self.shows_thoughts).map(&divide);
        let mut parts: Vec<Value> = thoughts
            .into_iter()
            .flatten()
            .map(|piece| json!({ "text": piece, "thought": true }))
            .chain(divide(&answer.text).into_iter().map(|piece| json!({ "text": piece })))
            .chain(answer.calls.iter().map(|call| {
                let id = id("", call.seed, 8);
                json!({ "functionCall": { "id": id, "name": call.name, "args": call.arguments } })
            }))
            .collect();
        let signature = answer.thinking.is_some().then(|| signature(self.question.seed));
        if let (Some(signature), Some(Value::Object(last))) = (signature, parts.last_mut()) {
            last.insert("thoughtSignature".to_owned(), signature.into());
        }
        parts
    }

    /// The response as one object.
    pub(crate) fn whole(&self, directives: &Directives) -> Value {
        if directives.refusal {
            return self.blocked();
        }
        let answers = self.answers(directives);
        let candidates = answers.iter().zip(0_u64..).map(|(answer, index)| {
            let whole = |text| if str::is_empty(text) { Vec::new() } else { vec![text] };
            let content = json!({ "parts": self.parts(answer, whole), "role": "model" });
            json!({ "content": content, "finishReason": finish_reason(answer), "index": index })
        });
        let thought = answers.iter().map(|answer| answer.thinking_tokens).sum::<u64>();
        let spoken = answers.iter().map(|answer| answer.output_tokens).sum::<u64>() - thought;
        self.frame(candidates.collect(), self.usage(spoken, thought))
    }

    /// The response as the chunks of a stream: each is a response with the next part, and the totals so far.
    pub(crate) fn chunks(&self, directives: &Directives) -> Vec<Value> {
        if directives.refusal {
            return vec![self.blocked()];
        }
        let mut chunks = Vec::new();
        let (mut spoken, mut thought) = (0, 0);
        for (answer, index) in self.answers(directives).iter().zip(0_u64..) {
            thought += answer.thinking_tokens;
            let all = answer.output_tokens - answer.thinking_tokens;
            let parts = self.parts(answer, pieces);
            let last = parts.len().saturating_sub(1);
            for ((place, part), number) in parts.iter().enumerate().zip(0_u64..) {
                let content = json!({ "parts": [part], "role": "model" });
                let (candidate, so_far) = if place == last {
                    let reason = finish_reason(answer);
                    (json!({ "content": content, "finishReason": reason, "index": index }), all)
                } else {
                    (json!({ "content": content, "index": index }), number.min(all))
                };
                chunks.push(self.frame(json!([candidate]), self.usage(spoken + so_far, thought)));
            }
            spoken += all;
        }
        chunks
    }
}

fn signature(seed: u64) -> String {
    let bytes: Vec<u8> = (0..6).flat_map(|position| draw(seed, position).to_le_bytes()).collect();
    base64(&bytes)
}

fn finish_reason(answer: &Answer) -> &'static str {
    match answer.finish {
        Finish::Stop | Finish::StopSequence(_) | Finish::Tools => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::Refusal => "SAFETY",
    }
}

/// Counts the tokens of a request.
pub(crate) fn count_tokens(body: &Value) -> Result<Value, Failure> {
    let body = body.get("generateContentRequest").unwrap_or(body);
    contents(body)?;
    let total = input_tokens(body);
    Ok(json!({ "totalTokens": total, "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": total }] }))
}

/// Embeds one content.
pub(crate) fn embed(body: &Value) -> Result<Value, Failure> {
    Ok(json!({ "embedding": embedding(body)?, "usageMetadata": embedding_usage(&[body]) }))
}

/// Embeds several.
pub(crate) fn embed_batch(body: &Value) -> Result<Value, Failure> {
    let requests = body.get("requests").and_then(Value::as_array);
    let requests = requests.ok_or_else(|| Failure::new(400, "requests is not specified"))?;
    let embeddings = requests.iter().map(embedding).collect::<Result<Vec<_>, _>>()?;
    let usage = embedding_usage(&requests.iter().collect::<Vec<_>>());
    Ok(json!({ "embeddings": embeddings, "usageMetadata": usage }))
}

fn embedding(request: &Value) -> Result<Value, Failure> {
    let content = request.get("content").ok_or_else(|| Failure::new(400, "content is not specified"))?;
    let dimensions = request.get("outputDimensionality").and_then(Value::as_u64).unwrap_or(768).min(3072);
    Ok(json!({ "values": vector(hash(content.to_string().as_bytes()), dimensions) }))
}

fn embedding_usage(requests: &[&Value]) -> Value {
    let texts = requests.iter().filter_map(|request| request.get("content"));
    let total: u64 = texts.map(|content| tokens(&text(content))).sum();
    json!({ "promptTokenCount": total, "totalTokenCount": total })
}

/// All models, or the one named.
pub(crate) fn models(name: Option<&str>) -> Result<Value, Failure> {
    let entry = |(name, display): &(&str, &str)| {
        json!({
            "name": format!("models/{name}"),
            "displayName": display,
            "inputTokenLimit": 1_048_576,
            "outputTokenLimit": 65_536,
            "supportedGenerationMethods": ["generateContent", "countTokens"],
        })
    };
    let Some(name) = name else {
        return Ok(json!({ "models": MODELS.iter().map(entry).collect::<Vec<_>>() }));
    };
    let found = MODELS.iter().find(|(known, _)| *known == name).map(entry);
    found.ok_or_else(|| Failure::new(404, format!("Model is not found: models/{name}")))
}

/// The error in the middle of a stream.
pub(crate) fn stream_error() -> Value {
    Failure::of_status(Dialect::Gemini, 503).body(Dialect::Gemini, "")
}
