//! Tokens and costs, in the many forms in which they are told.

use cp_genai::Usage;
use serde_json::{Map, Value};

/// The tokens of a call. Of input that was cached, some forms count it within the input, and some beside it.
pub(crate) fn usage(told: &Map<String, Value>) -> Option<Usage> {
    let count = |name: &str| told.get(name).and_then(number);
    let within = |outer: &str, name: &str| {
        let flat = told.get(&format!("{outer}.{name}"));
        told.get(outer).and_then(|inner| inner.get(name)).or(flat).and_then(number)
    };
    let (prompt, completion) = (count("prompt_tokens"), count("completion_tokens"));
    let usage = if prompt.is_some() || completion.is_some() {
        Usage {
            input_tokens: prompt,
            output_tokens: completion,
            cache_read_input_tokens: within("prompt_tokens_details", "cached_tokens"),
            reasoning_output_tokens: within("completion_tokens_details", "reasoning_tokens"),
            ..Usage::default()
        }
    } else if told.contains_key("promptTokens") || told.contains_key("completionTokens") {
        let (input_tokens, output_tokens) = (count("promptTokens"), count("completionTokens"));
        Usage { input_tokens, output_tokens, ..Usage::default() }
    } else if told.contains_key("input_tokens") && told.contains_key("input_tokens_details") {
        Usage {
            input_tokens: count("input_tokens"),
            output_tokens: count("output_tokens"),
            cache_read_input_tokens: within("input_tokens_details", "cached_tokens"),
            reasoning_output_tokens: within("output_tokens_details", "reasoning_tokens"),
            ..Usage::default()
        }
    } else {
        by_kinds(told)
    };
    (usage != Usage::default()).then_some(usage)
}

/// Each kind beside the others, named by its beginning: all that begins with `input` is input, cached or not.
fn by_kinds(told: &Map<String, Value>) -> Usage {
    let first = |names: &[&str]| names.iter().find_map(|name| told.get(*name).and_then(number));
    let sum = |is_meant: &dyn Fn(&str) -> bool| {
        let counts = told.iter().filter(|(name, _)| is_meant(name)).filter_map(|(_, value)| number(value));
        counts.reduce(u64::saturating_add)
    };
    Usage {
        input_tokens: sum(&|name| name.starts_with("input") || name.starts_with("cache_")),
        output_tokens: sum(&|name| name.starts_with("output")),
        cache_read_input_tokens: first(&[
            "cache_read_input_tokens",
            "input_cached_tokens",
            "input_cache_read",
        ]),
        cache_creation_input_tokens: first(&["cache_creation_input_tokens", "input_cache_creation"]),
        reasoning_output_tokens: first(&["output_reasoning_tokens", "output_reasoning"]),
        ..Usage::default()
    }
}

/// Nano-dollars out of the total, or the sum, of dollars.
pub(crate) fn cost(told: &Map<String, Value>) -> Option<i64> {
    let dollars = match told.get("total").and_then(Value::as_f64) {
        Some(total) => total,
        None => told.values().filter_map(Value::as_f64).reduce(|sum, part| sum + part)?,
    };
    nanos(dollars)
}

pub(crate) fn nanos(dollars: f64) -> Option<i64> {
    let nanos = (dollars * 1e9).round();
    // Up to some nine million dollars a call, which has an exact integer.
    ((0.0..=9e15).contains(&nanos)).then_some(nanos as i64)
}

pub(crate) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.parse().ok(),
        value => value.as_u64().or_else(|| {
            let number = value.as_f64()?;
            (number.fract() == 0.0 && (0.0..9e15).contains(&number)).then_some(number as u64)
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Option<[Option<u64>; 5]> {
        let Value::Object(told) = value else { unreachable!() };
        usage(&told).map(|usage| {
            let Usage { input_tokens, output_tokens, cache_read_input_tokens, .. } = usage;
            [
                input_tokens,
                output_tokens,
                cache_read_input_tokens,
                usage.cache_creation_input_tokens,
                usage.reasoning_output_tokens,
            ]
        })
    }

    #[test]
    fn cached_input_is_counted_once() {
        let openai = json!({ "prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25,
            "prompt_tokens_details": { "cached_tokens": 8 }, "completion_tokens_details": { "reasoning_tokens": 2 } });
        assert_eq!(read(openai), Some([Some(20), Some(5), Some(8), None, Some(2)]));
        let responses = json!({ "input_tokens": 20, "output_tokens": 5, "input_tokens_details": { "cached_tokens": 8 },
            "output_tokens_details": { "reasoning_tokens": 2 } });
        assert_eq!(read(responses), Some([Some(20), Some(5), Some(8), None, Some(2)]));
        let anthropic = json!({ "input_tokens": 12, "output_tokens": 5, "cache_read_input_tokens": 6, "cache_creation_input_tokens": 2 });
        assert_eq!(read(anthropic), Some([Some(20), Some(5), Some(6), Some(2), None]));
        let langfuse = json!({ "input": 12, "input_cached_tokens": 8, "output": 3, "output_reasoning_tokens": 2, "total": 25 });
        assert_eq!(read(langfuse), Some([Some(20), Some(5), Some(8), None, Some(2)]));
        assert_eq!(
            read(json!({ "promptTokens": 3, "completionTokens": 4 })),
            Some([Some(3), Some(4), None, None, None])
        );
        assert_eq!(
            read(json!({ "input": 3, "unit": "TOKENS", "output": null })),
            Some([Some(3), None, None, None, None])
        );
        assert_eq!(read(json!({ "total": 3 })), None);
    }

    #[test]
    fn a_cost_is_its_total_or_its_sum() {
        let read = |value: Value| cost(value.as_object().unwrap());
        assert_eq!(read(json!({ "input": 0.1, "output": 0.2 })), Some(300_000_000));
        assert_eq!(read(json!({ "input": 0.1, "total": 0.000_000_001 })), Some(1));
        assert_eq!(read(json!({})), None);
        assert_eq!(read(json!({ "total": -1.0 })), None);
        assert_eq!(read(json!({ "total": 1e30 })), None);
    }
}
