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
        stream_refusal_two_choices stream_error_midway stream_cut stream_azure thinking_parts stream_thinking_parts
        stream_usage_of_groq stream_usage_in_choice thoughts_in_the_total_alone web_search fine_tuned_with_prediction
        stream_audio stream_odd_line_ends stream_custom_tool;
    responses:
        text input_items tool_calls tool_results built_in_tools cache_writes incomplete refusal failed background
        stored_prompt continued error stream_text stream_cut stream_annotations stream_reasoning_and_tools
        stream_tools_cut stream_incomplete stream_failed stream_error stream_custom_and_refusal_cut compacted
        searches_counted code_interpreter;
    completions:
        text several_prompts token_ids fill_in_the_middle stream_text stream_two_choices_cut;
    embeddings:
        floats base64 token_ids error;
    anthropic:
        text system_blocks_and_cache tool_use tool_result thinking citations server_tools refusal error error_html
        stream_text stream_tool_use stream_thinking stream_citations stream_cache_lifetimes stream_totals_grow
        stream_error_midway stream_cut stream_unknown_events stream_compaction pause_turn vertex
        stream_blocks_sharing_an_index;
    gemini:
        text snake_case multimodal tool_calls tool_results thinking cached_and_tool_tokens vertex_thoughts_inside
        prompt_blocked answer_blocked several_candidates limit_spent_on_thoughts code_execution error_rate_limit
        error_in_an_array embedding embeddings_batch stream_text stream_array stream_thinking_and_tools
        stream_arguments_in_pieces stream_grounding_two_candidates stream_cut stream_error_midway
        stream_prompt_blocked image_output;
    interactions:
        text tool_calls tool_results server_tools agent_in_background failed error stream_text stream_cut stream_error
        stream_thought_and_tools;
    ollama:
        text cached_prompt loaded multimodal tool_calls tool_results thinking structured_output error generate
        generate_infill embed embed_one embeddings_legacy
        stream_text stream_thinking stream_tool_calls stream_error_midway stream_cut stream_generate;
}
