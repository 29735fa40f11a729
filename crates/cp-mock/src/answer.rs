//! What a model would say: a request in no provider's shape, and the answer to it.

use serde_json::{Value, json};

use crate::directive::Directives;
use crate::text::{draw, pick, pieces, tokens};
use crate::{persona, schema};

/// A request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Question {
    /// Hash of the request's body: everything in the answer follows from it.
    pub(crate) seed: u64,
    pub(crate) model: String,
    pub(crate) system: String,
    /// Text of the last user message.
    pub(crate) user: String,
    /// The tools that may be called now.
    pub(crate) tools: Vec<Tool>,
    /// Results of tools since the model last spoke.
    pub(crate) tool_results: Vec<String>,
    /// The schema of the output, where one is asked for.
    pub(crate) schema: Option<Value>,
    pub(crate) thinks: bool,
    pub(crate) stop: Vec<String>,
    pub(crate) max_tokens: Option<u64>,
    pub(crate) input_tokens: u64,
}

/// A tool on offer.
#[derive(Clone, Debug)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) parameters: Value,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) thinking: Option<String>,
    pub(crate) text: String,
    pub(crate) calls: Vec<ToolCall>,
    pub(crate) finish: Finish,
    pub(crate) thinking_tokens: u64,
    /// Thinking included.
    pub(crate) output_tokens: u64,
}

/// A call of a tool.
#[derive(Clone, Debug)]
pub(crate) struct ToolCall {
    /// From which each provider makes its id.
    pub(crate) seed: u64,
    pub(crate) name: String,
    pub(crate) arguments: Value,
}

/// Why the model stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    Stop,
    StopSequence(String),
    Length,
    Tools,
    Refusal,
}

const REFUSAL: &str = "I’m sorry, but I can’t help with that request.";

/// The answer to a question.
pub(crate) fn answer(question: &Question, directives: &Directives) -> Answer {
    let thinking = question.thinks.then(|| thoughts(question));
    let thinking_tokens = thinking.as_deref().map_or(0, tokens);
    let calls = if question.tool_results.is_empty() { tool_calls(question, directives) } else { Vec::new() };
    let (text, finish) = if directives.refusal {
        (REFUSAL.to_owned(), Finish::Refusal)
    } else if !calls.is_empty() {
        let text = if directives.text_first { "I’ll look that up." } else { "" };
        (text.to_owned(), Finish::Tools)
    } else {
        bounded(text(question, directives), question, thinking_tokens)
    };
    let calls = if directives.refusal { Vec::new() } else { calls };
    let spoken = tokens(&text)
        + calls.iter().map(|call| tokens(&call.name) + tokens(&call.arguments.to_string())).sum::<u64>();
    Answer { thinking, text, calls, finish, thinking_tokens, output_tokens: thinking_tokens + spoken }
}

fn tool_calls(question: &Question, directives: &Directives) -> Vec<ToolCall> {
    let count = directives.parallel.unwrap_or(1).min(16);
    let tools = question.tools.iter().cycle().take(if question.tools.is_empty() { 0 } else { count });
    tools
        .zip(0..)
        .map(|(tool, index)| {
            let seed = draw(question.seed, index);
            ToolCall { seed, name: tool.name.clone(), arguments: schema::instance(&tool.parameters, seed) }
        })
        .collect()
}

fn text(question: &Question, directives: &Directives) -> String {
    if let Some(schema) = &question.schema {
        return schema::instance(schema, question.seed).to_string();
    }
    if let Some(words) = directives.words {
        return filler(question.seed, words);
    }
    if let Some(text) = persona::reply(question) {
        return text;
    }
    let excerpt: String = question.user.chars().take(60).collect();
    if question.tool_results.is_empty() {
        format!("Certainly — about “{excerpt}”: {}", filler(question.seed, 24))
    } else {
        format!(
            "From what the tools report ({}): {}",
            question.tool_results.join("; "),
            filler(question.seed, 12)
        )
    }
}

fn thoughts(question: &Question) -> String {
    let excerpt: String = question.user.chars().take(40).collect();
    format!("The user writes “{excerpt}…”. What matters here is {}", filler(question.seed, 18))
}

/// Cuts the text at a stop sequence or at the limit of tokens, whichever comes first.
fn bounded(mut text: String, question: &Question, spent: u64) -> (String, Finish) {
    let mut finish = Finish::Stop;
    let found = question.stop.iter().filter_map(|stop| Some((text.find(stop.as_str())?, stop)));
    if let Some((at, stop)) = found.min() {
        finish = Finish::StopSequence(stop.clone());
        text.truncate(at);
    }
    let Some(limit) = question.max_tokens else { return (text, finish) };
    let room = limit.saturating_sub(spent).max(1);
    if tokens(&text) > room {
        finish = Finish::Length;
        text = text.chars().take(usize::try_from(room).unwrap_or(usize::MAX).saturating_mul(4)).collect();
    }
    (text, finish)
}

/// `count` words, some of them beyond ASCII.
fn filler(seed: u64, count: usize) -> String {
    const WORDS: &[&str] = &[
        "the",
        "plan",
        "holds",
        "when",
        "each",
        "step",
        "is",
        "small",
        "and",
        "checked;",
        "naïve",
        "readings",
        "of",
        "data",
        "cost",
        "more",
        "than",
        "they",
        "save,",
        "café",
        "hours",
        "included —",
        "so",
        "start",
        "with",
        "one",
        "clear",
        "question",
        "你好",
        "then",
        "measure",
        "again",
        "🙂",
        "before",
        "anything",
        "moves",
    ];
    (0..count).zip(0..).map(|(_, position)| pick(WORDS, seed, position)).collect::<Vec<_>>().join(" ")
}

impl Answer {
    /// The text in the pieces of a stream.
    pub(crate) fn pieces(&self) -> Vec<&str> {
        pieces(&self.text)
    }
}

/// Whether a tool may be called, from the provider's `tool_choice`: `None` is "as the model likes".
pub(crate) fn chosen(tools: Vec<Tool>, choice: Option<&str>) -> Vec<Tool> {
    match choice {
        None => tools,
        Some(name) => tools.into_iter().filter(|tool| tool.name == name).collect(),
    }
}

/// The parameters of a tool that declares none.
pub(crate) fn no_parameters() -> Value {
    json!({ "type": "object", "properties": {} })
}
