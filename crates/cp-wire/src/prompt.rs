//! The prompt library.

use std::collections::BTreeMap;

use cp_base::{PromptId, PromptVersionId, ProposalId, TeamId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

/// A prompt, but for what its versions say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Prompt {
    /// The prompt.
    #[schema(value_type = String)]
    pub id: PromptId,
    /// Its name, unique in its project.
    #[schema(example = "support/refund-reply")]
    pub name: String,
    /// `text` or `chat`.
    #[schema(example = "chat")]
    pub kind: String,
    /// `draft`, `active` or `deprecated`.
    #[schema(example = "active")]
    pub status: String,
    /// The team that answers for it.
    #[schema(value_type = Option<String>)]
    pub team: Option<TeamId>,
    /// What it is.
    pub description: String,
    /// What it is for.
    pub purpose: String,
    /// The models that it is meant for.
    pub models: Vec<String>,
    /// What its variables hold.
    pub variables: Vec<Variable>,
    /// What it is to reach.
    pub criteria: Vec<Criterion>,
    /// Whatever else.
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Which version each label is at; `latest` among them.
    #[schema(value_type = Object, example = json!({"latest": 3, "production": 2}))]
    pub labels: BTreeMap<String, i64>,
    /// The number of its newest version.
    pub latest: i64,
    /// The version of another prompt that it began as.
    #[schema(value_type = Option<String>)]
    pub forked_from: Option<PromptVersionId>,
    /// Counts changes of what is said here.
    pub revision: u64,
    /// Who made it.
    pub created_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When anything of it changed last, versions and labels too.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Since when it is out of use.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub archived_at: Option<Timestamp>,
}

/// What a variable of a prompt holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// What the template calls it.
    #[schema(example = "customer")]
    pub name: String,
    /// `string`, `number`, `integer`, `boolean`, `array`, `object` or `messages`.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "string")]
    pub kind: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Whether whoever renders must give it; a default stands in otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// What stands in where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub default: Option<Value>,
    /// What it may look like.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub examples: Vec<Value>,
}

/// What a prompt is to reach: a measure, or an expression.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Criterion {
    /// What is measured, such as `quality`, `latency_p95_ms`, `cost_usd_per_call`, `refusal_rate`, `schema_validity`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "latency_p95_ms")]
    pub metric: Option<String>,
    /// `at_least` or `at_most`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "at_most")]
    pub comparison: Option<String>,
    /// The number that it is compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, example = 800)]
    pub target: Option<Value>,
    /// Over which calls: the last so many, or those of so long.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "7 days")]
    pub window: Option<String>,
    /// An expression, in place of the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
}

/// A page of prompts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PromptPage {
    /// By name.
    pub prompts: Vec<Prompt>,
    /// Where to go on: as `after`; absent at the end.
    pub next: Option<String>,
}

/// A version of a prompt. It never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PromptVersion {
    /// The version.
    #[schema(value_type = String)]
    pub id: PromptVersionId,
    /// The prompt's name.
    pub prompt: String,
    /// The how-manieth of its prompt.
    pub number: i64,
    /// The labels that are at it; `latest` among them.
    pub labels: Vec<String>,
    /// What it says: a text, or messages and placeholders.
    #[schema(value_type = Object)]
    pub content: Value,
    /// The language of its texts: `jinja`, `mustache` or `none`.
    #[schema(example = "jinja")]
    pub syntax: String,
    /// The model's configuration.
    #[schema(value_type = Object)]
    pub config: Map<String, Value>,
    /// SHA-256 of what it says: equal where two versions say the same.
    pub digest: String,
    /// Why it was made.
    pub message: String,
    /// The version that it was made from.
    #[schema(value_type = Option<String>)]
    pub parent: Option<PromptVersionId>,
    /// The other one, where it is a merge.
    #[schema(value_type = Option<String>)]
    pub merged: Option<PromptVersionId>,
    /// Who made it.
    pub created_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A page of versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PromptVersions {
    /// Newest first.
    pub versions: Vec<PromptVersion>,
    /// Where to go on: as `before`; absent at the end.
    pub next: Option<i64>,
}

/// A version that is to be saved.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPromptVersion {
    /// What it says: a text, or messages and placeholders.
    #[schema(value_type = Object, example = "Write to {{ customer }}.")]
    pub content: Value,
    /// The language of its texts: `jinja` (the default), `mustache` or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syntax: Option<String>,
    /// The model's configuration.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub config: Map<String, Value>,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The version that it was made from. Where another is the newest by now, nothing is saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<i64>,
    /// Labels that move to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

/// A prompt that is to be made, with its first version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPrompt {
    /// Its name: 1 to 255 characters, like a path.
    #[schema(example = "support/refund-reply")]
    pub name: String,
    /// The first version.
    pub version: NewPromptVersion,
    /// What is said of it.
    #[serde(default)]
    pub details: PromptDetails,
}

/// What is said of a prompt. What is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PromptDetails {
    /// `draft`, `active` or `deprecated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The team that answers for it: an id or a short name; empty for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// The models that it is meant for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// What its variables hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variables: Option<Vec<Variable>>,
    /// What it is to reach.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub criteria: Option<Vec<Criterion>>,
    /// Whatever else.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
    /// Its tags, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}

/// A change of a prompt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PromptChange {
    /// The revision that is to be changed. Where it is given and another one is there by now, nothing is changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// Another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it is out of use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    /// What is said of it.
    pub details: PromptDetails,
}

/// A prompt, and a version of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SavedPrompt {
    /// The prompt.
    pub prompt: Prompt,
    /// The version.
    pub version: PromptVersion,
    /// False where the prompt said this already, and no version was made.
    pub is_new: bool,
}

/// Where a label goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveLabel {
    /// The version.
    pub version: i64,
    /// Where it must be for the move to happen: 0 for nowhere. Wherever it is, where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<i64>,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Why it moves though the version does not meet what the label asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_reason: Option<String>,
}

/// Where a label is proposed to go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposeMove {
    /// The version.
    pub version: i64,
    /// Where it must be now: 0 for nowhere. Wherever it is, where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<i64>,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Why a label moves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Reason {
    /// Why.
    pub reason: String,
    /// Why it moves though the version does not meet what the label asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub override_reason: Option<String>,
}

/// One move of a label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LabelMove {
    /// The label.
    pub label: String,
    /// The how-manieth of its moves.
    pub revision: i64,
    /// Where it was; absent where there was none.
    pub from: Option<i64>,
    /// Where it went; absent where it was taken away.
    pub to: Option<i64>,
    /// Why.
    pub reason: String,
    /// The proposal that it was moved by.
    #[schema(value_type = Option<String>)]
    pub proposal: Option<ProposalId>,
    /// Who moved it.
    pub moved_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub moved_at: Timestamp,
}

/// Where labels have been.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LabelMoves {
    /// Newest first.
    pub moves: Vec<LabelMove>,
}

/// A version that includes a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Includer {
    /// The prompt that includes.
    #[schema(value_type = String)]
    pub id: PromptId,
    /// Its name.
    pub name: String,
    /// The version of it that does.
    pub version: i64,
    /// Which version it includes, such as `@production`.
    pub includes: String,
}

/// Who includes a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Includers {
    /// By name.
    pub includers: Vec<Includer>,
}

/// Values for the variables of a prompt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RenderPrompt {
    /// By the names of the variables; messages for the names of placeholders.
    #[schema(value_type = Object, example = json!({"customer": "Ada"}))]
    pub variables: Map<String, Value>,
}

/// What a version says with values in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RenderedPrompt {
    /// The prompt's name.
    pub prompt: String,
    /// The number of the version.
    pub version: i64,
    /// A text, or messages.
    #[schema(value_type = Object)]
    pub rendered: Value,
    /// The model's configuration.
    #[schema(value_type = Object)]
    pub config: Map<String, Value>,
    /// What it includes, each pair once.
    pub included: Vec<IncludedPrompt>,
}

/// That a version includes another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IncludedPrompt {
    /// The version that includes, such as `greeting#2`; absent where it is the one that was asked for.
    pub from: Option<String>,
    /// How it names the other, such as `tone@staging`.
    pub reference: String,
    /// The number of the version that this was.
    pub version: i64,
}

/// Which prompts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PromptQuery {
    /// Whose name holds this
    pub name: Option<String>,
    /// In this folder, or below it
    pub folder: Option<String>,
    /// With this tag
    pub tag: Option<String>,
    /// With this label
    pub label: Option<String>,
    /// That are this far: `draft`, `active` or `deprecated`
    pub status: Option<String>,
    /// `true` for those that are out of use
    pub archived: Option<String>,
    /// How many: 1 to 500
    pub limit: Option<String>,
    /// Behind this name
    pub after: Option<String>,
}

/// Which versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct VersionQuery {
    /// How many: 1 to 500
    pub limit: Option<String>,
    /// Below this number
    pub before: Option<String>,
}

/// Which version of a prompt is served.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ServeQuery {
    /// The one that this label is at; `production` where neither is given
    pub label: Option<String>,
    /// The one with this number
    pub version: Option<String>,
}

/// A version of a prompt as applications are served it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ServedPrompt {
    /// The prompt.
    #[schema(value_type = String)]
    pub id: PromptId,
    /// The prompt's name.
    #[schema(example = "support/refund-reply")]
    pub name: String,
    /// The number of the version.
    pub version: i64,
    /// The label that it was asked for by; absent where it was asked for by its number.
    pub label: Option<String>,
    /// `text` or `chat`.
    pub kind: String,
    /// The language of its texts: `jinja`, `mustache` or `none`.
    pub syntax: String,
    /// A text, or messages, with everything that they include.
    #[schema(value_type = Object)]
    pub content: Value,
    /// The model's configuration.
    #[schema(value_type = Object)]
    pub config: Map<String, Value>,
}

/// A prompt as it is since it changed, or something that it includes did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChangedPrompt {
    /// The prompt.
    #[schema(value_type = String)]
    pub id: PromptId,
    /// What it is called now.
    #[schema(example = "support/refund-reply")]
    pub name: String,
    /// The numbers of the versions that its labels are at; `latest` is among them.
    pub labels: BTreeMap<String, i64>,
    /// Whether it is out of use.
    pub archived: bool,
}

/// From where on changes are told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LibraryRevision {
    /// The revision of the library.
    pub revision: i64,
}

/// What a served version says with values in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ServedRendering {
    /// The prompt's name.
    pub name: String,
    /// The number of the version.
    pub version: i64,
    /// The label that it was asked for by; absent where it was asked for by its number.
    pub label: Option<String>,
    /// A text, or messages.
    #[schema(value_type = Object)]
    pub rendered: Value,
    /// The model's configuration.
    #[schema(value_type = Object)]
    pub config: Map<String, Value>,
}

/// How often a prompt was served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PromptUsage {
    /// By day and version.
    pub usage: Vec<VersionUsage>,
}

/// How often a version was served on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionUsage {
    /// The day, UTC.
    #[schema(example = "2026-11-22")]
    pub day: String,
    /// The number of the version.
    pub version: i64,
    /// How often.
    pub served: u64,
}
