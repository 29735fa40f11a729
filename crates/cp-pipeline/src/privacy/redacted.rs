//! Redaction of a decoded call: everything that a person or a model wrote.

use std::borrow::Cow;

use cp_genai::{Message, Part};
use cp_redact::Redactor;
use cp_traffic::{CallDocument, FinishedCall};

/// Puts placeholders into a call.
pub(super) fn redact(redactor: &Redactor, call: &mut FinishedCall) {
    redact_text(redactor, &mut call.summary.path);
    redact_document(redactor, &mut call.document);
    let messages = &mut call.messages;
    messages
        .input
        .iter_mut()
        .chain(&mut messages.output)
        .for_each(|message| redact_message(redactor, message));
    if let Some(raw) = &mut call.raw {
        for body in [&mut raw.request, &mut raw.response] {
            if let Cow::Owned(redacted) = redactor.body(body) {
                *body = redacted;
            }
        }
    }
}

fn redact_document(redactor: &Redactor, document: &mut CallDocument) {
    let texts = document.query.iter_mut().chain(&mut document.decoded.user);
    texts.for_each(|text| redact_text(redactor, text));
    for (name, value) in document.request_headers.iter_mut().chain(&mut document.response_headers) {
        if let Cow::Owned(redacted) = redactor.named_text(value, name) {
            *value = redacted;
        }
    }
    if let Some(batch) = &mut document.batch {
        redact_text(redactor, &mut batch.custom_id);
    }
    let decoded = &mut document.decoded;
    for fields in [&mut decoded.parameters, &mut decoded.metadata, &mut decoded.response_extra] {
        redactor.fields(fields);
    }
    decoded.system_instructions.iter_mut().for_each(|part| redact_part(redactor, part));
    decoded.tool_definitions.iter_mut().for_each(|tool| redactor.value(tool));
    decoded.error.iter_mut().for_each(|error| redact_text(redactor, &mut error.message));
    decoded.warnings.iter_mut().for_each(|warning| redact_text(redactor, warning));
}

fn redact_message(redactor: &Redactor, message: &mut Message) {
    message.name.iter_mut().for_each(|name| redact_text(redactor, name));
    message.parts.iter_mut().for_each(|part| redact_part(redactor, part));
}

fn redact_part(redactor: &Redactor, part: &mut Part) {
    match part {
        Part::Text { content } | Part::Reasoning { content } | Part::Refusal { content } => {
            redact_text(redactor, content);
        }
        Part::ToolCall { arguments: value, .. }
        | Part::ToolCallResponse { response: value, .. }
        | Part::Generic { value } => redactor.value(value),
    }
}

pub(super) fn redact_text(redactor: &Redactor, text: &mut String) {
    if let Cow::Owned(redacted) = redactor.text(text) {
        *text = redacted;
    }
}
