"""The official Anthropic client: what it sees through the gateway, and what is stored of it."""

import json

import anthropic
import pytest

from program import parts_of, text_of, tool_calls_of

MODEL = "claude-haiku-4-5"
RELEASE = "claude-haiku-4-5-20251001"
HELLO = {
    "model": MODEL,
    "max_tokens": 4_000,
    "system": "You are terse.",
    "messages": [{"role": "user", "content": "Say hello to naïve 你好 🙂, please."}],
}
WEATHER = {
    "name": "weather",
    "description": "The weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
THINKING = {"type": "enabled", "budget_tokens": 2_000}


def assert_stored(call: dict, seen: dict, *, stream: bool = False):
    """The stored call says what the message `seen` says."""
    assert (call["provider_name"], call["operation_name"]) == ("anthropic", "chat")
    assert (call["request_model"], call["response_model"]) == (MODEL, RELEASE)
    assert (call["outcome"], call["status"], call["stream"]) == ("completed", 200, stream)
    assert call["finish_reasons"] == [seen["stop_reason"]]
    assert call["warnings"] == []
    assert text_of(call) == "".join(block["text"] for block in seen["content"] if block["type"] == "text")
    assert tool_calls_of(call) == [
        (block["id"], block["name"], block["input"]) for block in seen["content"] if block["type"] == "tool_use"
    ]
    usage, stored = seen["usage"], call["usage"]
    read, written = usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]
    assert stored["input_tokens"] == usage["input_tokens"] + read + written
    assert stored["output_tokens"] == usage["output_tokens"]
    assert (stored["cache_read_input_tokens"], stored["cache_creation_input_tokens"]) == (read, written)
    assert float(call["cost_usd"]) > 0


def test_message(both):
    def scenario():
        more = {"metadata": {"user_id": "user-7"}, "extra_body": {"top_k": 5}}
        return anthropic.Anthropic().messages.create(**HELLO, **more).model_dump()

    done = both(scenario)
    [call] = done.stored
    assert_stored(call, done.seen)
    assert [part["content"] for part in call["system_instructions"]] == ["You are terse."]
    assert call["input_messages"][0]["parts"][0]["content"] == HELLO["messages"][0]["content"]
    assert call["user"] == "user-7"
    assert call["parameters"]["top_k"] == 5


def test_message_async(both):
    async def scenario():
        async with anthropic.AsyncAnthropic() as client:
            return (await client.messages.create(**HELLO)).model_dump()

    done = both(scenario)
    assert_stored(done.stored[0], done.seen)


@pytest.mark.parametrize("wire", ["", "chunk=1", "gzip-stream", "pace=2"])
def test_stream(both, wire):
    def scenario():
        with anthropic.Anthropic().messages.stream(**HELLO, extra_headers={"x-mock": wire}) as stream:
            events = [event.model_dump() for event in stream]
            return [events, stream.get_final_message().model_dump()]

    done = both(scenario)
    assert_stored(done.stored[0], done.seen[1], stream=True)


def test_stream_async(both):
    async def scenario():
        async with anthropic.AsyncAnthropic() as client, client.messages.stream(**HELLO) as stream:
            return (await stream.get_final_message()).model_dump()

    done = both(scenario)
    assert_stored(done.stored[0], done.seen, stream=True)


def test_raw_events(both):
    def scenario():
        return [event.model_dump() for event in anthropic.Anthropic().messages.create(**HELLO, stream=True)]

    done = both(scenario)
    assert [done.seen[0]["type"], done.seen[-1]["type"]] == ["message_start", "message_stop"]
    assert done.stored[0]["outcome"] == "completed"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_tool_loop(both, stream):
    def ask(client, messages):
        request = {**HELLO, "messages": messages, "tools": [WEATHER]}
        if not stream:
            return client.messages.create(**request)
        with client.messages.stream(**request) as events:
            return events.get_final_message()

    def scenario():
        client = anthropic.Anthropic()
        messages = [{"role": "user", "content": "How is the weather? mock:text-first mock:parallel=2"}]
        message = ask(client, messages)
        blocks = [block.model_dump(exclude_none=True, exclude={"parsed_output"}) for block in message.content]
        results = [
            {"type": "tool_result", "tool_use_id": block["id"], "content": "21 degrees"}
            for block in blocks
            if block["type"] == "tool_use"
        ]
        messages += [{"role": "assistant", "content": blocks}, {"role": "user", "content": results}]
        return [message.model_dump(), ask(client, messages).model_dump()]

    done = both(scenario, count=2)
    first, second = done.stored
    assert_stored(first, done.seen[0], stream=stream)
    assert len(tool_calls_of(first)) == 2
    assert_stored(second, done.seen[1], stream=stream)
    assert first["conversation_id"] == second["conversation_id"] is not None


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("display", ["summarized", "omitted"])
def test_thinking(both, stream, display):
    def scenario():
        client = anthropic.Anthropic()
        request = {**HELLO, "thinking": {**THINKING, "display": display}}
        if not stream:
            return client.messages.create(**request).model_dump()
        with client.messages.stream(**request) as events:
            return events.get_final_message().model_dump()

    done = both(scenario)
    thinking = done.seen["content"][0]
    assert (thinking["type"], bool(thinking["thinking"])) == ("thinking", display == "summarized")
    assert thinking["signature"]
    assert_stored(done.stored[0], done.seen, stream=stream)
    assert [part["content"] for part in parts_of(done.stored[0], "reasoning")] == [thinking["thinking"]]
    details = done.seen["usage"]["output_tokens_details"]
    assert done.stored[0]["usage"]["reasoning_output_tokens"] == details["thinking_tokens"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_cached_tokens(both, stream):
    """Two turns over a cached prompt: the first writes to the cache, the second reads from it."""
    system = [{"type": "text", "text": "Be brief. " * 200, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]

    def ask(client, messages):
        request = {**HELLO, "system": system, "messages": messages}
        if not stream:
            return client.messages.create(**request)
        with client.messages.stream(**request) as events:
            return events.get_final_message()

    def scenario():
        client = anthropic.Anthropic()
        first = ask(client, HELLO["messages"])
        later = [{"role": "assistant", "content": first.content[0].text}, {"role": "user", "content": "Again!"}]
        return [first.model_dump(), ask(client, [*HELLO["messages"], *later]).model_dump()]

    done = both(scenario, count=2)
    for call, seen in zip(done.stored, done.seen, strict=True):
        assert_stored(call, seen, stream=stream)
    assert done.stored[0]["usage"]["cache_creation_1h_input_tokens"] > 0
    assert done.stored[1]["usage"]["cache_read_input_tokens"] > 0


def test_structured_output(both):
    schema = {"type": "object", "properties": {"vendor": {"type": "string"}}, "required": ["vendor"]}

    def scenario():
        output = {"format": {"type": "json_schema", "schema": schema}}
        return json.loads(anthropic.Anthropic().messages.create(**HELLO, output_config=output).content[0].text)

    done = both(scenario)
    assert json.loads(text_of(done.stored[0])) == done.seen


@pytest.mark.parametrize(
    ("request_", "expected", "status"),
    [
        ({"content": "mock:status=400"}, anthropic.BadRequestError, 400),
        ({"key": "sk-invalid"}, anthropic.AuthenticationError, 401),
        ({"content": "mock:status=403"}, anthropic.PermissionDeniedError, 403),
        ({"model": "missing-model"}, anthropic.NotFoundError, 404),
        ({"content": "mock:status=429"}, anthropic.RateLimitError, 429),
        ({"content": "mock:status=500"}, anthropic.InternalServerError, 500),
        ({"content": "mock:status=529"}, anthropic.InternalServerError, 529),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
def test_errors(both, request_, expected, status):
    def scenario():
        client = anthropic.Anthropic(max_retries=0, **({"api_key": request_["key"]} if "key" in request_ else {}))
        messages = [{"role": "user", "content": request_.get("content", "hello")}]
        with pytest.raises(expected) as raised:
            client.messages.create(**{**HELLO, "model": request_.get("model", MODEL), "messages": messages})
        error = raised.value
        return [type(error).__name__, error.status_code, error.body, error.request_id, str(error)]

    done = both(scenario)
    [call] = done.stored
    assert (call["outcome"], call["status"], call["error_code"]) == ("completed", status, None)
    assert call["error"]["message"] == done.seen[2]["error"]["message"]
    assert call["error"]["kind"] == done.seen[2]["error"]["type"]


def test_overloaded_in_the_stream(both):
    def scenario():
        request = {**HELLO, "messages": [{"role": "user", "content": "mock:stream-error"}]}
        with pytest.raises(anthropic.APIStatusError) as raised:
            with anthropic.Anthropic(max_retries=0).messages.stream(**request) as stream:
                stream.until_done()
        return [type(raised.value).__name__, raised.value.body]

    done = both(scenario)
    [call] = done.stored
    assert call["error"]["kind"] == done.seen[1]["error"]["type"] == "overloaded_error"
    assert call["outcome"] == "completed"


def test_counting_tokens_and_listing_models(both):
    def scenario():
        client = anthropic.Anthropic()
        request = {key: value for key, value in HELLO.items() if key != "max_tokens"}
        counted = client.messages.count_tokens(**request).model_dump()
        return [counted, [model.model_dump() for model in client.models.list()]]

    done = both(scenario, count=2)
    assert [(call["operation_name"], call["path"]) for call in done.stored] == [
        (None, "/v1/messages/count_tokens"),
        (None, "/v1/models"),
    ]
