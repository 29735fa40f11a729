//! What beside its token counts decides the price of a call: tier, modalities, tools that the provider ran.
//!
//! Sources: `openai-python` (`service_tier`, `prompt_tokens_details`, output items), `anthropic-sdk-python`
//! (`usage.service_tier`, `speed`, `inference_geo`, `server_tool_use`), `python-genai` (`trafficType`, `serviceTier`,
//! `*TokensDetails`, `groundingMetadata`, the usage of interactions), xAI's REST reference
//! (`server_side_tool_usage_details`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::rates::RateKind;
use crate::{DecodedCall, Part};

/// The tier of a call that stays in a region. A model without a price for it costs no more there.
pub(super) const REGIONAL: &str = "regional";

/// The conditions under which a provider served a call. The default is the standard ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BillingTerms {
    /// What differs from standard service, in the lists' words and in alphabetical order: `batch`, `flex`, `priority`,
    /// `fast`, `us`, `regional`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<String>,
    /// Tokens of other modalities than text, within the usage's counts; by the names of
    /// [`RateKind`](crate::RateKind), such as `input_audio`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tokens: BTreeMap<String, u64>,
    /// Uses that are charged for one by one, such as `web_search`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub uses: BTreeMap<String, u64>,
}

impl BillingTerms {
    /// The tiers as one name, such as `batch+us`; none for standard service.
    #[must_use]
    pub fn service_tier(&self) -> Option<String> {
        (!self.tiers.is_empty()).then(|| self.tiers.join("+"))
    }

    /// What a call says of them. Where the answer names no tier, the one that was asked for counts.
    #[must_use]
    pub fn of(call: &DecodedCall) -> Self {
        let mut terms = Self::default();
        let extra = &call.response_extra;
        let usage = object(extra, "usage").or_else(|| object(extra, "usageMetadata"));
        terms.add_tiers(call, usage);
        if let Some(usage) = usage {
            terms.add_modalities(usage);
            terms.add_counted_uses(usage);
        }
        terms.add_tools(call);
        // Where the lifetimes of cache writes are not told apart, all are of the one that was asked for.
        let asked = object(&call.parameters, "prompt_cache_options").and_then(|options| options.get("ttl"));
        let told = usage.and_then(|usage| {
            ["input_tokens_details", "prompt_tokens_details"]
                .iter()
                .find_map(|key| object(usage, key)?.get("cache_write_tokens_details"))
        });
        if told.is_none() && asked.and_then(Value::as_str) == Some("12h") {
            let written = call.usage.as_ref().and_then(|usage| usage.cache_creation_input_tokens);
            terms.add_tokens("cache_write_12h".to_owned(), written);
        }
        terms
    }

    /// The same terms, of a call that was served in a batch: not every provider says so in its answer.
    #[must_use]
    pub fn in_batch(self) -> Self {
        self.under("batch")
    }

    /// The same terms, under one more tier.
    pub(super) fn under(mut self, tier: &str) -> Self {
        self.tiers.push(tier.to_owned());
        self.tiers.sort();
        self.tiers.dedup();
        self
    }

    fn add_tiers(&mut self, call: &DecodedCall, usage: Option<&Map<String, Value>>) {
        let said = |object: Option<&Map<String, Value>>, key: &str| {
            let text = object.and_then(|object| object.get(key)).and_then(Value::as_str);
            text.map(str::to_ascii_lowercase).filter(|text| !text.is_empty())
        };
        let (extra, asked) = (Some(&call.response_extra), Some(&call.parameters));
        let tier = said(extra, "service_tier").or_else(|| said(usage, "service_tier"));
        let tier = tier.or_else(|| said(usage, "serviceTier")).or_else(|| said(usage, "trafficType"));
        let tier = tier.or_else(|| said(asked, "service_tier")).or_else(|| said(asked, "serviceTier"));
        // Vertex AI's names of the same tiers.
        let tier = tier.map(|tier| tier.strip_prefix("on_demand_").map(str::to_owned).unwrap_or(tier));
        let speed = said(usage, "speed").or_else(|| said(asked, "speed"));
        let region = said(usage, "inference_geo").or_else(|| said(asked, "inference_geo"));
        // Vertex AI charges for keeping a call in a region, and for some models only.
        let place = said(asked, "location").filter(|place| !is_standard(place)).map(|_| REGIONAL.to_owned());
        self.tiers =
            [tier, speed, region, place].into_iter().flatten().filter(|name| !is_standard(name)).collect();
        self.tiers.sort();
        self.tiers.dedup();
    }

    fn add_modalities(&mut self, usage: &Map<String, Value>) {
        let details = [
            ("prompt_tokens_details", "input"),
            ("input_tokens_details", "input"),
            ("completion_tokens_details", "output"),
            ("output_tokens_details", "output"),
        ];
        for (key, side) in details {
            let Some(counts) = object(usage, key) else { continue };
            for modality in ["audio", "image"] {
                let count = |from: &Map<String, Value>| from.get(&format!("{modality}_tokens"))?.as_u64();
                self.add_tokens(format!("{side}_{modality}"), count(counts));
            }
            let cached = object(counts, "cached_tokens_details");
            self.add_tokens(
                "cached_input_audio".to_owned(),
                cached.and_then(|cached| cached.get("audio_tokens")?.as_u64()),
            );
            let lifetimes = object(counts, "cache_write_tokens_details");
            self.add_tokens(
                "cache_write_12h".to_owned(),
                lifetimes.and_then(|lifetimes| lifetimes.get("ttl_12h_tokens")?.as_u64()),
            );
        }
        let by_modality = [
            ("promptTokensDetails", "input"),
            ("toolUsePromptTokensDetails", "input"),
            ("cacheTokensDetails", "cached_input"),
            ("candidatesTokensDetails", "output"),
            ("input_tokens_by_modality", "input"),
            ("tool_use_tokens_by_modality", "input"),
            ("cached_tokens_by_modality", "cached_input"),
            ("output_tokens_by_modality", "output"),
        ];
        for (key, side) in by_modality {
            for entry in usage.get(key).and_then(Value::as_array).into_iter().flatten() {
                let modality = entry.get("modality").and_then(Value::as_str).unwrap_or_default();
                let name = format!("{side}_{}", modality.to_ascii_lowercase());
                // What has no rate of its own anywhere, such as documents, is as text.
                if RateKind::parse(&name).is_some() {
                    let count = entry.get("tokenCount").or_else(|| entry.get("tokens"));
                    self.add_tokens(name, count.and_then(Value::as_u64));
                }
            }
        }
    }

    /// Uses that the usage itself counts: Anthropic's, xAI's, and those of Gemini's interactions.
    fn add_counted_uses(&mut self, usage: &Map<String, Value>) {
        for (key, unit) in [("server_tool_use", "_requests"), ("server_side_tool_usage_details", "_calls")] {
            for (name, count) in object(usage, key).into_iter().flatten() {
                self.add_use(name.strip_suffix(unit).unwrap_or(name), count.as_u64().unwrap_or(0));
            }
        }
        let iterations = usage.get("iterations").and_then(Value::as_array).into_iter().flatten();
        // Another model's tokens, at another price.
        let advised = iterations.filter(|iteration| type_of(iteration) == "advisor_message").count();
        self.add_use("advisor", u64::try_from(advised).unwrap_or(u64::MAX));
        for tool in usage.get("grounding_tool_count").and_then(Value::as_array).into_iter().flatten() {
            match (type_of(tool), tool.get("count").and_then(Value::as_u64)) {
                (_, None | Some(0)) => {}
                ("google_search", Some(count)) => self.add_grounding(count),
                (name, Some(count)) => self.add_use(name, count),
            }
        }
    }

    /// Older models are billed by the prompt, newer ones by the query: a list has a price of nothing for the other.
    pub(super) fn add_grounding(&mut self, queries: u64) {
        self.uses.insert("grounded_prompt".to_owned(), 1);
        self.add_use("grounding_query", queries);
    }

    fn add_tokens(&mut self, name: String, count: Option<u64>) {
        if let Some(count) = count.filter(|count| *count > 0) {
            let sum = self.tokens.entry(name).or_default();
            *sum = sum.saturating_add(count);
        }
    }

    pub(super) fn add_use(&mut self, name: &str, count: u64) {
        if count > 0 {
            let sum = self.uses.entry(name.to_owned()).or_default();
            *sum = sum.saturating_add(count);
        }
    }
}

/// The providers' words for service at the list's rates, in the region of their choice.
fn is_standard(tier: &str) -> bool {
    matches!(
        tier,
        "default"
            | "auto"
            | "standard"
            | "standard_only"
            | "unspecified"
            | "on_demand"
            | "traffic_type_unspecified"
            | "global"
            | "not_available"
    )
}

pub(super) fn object<'a>(from: &'a Map<String, Value>, key: &str) -> Option<&'a Map<String, Value>> {
    from.get(key).and_then(Value::as_object)
}

pub(super) fn type_of(value: &Value) -> &str {
    value.get("type").and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn generic(part: &Part) -> Option<&Value> {
    match part {
        Part::Generic { value } => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Message;

    fn of(response_extra: Value, parameters: Value, output: &[Value]) -> BillingTerms {
        let map = |value: Value| value.as_object().cloned().unwrap();
        let parts = output.iter().map(|value| Part::Generic { value: value.clone() }).collect();
        BillingTerms::of(&DecodedCall {
            response_extra: map(response_extra),
            parameters: map(parameters),
            output_messages: vec![Message {
                role: "assistant".into(),
                parts,
                name: None,
                finish_reason: None,
            }],
            ..DecodedCall::default()
        })
    }

    fn tier(response_extra: Value, parameters: Value) -> Option<String> {
        of(response_extra, parameters, &[]).service_tier()
    }

    #[test]
    fn the_tier_is_what_the_answer_says_or_else_what_was_asked_for() {
        assert_eq!(tier(json!({"service_tier": "default"}), json!({"service_tier": "priority"})), None);
        assert_eq!(tier(json!({}), json!({"service_tier": "flex"})).unwrap(), "flex");
        assert_eq!(tier(json!({}), json!({"service_tier": "auto"})), None);
        let claude = json!({"usage": {"service_tier": "batch", "speed": "fast", "inference_geo": "us"}});
        assert_eq!(tier(claude, json!({})).unwrap(), "batch+fast+us");
        let claude = json!({"usage": {"service_tier": "standard", "inference_geo": "not_available"}});
        assert_eq!(tier(claude, json!({"inference_geo": "us"})), None);
        let gemini = json!({"usageMetadata": {"trafficType": "ON_DEMAND_FLEX"}});
        assert_eq!(tier(gemini, json!({})).unwrap(), "flex");
        assert_eq!(tier(json!({"usageMetadata": {"trafficType": "ON_DEMAND"}}), json!({})), None);
    }

    #[test]
    fn uses_and_modalities_are_counted() {
        let search = |action: &str| json!({"type": "web_search_call", "action": {"type": action}});
        let called =
            [search("search"), search("open_page"), search("search"), json!({"type": "file_search_call"})];
        let usage = json!({"prompt_tokens_details": {"audio_tokens": 7, "text_tokens": 3},
                           "completion_tokens_details": {"audio_tokens": 0}});
        let terms = of(json!({"usage": usage}), json!({}), &called);
        assert_eq!(terms.uses, [("file_search".to_owned(), 1), ("web_search".to_owned(), 2)].into());
        assert_eq!(terms.tokens, [("input_audio".to_owned(), 7)].into());

        let claude =
            json!({"usage": {"server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 0}}});
        assert_eq!(of(claude, json!({}), &[]).uses, [("web_search".to_owned(), 3)].into());
        // What the answer counts is not counted again by its items.
        let billed = json!({"tool_usage": {"web_search": {"num_requests": 5}}});
        let uses = [("file_search".to_owned(), 1), ("web_search".to_owned(), 5)];
        assert_eq!(of(billed, json!({}), &called).uses, uses.into());
        let grok =
            json!({"usage": {"server_side_tool_usage_details": {"web_search_calls": 4, "mcp_calls": 0}}});
        assert_eq!(of(grok, json!({}), &called[..3]).uses, [("web_search".to_owned(), 4)].into());

        let details = json!([{"modality": "TEXT", "tokenCount": 5}, {"modality": "AUDIO", "tokenCount": 9}]);
        let gemini = json!({"usageMetadata": {"promptTokensDetails": details}});
        let grounding = json!({"groundingMetadata": {"webSearchQueries": ["a", "", "b"]}});
        let terms = of(gemini, json!({}), &[grounding]);
        assert_eq!(terms.tokens, [("input_audio".to_owned(), 9)].into());
        let grounded = [("grounded_prompt".to_owned(), 1), ("grounding_query".to_owned(), 2)];
        assert_eq!(terms.uses, grounded.clone().into());

        let places = json!({"groundingMetadata": {"groundingChunks": [{"maps": {}}, {"maps": {}}]}});
        assert_eq!(of(json!({}), json!({}), &[places]).uses, [("google_maps".to_owned(), 1)].into());

        let interaction = json!({"usage": {
            "input_tokens_by_modality": [{"modality": "video", "tokens": 4}, {"modality": "document", "tokens": 5}],
            "grounding_tool_count": [{"type": "google_search", "count": 2}, {"type": "retrieval"}]}});
        let terms = of(interaction, json!({}), &[]);
        assert_eq!(terms.tokens, [("input_video".to_owned(), 4)].into());
        assert_eq!(terms.uses, grounded.into());
    }

    #[test]
    fn standard_terms_take_no_room() {
        assert_eq!(serde_json::to_string(&BillingTerms::default()).unwrap(), "{}");
    }
}
