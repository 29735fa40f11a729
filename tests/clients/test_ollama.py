"""The official Ollama client: what it sees through the gateway, and what is stored of it."""

import json
import os

import httpx
import ollama
import pytest

from program import now, parts_of, text_of

MODEL = "llama3.2"
HELLO = [
    {"role": "system", "content": "You are terse."},
    {"role": "user", "content": "Say hello to naïve 你好 🙂, please."},
]


def weather(city: str) -> str:
    """The weather of a city."""
    return "18 degrees"


def assert_stored(call: dict, last: dict, *, stream: bool = False, operation: str = "chat"):
    assert (call["provider_name"], call["operation_name"]) == ("ollama", operation)
    assert (call["request_model"], call["response_model"]) == (MODEL, MODEL)
    assert (call["outcome"], call["status"], call["stream"]) == ("completed", 200, stream)
    assert (call["warnings"], call["finish_reasons"]) == ([], [last["done_reason"]])
    assert call["usage"]["input_tokens"] == last["prompt_eval_count"]
    assert call["usage"]["output_tokens"] == last["eval_count"]
    assert (call["usage"]["source"], call["cost_usd"]) == ("reported", None)


def test_chat(both):
    def scenario():
        return ollama.Client().chat(model=MODEL, messages=HELLO, options={"temperature": 0.25}).model_dump()

    done = both(scenario)
    [call] = done.stored
    assert_stored(call, done.seen)
    assert text_of(call) == done.seen["message"]["content"]
    assert [m["parts"][0]["content"] for m in call["input_messages"]] == [m["content"] for m in HELLO]
    assert call["parameters"]["options"]["temperature"] == 0.25


@pytest.mark.parametrize("wire", ["", "chunk=1", "gzip-stream", "pace=2"])
def test_chat_stream(both, wire):
    def scenario():
        client = ollama.Client(headers={"x-mock": wire} if wire else {})
        return [chunk.model_dump() for chunk in client.chat(model=MODEL, messages=HELLO, stream=True)]

    done = both(scenario)
    assert_stored(done.stored[0], done.seen[-1], stream=True)
    assert text_of(done.stored[0]) == "".join(chunk["message"]["content"] for chunk in done.seen)


def test_an_answer_streams_unless_told_otherwise(both):
    def scenario():
        body = {"model": MODEL, "messages": HELLO}
        return httpx.post(f"{os.environ['OLLAMA_HOST']}/api/chat", json=body, trust_env=False).text

    done = both(scenario)
    lines = [json.loads(line) for line in done.seen.splitlines()]
    assert_stored(done.stored[0], lines[-1], stream=True)
    assert text_of(done.stored[0]) == "".join(line["message"]["content"] for line in lines)


def test_images_and_structured_output(both):
    schema = {"type": "object", "properties": {"colour": {"type": "string"}}, "required": ["colour"]}

    def scenario():
        messages = [{"role": "user", "content": "Which colour?", "images": [b"\x89PNG"]}]
        return ollama.Client().chat(model=MODEL, messages=messages, format=schema).model_dump()

    done = both(scenario)
    [call] = done.stored
    assert_stored(call, done.seen)
    assert json.loads(text_of(call)).keys() == {"colour"}
    assert call["input_messages"][0]["parts"][1]["value"] == {"type": "image", "data": "iVBORw=="}


def test_chat_async_with_thinking(both):
    async def scenario():
        stream = await ollama.AsyncClient().chat(model=MODEL, messages=HELLO, stream=True, think=True)
        return [chunk.model_dump() async for chunk in stream]

    done = both(scenario)
    assert_stored(done.stored[0], done.seen[-1], stream=True)
    thought = "".join(chunk["message"].get("thinking") or "" for chunk in done.seen)
    assert "".join(part["content"] for part in parts_of(done.stored[0], "reasoning")) == thought != ""


def test_tools_over_two_calls_are_one_conversation(both):
    def scenario():
        client = ollama.Client()
        messages = [{"role": "user", "content": "What is the weather in Zürich?"}]
        first = client.chat(model=MODEL, messages=messages, tools=[weather])
        messages.append(first.message)
        messages += [
            {"role": "tool", "content": weather(**call.function.arguments), "tool_name": call.function.name}
            for call in first.message.tool_calls
        ]
        second = client.chat(model=MODEL, messages=messages, tools=[weather])
        return first.model_dump(), second.model_dump()

    done = both(scenario, count=2)
    first, second = done.stored
    [asked] = parts_of(first, "tool_call")
    called = done.seen[0]["message"]["tool_calls"][0]["function"]
    assert (asked["name"], asked["arguments"]) == (called["name"], called["arguments"])
    assert text_of(second) == done.seen[1]["message"]["content"]
    assert first["conversation_id"] == second["conversation_id"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_generate(both, stream):
    def scenario():
        answer = ollama.Client().generate(model=MODEL, prompt="Once upon a time", system="Tell.", stream=stream)
        return [chunk.model_dump() for chunk in answer] if stream else [answer.model_dump()]

    done = both(scenario)
    assert_stored(done.stored[0], done.seen[-1], stream=stream, operation="text_completion")
    assert text_of(done.stored[0]) == "".join(chunk["response"] for chunk in done.seen)


def test_embed(both):
    def scenario():
        return ollama.Client().embed(model="nomic-embed-text", input=["One.", "Two."]).model_dump()

    done = both(scenario)
    [call] = done.stored
    assert call["operation_name"] == "embeddings"
    assert call["usage"]["input_tokens"] == done.seen["prompt_eval_count"]


def test_embeddings_in_their_older_form(both):
    def scenario():
        return ollama.Client().embeddings(model="nomic-embed-text", prompt="One.").model_dump()

    done = both(scenario)
    [call] = done.stored
    assert (call["operation_name"], call["usage"]) == ("embeddings", None)
    assert call["response_extra"]["embeddings"] == [{"dimensions": len(done.seen["embedding"])}]


def test_list_passes(both):
    done = both(lambda: ollama.Client().list().model_dump())
    assert done.stored[0]["path"] == "/api/tags"


@pytest.mark.parametrize(
    ("model", "content", "status"),
    [("missing", "hello", 404), *((MODEL, f"mock:status={status}", status) for status in [400, 429, 500, 503])],
)
def test_errors(both, model, content, status):
    def scenario():
        with pytest.raises(ollama.ResponseError) as caught:
            ollama.Client().chat(model=model, messages=[{"role": "user", "content": content}])
        return caught.value.error, caught.value.status_code

    done = both(scenario)
    [call] = done.stored
    assert done.seen[1] == call["status"] == status
    assert (call["outcome"], call["error"]["message"], call["usage"]) == ("completed", done.seen[0], None)


def test_error_in_the_stream(both):
    def scenario():
        text = ""
        with pytest.raises(ollama.ResponseError) as caught:
            messages = [{"role": "user", "content": "mock:stream-error"}]
            for chunk in ollama.Client().chat(model=MODEL, messages=messages, stream=True):
                text += chunk.message.content
        return text, caught.value.error

    done = both(scenario)
    [call] = done.stored
    assert (text_of(call), call["error"]["message"]) == done.seen
    assert (call["outcome"], call["usage"]) == ("completed", None)


def test_a_broken_stream_stays_broken(both):
    def scenario():
        text = ""
        with pytest.raises(httpx.TransportError):
            client = ollama.Client(headers={"x-mock": "reset-mid-body pace=2"})
            for chunk in client.chat(model=MODEL, messages=HELLO, stream=True):
                text += chunk.message.content
        return text

    done = both(scenario)
    [call] = done.stored
    assert (call["outcome"], call["usage"]) == ("upstream_error", None)
    assert text_of(call) == done.seen != ""


def test_the_gateways_own_error_is_understood(gateway, calls, point_at):
    point_at(gateway)
    start = now()
    with pytest.raises(ollama.ResponseError) as caught:
        ollama.Client(host=f"{gateway}/nobody-ollama").chat(model=MODEL, messages=HELLO)
    assert caught.value.status_code == 502
    assert "cannot be reached" in caught.value.error
    [call] = calls.since(start, 1)
    assert (call["outcome"], call["error_code"]) == ("upstream_error", "upstream_unreachable")
