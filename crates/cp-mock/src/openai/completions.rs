//! OpenAI's completions of plain text. Shapes as in openai-python 3.54, `types/completion.py`.

use serde_json::{Value, json};

use super::{created, finish_reason, is_true, missing, model, set, strings};
use crate::answer::{Answer, Question, answer};
use crate::directive::Directives;
use crate::failure::Failure;
use crate::text::{id, tokens};

/// A request for a completion.
pub(crate) struct Completion {
    pub(crate) question: Question,
    pub(crate) stream: bool,
    include_usage: bool,
}

/// Reads a request for a completion.
pub(crate) fn completion(body: &Value, seed: u64) -> Result<Completion, Failure> {
    let model = model(body)?;
    let prompts = body.get("prompt").filter(|prompt| !prompt.is_null()).ok_or_else(|| missing("prompt"))?;
    let user = match strings(Some(prompts)).join("\n") {
        text if text.is_empty() => prompts.to_string(),
        text => text,
    };
    Ok(Completion {
        question: Question {
            seed,
            input_tokens: tokens(&user),
            user,
            max_tokens: body.get("max_tokens").and_then(Value::as_u64),
            stop: strings(body.get("stop")),
            model,
            ..Question::default()
        },
        stream: is_true(body.get("stream")),
        include_usage: is_true(body.pointer("/stream_options/include_usage")),
    })
}

impl Completion {
    fn frame(&self, choices: Value) -> Value {
        json!({
            "id": id("cmpl-", self.question.seed, 29),
            "object": "text_completion",
            "created": created(self.question.seed),
            "model": self.question.model,
            "choices": choices,
        })
    }

    fn usage(&self, answer: &Answer) -> Value {
        let prompt = self.question.input_tokens;
        let completion = answer.output_tokens;
        json!({ "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion })
    }

    fn choice(text: &str, finish: Option<&str>) -> Value {
        json!([{ "text": text, "index": 0, "logprobs": null, "finish_reason": finish }])
    }

    /// The completion as one object.
    pub(crate) fn whole(&self, directives: &Directives) -> Value {
        let answer = answer(&self.question, directives);
        let mut whole = self.frame(Self::choice(&answer.text, Some(finish_reason(&answer))));
        set(&mut whole, "usage", self.usage(&answer));
        whole
    }

    /// The completion as the data of server-sent events, `[DONE]` not among them.
    pub(crate) fn chunks(&self, directives: &Directives) -> Vec<Value> {
        let answer = answer(&self.question, directives);
        let pieces = answer.pieces().into_iter().map(|piece| self.frame(Self::choice(piece, None)));
        let mut chunks: Vec<Value> = pieces.collect();
        chunks.push(self.frame(Self::choice("", Some(finish_reason(&answer)))));
        if self.include_usage {
            let mut last = self.frame(json!([]));
            set(&mut last, "usage", self.usage(&answer));
            chunks.push(last);
        }
        chunks
    }
}
