"""The official OpenAI client: what it sees through the gateway, and what is stored of it."""

import json

import openai
import pytest
from pydantic import BaseModel

from program import parts_of, text_of, tool_calls_of

MODEL = "gpt-4.1-mini"
RELEASE = "gpt-4.1-mini-2025-04-14"
HELLO = [
    {"role": "system", "content": "You are terse."},
    {"role": "user", "content": "Say hello to naïve 你好 🙂, please."},
]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def assert_stored(call: dict, *, finish: str, stream: bool = False, usage: dict | None = None):
    assert call["provider_name"] == "openai"
    assert call["operation_name"] == "chat"
    assert (call["request_model"], call["response_model"]) == (MODEL, RELEASE)
    assert (call["outcome"], call["status"], call["stream"]) == ("completed", 200, stream)
    assert call["finish_reasons"] == [finish]
    assert call["warnings"] == []
    assert call["duration_us"] >= call["time_to_first_chunk_us"] > 0
    if usage is not None:
        assert call["usage"]["input_tokens"] == usage["prompt_tokens"]
        assert call["usage"]["output_tokens"] == usage["completion_tokens"]
        assert call["usage"]["cache_read_input_tokens"] == usage["prompt_tokens_details"]["cached_tokens"]
        assert call["usage"]["source"] == "reported"
        assert float(call["cost_usd"]) > 0


def assert_priced(call: dict, source: str):
    """Tokens that the provider did not report are counted here, and the cost is theirs."""
    assert call["usage"]["source"] == source
    assert call["usage"]["input_tokens"] > 0 and call["usage"]["output_tokens"] > 0
    assert float(call["cost_usd"]) > 0


def text_in_stream(chunks: list[dict]) -> str:
    deltas = (choice["delta"] for chunk in chunks for choice in chunk["choices"])
    return "".join(delta.get("content") or "" for delta in deltas)


def test_completion(both):
    def scenario():
        completion = openai.OpenAI().chat.completions.create(
            model=MODEL, messages=HELLO, temperature=0.25, user="user-7", metadata={"feature": "greeting"}
        )
        return completion.model_dump()

    done = both(scenario)
    [call] = done.stored
    assert_stored(call, finish="stop", usage=done.seen["usage"])
    assert text_of(call) == done.seen["choices"][0]["message"]["content"]
    assert call["response_id"] == done.seen["id"]
    assert [(m["role"], m["parts"][0]["content"]) for m in call["input_messages"]] == [
        (m["role"], m["content"]) for m in HELLO
    ]
    assert call["parameters"]["temperature"] == 0.25
    assert (call["user"], call["metadata"]) == ("user-7", {"feature": "greeting"})


def test_completion_async(both):
    async def scenario():
        async with openai.AsyncOpenAI() as client:
            completion = await client.chat.completions.create(model=MODEL, messages=HELLO)
            return completion.model_dump()

    done = both(scenario)
    assert_stored(done.stored[0], finish="stop", usage=done.seen["usage"])
    assert text_of(done.stored[0]) == done.seen["choices"][0]["message"]["content"]


@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": True}}], ids=["plain", "usage"])
@pytest.mark.parametrize("wire", ["", "chunk=1", "gzip-stream", "pace=2"])
def test_stream(both, options, wire):
    def scenario():
        stream = openai.OpenAI().chat.completions.create(
            model=MODEL, messages=HELLO, stream=True, extra_headers={"x-mock": wire}, **options
        )
        return [chunk.model_dump() for chunk in stream]

    done = both(scenario)
    usage = done.seen[-1]["usage"]
    assert (usage is not None) == bool(options)
    assert_stored(done.stored[0], finish="stop", stream=True, usage=usage)
    assert text_of(done.stored[0]) == text_in_stream(done.seen)
    assert_priced(done.stored[0], "reported" if options else "estimated")


def test_stream_async(both):
    async def scenario():
        async with openai.AsyncOpenAI() as client:
            stream = await client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
            return [chunk.model_dump() async for chunk in stream]

    done = both(scenario)
    assert_stored(done.stored[0], finish="stop", stream=True)
    assert text_of(done.stored[0]) == text_in_stream(done.seen)


def test_several_choices(both):
    def scenario():
        return openai.OpenAI().chat.completions.create(model=MODEL, messages=HELLO, n=3).model_dump()

    done = both(scenario)
    stored = [message["parts"][0]["content"] for message in done.stored[0]["output_messages"]]
    assert stored == [choice["message"]["content"] for choice in done.seen["choices"]]
    assert done.stored[0]["finish_reasons"] == ["stop"] * 3


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("count", [1, 3])
def test_tool_loop(both, stream, count):
    """The model calls tools, the program answers them, the model uses the answers: one conversation."""

    def as_sent(call):
        return {"id": call.id, "type": "function", "function": call.function.model_dump(include={"name", "arguments"})}

    def ask(client, messages):
        if not stream:
            return client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER]).choices[0].message
        with client.chat.completions.stream(model=MODEL, messages=messages, tools=[WEATHER]) as events:
            return events.get_final_completion().choices[0].message

    def scenario():
        client = openai.OpenAI()
        messages = [{"role": "user", "content": f"How is the weather? mock:parallel={count}"}]
        message = ask(client, messages)
        messages.append({"role": "assistant", "tool_calls": [as_sent(call) for call in message.tool_calls]})
        messages += [
            {"role": "tool", "tool_call_id": call.id, "content": f"{20 + index} degrees"}
            for index, call in enumerate(message.tool_calls)
        ]
        return [message.model_dump(), ask(client, messages).model_dump()]

    done = both(scenario, count=2)
    first, second = done.stored
    assert_stored(first, finish="tool_calls", stream=stream)
    assert tool_calls_of(first) == [
        (call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
        for call in done.seen[0]["tool_calls"]
    ]
    assert len(tool_calls_of(first)) == count
    assert first["tool_definitions"] == [WEATHER]
    assert_stored(second, finish="stop", stream=stream)
    assert text_of(second) == done.seen[1]["content"]
    answers = [part for message in second["input_messages"] for part in message["parts"]]
    answers = [part["id"] for part in answers if part["type"] == "tool_call_response"]
    assert answers == [call[0] for call in tool_calls_of(first)]
    assert first["conversation_id"] == second["conversation_id"] is not None


class Line(BaseModel):
    name: str
    quantity: int


class Invoice(BaseModel):
    vendor: str
    lines: list[Line]


def test_structured_output(both):
    def scenario():
        completion = openai.OpenAI().chat.completions.parse(model=MODEL, messages=HELLO, response_format=Invoice)
        return completion.choices[0].message.parsed.model_dump()

    done = both(scenario)
    assert_stored(done.stored[0], finish="stop")
    assert json.loads(text_of(done.stored[0])) == done.seen
    assert done.stored[0]["parameters"]["response_format"]["json_schema"]["name"] == "Invoice"


def test_refusal(both):
    def scenario():
        messages = [{"role": "user", "content": "mock:refusal"}]
        return openai.OpenAI().chat.completions.create(model=MODEL, messages=messages).choices[0].message.refusal

    done = both(scenario)
    assert [part["content"] for part in parts_of(done.stored[0], "refusal")] == [done.seen]


def test_reasoning_and_cached_tokens(both):
    def scenario():
        messages = [{"role": "user", "content": "Think hard. " * 800}]
        return openai.OpenAI().chat.completions.create(model="o4-mini", messages=messages).usage.model_dump()

    done = both(scenario)
    usage = done.stored[0]["usage"]
    assert usage["reasoning_output_tokens"] == done.seen["completion_tokens_details"]["reasoning_tokens"] > 0
    assert usage["cache_read_input_tokens"] == done.seen["prompt_tokens_details"]["cached_tokens"] > 0


def test_raw_response(both, calls):
    """Headers arrive as the provider sent them, and the gateway's own name the call."""
    own = {}

    def scenario():
        raw = openai.OpenAI().chat.completions.with_raw_response.create(model=MODEL, messages=HELLO)
        own.update({name: value for name, value in raw.headers.items() if name.startswith("codepromptu-")})
        kept = {name: value for name, value in raw.headers.items() if not name.startswith("codepromptu-")}
        kept.pop("date")
        return [raw.status_code, kept, raw.content]

    done = both(scenario)
    assert done.seen[1]["content-encoding"] == "gzip"
    assert own["codepromptu-call-id"] == done.stored[0]["id"]
    assert int(own["codepromptu-overhead-us"]) >= 0
    content = json.loads(done.seen[2])["choices"][0]["message"]["content"]
    assert text_of(calls.get(own["codepromptu-call-id"])) == content


@pytest.mark.parametrize(
    ("request_", "expected", "status"),
    [
        ({"content": "mock:status=400"}, openai.BadRequestError, 400),
        ({"key": "sk-invalid"}, openai.AuthenticationError, 401),
        ({"model": "missing-model"}, openai.NotFoundError, 404),
        ({"content": "mock:status=429"}, openai.RateLimitError, 429),
        ({"content": "mock:status=500"}, openai.InternalServerError, 500),
        ({"content": "mock:status=503"}, openai.InternalServerError, 503),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
def test_errors(both, request_, expected, status):
    def scenario():
        client = openai.OpenAI(max_retries=0, **({"api_key": request_["key"]} if "key" in request_ else {}))
        messages = [{"role": "user", "content": request_.get("content", "hello")}]
        with pytest.raises(expected) as raised:
            client.chat.completions.create(model=request_.get("model", MODEL), messages=messages)
        error = raised.value
        return [type(error).__name__, error.status_code, error.body, error.code, error.request_id, str(error)]

    done = both(scenario)
    [call] = done.stored
    assert (call["outcome"], call["status"], call["error_code"]) == ("completed", status, None)
    assert call["error"]["message"] == done.seen[2]["message"]


def test_retries_are_calls_of_their_own(both):
    def scenario():
        client = openai.OpenAI(max_retries=1)
        with pytest.raises(openai.InternalServerError):
            client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "mock:status=500"}])

    done = both(scenario, count=2)
    assert {call["status"] for call in done.stored} == {500}


def test_error_in_the_stream(both):
    def scenario():
        stream = openai.OpenAI(max_retries=0).chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "mock:stream-error"}], stream=True
        )
        chunks = []
        with pytest.raises(openai.APIError) as raised:
            chunks.extend(chunk.model_dump() for chunk in stream)
        return [chunks, type(raised.value).__name__, raised.value.body]

    done = both(scenario)
    [call] = done.stored
    assert call["error"]["message"] == done.seen[2]["message"]
    assert call["outcome"] == "completed"


def test_a_broken_stream_stays_broken(both):
    def scenario():
        text = ""
        with pytest.raises(openai.APIConnectionError):
            stream = openai.OpenAI(max_retries=0).chat.completions.create(
                model=MODEL, messages=HELLO, stream=True, extra_headers={"x-mock": "reset-mid-body pace=2"}
            )
            for chunk in stream:
                text += chunk.choices[0].delta.content or ""
        return text

    done = both(scenario)
    [call] = done.stored
    assert call["outcome"] == "upstream_error"
    assert text_of(call) == done.seen != ""
    assert_priced(call, "estimated")


def test_a_stream_that_the_client_leaves_is_counted_as_far_as_it_came(both):
    def scenario():
        stream = openai.OpenAI().chat.completions.create(
            model=MODEL, messages=HELLO, stream=True, extra_headers={"x-mock": "pace=20"}
        )
        with stream:
            return [next(stream).model_dump(), next(stream).model_dump()]

    done = both(scenario)
    [call] = done.stored
    assert call["outcome"] == "client_cancelled"
    assert text_of(call).startswith(text_in_stream(done.seen))
    assert_priced(call, "estimated")


def test_embeddings(both):
    def scenario():
        return openai.OpenAI().embeddings.create(model="text-embedding-3-small", input=["one", "two"]).model_dump()

    done = both(scenario)
    [call] = done.stored
    assert (call["path"], call["status"]) == ("/v1/embeddings", 200)
    assert len(done.seen["data"]) == 2


def test_models_are_an_opaque_call(both):
    def scenario():
        return [model.model_dump(exclude_none=True) for model in openai.OpenAI().models.list()]

    done = both(scenario)
    [call] = done.stored
    assert (call["operation_name"], call["method"], call["path"]) == (None, "GET", "/v1/models")
    assert call["outcome"] == "completed"
    assert json.loads(call["raw"]["response"]["content"])["data"] == done.seen
