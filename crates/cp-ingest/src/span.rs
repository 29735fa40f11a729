//! A span as a call: by Langfuse's attributes first, then OpenTelemetry's GenAI conventions, then OpenInference's.

use cp_base::Timestamp;
use cp_genai::{Observation, OperationName, Usage, provider_called};
use serde_json::{Map, Value};

use crate::attributes::{Attributes, unquoted};
use crate::usage::{cost, number, usage};

/// A span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    /// Its trace, in hexadecimal digits.
    pub trace: String,
    /// The span, in hexadecimal digits.
    pub id: String,
    /// The span that it is a part of.
    pub parent: Option<String>,
    /// Its name.
    pub name: String,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What failed, where something did; perhaps empty.
    pub error: Option<String>,
    /// What is said of it.
    pub attributes: Attributes,
    /// What is said of the program that it is of.
    pub resource: Attributes,
}

/// Parameters of a request that have attributes of their own.
const PARAMETERS: [&str; 9] = [
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "choice.count",
];

impl Span {
    /// What kind of call of a model the span is; none of one that is none.
    fn operation(&self) -> Option<OperationName> {
        let said = |names: &[&str]| self.attributes.text(names).map(|text| text.to_ascii_lowercase());
        if let Some(kind) = said(&["langfuse.observation.type"]) {
            return match kind.as_str() {
                "generation" => Some(self.named_operation().unwrap_or(OperationName::Chat)),
                "embedding" => Some(OperationName::Embeddings),
                _ => None,
            };
        }
        if said(&["gen_ai.operation.name"]).is_some() {
            return self.named_operation();
        }
        match said(&["openinference.span.kind"]).as_deref() {
            Some("llm") => return Some(OperationName::Chat),
            Some("embedding") => return Some(OperationName::Embeddings),
            Some(_) => return None,
            None => {}
        }
        let model = ["gen_ai.request.model", "gen_ai.response.model", "llm.model_name"];
        self.attributes.text(&model).map(|_| OperationName::Chat)
    }

    fn named_operation(&self) -> Option<OperationName> {
        match self.attributes.text(&["gen_ai.operation.name"])?.as_str() {
            "chat" => Some(OperationName::Chat),
            "text_completion" => Some(OperationName::TextCompletion),
            "embeddings" => Some(OperationName::Embeddings),
            "generate_content" => Some(OperationName::GenerateContent),
            _ => None,
        }
    }

    /// The call that the span tells of; none of a span that is no call of a model.
    #[must_use]
    pub fn call(&self) -> Option<Observation> {
        let operation = self.operation()?;
        let said = &self.attributes;
        let request_model = said.text(&[
            "langfuse.observation.model.name",
            "gen_ai.request.model",
            "llm.model_name",
            "gen_ai.response.model",
        ]);
        let provider = said.text(&["gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system"]);
        let first = said.text(&["langfuse.observation.completion_start_time"]);
        let mut call = Observation {
            id: self.id.clone(),
            name: Some(self.name.clone()).filter(|name| !name.is_empty()),
            started_at: self.started_at,
            ended_at: self.ended_at,
            first_chunk_at: first.and_then(|text| text.trim_matches('"').parse().ok()),
            provider: provider_called(provider.as_deref(), request_model.as_deref()).map(str::to_owned),
            operation: Some(operation),
            request_model,
            response_model: said.text(&["gen_ai.response.model", "llm.response.model_name"]),
            response_id: said.text(&["gen_ai.response.id"]),
            parameters: self.parameters(),
            input: self.input(),
            output: self.output(),
            instructions: said.find(&["gen_ai.system_instructions"]).cloned().map(unquoted),
            tools: self.tools(),
            usage: self.usage(),
            cost_usd_nanos: self.cost(),
            finish_reasons: self.finish_reasons(),
            error: self.failure(),
            ..self.facts()
        };
        let metadata = &mut call.metadata;
        for (name, value) in said.beginning("langfuse.observation.metadata.") {
            metadata.insert(name.to_owned(), unquoted(value.clone()));
        }
        for (kept_as, names) in [
            ("prompt_name", ["langfuse.observation.prompt.name", "gen_ai.prompt.name"]),
            ("prompt_version", ["langfuse.observation.prompt.version", "gen_ai.prompt.version"]),
            ("level", ["langfuse.observation.level", ""]),
            ("version", ["langfuse.version", ""]),
        ] {
            metadata.extend(said.find(&names).map(|value| (kept_as.to_owned(), value.clone())));
        }
        metadata.extend(self.parent.clone().map(|parent| ("parent".to_owned(), parent.into())));
        Some(call)
    }

    /// What the span says of its trace.
    #[must_use]
    pub fn facts(&self) -> Observation {
        let said = &self.attributes;
        let mut metadata = Map::new();
        for (name, value) in said.beginning("langfuse.trace.metadata.") {
            metadata.insert(name.to_owned(), unquoted(value.clone()));
        }
        metadata
            .extend(said.text(&["langfuse.trace.name"]).map(|name| ("trace_name".to_owned(), name.into())));
        let tags = said.find(&["langfuse.trace.tags", "tag.tags"]).cloned().map(unquoted);
        metadata.extend(tags.map(|tags| ("tags".to_owned(), tags)));
        let environment = said.text(&["langfuse.environment"]).or_else(|| {
            self.resource.text(&[
                "langfuse.environment",
                "deployment.environment.name",
                "deployment.environment",
            ])
        });
        metadata.extend(environment.map(|name| ("environment".to_owned(), name.into())));
        let release = said.text(&["langfuse.release"]).or_else(|| self.resource.text(&["langfuse.release"]));
        metadata.extend(release.map(|name| ("release".to_owned(), name.into())));
        Observation {
            trace: Some(self.trace.clone()).filter(|trace| !trace.is_empty()),
            user: said.text(&["user.id", "langfuse.user.id", "enduser.id"]),
            session: said.text(&["session.id", "langfuse.session.id", "gen_ai.conversation.id"]),
            metadata,
            ..Observation::default()
        }
    }

    fn parameters(&self) -> Map<String, Value> {
        let names = ["langfuse.observation.model.parameters", "llm.invocation_parameters"];
        let mut parameters = self.attributes.object(&names).unwrap_or_default();
        for name in PARAMETERS {
            if let Some(value) = self.attributes.find(&[&format!("gen_ai.request.{name}")]) {
                parameters.insert(name.to_owned(), value.clone());
            }
        }
        parameters
    }

    fn input(&self) -> Option<Value> {
        let whole = self.attributes.find(&["langfuse.observation.input", "gen_ai.input.messages"]);
        let list = || self.flattened(&["llm.input_messages.", "gen_ai.prompt."]);
        let rest = || self.attributes.find(&["gen_ai.prompt", "input.value"]).cloned();
        whole.cloned().or_else(list).or_else(rest)
    }

    fn output(&self) -> Option<Value> {
        let whole = self.attributes.find(&["langfuse.observation.output", "gen_ai.output.messages"]);
        let list = || self.flattened(&["llm.output_messages.", "gen_ai.completion."]);
        let rest = || self.attributes.find(&["gen_ai.completion", "output.value"]).cloned();
        whole.cloned().or_else(list).or_else(rest)
    }

    fn flattened(&self, prefixes: &[&str]) -> Option<Value> {
        let lists = prefixes.iter().map(|prefix| self.attributes.list(prefix));
        lists.into_iter().find(|list| !list.is_empty()).map(Value::from)
    }

    fn tools(&self) -> Vec<Value> {
        match self.attributes.find(&["gen_ai.tool.definitions"]).cloned().map(unquoted) {
            Some(Value::Array(tools)) => tools,
            _ => Vec::new(),
        }
    }

    fn usage(&self) -> Option<Usage> {
        if let Some(told) = self.attributes.object(&["langfuse.observation.usage_details"]) {
            return usage(&told);
        }
        let count = |names: &[&str]| self.attributes.find(names).and_then(number);
        let told = Usage {
            input_tokens: count(&[
                "gen_ai.usage.input_tokens",
                "gen_ai.usage.prompt_tokens",
                "llm.token_count.prompt",
            ]),
            output_tokens: count(&[
                "gen_ai.usage.output_tokens",
                "gen_ai.usage.completion_tokens",
                "llm.token_count.completion",
            ]),
            cache_read_input_tokens: count(&[
                "gen_ai.usage.cache_read.input_tokens",
                "llm.token_count.prompt_details.cache_read",
            ]),
            cache_creation_input_tokens: count(&[
                "gen_ai.usage.cache_write.input_tokens",
                "gen_ai.usage.cache_creation.input_tokens",
                "llm.token_count.prompt_details.cache_write",
            ]),
            reasoning_output_tokens: count(&[
                "gen_ai.usage.reasoning.output_tokens",
                "llm.token_count.completion_details.reasoning",
            ]),
            ..Usage::default()
        };
        (told != Usage::default()).then_some(told)
    }

    fn cost(&self) -> Option<i64> {
        if let Some(told) = self.attributes.object(&["langfuse.observation.cost_details"]) {
            return cost(&told);
        }
        let total = self.attributes.find(&["llm.cost.total", "gen_ai.usage.cost"]).and_then(Value::as_f64);
        total.and_then(crate::usage::nanos)
    }

    fn finish_reasons(&self) -> Vec<String> {
        match self
            .attributes
            .find(&["gen_ai.response.finish_reasons", "llm.finish_reason"])
            .cloned()
            .map(unquoted)
        {
            Some(Value::Array(reasons)) => {
                reasons.iter().filter_map(|reason| reason.as_str().map(str::to_owned)).collect()
            }
            Some(Value::String(reason)) => vec![reason],
            _ => Vec::new(),
        }
    }

    fn failure(&self) -> Option<String> {
        let level = self.attributes.text(&["langfuse.observation.level"]);
        let message = self.attributes.text(&["langfuse.observation.status_message", "error.type"]);
        let failed = self.error.is_some() || level.as_deref() == Some("ERROR");
        failed.then(|| message.or_else(|| self.error.clone()).unwrap_or_default())
    }
}
