"""The gateway's spans, beside those of a client that traces itself with OpenTelemetry's SDK."""

import openai
import pytest
from opentelemetry import propagate
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from collector import attributes
from program import now

MESSAGES = [{"role": "user", "content": "What is a span?"}]


def ask(stream: bool = False):
    """One call, in the span of whoever asks."""
    headers = {}
    propagate.inject(headers)
    client = openai.OpenAI(max_retries=0)
    answer = client.chat.completions.create(
        model="gpt-4.1-mini", messages=MESSAGES, extra_headers=headers, stream=stream, temperature=0.25
    )
    return list(answer) if stream else answer


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_is_a_child_of_the_clients_span(gateway, calls, collector, point_at, stream):
    point_at(gateway)
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{collector.endpoint}/v1/traces")))
    start = now()
    with provider.get_tracer("test").start_as_current_span("ask") as span:
        ask(stream)
        context = span.get_span_context()
    provider.shutdown()
    [call] = calls.since(start, 1)
    trace_id, span_id = context.trace_id.to_bytes(16, "big"), context.span_id.to_bytes(8, "big")
    theirs, _ = collector.span(lambda span: span.span_id == span_id)
    ours, resource = collector.span(lambda span: span.parent_span_id == span_id)
    assert (theirs.trace_id, ours.trace_id) == (trace_id, trace_id)
    assert resource["service.name"] == "codepromptu"
    assert theirs.start_time_unix_nano <= ours.start_time_unix_nano
    assert ours.end_time_unix_nano <= theirs.end_time_unix_nano + 1_000_000
    said = attributes(ours)
    assert said["codepromptu.call.id"] == call["id"]
    assert (ours.name, said["gen_ai.operation.name"]) == ("chat gpt-4.1-mini", "chat")
    assert said["gen_ai.response.id"] == call["response_id"]
    assert said["gen_ai.response.finish_reasons"] == call["finish_reasons"] == ["stop"]
    usage = [said["gen_ai.usage.input_tokens"], said["gen_ai.usage.output_tokens"]]
    assert usage == [call["usage"]["input_tokens"], call["usage"]["output_tokens"]]
    assert said["gen_ai.request.temperature"] == 0.25
    assert ("gen_ai.response.time_to_first_chunk" in said) == stream
    assert MESSAGES[0]["content"] not in str(ours)


def test_a_trace_that_is_not_sampled_has_no_span_of_ours(gateway, calls, collector, point_at):
    point_at(gateway)
    start = now()
    with TracerProvider(sampler=ALWAYS_OFF).get_tracer("test").start_as_current_span("ask") as span:
        unsampled = span.get_span_context().span_id.to_bytes(8, "big")
        ask()
    ask()
    _, after = calls.since(start, 2)
    ours, _ = collector.span(lambda span: attributes(span).get("codepromptu.call.id") == after["id"])
    assert (ours.parent_span_id, len(ours.trace_id)) == (b"", 16)
    assert all(span.parent_span_id != unsampled for span, _ in collector.spans)
