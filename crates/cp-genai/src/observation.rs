//! A call as its client tells of it: from a tracer's own words, in one normal form, whole or in pieces.
//!
//! Pieces are told in their order, and what a later one says stands: see [`Observation::add`]. The form is stored in the
//! capture log: every field has a default, and none is ever taken away.

mod messages;

use cp_base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use self::messages::Said;
use crate::{DecodedCall, OperationName, ProviderError, Usage};

/// What a client tells of a call. What is absent is not told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Observation {
    /// The client's own id of the call.
    pub id: String,
    /// The client's trace.
    pub trace: Option<String>,
    /// What it was for, in the client's words.
    pub name: Option<String>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When the first of the answer was there.
    pub first_chunk_at: Option<Timestamp>,
    /// The provider, by our name for it.
    pub provider: Option<String>,
    /// The kind of call.
    pub operation: Option<OperationName>,
    /// The model asked for.
    pub request_model: Option<String>,
    /// The model that answered.
    pub response_model: Option<String>,
    /// The provider's id of the response.
    pub response_id: Option<String>,
    /// Parameters of the request.
    pub parameters: Map<String, Value>,
    /// What was sent, in whatever form.
    pub input: Option<Value>,
    /// What came back, in whatever form.
    pub output: Option<Value>,
    /// Instructions that were sent apart from the messages.
    pub instructions: Option<Value>,
    /// Tools that were offered.
    pub tools: Vec<Value>,
    /// Tokens, as the client counts them.
    pub usage: Option<Usage>,
    /// What it cost, as the client says, in nano-dollars.
    pub cost_usd_nanos: Option<i64>,
    /// Why the provider stopped.
    pub finish_reasons: Vec<String>,
    /// Why it failed, where it did; empty where nobody says why.
    pub error: Option<String>,
    /// The end user.
    pub user: Option<String>,
    /// The session, in the client's terms.
    pub session: Option<String>,
    /// Whatever else: metadata, tags, the prompt that it was made from.
    pub metadata: Map<String, Value>,
}

impl Observation {
    /// Adds what is told later.
    pub fn add(&mut self, later: Self) {
        let Self { id: _, parameters, tools, finish_reasons, metadata, .. } = later;
        self.parameters.extend(parameters);
        self.metadata.extend(metadata);
        set_unless_empty(&mut self.tools, tools);
        set_unless_empty(&mut self.finish_reasons, finish_reasons);
        set(&mut self.trace, later.trace);
        set(&mut self.name, later.name);
        set(&mut self.started_at, later.started_at);
        set(&mut self.ended_at, later.ended_at);
        set(&mut self.first_chunk_at, later.first_chunk_at);
        set(&mut self.provider, later.provider);
        set(&mut self.operation, later.operation);
        set(&mut self.request_model, later.request_model);
        set(&mut self.response_model, later.response_model);
        set(&mut self.response_id, later.response_id);
        set(&mut self.input, later.input);
        set(&mut self.output, later.output);
        set(&mut self.instructions, later.instructions);
        set(&mut self.usage, later.usage);
        set(&mut self.cost_usd_nanos, later.cost_usd_nanos);
        set(&mut self.error, later.error);
        set(&mut self.user, later.user);
        set(&mut self.session, later.session);
    }

    /// Only what is counted: when, where, which model, how many tokens, at what cost, how it ended.
    #[must_use]
    pub fn counted(self) -> Self {
        Self {
            id: self.id,
            trace: self.trace,
            session: self.session,
            started_at: self.started_at,
            ended_at: self.ended_at,
            first_chunk_at: self.first_chunk_at,
            provider: self.provider,
            operation: self.operation,
            request_model: self.request_model,
            response_model: self.response_model,
            response_id: self.response_id,
            usage: self.usage,
            cost_usd_nanos: self.cost_usd_nanos,
            finish_reasons: self.finish_reasons,
            error: self.error.map(|_| String::new()),
            ..Self::default()
        }
    }

    /// The call, as far as it is told.
    #[must_use]
    pub fn decode(&self) -> DecodedCall {
        let mut input = Said::read(self.input.clone(), "user");
        let output = Said::read(self.output.clone(), "assistant");
        let instructions = Said::read(self.instructions.clone(), "system");
        let tools = if self.tools.is_empty() { std::mem::take(&mut input.tools) } else { self.tools.clone() };
        let mut metadata = self.metadata.clone();
        for (name, value) in [("name", &self.name), ("session", &self.session)] {
            metadata.extend(value.clone().map(|value| (name.to_owned(), value.into())));
        }
        let mut finish_reasons = self.finish_reasons.clone();
        if finish_reasons.is_empty() {
            finish_reasons.extend(output.messages.iter().filter_map(|message| message.finish_reason.clone()));
        }
        DecodedCall {
            operation_name: self.operation,
            request_model: self.request_model.clone(),
            response_model: self.response_model.clone(),
            response_id: self.response_id.clone(),
            parameters: self.parameters.clone(),
            system_instructions: instructions.messages.into_iter().flat_map(|said| said.parts).collect(),
            input_messages: input.messages,
            output_messages: output.messages,
            tool_definitions: tools,
            usage: self.usage.clone(),
            finish_reasons,
            error: self.error.clone().map(|message| ProviderError { message, ..ProviderError::default() }),
            user: self.user.clone(),
            metadata,
            ..DecodedCall::default()
        }
    }
}

fn set<T>(place: &mut Option<T>, later: Option<T>) {
    if later.is_some() {
        *place = later;
    }
}

fn set_unless_empty<T>(place: &mut Vec<T>, later: Vec<T>) {
    if !later.is_empty() {
        *place = later;
    }
}

/// Our name for a provider, by what tracers call it, or by the model; none where neither says.
#[must_use]
pub fn provider_called(name: Option<&str>, model: Option<&str>) -> Option<&'static str> {
    let known = |name: &str| crate::Provider::find(name).map(|provider| provider.name);
    let by_name = name.map(str::to_ascii_lowercase).and_then(|name| {
        known(&name).or_else(|| ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, name)| *name))
    });
    let model = model.map(str::to_ascii_lowercase);
    by_name.or_else(|| {
        let model = model.as_deref()?;
        let model = model.rsplit('/').next().unwrap_or(model);
        MODELS.iter().find(|(beginning, _)| model.starts_with(beginning)).map(|(_, name)| *name)
    })
}

/// The names of OpenTelemetry's GenAI conventions, and older ones, where ours is another.
const ALIASES: [(&str, &str); 13] = [
    ("gcp.gemini", "gemini"),
    ("gcp.gen_ai", "gemini"),
    ("google", "gemini"),
    ("google_genai", "gemini"),
    ("gcp.vertex_ai", "vertex"),
    ("vertex_ai", "vertex"),
    ("azure.ai.openai", "azure"),
    ("az.ai.openai", "azure"),
    ("azure_openai", "azure"),
    ("mistral_ai", "mistral"),
    ("mistralai", "mistral"),
    ("x_ai", "xai"),
    ("moonshot_ai", "moonshot"),
];

/// Whose models begin like this.
const MODELS: [(&str, &str); 14] = [
    ("gpt-", "openai"),
    ("chatgpt", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("text-embedding-", "openai"),
    ("claude", "anthropic"),
    ("gemini", "gemini"),
    ("mistral", "mistral"),
    ("magistral", "mistral"),
    ("codestral", "mistral"),
    ("ministral", "mistral"),
    ("deepseek", "deepseek"),
    ("grok", "xai"),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_told_later_stands_and_what_is_not_told_stays() {
        let mut told = Observation {
            id: "o".to_owned(),
            request_model: Some("gpt-4o".to_owned()),
            input: Some(json!("hi")),
            metadata: Map::from_iter([("a".to_owned(), json!(1)), ("b".to_owned(), json!(2))]),
            ..Observation::default()
        };
        let later = Observation {
            id: "o".to_owned(),
            output: Some(json!("hello")),
            request_model: Some("gpt-4o-mini".to_owned()),
            metadata: Map::from_iter([("b".to_owned(), json!(3))]),
            ..Observation::default()
        };
        told.add(later.clone());
        assert_eq!(told.input, Some(json!("hi")));
        assert_eq!(
            (told.output.clone(), told.request_model.as_deref()),
            (later.output.clone(), Some("gpt-4o-mini"))
        );
        assert_eq!(Value::from(told.metadata.clone()), json!({ "a": 1, "b": 3 }));
        let once = told.clone();
        told.add(later);
        assert_eq!(told, once, "told again, it changes nothing");
    }

    #[test]
    fn what_is_counted_is_nothing_that_anybody_wrote() {
        let told: Observation =
            serde_json::from_str(include_str!("../tests/fixtures/observation.json")).unwrap();
        let counted = serde_json::to_string(&told.counted()).unwrap();
        for said in ["brief", "Peru", "Lima", "ann", "search", "temperature", "answer"] {
            assert!(!counted.contains(said), "{said}: {counted}");
        }
        assert!(counted.contains("gpt-4o") && counted.contains("\"input_tokens\":20"), "{counted}");
    }

    #[test]
    fn a_record_of_the_first_format_is_read_for_ever() {
        let json = include_str!("../tests/fixtures/observation.json");
        let told: Observation = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_value(&told).unwrap(), serde_json::from_str::<Value>(json).unwrap());
        assert_eq!(told.decode().input_messages.len(), 2);
        assert_eq!(serde_json::from_str::<Observation>("{}").unwrap(), Observation::default());
    }

    #[test]
    fn providers_are_known_by_their_other_names_and_by_their_models() {
        for (name, model, expected) in [
            (Some("openai"), None, Some("openai")),
            (Some("GCP.gemini"), Some("gpt-4o"), Some("gemini")),
            (None, Some("claude-sonnet-4-5"), Some("anthropic")),
            (None, Some("openai/gpt-5-mini"), Some("openai")),
            (Some("acme"), Some("acme-1"), None),
            (None, None, None),
        ] {
            assert_eq!(provider_called(name, model), expected, "{name:?} {model:?}");
        }
    }
}
