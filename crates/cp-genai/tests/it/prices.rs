//! Costs worked out by hand, from the bytes of a call to the nano-dollar.

use cp_base::{Timestamp, UsdNanos};
use cp_genai::{
    BillingTerms, CostByKind, DecodedCall, Exchange, OperationName, PriceBook, Priced, RateKind, Unpriced,
    Usage, decode,
};
use serde_json::{Value, json};

const PATHS: [(&str, &str); 3] = [
    ("openai", "/v1/chat/completions"),
    ("anthropic", "/v1/messages"),
    ("gemini", "/v1beta/models/gemini-2.5-flash:generateContent"),
];

fn price(provider: &str, request: &Value, response: &Value) -> Result<Priced, Unpriced> {
    let path = PATHS.iter().find(|(known, _)| *known == provider).unwrap().1;
    let (request, response) = (request.to_string(), response.to_string());
    let call = decode(&Exchange {
        method: "POST",
        path,
        status: Some(200),
        request: request.as_bytes(),
        response: response.as_bytes(),
        response_content_type: Some("application/json"),
        request_complete: true,
        response_complete: true,
    });
    price_decoded(provider, &call)
}

fn price_decoded(provider: &str, call: &DecodedCall) -> Result<Priced, Unpriced> {
    let at: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    let priced = PriceBook::shipped().price_call(provider, at, call, &BillingTerms::of(call))?;
    assert_eq!(priced.by_kind.total(), priced.cost);
    Ok(priced)
}

fn dollars(priced: Result<Priced, Unpriced>) -> String {
    priced.unwrap().cost.to_string()
}

/// 1,000 tokens in, of which 400 are cached, and 100 out, of which 60 are reasoning.
fn openai(model: &str, tier: &str) -> Result<Priced, Unpriced> {
    let usage = json!({
        "prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100,
        "prompt_tokens_details": {"cached_tokens": 400},
        "completion_tokens_details": {"reasoning_tokens": 60},
    });
    price(
        "openai",
        &json!({"model": model, "messages": []}),
        &json!({"model": model, "service_tier": tier, "usage": usage}),
    )
}

#[test]
fn service_tiers_of_openai() {
    // 600 × $0.25/M + 400 × $0.025/M + 100 × $2/M
    assert_eq!(dollars(openai("gpt-5-mini", "default")), "$0.00036");
    // Half: 600 × $0.125/M + 400 × $0.0125/M + 100 × $1/M
    assert_eq!(dollars(openai("gpt-5-mini", "flex")), "$0.00018");
    assert_eq!(dollars(openai("gpt-5-mini", "batch")), "$0.00018");
    // 600 × $0.45/M + 400 × $0.045/M + 100 × $3.60/M
    assert_eq!(dollars(openai("gpt-5-mini", "priority")), "$0.000648");
    // 600 × $4.25/M + 400 × $2.125/M + 100 × $17/M
    assert_eq!(dollars(openai("gpt-4o", "priority")), "$0.0051");
    // Rates that are no multiple of the standard ones: 600 × $0.25/M + 400 × $0.125/M + 100 × $1/M
    assert_eq!(dollars(openai("gpt-4o-mini", "priority")), "$0.0003");
    assert_eq!(openai("gpt-4o", "flex"), Err(Unpriced::NoTier("flex".into())));
    assert_eq!(openai("gpt-4o", "scale"), Err(Unpriced::NoTier("scale".into())));
    assert_eq!(openai("gpt-9", "default"), Err(Unpriced::NoModel));
}

#[test]
fn a_cost_is_the_sum_of_its_kinds() {
    let by_kind = openai("gpt-5-mini", "default").unwrap().by_kind;
    assert_eq!(
        by_kind,
        CostByKind {
            input: UsdNanos(150_000),
            cache_read: UsdNanos(10_000),
            output: UsdNanos(200_000),
            reasoning: UsdNanos(120_000),
            ..CostByKind::default()
        }
    );
}

#[test]
fn a_tier_without_long_context_has_no_price_beyond_it() {
    let usage = |input: u64| json!({"prompt_tokens": input, "completion_tokens": 0});
    let of = |input| {
        let response = json!({"model": "gpt-5.4", "service_tier": "priority", "usage": usage(input)});
        price("openai", &json!({"model": "gpt-5.4"}), &response)
    };
    // 272,000 × $5/M
    assert_eq!(dollars(of(272_000)), "$1.36");
    assert_eq!(of(272_001), Err(Unpriced::NoTier("priority".into())));
}

fn claude(model: &str, more: Value) -> Result<Priced, Unpriced> {
    let mut usage = json!({
        "input_tokens": 500, "output_tokens": 100, "cache_read_input_tokens": 2_000,
        "cache_creation_input_tokens": 1_500,
        "cache_creation": {"ephemeral_5m_input_tokens": 1_000, "ephemeral_1h_input_tokens": 500},
    });
    usage.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    price("anthropic", &json!({"model": model}), &json!({"model": model, "usage": usage}))
}

#[test]
fn tiers_regions_and_speed_of_anthropic() {
    // 500 × $4/M + 2,000 × $0.20/M + 1,000 × $5/M + 500 × $8/M + 100 × $20/M
    assert_eq!(dollars(claude("claude-opus-5-5", json!({"service_tier": "standard"}))), "$0.0134");
    assert_eq!(dollars(claude("claude-opus-5-5", json!({"service_tier": "batch"}))), "$0.0067");
    assert_eq!(dollars(claude("claude-opus-5-5", json!({"inference_geo": "us"}))), "$0.01474");
    assert_eq!(dollars(claude("claude-opus-5-5", json!({"speed": "fast"}))), "$0.0268");
    // 0.0134 × 0.5 × 1.1
    let both = json!({"service_tier": "batch", "inference_geo": "us"});
    assert_eq!(dollars(claude("claude-opus-5-5", both)), "$0.00737");
    let priority = claude("claude-opus-5-5", json!({"service_tier": "priority"}));
    assert_eq!(priority, Err(Unpriced::NoTier("priority".into())));
    let fast = claude("claude-haiku-4-5", json!({"speed": "fast"}));
    assert_eq!(fast, Err(Unpriced::NoTier("fast".into())));
}

#[test]
fn fees_are_for_uses_and_no_tier_lowers_them() {
    let searched = json!({"server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 2}});
    let priced = claude("claude-opus-5-5", searched.clone()).unwrap();
    // $0.0134 and 3 × $10/1,000
    assert_eq!((priced.cost.to_string().as_str(), priced.by_kind.fees), ("$0.0434", UsdNanos(30_000_000)));
    let mut batch = searched;
    batch["service_tier"] = "batch".into();
    assert_eq!(dollars(claude("claude-opus-5-5", batch)), "$0.0367");
    let unknown = json!({"server_tool_use": {"time_travel_requests": 1}});
    assert_eq!(claude("claude-opus-5-5", unknown), Err(Unpriced::NoFee("time_travel".into())));
}

#[test]
fn tiers_modalities_and_grounding_of_gemini() {
    let response = |tier: &str, candidate: Value| {
        json!({"modelVersion": "gemini-2.5-flash", "candidates": [candidate], "usageMetadata": {
            "promptTokenCount": 1_000, "candidatesTokenCount": 60, "thoughtsTokenCount": 40,
            "totalTokenCount": 1_100, "serviceTier": tier,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 800}, {"modality": "AUDIO", "tokenCount": 200}]}})
    };
    let plain = json!({"content": {"role": "model", "parts": [{"text": "Lima."}]}});
    let price = |response| price("gemini", &json!({"contents": []}), &response);
    // 800 × $0.30/M + 200 × $1/M + 100 × $2.50/M
    assert_eq!(dollars(price(response("standard", plain.clone()))), "$0.00069");
    // 800 × $0.15/M + 200 × $0.50/M + 100 × $1.25/M
    assert_eq!(dollars(price(response("flex", plain.clone()))), "$0.000345");
    // 1.8 times the standard rates
    assert_eq!(dollars(price(response("priority", plain.clone()))), "$0.001242");
    let mut grounded = plain;
    grounded["groundingMetadata"] = json!({"webSearchQueries": ["capital of Peru", "Lima"]});
    // $0.000345 and $35/1,000 for the prompt, however many queries it took
    assert_eq!(dollars(price(response("flex", grounded))), "$0.035345");
}

#[test]
fn audio_has_a_rate_of_its_own() {
    let response = |model: &str| {
        json!({"model": model, "usage": {
            "prompt_tokens": 150, "completion_tokens": 80,
            "prompt_tokens_details": {"audio_tokens": 100}, "completion_tokens_details": {"audio_tokens": 50}}})
    };
    // 50 × $2.50/M + 100 × $32/M + 30 × $10/M + 50 × $64/M
    assert_eq!(dollars(price("openai", &json!({}), &response("gpt-audio"))), "$0.006825");
    let text_only = price("openai", &json!({}), &response("gpt-5-mini"));
    assert_eq!(text_only, Err(Unpriced::NoRate(RateKind::InputAudio)));
}

#[test]
fn cache_writes_for_twelve_hours() {
    let usage = |details: Value| {
        let mut input = json!({"cache_write_tokens": 1_000});
        input.as_object_mut().unwrap().extend(details.as_object().cloned().unwrap());
        json!({"model": "gpt-6.1-sol", "usage": {
            "prompt_tokens": 1_000, "completion_tokens": 0, "prompt_tokens_details": input}})
    };
    let split = json!({"cache_write_tokens_details": {"ttl_30m_tokens": 600, "ttl_12h_tokens": 400}});
    // 600 × $2.50/M + 400 × $5/M
    assert_eq!(dollars(price("openai", &json!({}), &usage(split))), "$0.0035");
    let asked = json!({"prompt_cache_options": {"ttl": "12h"}});
    assert_eq!(dollars(price("openai", &asked, &usage(json!({})))), "$0.005");
    assert_eq!(dollars(price("openai", &json!({}), &usage(json!({})))), "$0.0025");
}

#[test]
fn embeddings_need_no_count_of_output() {
    let call = DecodedCall {
        operation_name: Some(OperationName::Embeddings),
        request_model: Some("text-embedding-3-small".into()),
        usage: Some(Usage { input_tokens: Some(1_000_000), ..Usage::default() }),
        ..DecodedCall::default()
    };
    assert_eq!(dollars(price_decoded("openai", &call)), "$0.02");
    let call = DecodedCall { request_model: Some("gemini-embedding-2".into()), ..call };
    assert_eq!(dollars(price_decoded("gemini", &call)), "$0.20");
}

#[test]
fn an_own_list_overrides_its_models_and_no_others() {
    let mut book = PriceBook::shipped();
    let ours = r#"{"provider": "openai", "as_of": "2026-12-01", "sources": [], "models": [
        {"id": "gpt-5-mini", "prices": [{"valid_from": "2026-12-01", "input": "0.2", "output": "1"}]},
        {"id": "our-tune", "prices": [{"input": "1", "output": "2"}]}]}"#;
    book.add_own_list(ours, "ours.json").unwrap();
    let usage = Usage { input_tokens: Some(1_000_000), output_tokens: Some(0), ..Usage::default() };
    let price = |model: &str, day: &str| {
        let at = format!("{day}T00:00:00Z").parse().unwrap();
        let priced = book.price("openai", &[model], at, Some(&usage), &BillingTerms::default()).unwrap();
        (priced.cost.to_string(), priced.list)
    };
    let (shipped, own) = ("openai/2026-11-24".to_owned(), "openai/2026-12-01 (ours.json)".to_owned());
    assert_eq!(price("gpt-5-mini", "2026-11-30"), ("$0.25".into(), shipped.clone()));
    assert_eq!(price("gpt-5-mini", "2026-12-01"), ("$0.20".into(), own.clone()));
    assert_eq!(price("gpt-5-mini-2025-08-07", "2026-12-01"), ("$0.20".into(), own.clone()));
    assert_eq!(price("gpt-5-nano", "2026-12-01"), ("$0.05".into(), shipped));
    assert_eq!(price("our-tune", "2026-01-01"), ("$1.00".into(), own));
}

#[test]
fn kinds_add_up_however_the_parts_round() {
    let mut book = PriceBook::default();
    let odd = r#"{"provider": "p", "as_of": "2026-01-01", "sources": [], "models": [{"id": "m", "prices": [
        {"input": "0.000333333", "cached_input": "0.000077777", "output": "0.000999999"}]}]}"#;
    book.add_list(odd).unwrap();
    for tokens in 1..500_u64 {
        let usage = Usage {
            input_tokens: Some(tokens * 7),
            output_tokens: Some(tokens * 3),
            cache_read_input_tokens: Some(tokens * 2),
            reasoning_output_tokens: Some(tokens),
            ..Usage::default()
        };
        let terms = BillingTerms::default();
        let priced = book.price("p", &["m"], Timestamp(0), Some(&usage), &terms).unwrap();
        let exact = tokens * 5 * 333_333 + tokens * 2 * 77_777 + tokens * 3 * 999_999;
        let rounded = i64::try_from((exact + 500_000) / 1_000_000).unwrap();
        assert_eq!((priced.cost.0, priced.by_kind.total().0), (rounded, rounded));
        assert!(priced.by_kind.reasoning <= priced.by_kind.output);
    }
}
