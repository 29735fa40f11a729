//! The applications: what each of them sends.

use serde_json::{Value, json};

use super::End;
use super::client::{Client, Outgoing};
use super::values::{
    AUDIENCES, CHANGES, DOCUMENTS, FILES, PEOPLE, PROBLEMS, PRODUCTS, QUESTIONS, SENTENCES, VENDORS,
};
use crate::persona::{ANALYST, REVIEWER, SUMMARY_OPENING, SUPPORT, TRANSLATION_OPENING};
use crate::text::{draw, id, pick};

const CHAT: &str = "/demo-openai/v1/chat/completions";
const MESSAGES: &str = "/demo-anthropic/v1/messages";

/// Streams are slowed a little, so that a live view has something to show.
const PACED: &str = "pace=6";

/// An application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum App {
    Support,
    Reviewer,
    Summariser,
    Extraction,
    Translation,
    Analyst,
    Flaky,
}

/// The turn of the applications; those that send most come more often.
const TURN: &[App] = &[
    App::Support,
    App::Summariser,
    App::Translation,
    App::Reviewer,
    App::Extraction,
    App::Summariser,
    App::Flaky,
    App::Translation,
    App::Analyst,
    App::Extraction,
];

impl App {
    const fn name(self) -> &'static str {
        match self {
            Self::Support => "support assistant",
            Self::Reviewer => "code review agent",
            Self::Summariser => "document summariser",
            Self::Extraction => "invoice extraction",
            Self::Translation => "translation",
            Self::Analyst => "logistics analyst",
            Self::Flaky => "flaky importer",
        }
    }

    const fn calls(self) -> usize {
        match self {
            Self::Support => 3,
            Self::Reviewer | Self::Analyst => 2,
            Self::Summariser | Self::Extraction | Self::Translation | Self::Flaky => 1,
        }
    }

    const fn agent(self) -> &'static str {
        match self {
            Self::Summariser | Self::Analyst => "Anthropic/Python 2.12.0",
            Self::Translation => "AsyncOpenAI/Python 3.54.0",
            _ => "OpenAI/Python 3.54.0",
        }
    }
}

/// One run of an application: a conversation, or a single call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    app: App,
    seed: u64,
    /// Which one of its application it is.
    number: u64,
    calls: usize,
}

/// Sessions that make `calls` calls together.
pub(super) fn plan(seed: u64, calls: usize) -> Vec<Session> {
    let mut sessions = Vec::new();
    let mut left = calls;
    for (app, number) in TURN.iter().cycle().zip(0_u64..) {
        if left == 0 {
            break;
        }
        let calls = app.calls().min(left);
        left -= calls;
        sessions.push(Session { app: *app, seed: draw(seed, number), number: number / 10, calls });
    }
    sessions
}

impl Session {
    /// Makes the calls, and says how each ended.
    pub(super) async fn run(self, client: &Client) -> (&'static str, Vec<End>) {
        let mut ends = Vec::with_capacity(self.calls);
        let mut call = self.first();
        while ends.len() < self.calls {
            let sent = call.body.clone();
            let answer = client.send(call).await;
            let goes_on = answer.end == End::Answered;
            ends.push(answer.end);
            let turn = ends.len();
            match self.next(sent, &answer.body, turn).filter(|_| goes_on) {
                Some(next) => call = next,
                // Where a conversation breaks off, the application begins another.
                None => call = self.first(),
            }
        }
        (self.app.name(), ends)
    }

    fn value<T: Copy + Default>(&self, items: &[T], position: u64) -> T {
        pick(items, self.seed, position)
    }

    fn person(&self) -> &'static str {
        self.value(PEOPLE, 90)
    }

    fn outgoing(&self, path: &'static str, body: Value) -> Outgoing {
        let key = format!("sk-demo-{}-{}", self.app.name().replace(' ', "-"), self.number % 3);
        let streamed = body.get("stream").and_then(Value::as_bool).unwrap_or(false);
        let traced = matches!(self.app, App::Reviewer | App::Analyst);
        let trace = || format!("00-{}-{}-01", id("", self.seed, 32), id("", draw(self.seed, 1), 16));
        Outgoing {
            path,
            key: Some(key),
            agent: self.app.agent(),
            traceparent: traced.then(trace),
            body,
            directives: if streamed { PACED } else { "" },
            leave_after: None,
        }
    }

    fn first(&self) -> Outgoing {
        match self.app {
            App::Support => self.outgoing(CHAT, self.support()),
            App::Reviewer => self.outgoing(CHAT, self.review()),
            App::Summariser => self.outgoing(MESSAGES, self.summary()),
            App::Extraction => self.outgoing(CHAT, self.extraction()),
            App::Translation => self.outgoing(CHAT, self.translation()),
            App::Analyst => self.outgoing(MESSAGES, self.analysis()),
            App::Flaky => self.flaky(),
        }
    }

    /// The call after `sent`, which was answered with `answer`; `turn` calls have been made.
    fn next(&self, mut sent: Value, answer: &[u8], turn: usize) -> Option<Outgoing> {
        let (path, added) = match self.app {
            App::Support => {
                let question = match turn {
                    1 => format!("Where is it now, and when does it arrive? My name is {}.", self.person()),
                    _ => String::from("Thank you. And if I want my money back after all?"),
                };
                let spoken = json!({ "role": "assistant", "content": streamed_text(answer) });
                (CHAT, vec![spoken, json!({ "role": "user", "content": question })])
            }
            App::Reviewer => {
                let response: Value = serde_json::from_slice(answer).ok()?;
                let spoken = response.pointer("/choices/0/message")?.clone();
                let calls = spoken.get("tool_calls")?.as_array()?.clone();
                let source =
                    "  7  let saved = store.save(&cart);\n 18  total = cart.total()\n 31  wait(timeout)";
                let results = calls.iter().filter_map(|call| {
                    Some(json!({ "role": "tool", "tool_call_id": call.get("id")?, "content": source }))
                });
                (CHAT, std::iter::once(spoken.clone()).chain(results).collect())
            }
            App::Analyst => {
                let response: Value = serde_json::from_slice(answer).ok()?;
                let spoken = json!({ "role": "assistant", "content": response.get("content")? });
                let question = "And if fuel gets 10 % dearer next quarter?";
                (MESSAGES, vec![spoken, json!({ "role": "user", "content": question })])
            }
            _ => return None,
        };
        sent.get_mut("messages")?.as_array_mut()?.extend(added);
        Some(self.outgoing(path, sent))
    }

    fn support(&self) -> Value {
        let order = 40_000 + draw(self.seed, 3) % 9_999;
        let (product, problem) = (self.value(PRODUCTS, 4), self.value(PROBLEMS, 5));
        let question = format!("Hi, I ordered the {product} (order {order}) and {problem}. What can I do?");
        json!({
            "model": "gpt-5.4-mini",
            "reasoning_effort": "low",
            "stream": true,
            "stream_options": { "include_usage": true },
            "user": format!("customer-{}", self.person()),
            "messages": [{ "role": "system", "content": SUPPORT }, { "role": "user", "content": question }],
        })
    }

    fn review(&self) -> Value {
        let (file, change) = (self.value(FILES, 2), self.value(CHANGES, 3));
        let tool = |name: &str, description: &str| {
            let parameters = json!({
                "type": "object", "properties": { "path": { "type": "string" } }, "required": ["path"],
            });
            json!({ "type": "function", "function": { "name": name, "description": description, "parameters": parameters } })
        };
        json!({
            "model": "gpt-6.1-sol",
            "store": false,
            "metadata": { "repository": "northwind/shop", "author": self.person() },
            "tools": [tool("read_file", "Reads a file of the change."), tool("run_tests", "Runs the tests of a file.")],
            "messages": [
                { "role": "system", "content": REVIEWER },
                { "role": "user", "content": format!("Please review “{change}”. It touches {file}.") },
            ],
        })
    }

    fn summary(&self) -> Value {
        let ((kind, document), audience) = (self.value(DOCUMENTS, 2), self.value(AUDIENCES, 3));
        let sentences = 2 + draw(self.seed, 4) % 3;
        let prompt = format!(
            "{SUMMARY_OPENING}{kind} for {audience} in at most {sentences} sentences. Keep every figure.\n\n{document}"
        );
        json!({
            "model": "claude-haiku-5-5",
            "max_tokens": 400,
            "stream": true,
            "metadata": { "user_id": format!("employee-{}", self.person()) },
            "messages": [{ "role": "user", "content": prompt }],
        })
    }

    fn extraction(&self) -> Value {
        let (vendor, product) = (self.value(VENDORS, 2), self.value(PRODUCTS, 3));
        let (number, quantity) = (7_000 + draw(self.seed, 4) % 2_999, 5 + draw(self.seed, 5) % 95);
        let text = format!("Invoice {number} of {vendor}. {quantity} × {product}, payable within 30 days.");
        let line = json!({
            "type": "object",
            "properties": { "name": { "type": "string" }, "quantity": { "type": "integer", "minimum": 1 } },
            "required": ["name", "quantity"],
            "additionalProperties": false,
        });
        let schema = json!({
            "type": "object",
            "properties": {
                "vendor": { "type": "string" },
                "currency": { "type": "string", "enum": ["EUR", "USD", "GBP"] },
                "due_date": { "type": "string", "format": "date" },
                "lines": { "type": "array", "items": line },
            },
            "required": ["vendor", "currency", "due_date", "lines"],
            "additionalProperties": false,
        });
        json!({
            "model": "gpt-4.1",
            "temperature": 0,
            "response_format": { "type": "json_schema", "json_schema": { "name": "invoice", "strict": true, "schema": schema } },
            "messages": [
                { "role": "system", "content": "Extract the invoice. Leave out what is not there." },
                { "role": "user", "content": text },
            ],
        })
    }

    fn translation(&self) -> Value {
        let (language, tone) =
            (self.value(&["German", "French"], 2), self.value(&["formal", "warm", "plain"], 3));
        let text = self.value(SENTENCES, 4);
        let prompt = format!(
            "{TRANSLATION_OPENING}English to {language}. Keep the tone {tone}. Return only the translation.\n\nText: {text}"
        );
        json!({ "model": "gpt-4.1-mini", "temperature": 0.3, "messages": [{ "role": "user", "content": prompt }] })
    }

    fn analysis(&self) -> Value {
        json!({
            "model": "claude-sonnet-5-5",
            "max_tokens": 4_000,
            "thinking": { "type": "adaptive" },
            "metadata": { "user_id": format!("planner-{}", self.person()) },
            "system": [{ "type": "text", "text": ANALYST, "cache_control": { "type": "ephemeral" } }],
            "messages": [{ "role": "user", "content": self.value(QUESTIONS, 2) }],
        })
    }

    /// One of the ways in which calls go wrong, each in turn.
    fn flaky(&self) -> Outgoing {
        let question = format!("Classify the feedback: “{}, sadly.”", self.value(PROBLEMS, 2));
        let body = json!({
            "model": "gpt-4.1-mini", "stream": true, "messages": [{ "role": "user", "content": question }],
        });
        let mut call = self.outgoing(CHAT, body);
        match self.number % 8 {
            0 => call.directives = "status=429",
            1 => (call.leave_after, call.directives) = (Some(6), "pace=15"),
            2 => call.directives = "status=500",
            3 => call.directives = "pace=6 stream-error",
            4 => call.key = None,
            5 => call.directives = "pace=6 reset-mid-body",
            6 => set(&mut call.body, "model", "missing-model".into()),
            _ => {
                set(&mut call.body, "max_tokens", 64.into());
                set(&mut call.body, "model", "claude-haiku-5-5".into());
                (call.path, call.directives) = (MESSAGES, "status=529");
            }
        }
        call
    }
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

/// The text of a streamed chat completion.
fn streamed_text(events: &[u8]) -> String {
    let events = String::from_utf8_lossy(events);
    let chunks =
        events.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    chunks.filter_map(|chunk| Some(chunk.pointer("/choices/0/delta/content")?.as_str()?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_has_as_many_calls_as_were_asked_for() {
        for calls in [0, 1, 2, 17, 200] {
            assert_eq!(plan(1, calls).iter().map(|session| session.calls).sum::<usize>(), calls);
        }
    }

    #[test]
    fn a_seed_decides_what_is_sent_and_variables_vary() {
        let bodies = |seed| -> Vec<String> {
            plan(seed, 400).iter().map(|session| session.first().body.to_string()).collect()
        };
        assert_eq!(bodies(7), bodies(7));
        assert_ne!(bodies(7), bodies(8));
        let distinct: std::collections::BTreeSet<_> =
            bodies(7).into_iter().filter(|body| body.contains(SUMMARY_OPENING)).collect();
        assert!(distinct.len() > 36, "{} distinct summaries", distinct.len());
    }
}
