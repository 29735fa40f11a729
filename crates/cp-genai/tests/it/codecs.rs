//! One behaviour, one fixture: the whole decoded call is the expectation.

use crate::fixture::Fixture;

macro_rules! fixtures {
    ($($family:ident: $($name:ident)*;)*) => {
        /// Every fixture, for the tests that damage them.
        pub(crate) const ALL: &[&str] = &[$($(concat!(stringify!($family), "/", stringify!($name)),)*)*];
        $(mod $family {
            use super::*;
            $(#[test]
            fn $name() {
                let call = Fixture::load(concat!(stringify!($family), "/", stringify!($name))).decode();
                insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => concat!("snapshots/", stringify!($family)), sort_maps => true }, {
                    insta::assert_yaml_snapshot!(stringify!($name), call);
                });
            })*
        })*
    };
}

fixtures! {
    openai:
        text multimodal tool_calls tool_results function_call_legacy refusal structured_output several_choices
        annotations cached_and_reasoning_tokens reasoning_content reasoning_counted_apart azure_deployment
        error_rate_limit error_numeric_code error_without_envelope
        stream_text stream_without_usage stream_tool_calls stream_tool_calls_sharing_an_index stream_reasoning
        stream_refusal_two_choices stream_error_midway stream_cut stream_azure;
    anthropic:
        text system_blocks_and_cache tool_use tool_result thinking citations server_tools refusal error error_html
        stream_text stream_tool_use stream_thinking stream_citations stream_cache_lifetimes stream_totals_grow
        stream_error_midway stream_cut stream_unknown_events;
}
