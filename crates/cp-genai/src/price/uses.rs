//! Tools that a provider ran and charges for one by one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::terms::{BillingTerms, generic, type_of};
use crate::{DecodedCall, Message};

impl BillingTerms {
    /// Tools that the provider ran and charges for one by one: OpenAI's output items, Gemini's grounding. What the
    /// answer counts itself is not counted again.
    pub(super) fn add_tools(&mut self, call: &DecodedCall) {
        let is_preview = |tool: &Value| type_of(tool).starts_with("web_search_preview");
        let preview = call.tool_definitions.iter().any(is_preview);
        let web_search = if preview { "web_search_preview" } else { "web_search" };
        let billed = call.response_extra.get("tool_usage");
        let billed = billed.and_then(|tools| tools.pointer("/web_search/num_requests")?.as_u64());
        let mut seen = BTreeMap::<&str, u64>::new();
        for value in call.output_messages.iter().flat_map(|message| &message.parts).filter_map(generic) {
            let name = match type_of(value) {
                "web_search_call" if billed.is_none() && is_search(value) => web_search,
                "file_search_call" => "file_search",
                "image_generation_call" => "image_generation",
                _ => {
                    self.add_grounding_of(value);
                    continue;
                }
            };
            *seen.entry(name).or_default() += 1;
        }
        seen.extend(containers(call));
        if seen.is_empty() && is_search_model(call) {
            seen.insert("web_search", 1);
        }
        for (name, count) in seen.into_iter().chain(billed.map(|count| (web_search, count))) {
            if !self.uses.contains_key(name) {
                self.add_use(name, count);
            }
        }
    }

    fn add_grounding_of(&mut self, value: &Value) {
        let listed = |key: &str| {
            let list = value.pointer(&format!("/groundingMetadata/{key}")).and_then(Value::as_array);
            list.into_iter().flatten()
        };
        let asked = listed("webSearchQueries").chain(listed("imageSearchQueries"));
        // A query of nothing is not charged for.
        let queries = asked.filter(|query| query.as_str().is_some_and(|query| !query.is_empty())).count();
        if queries > 0 {
            self.add_grounding(u64::try_from(queries).unwrap_or(u64::MAX));
        }
        if listed("groundingChunks").any(|chunk| chunk.get("maps").is_some()) {
            self.add_use("google_maps", 1);
        }
    }
}

/// The containers that a call made for code to run in, by what one costs. One that the request names, or that an earlier
/// item of it ran in, is charged for already.
fn containers(call: &DecodedCall) -> Option<(&'static str, u64)> {
    let tool = call.tool_definitions.iter().find(|tool| type_of(tool) == "code_interpreter");
    let container = tool.and_then(|tool| tool.get("container"));
    if container.is_some_and(Value::is_string) {
        return None;
    }
    let known: BTreeSet<_> = ran_in(&call.input_messages).collect();
    let made: BTreeSet<_> = ran_in(&call.output_messages).filter(|id| !known.contains(id)).collect();
    let name = match container.and_then(|container| container.get("memory_limit")?.as_str()) {
        None | Some("1g") => "code_interpreter",
        Some("4g") => "code_interpreter_4g",
        Some("16g") => "code_interpreter_16g",
        Some(_) => "code_interpreter_64g",
    };
    Some((name, u64::try_from(made.len()).unwrap_or(u64::MAX))).filter(|(_, count)| *count > 0)
}

fn ran_in(messages: &[Message]) -> impl Iterator<Item = &str> {
    let items = messages.iter().flat_map(|message| &message.parts).filter_map(generic);
    let runs = items.filter(|item| type_of(item) == "code_interpreter_call");
    runs.map(|item| item.get("container_id").and_then(Value::as_str).unwrap_or_default())
}

/// Pages that are opened, and searches within one, are free.
fn is_search(web_search_call: &Value) -> bool {
    web_search_call.pointer("/action/type").and_then(Value::as_str).is_none_or(|action| action == "search")
}

/// Whether the model searches the web before each answer, as those of OpenAI's chat completions do that can search.
fn is_search_model(call: &DecodedCall) -> bool {
    let model = call.response_model.as_ref().or(call.request_model.as_ref());
    let searches = |model: &String| model.contains("-search-preview") || model.contains("-search-api");
    !call.output_messages.is_empty() && model.is_some_and(searches)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Part;

    #[test]
    fn a_container_is_charged_for_by_the_call_that_makes_it() {
        let message = |containers: &[&str]| {
            let item = |id: &&str| json!({"type": "code_interpreter_call", "container_id": id});
            let parts = containers.iter().map(|id| Part::Generic { value: item(id) }).collect();
            vec![Message { role: "assistant".into(), parts, name: None, finish_reason: None }]
        };
        let of = |container: Value, input: &[&str], output: &[&str]| {
            let call = DecodedCall {
                tool_definitions: vec![json!({"type": "code_interpreter", "container": container})],
                input_messages: message(input),
                output_messages: message(output),
                ..DecodedCall::default()
            };
            BillingTerms::of(&call).uses
        };
        let auto = json!({"type": "auto"});
        let some = |name: &str, count| [(name.to_owned(), count)].into();
        assert_eq!(of(auto.clone(), &[], &["a", "a", "b"]), some("code_interpreter", 2));
        assert_eq!(of(auto, &["a"], &["a"]), BTreeMap::new());
        assert_eq!(of(json!("a"), &[], &["a"]), BTreeMap::new());
        let large = json!({"type": "auto", "memory_limit": "4g"});
        assert_eq!(of(large, &[], &["a"]), some("code_interpreter_4g", 1));
    }
}
