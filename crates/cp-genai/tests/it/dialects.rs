//! What calls cost that differ from their family's first form: compatible providers, names of models, odd services.

use cp_genai::{BillingTerms, PriceBook, Unpriced};

use crate::fixture::Fixture;

const NOON: &str = "2026-11-24T12:00:00Z";

/// Computed by hand from tokens and dollars per million.
#[test]
fn costs() {
    for (provider, fixture, cost) in [
        // 8 × 1.50 + 4 × 0.15 + 40 × 7.50
        ("mistral", "openai/stream_thinking_parts", "$0.0003126"),
        // 12 × 1.50 + 40 × 7.50
        ("mistral", "openai/thinking_parts", "$0.000318"),
        // 400 × 0.15 + 600 × 0.075 + 50 × 0.60, flex costing the same
        ("groq", "openai/stream_usage_of_groq", "$0.000135"),
        // 10 × 0.30 + (2 + 100) × 2.50
        ("gemini", "openai/thoughts_in_the_total_alone", "$0.000258"),
        // 12 × 2.50 + 30 × 10, and a search at $25 a thousand
        ("openai", "openai/web_search", "$0.02533"),
        // 100 × 0.80 + 100 × 0.20 + 60 × 3.20, refused predictions being among the 60
        ("openai", "openai/fine_tuned_with_prediction", "$0.000292"),
        // 10 × 2.50 + 100 × 32 + 15 × 10 + 45 × 64
        ("openai", "openai/stream_audio", "$0.006255"),
        // 8 × 0.15 + 2 × 0.60
        ("openai", "openai/stream_odd_line_ends", "$0.0000024"),
        // 40 × 0.25 + 20 × 2
        ("openai", "openai/stream_custom_tool", "$0.00005"),
        // 8 × 0.30 + 9 × 0.90
        ("mistral", "completions/fill_in_the_middle", "$0.0000105"),
        // 1,000 × 2 + 200 × 10
        ("openai", "responses/compacted", "$0.004"),
        // 9,000 × 0.10 + 100 × 0.50, and two searches in one call of the tool at $10 a thousand
        ("openai", "responses/searches_counted", "$0.02095"),
        // 300 × 0.10 + 40 × 0.50, and one container for both runs at 3 cents
        ("openai", "responses/code_interpreter", "$0.03005"),
        // 203,000 × 4 + 1,000 × 0.20 + 1,500 × 5 + 500 × 8 + 4,500 × 20
        ("anthropic", "anthropic/stream_compaction", "$0.9137"),
        // 8 × 3 + 4 × 15, a tenth more for staying in a region
        ("gemini", "anthropic/vertex", "$0.0000924"),
        // 30 × 0.15 + 20 × 0.003 + 12 × 0.60
        ("deepseek", "anthropic/stream_blocks_sharing_an_index", "$0.00001176"),
        // 2,000 × 2 + 500 × 0.10 + 150 × 10
        ("anthropic", "anthropic/pause_turn", "$0.00555"),
        // 4 × 2 + (2 + 100) × 12 + 1,120 × 120
        ("gemini", "gemini/image_output", "$0.135632"),
    ] {
        let call = Fixture::load(fixture).decode();
        let priced =
            PriceBook::shipped().price_call(provider, NOON.parse().unwrap(), &call, &BillingTerms::of(&call));
        assert_eq!(priced.map(|priced| priced.cost.to_string()), Ok(cost.to_owned()), "{fixture}");
    }
}

/// DeepSeek charges twice as much in the hours of the Chinese working day.
#[test]
fn the_hour_decides_where_the_provider_says_so() {
    let mut call = Fixture::load("openai/text").decode();
    call.response_model = Some("deepseek-v4-pro".into());
    let cost = |at: &str| {
        let priced =
            PriceBook::shipped().price_call("deepseek", at.parse().unwrap(), &call, &BillingTerms::of(&call));
        priced.unwrap().cost.to_string()
    };
    let usage = call.usage.clone().unwrap();
    assert_eq!((usage.input_tokens, usage.output_tokens), (Some(21), Some(9)));
    // 21 × 0.66 + 9 × 1.98
    assert_eq!(cost("2026-11-24T12:00:00Z"), "$0.00003168");
    // 21 × 1.32 + 9 × 3.96
    assert_eq!(cost("2026-11-24T02:00:00Z"), "$0.00006336");
    assert_eq!(cost("2026-11-28T02:00:00Z"), "$0.00003168", "a Saturday");
    assert_eq!(cost("2026-10-01T02:00:00Z"), "$0.00003168", "a holiday");
    // 21 × 0.435 + 9 × 0.87
    assert_eq!(cost("2026-08-01T02:00:00Z"), "$0.000016965", "before there were such hours");
}

#[test]
fn xai_charges_more_from_the_threshold_on() {
    let usage =
        |input| cp_genai::Usage { input_tokens: Some(input), output_tokens: Some(0), ..Default::default() };
    let cost = |input| {
        let (at, terms) = (NOON.parse().unwrap(), BillingTerms::default());
        PriceBook::shipped()
            .price("xai", &["grok-4.7"], at, Some(&usage(input)), &terms)
            .unwrap()
            .cost
            .to_string()
    };
    // 199,999 × 2, and 200,000 × 4
    assert_eq!([cost(199_999), cost(200_000)], ["$0.399998", "$0.80"]);
}

/// Each has a price, and for some of them it differs from that of the name without the rest.
#[test]
fn names_by_which_models_are_asked_for() {
    let usage =
        cp_genai::Usage { input_tokens: Some(1_000_000), output_tokens: Some(0), ..Default::default() };
    for (provider, model, cost) in [
        ("gemini", "models/gemini-2.5-pro", "$2.50"),
        ("gemini", "google/gemini-2.5-flash", "$0.30"),
        ("gemini", "publishers/google/models/gemini-2.0-flash@001", "$0.10"),
        ("gemini", "gemini-2.0-flash-001", "$0.10"),
        ("openai", "ft:gpt-4o-2024-08-06:acme::Ab12", "$3.75"),
        ("openai", "ft:gpt-4o-mini-2024-07-18:acme:x:Ab12:ckpt-step-90", "$0.30"),
        ("openai", "gpt-35-turbo", "$0.50"),
        ("openai", "gpt-4o-audio-preview-2024-12-17", "$2.50"),
        ("anthropic", "claude-3-5-sonnet-latest", "$3.00"),
        ("anthropic", "claude-3-5-sonnet-20241022", "$3.00"),
        ("anthropic", "claude-opus-4-8@default", "$5.00"),
        ("groq", "meta-llama/llama-4-scout-17b-16e-instruct", "$0.11"),
        ("mistral", "mistral-large-4-0", "$0.70"),
        ("xai", "grok-4-1-fast-reasoning-latest", "$0.20"),
    ] {
        let (at, terms) = (NOON.parse().unwrap(), BillingTerms::default());
        let priced = PriceBook::shipped().price(provider, &[model], at, Some(&usage), &terms);
        assert_eq!(priced.map(|priced| priced.cost.to_string()), Ok(cost.to_owned()), "{model}");
    }
    for (provider, model) in
        [("openai", "ft:gpt-9:acme::Ab12"), ("openai", "gpt-4o-001x"), ("gemini", "models/")]
    {
        let (at, terms) = (NOON.parse().unwrap(), BillingTerms::default());
        let priced = PriceBook::shipped().price(provider, &[model], at, Some(&usage), &terms);
        assert_eq!(priced, Err(Unpriced::NoModel), "{model}");
    }
}

#[test]
fn a_region_costs_more_where_the_list_says_so() {
    let usage =
        cp_genai::Usage { input_tokens: Some(1_000_000), output_tokens: Some(0), ..Default::default() };
    let cost = |model: &str, location: &str| {
        let parameters = [("location".to_owned(), location.into())].into_iter().collect();
        let call = cp_genai::DecodedCall {
            operation_name: Some(cp_genai::OperationName::GenerateContent),
            request_model: Some(model.to_owned()),
            usage: Some(usage.clone()),
            parameters,
            ..Default::default()
        };
        let at = NOON.parse().unwrap();
        let priced = PriceBook::shipped().price_call("gemini", at, &call, &BillingTerms::of(&call));
        priced.unwrap().cost.to_string()
    };
    assert_eq!(cost("gemini-3.5-flash", "global"), "$1.50");
    assert_eq!(cost("gemini-3.5-flash", "europe-west4"), "$1.65");
    assert_eq!(cost("gemini-2.5-flash", "europe-west4"), "$0.30");
    assert_eq!(cost("claude-opus-4-8@default", "us"), "$5.50");
}
