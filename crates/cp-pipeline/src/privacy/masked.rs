//! Calls of which no text is kept.

use cp_genai::{DecodedCall, Message, Part};
use cp_redact::{Masker, mask_text};
use cp_traffic::{CallMessages, FinishedCall};

/// Puts the length of each text in its stead. What the texts cost and how the call went is known from before.
pub(super) fn mask(call: &mut FinishedCall) {
    let messages = &mut call.messages;
    messages.input.iter_mut().chain(&mut messages.output).for_each(mask_message);
    call.raw = None;
    let document = &mut call.document;
    document.query = None;
    document.batch.iter_mut().for_each(|batch| mask_in_place(&mut batch.custom_id));
    let decoded = &mut document.decoded;
    decoded.user.iter_mut().for_each(mask_in_place);
    decoded.system_instructions.iter_mut().for_each(mask_part);
    decoded.tool_definitions.iter_mut().for_each(|tool| Masker::Settings.value(tool));
    Masker::Content.fields(&mut decoded.metadata);
    Masker::Settings.fields(&mut decoded.parameters);
    Masker::Settings.fields(&mut decoded.response_extra);
    decoded.error.iter_mut().for_each(|error| mask_in_place(&mut error.message));
}

/// The log has no body of such a call, and so there is nothing to say of what could not be read.
pub(super) fn leave_out_bodies(call: &mut FinishedCall) {
    call.raw = None;
    call.messages = CallMessages::default();
    call.document.query = None;
    call.document.truncated = false;
    call.document.decoded.warnings.clear();
}

/// Keeps what is counted of a call, and nothing that anybody wrote.
pub(super) fn leave_out_what_was_told(call: &mut FinishedCall) {
    let decoded = std::mem::take(&mut call.document.decoded);
    call.document.decoded = DecodedCall {
        operation_name: decoded.operation_name,
        request_model: decoded.request_model,
        response_model: decoded.response_model,
        response_id: decoded.response_id,
        stream: decoded.stream,
        usage: decoded.usage,
        finish_reasons: decoded.finish_reasons,
        ..DecodedCall::default()
    };
}

fn mask_message(message: &mut Message) {
    message.name.iter_mut().for_each(mask_in_place);
    message.parts.iter_mut().for_each(mask_part);
}

fn mask_part(part: &mut Part) {
    match part {
        Part::Text { content } | Part::Reasoning { content } | Part::Refusal { content } => {
            mask_in_place(content);
        }
        Part::ToolCall { arguments: value, .. } | Part::ToolCallResponse { response: value, .. } => {
            Masker::Content.value(value);
        }
        Part::Generic { value } => Masker::Settings.value(value),
    }
}

fn mask_in_place(text: &mut String) {
    *text = mask_text(text);
}
