//! The cost that a router says of a call itself, for a provider that no list knows: OpenRouter's `usage.cost`, and
//! Perplexity's `usage.cost.total_cost`. It is in dollars, and what it is made of is told in part at most.

use cp_base::UsdNanos;
use serde_json::Value;

use super::cost::{CostByKind, Priced};
use crate::DecodedCall;

const SUFFIX: &str = "/reported";

/// Whether the cost that a call is kept with is what its answer said, by the name of its price list.
#[must_use]
pub fn is_reported(price_list: &str) -> bool {
    price_list.ends_with(SUFFIX)
}

pub(super) fn cost(provider: &str, call: &DecodedCall) -> Option<Priced> {
    let usage = call.response_extra.get("usage")?;
    let said = |path: &str| usage.pointer(path).and_then(dollars);
    // With a key of the user's own, the router charges a fee, and the provider behind it the rest.
    let behind = match usage.get("is_byok") {
        Some(Value::Bool(true)) => said("/cost_details/upstream_inference_cost").unwrap_or_default(),
        _ => UsdNanos(0),
    };
    let cost = said("/cost").or_else(|| said("/cost/total_cost"))? + behind;
    let part = |names: [&str; 2]| names.into_iter().find_map(said);
    let input = part(["/cost_details/upstream_inference_prompt_cost", "/cost/input_tokens_cost"]);
    let output = part(["/cost_details/upstream_inference_completions_cost", "/cost/output_tokens_cost"]);
    let by_kind = match (input, output) {
        (Some(input), Some(output)) if input + output <= cost => {
            CostByKind { input, output, fees: UsdNanos(cost.0 - input.0 - output.0), ..CostByKind::default() }
        }
        _ => CostByKind { fees: cost, ..CostByKind::default() },
    };
    Some(Priced { cost, by_kind, list: format!("{provider}{SUFFIX}") })
}

/// Rounded to the nano-dollar from the number's digits.
fn dollars(value: &Value) -> Option<UsdNanos> {
    let number = value.as_f64().filter(|number| number.is_finite() && *number >= 0.0)?;
    UsdNanos::parse_dollars(&format!("{number:.9}")).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(usage: Value) -> Option<Priced> {
        let mut call = DecodedCall::default();
        call.response_extra.insert("usage".into(), usage);
        let priced = cost("openrouter", &call);
        priced.inspect(|priced| assert_eq!(priced.by_kind.total(), priced.cost))
    }

    #[test]
    fn what_the_router_says() {
        let priced = of(json!({"cost": 0.00014, "is_byok": false, "cost_details": {
            "upstream_inference_cost": null, "upstream_inference_prompt_cost": 0.00004,
            "upstream_inference_completions_cost": 1e-4}}))
        .unwrap();
        assert_eq!((priced.cost, priced.list.as_str()), (UsdNanos(140_000), "openrouter/reported"));
        assert!(is_reported(&priced.list) && !is_reported("openai/2026-11-24"));
        assert_eq!((priced.by_kind.input, priced.by_kind.output), (UsdNanos(40_000), UsdNanos(100_000)));
        let own_key =
            json!({"cost": 0.001, "is_byok": true, "cost_details": {"upstream_inference_cost": 0.02}});
        assert_eq!(of(own_key).unwrap().by_kind.fees, UsdNanos(21_000_000));
        assert_eq!(of(json!({"cost": {"total_cost": 0.006}})).unwrap().cost, UsdNanos(6_000_000));
        for none in [json!({}), json!({"cost": null}), json!({"cost": -1}), json!({"cost": "1"})] {
            assert_eq!(of(none), None);
        }
    }
}
