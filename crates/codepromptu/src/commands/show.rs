//! One call, for a person to read.

use std::io::{self, Write};

use cp_wire::{CallCapture, CallDetail, Message, Part, RawBody, UsageSource};
use serde_json::Value;

use crate::output::{self, ACCENT, BAD, BOLD, SOFT, duration, grouped, printable};

/// Writes facts first, then what was said.
pub(super) fn show(out: &mut impl Write, call: &CallDetail) -> io::Result<()> {
    let (ending, style) = output::ending(&call.summary);
    writeln!(out, "{BOLD}{}{BOLD:#}  {style}{ending}{style:#}", call.summary.id)?;
    for (name, value) in facts(call) {
        writeln!(out, "  {SOFT}{name:<14}{SOFT:#}{}", printable(&value))?;
    }
    for warning in &call.warnings {
        writeln!(out, "  {BAD}note{BAD:#}          {}", printable(warning))?;
    }
    if call.truncated {
        writeln!(
            out,
            "  {BAD}note{BAD:#}          a body was larger than the capture limit: this is its beginning"
        )?;
    }
    if let Some(note) = call.capture.as_ref().and_then(kept) {
        writeln!(out, "  {SOFT}note{SOFT:#}          {note}")?;
    }
    parameters(out, call)?;
    if !call.system_instructions.is_empty() {
        said(out, "system instructions", &call.system_instructions)?;
    }
    for message in call.input_messages.iter().chain(&call.output_messages) {
        said(out, &speaker(message), &message.parts)?;
    }
    if let Some(raw) = &call.raw {
        body(out, "body sent", &raw.request)?;
        body(out, "body received", &raw.response)?;
    }
    Ok(())
}

fn facts(call: &CallDetail) -> Vec<(&'static str, String)> {
    let summary = &call.summary;
    let mut facts = vec![
        ("provider", summary.provider_name.clone()),
        ("request", format!("{} {}{}", summary.method, summary.path, query(call))),
    ];
    let mut add = |name, value: Option<String>| facts.extend(value.map(|value| (name, value)));
    add("operation", summary.operation_name.clone());
    add("model", models(call));
    add("started", Some(summary.started_at.to_string().replace('T', " ").replace('Z', " UTC")));
    add("duration", summary.duration_us.map(duration));
    add("first chunk", summary.time_to_first_chunk_us.map(duration));
    add("gateway", summary.overhead_us.map(duration));
    add("tier", summary.service_tier.clone());
    add("tokens", tokens(call));
    add("cost", cost(call));
    add("stopped", (!summary.finish_reasons.is_empty()).then(|| summary.finish_reasons.join(", ")));
    add("outcome", summary.outcome.map(|outcome| outcome.to_string()));
    add("error", summary.error_code.clone());
    add(
        "said",
        call.error
            .as_ref()
            .map(|error| [error.kind.as_deref().unwrap_or("error"), &error.message].join(": ")),
    );
    add("conversation", summary.conversation_id.map(|id| id.to_string()));
    add("client", summary.client.clone());
    add("prompt version", summary.prompt_version_id.map(|id| id.to_string()));
    add("end user", call.user.clone());
    add("response id", call.response_id.clone());
    add("traceparent", call.traceparent.clone());
    let header = |name| call.request_headers.iter().find(|header| header.name == name);
    add("tracestate", header("tracestate").map(|header| header.value.clone()));
    if let Some(batch) = &call.batch {
        let id = batch.batch_id.as_ref().map(|id| format!("{id}, "));
        add("batch", Some(format!("{}request {}", id.unwrap_or_default(), batch.custom_id)));
        add("sent by", batch.sent_by.map(|call| call.to_string()));
        add("fetched by", Some(batch.fetched_by.to_string()));
    }
    facts
}

/// Why less than everything is shown, where the project's policy is why.
fn kept(capture: &CallCapture) -> Option<String> {
    let what = match capture.mode.as_str() {
        "masked" => "of each text only the length is kept",
        "metadata_only" => "no body is kept",
        _ => return None,
    };
    let why = match capture.reason.as_str() {
        "rule" => "a rule of the capture policy",
        "sampling" => "the sampling of the capture policy",
        _ => "the capture policy",
    };
    Some(format!("{what}: {why} says so (version {})", capture.policy_version))
}

fn query(call: &CallDetail) -> String {
    call.query.as_ref().filter(|query| !query.is_empty()).map(|query| format!("?{query}")).unwrap_or_default()
}

fn models(call: &CallDetail) -> Option<String> {
    let (asked, answered) = (&call.summary.request_model, &call.summary.response_model);
    match (asked, answered) {
        (Some(asked), Some(answered)) if asked != answered => Some(format!("{asked} → {answered}")),
        _ => answered.clone().or_else(|| asked.clone()),
    }
}

fn tokens(call: &CallDetail) -> Option<String> {
    let usage = call.summary.usage.as_ref()?;
    let count = |count: Option<u64>| count.map_or_else(|| "unreported".to_owned(), grouped);
    let of_these = |parts: &[(Option<u64>, &str)]| {
        let parts = parts.iter().filter_map(|(count, what)| Some(format!("{} {what}", grouped((*count)?))));
        let parts = parts.collect::<Vec<_>>().join(", ");
        if parts.is_empty() { parts } else { format!(" ({parts})") }
    };
    let cached = [
        (usage.cache_read_input_tokens, "from cache"),
        (usage.cache_creation_input_tokens, "written to cache"),
    ];
    let thought = [(usage.reasoning_output_tokens, "reasoning")];
    let (input, output) = (count(usage.input_tokens), count(usage.output_tokens));
    let estimated = if usage.source == UsageSource::Estimated { ", estimated" } else { "" };
    Some(format!("{input} in{}, {output} out{}{estimated}", of_these(&cached), of_these(&thought)))
}

fn cost(call: &CallDetail) -> Option<String> {
    let Some(cost) = call.summary.cost_usd else {
        return call.summary.unpriced.as_ref().map(|reason| format!("none: {reason}"));
    };
    let list = call.summary.price_list.as_ref().map(|list| format!("  (price list {list})"));
    let source = call.summary.usage.as_ref().map(|usage| usage.source);
    let estimated = if source == Some(UsageSource::Estimated) { ", by estimated tokens" } else { "" };
    Some(format!("${cost}{estimated}{}", list.unwrap_or_default()))
}

fn parameters(out: &mut impl Write, call: &CallDetail) -> io::Result<()> {
    for (title, values) in [("parameters", &call.parameters), ("metadata", &call.metadata)] {
        if !values.is_empty() {
            writeln!(out, "\n{ACCENT}{title}{ACCENT:#}")?;
        }
        for (name, value) in values {
            writeln!(out, "  {SOFT}{}{SOFT:#} {}", printable(name), printable(&plain(value)))?;
        }
    }
    if !call.tool_definitions.is_empty() {
        writeln!(out, "\n{ACCENT}tools offered{ACCENT:#}")?;
        let name = |tool: &Value| tool.pointer("/function/name").or_else(|| tool.get("name")).map(plain);
        let names: Vec<_> =
            call.tool_definitions.iter().map(|tool| name(tool).unwrap_or_else(|| plain(tool))).collect();
        writeln!(out, "  {}", printable(&names.join(", ")))?;
    }
    Ok(())
}

fn speaker(message: &Message) -> String {
    let name = message.name.as_ref().map(|name| format!(" ({name})"));
    format!("{}{}", message.role, name.unwrap_or_default())
}

fn said(out: &mut impl Write, who: &str, parts: &[Part]) -> io::Result<()> {
    writeln!(out, "\n{ACCENT}{}{ACCENT:#}", printable(who))?;
    for part in parts {
        match part {
            Part::Text { content } => indented(out, content)?,
            Part::Reasoning { content } if content.is_empty() => {
                writeln!(out, "  {SOFT}reasoning, hidden by the provider{SOFT:#}")?
            }
            Part::Reasoning { content } => {
                writeln!(out, "  {SOFT}reasoning:{SOFT:#}")?;
                indented(out, content)?;
            }
            Part::Refusal { content } => {
                writeln!(out, "  {BAD}refused:{BAD:#}")?;
                indented(out, content)?;
            }
            Part::ToolCall { name, arguments, .. } => {
                writeln!(out, "  {SOFT}calls{SOFT:#} {BOLD}{}{BOLD:#}", printable(name))?;
                indented(out, &pretty(arguments))?;
            }
            Part::ToolCallResponse { response, .. } => indented(out, &pretty(response))?,
            Part::Generic { value } => indented(out, &pretty(value))?,
        }
    }
    Ok(())
}

fn body(out: &mut impl Write, title: &str, body: &RawBody) -> io::Result<()> {
    let (note, text) = match body {
        RawBody::Utf8(text) => ("", text),
        RawBody::Base64(text) => (" (base 64)", text),
    };
    if text.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{ACCENT}{title}{note}{ACCENT:#}")?;
    indented(out, text)
}

fn indented(out: &mut impl Write, text: &str) -> io::Result<()> {
    printable(text).lines().try_for_each(|line| writeln!(out, "  {line}"))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn pretty(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A call with every field.
    pub(crate) fn call() -> CallDetail {
        serde_json::from_value(serde_json::json!({
            "id": "call_01h455vb4pex5vsknk084sn02q", "started_at": "2026-11-22T09:30:00.250000Z",
            "provider_name": "openai", "operation_name": "chat", "method": "POST", "path": "/v1/chat/completions",
            "request_model": "small", "response_model": "small-2026", "outcome": "completed", "status": 200,
            "error_code": null, "stream": true, "finish_reasons": ["stop"],
            "usage": { "input_tokens": 1234, "output_tokens": 56, "cache_read_input_tokens": 1000,
                "cache_creation_input_tokens": null, "cache_creation_1h_input_tokens": null,
                "reasoning_output_tokens": null, "source": "reported" },
            "cost_usd": "0.001234567", "price_list": "openai 2026-11", "duration_us": 1_250_000,
            "time_to_first_chunk_us": 320_400, "overhead_us": 210, "conversation_id": null, "client": null,
            "node_id": "node_01h455vb4pex5vsknk084sn02q", "request_bytes": 10, "response_bytes": 20,
            "system_instructions": [], "tool_definitions": [{ "function": { "name": "look_up" } }],
            "input_messages": [{ "role": "user", "parts": [{ "type": "text", "content": "Where is it?\u{1b}[2J" }] }],
            "output_messages": [{ "role": "assistant", "parts": [
                { "type": "tool_call", "id": "1", "name": "look_up", "arguments": { "order": 7 } }] }],
            "parameters": { "temperature": 0.2 }, "user": null, "metadata": {}, "response_id": null,
            "response_extra": {}, "error": null, "warnings": [], "request_headers": [], "response_headers": [],
            "traceparent": null, "query": null, "truncated": false, "raw": null,
        }))
        .unwrap()
    }

    #[test]
    fn everything_that_matters_is_there_and_nothing_steers_the_terminal() {
        let mut out = Vec::new();
        show(&mut anstream::StripStream::new(&mut out), &call()).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "call_01h455vb4pex5vsknk084sn02q  200\n  \
               provider      openai\n  \
               request       POST /v1/chat/completions\n  \
               operation     chat\n  \
               model         small → small-2026\n  \
               started       2026-11-22 09:30:00.250000 UTC\n  \
               duration      1.25 s\n  \
               first chunk   320.4 ms\n  \
               gateway       210 µs\n  \
               tokens        1,234 in (1,000 from cache), 56 out\n  \
               cost          $0.001234567  (price list openai 2026-11)\n  \
               stopped       stop\n  \
               outcome       completed\n\
             \nparameters\n  temperature 0.2\n\
             \ntools offered\n  look_up\n\
             \nuser\n  Where is it?\u{fffd}[2J\n\
             \nassistant\n  calls look_up\n  {\n    \"order\": 7\n  }\n"
        );
    }
}
