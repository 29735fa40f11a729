"""The official Google client: what it sees through the gateway, and what is stored of it."""

import json
import os

import httpx
import pytest
from google import genai
from google.genai import errors, types

from program import now, parts_of, text_of, tool_calls_of

MODEL = "gemini-2.5-flash"
HELLO = "Say hello to naïve 你好 🙂, please."
TERSE = types.GenerateContentConfig(system_instruction="You are terse.", temperature=0.2)
WEATHER = types.FunctionDeclaration(
    name="weather",
    description="The weather of a city.",
    parameters=types.Schema(
        type="OBJECT", properties={"city": types.Schema(type="STRING")}, required=["city"]
    ),
)
# Nanodollars a token; thoughts are part of the output.
INPUT, CACHED, OUTPUT = 300, 30, 2_500


def dump(response) -> dict:
    return response.model_dump(mode="json", exclude={"sdk_http_response", "automatic_function_calling_history"})


def joined(chunks: list[dict]) -> dict:
    """The chunks of a stream as one response."""
    parts = [part for chunk in chunks for part in chunk["candidates"][0]["content"]["parts"]]
    last = chunks[-1]
    content = {**last["candidates"][0]["content"], "parts": parts}
    return {**last, "candidates": [{**last["candidates"][0], "content": content}]}


def texts(seen: dict, thought: bool) -> str:
    parts = seen["candidates"][0]["content"]["parts"]
    return "".join(part["text"] or "" for part in parts if bool(part["thought"]) == thought)


def assert_stored(call: dict, seen: dict, *, stream: bool = False):
    """The stored call says what the response `seen` says."""
    assert (call["provider_name"], call["operation_name"]) == ("gemini", "generate_content")
    assert (call["request_model"], call["response_model"]) == (MODEL, seen["model_version"])
    assert (call["outcome"], call["status"], call["stream"]) == ("completed", 200, stream)
    assert call["finish_reasons"] == [seen["candidates"][0]["finish_reason"]]
    assert call["warnings"] == []
    assert text_of(call) == texts(seen, thought=False)
    assert "".join(part["content"] for part in parts_of(call, "reasoning")) == texts(seen, thought=True)
    called = [part["function_call"] for part in seen["candidates"][0]["content"]["parts"] if part["function_call"]]
    assert tool_calls_of(call) == [(each["id"], each["name"], each["args"]) for each in called]
    usage, stored = seen["usage_metadata"], call["usage"]
    thoughts, cached = usage["thoughts_token_count"], usage["cached_content_token_count"]
    assert stored["input_tokens"] == usage["prompt_token_count"]
    assert stored["output_tokens"] == usage["candidates_token_count"] + (thoughts or 0)
    assert (stored["reasoning_output_tokens"], stored["cache_read_input_tokens"]) == (thoughts, cached)
    plain = stored["input_tokens"] - (cached or 0)
    nanos = plain * INPUT + (cached or 0) * CACHED + stored["output_tokens"] * OUTPUT
    assert round(float(call["cost_usd"]) * 1e9) == nanos


def test_generate(both):
    def scenario():
        client = genai.Client()
        return dump(client.models.generate_content(model=MODEL, contents=HELLO, config=TERSE))

    done = both(scenario)
    [call] = done.stored
    assert_stored(call, done.seen)
    assert [part["content"] for part in call["system_instructions"]] == ["You are terse."]
    assert call["input_messages"][0]["parts"][0]["content"] == HELLO
    assert call["parameters"]["generationConfig"]["temperature"] == 0.2


def test_generate_with_the_base_url_as_an_option(both, monkeypatch):
    def scenario():
        base = os.environ["GOOGLE_GEMINI_BASE_URL"]
        with monkeypatch.context() as context:
            context.delenv("GOOGLE_GEMINI_BASE_URL")
            client = genai.Client(api_key="other", http_options=types.HttpOptions(base_url=base, api_version="v1beta"))
            return dump(client.models.generate_content(model=MODEL, contents=HELLO))

    done = both(scenario)
    assert_stored(done.stored[0], done.seen)


def test_generate_async(both):
    async def scenario():
        async with genai.Client().aio as client:
            return dump(await client.models.generate_content(model=MODEL, contents=HELLO))

    done = both(scenario)
    assert_stored(done.stored[0], done.seen)


@pytest.mark.parametrize("wire", ["", "chunk=1", "gzip-stream", "pace=2"])
def test_stream(both, wire):
    def scenario():
        client = genai.Client()
        config = types.GenerateContentConfig(http_options=types.HttpOptions(headers={"x-mock": wire}))
        stream = client.models.generate_content_stream(model=MODEL, contents=HELLO, config=config)
        return [dump(chunk) for chunk in stream]

    done = both(scenario)
    assert len(done.seen) > 2
    assert_stored(done.stored[0], joined(done.seen), stream=True)


def test_stream_async(both):
    async def scenario():
        async with genai.Client().aio as client:
            stream = await client.models.generate_content_stream(model=MODEL, contents=HELLO)
            return [dump(chunk) async for chunk in stream]

    done = both(scenario)
    assert_stored(done.stored[0], joined(done.seen), stream=True)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_chat(both, stream):
    """Three turns are one conversation, though only their contents tell."""

    def turn(chat, message):
        if stream:
            return joined([dump(chunk) for chunk in chat.send_message_stream(message)])
        return dump(chat.send_message(message))

    def scenario():
        client = genai.Client()
        chat = client.chats.create(model=MODEL, config=TERSE)
        return [turn(chat, message) for message in [HELLO, "And in French?", "Thanks. " * 700]]

    done = both(scenario, count=3)
    for call, seen in zip(done.stored, done.seen, strict=True):
        assert_stored(call, seen, stream=stream)
    assert len({call["conversation_id"] for call in done.stored}) == 1
    assert done.stored[2]["usage"]["cache_read_input_tokens"] > 0


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_tool_loop(both, stream):
    def scenario():
        client = genai.Client()
        config = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[WEATHER])])
        contents = [types.UserContent("How is the weather? mock:text-first mock:parallel=2")]

        def ask():
            request = {"model": MODEL, "contents": contents, "config": config}
            if not stream:
                response = client.models.generate_content(**request)
                return response.candidates[0].content.parts, dump(response)
            chunks = list(client.models.generate_content_stream(**request))
            parts = [part for chunk in chunks for part in chunk.candidates[0].content.parts]
            return parts, joined([dump(chunk) for chunk in chunks])

        parts, first = ask()
        results = [
            types.Part(
                function_response=types.FunctionResponse(
                    id=part.function_call.id, name=part.function_call.name, response={"result": "21 degrees"}
                )
            )
            for part in parts
            if part.function_call
        ]
        contents += [types.ModelContent(parts), types.UserContent(results)]
        return [first, ask()[1]]

    done = both(scenario, count=2)
    first, second = done.stored
    assert_stored(first, done.seen[0], stream=stream)
    assert len(tool_calls_of(first)) == 2
    assert_stored(second, done.seen[1], stream=stream)
    assert first["conversation_id"] == second["conversation_id"] is not None


def test_automatic_function_calling(both):
    def weather(city: str) -> str:
        """The weather of a city."""
        return f"21 degrees in {city}"

    def scenario():
        client = genai.Client()
        config = types.GenerateContentConfig(tools=[weather])
        return client.models.generate_content(model=MODEL, contents=HELLO, config=config).text

    done = both(scenario, count=2)
    first, second = done.stored
    assert [name for _, name, _ in tool_calls_of(first)] == ["weather"]
    assert text_of(second) == done.seen
    assert first["conversation_id"] == second["conversation_id"] is not None


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("shown", [False, True], ids=["hidden", "shown"])
def test_thinking(both, stream, shown):
    def scenario():
        client = genai.Client()
        thinking = types.ThinkingConfig(thinking_budget=1_024, include_thoughts=shown)
        request = {"model": MODEL, "contents": HELLO, "config": types.GenerateContentConfig(thinking_config=thinking)}
        if not stream:
            return dump(client.models.generate_content(**request))
        return joined([dump(chunk) for chunk in client.models.generate_content_stream(**request)])

    done = both(scenario)
    assert bool(texts(done.seen, thought=True)) == shown
    assert done.seen["candidates"][0]["content"]["parts"][-1]["thought_signature"]
    assert_stored(done.stored[0], done.seen, stream=stream)
    assert done.stored[0]["usage"]["reasoning_output_tokens"] > 0


def test_structured_output(both):
    schema = {"type": "object", "properties": {"vendor": {"type": "string"}}, "required": ["vendor"]}

    def scenario():
        client = genai.Client()
        config = types.GenerateContentConfig(response_mime_type="application/json", response_json_schema=schema)
        return client.models.generate_content(model=MODEL, contents=HELLO, config=config).parsed

    done = both(scenario)
    assert json.loads(text_of(done.stored[0])) == done.seen


def test_a_blocked_prompt(both):
    def scenario():
        client = genai.Client()
        return dump(client.models.generate_content(model=MODEL, contents="mock:refusal"))

    done = both(scenario)
    [call] = done.stored
    assert call["finish_reasons"] == [done.seen["prompt_feedback"]["block_reason"]] == ["SAFETY"]
    assert (call["output_messages"], call["usage"]["output_tokens"], call["error"]) == ([], 0, None)


def test_embeddings(both):
    def scenario():
        client = genai.Client()
        config = types.EmbedContentConfig(output_dimensionality=16, task_type="CLUSTERING")
        response = client.models.embed_content(
            model="gemini-embedding-001", contents=["one", "naïve"], config=config
        )
        return dump(response)

    done = both(scenario)
    assert [len(each["values"]) for each in done.seen["embeddings"]] == [16, 16]
    [call] = done.stored
    assert (call["operation_name"], call["request_model"]) == ("embeddings", "gemini-embedding-001")
    assert [message["parts"][0]["content"] for message in call["input_messages"]] == ["one", "naïve"]
    assert call["usage"]["input_tokens"] > 0


@pytest.mark.parametrize(
    ("contents", "model", "expected", "status"),
    [
        ("mock:status=400", MODEL, errors.ClientError, 400),
        ("mock:status=403", MODEL, errors.ClientError, 403),
        ("hello", "missing-model", errors.ClientError, 404),
        ("mock:status=429", MODEL, errors.ClientError, 429),
        ("mock:status=500", MODEL, errors.ServerError, 500),
        ("mock:status=503", MODEL, errors.ServerError, 503),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_errors(both, contents, model, expected, status, stream):
    def scenario():
        client = genai.Client()
        with pytest.raises(expected) as raised:
            if stream:
                list(client.models.generate_content_stream(model=model, contents=contents))
            else:
                client.models.generate_content(model=model, contents=contents)
        error = raised.value
        return [type(error).__name__, error.code, error.status, error.message, str(error)]

    done = both(scenario)
    [call] = done.stored
    assert (call["outcome"], call["status"], call["error_code"]) == ("completed", status, None)
    error = call["error"]
    assert [int(error["code"]), error["kind"], error["message"]] == done.seen[1:4]


def test_an_error_in_the_stream(both):
    def scenario():
        client = genai.Client()
        with pytest.raises(errors.ServerError) as raised:
            list(client.models.generate_content_stream(model=MODEL, contents="mock:stream-error"))
        return [raised.value.code, raised.value.status]

    done = both(scenario)
    [call] = done.stored
    assert (call["error"]["code"], call["error"]["kind"]) == ("503", "UNAVAILABLE")
    assert call["outcome"] == "completed"


def test_nobody_answers(gateway, calls, point_at):
    """The gateway's own errors are raised as the provider's are."""
    point_at(gateway)
    start = now()
    options = types.HttpOptions(base_url=f"{gateway}/nobody-gemini")
    client = genai.Client(http_options=options)
    with pytest.raises(errors.ServerError) as raised:
        client.models.generate_content(model=MODEL, contents=HELLO)
    assert (raised.value.code, raised.value.status) == (502, "UNAVAILABLE")
    assert raised.value.response.headers["codepromptu-error"]
    [call] = calls.since(start, 1)
    assert call["error_code"] == raised.value.details["error"]["details"][0]["reason"] == "upstream_unreachable"


def test_a_key_in_the_query(both):
    """Clients in curl's manner: the key in the address, and a stream as one JSON array."""

    def scenario():
        url = f"{os.environ['GOOGLE_GEMINI_BASE_URL']}/v1beta/models/{MODEL}:streamGenerateContent"
        request = {"contents": [{"parts": [{"text": "hello"}]}]}
        response = httpx.post(url, params={"key": "secret-in-the-query"}, json=request, trust_env=False)
        assert response.headers["content-type"] == "application/json; charset=UTF-8"
        return [response.status_code, response.json()]

    done = both(scenario)
    [call] = done.stored
    assert (call["outcome"], call["status"], call["stream"], call["warnings"]) == ("completed", 200, True, [])
    chunks = done.seen[1]
    assert text_of(call) == "".join(chunk["candidates"][0]["content"]["parts"][0]["text"] for chunk in chunks)
    assert call["usage"]["output_tokens"] == chunks[-1]["usageMetadata"]["candidatesTokenCount"]
    assert "secret-in-the-query" not in json.dumps(call)


def test_counting_tokens_and_listing_models(both):
    def scenario():
        client = genai.Client()
        counted = dump(client.models.count_tokens(model=MODEL, contents=HELLO))
        return [counted, [dump(model) for model in client.models.list()], dump(client.models.get(model=MODEL))]

    done = both(scenario, count=3)
    assert done.seen[0]["total_tokens"] > 0
    assert [(call["operation_name"], call["path"]) for call in done.stored] == [
        (None, f"/v1/models/{MODEL}:countTokens"),
        (None, "/v1/models"),
        (None, f"/v1/models/{MODEL}"),
    ]


FUNCTION = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def assert_interaction(call: dict, seen: dict, *, stream: bool = False):
    """The stored call says what the interaction `seen` says."""
    assert (call["operation_name"], call["stream"], call["outcome"]) == ("chat", stream, "completed")
    assert (call["request_model"], call["response_model"]) == (MODEL, MODEL)
    assert (call["finish_reasons"], call["warnings"]) == ([seen["status"]], [])
    usage, stored = seen["usage"], call["usage"]
    assert stored["input_tokens"] == usage["total_input_tokens"]
    assert stored["output_tokens"] == usage["total_output_tokens"] + usage["total_thought_tokens"]
    assert stored["reasoning_output_tokens"] == usage["total_thought_tokens"]
    assert round(float(call["cost_usd"]) * 1e9) == stored["input_tokens"] * INPUT + stored["output_tokens"] * OUTPUT


def test_interaction(both):
    def scenario():
        client = genai.Client()
        config = {"thinking_level": "low", "thinking_summaries": "auto"}
        interaction = client.interactions.create(
            model=MODEL, input=HELLO, system_instruction="You are terse.", generation_config=config
        )
        return [interaction.model_dump(mode="json"), interaction.output_text]

    done = both(scenario)
    [call] = done.stored
    assert_interaction(call, done.seen[0])
    assert text_of(call) == done.seen[1]
    assert parts_of(call, "reasoning")[0]["content"]
    assert [part["content"] for part in call["system_instructions"]] == ["You are terse."]


@pytest.mark.parametrize("wire", ["", "chunk=1", "gzip-stream"])
def test_interaction_stream(both, wire):
    def scenario():
        client = genai.Client()
        config = {"thinking_level": "low", "thinking_summaries": "auto"}
        stream = client.interactions.create(
            model=MODEL, input=HELLO, stream=True, generation_config=config, extra_headers={"x-mock": wire}
        )
        return [event.model_dump(mode="json") for event in stream]

    done = both(scenario)
    [call] = done.stored
    assert_interaction(call, done.seen[-1]["interaction"], stream=True)
    deltas = [event["delta"] for event in done.seen if event["event_type"] == "step.delta"]
    assert text_of(call) == "".join(delta["text"] for delta in deltas if delta["type"] == "text")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_interaction_tool_loop(both, stream):
    """Without state at the provider, the client sends the steps again."""

    def ask(client, steps):
        request = {"model": MODEL, "input": steps, "tools": [FUNCTION], "store": False}
        if not stream:
            return client.interactions.create(**request).model_dump(mode="json", exclude_none=True)
        return [event.model_dump(mode="json") for event in client.interactions.create(**request, stream=True)]

    def scenario():
        client = genai.Client()
        asked = {"type": "user_input", "content": [{"type": "text", "text": HELLO}]}
        first = ask(client, [asked])
        if stream:
            call = next(event["step"] for event in first if event["event_type"] == "step.start")
            pieces = [event["delta"]["arguments"] for event in first if event["event_type"] == "step.delta"]
            steps = [{**call, "arguments": json.loads("".join(pieces))}]
        else:
            steps = first["steps"]
        result = {"type": "function_result", "call_id": steps[-1]["id"], "name": "weather", "result": "21 degrees"}
        return [first, ask(client, [asked, *steps, result])]

    done = both(scenario, count=2)
    first, second = done.stored
    assert [name for _, name, _ in tool_calls_of(first)] == ["weather"]
    assert text_of(second)
    assert first["conversation_id"] == second["conversation_id"] is not None


def test_interaction_errors(both):
    def scenario():
        seen = []
        once = types.HttpOptions(retry_options=types.HttpRetryOptions(attempts=1))
        client = genai.Client(http_options=once)
        for request in [{"model": "missing-model", "input": HELLO}, {"model": MODEL, "input": "mock:status=429"}]:
            with pytest.raises(Exception) as raised:
                client.interactions.create(**request)
            seen.append([type(raised.value).__name__, str(raised.value)])
        return seen

    done = both(scenario, count=2)
    assert [call["status"] for call in done.stored] == [404, 429]
    assert [name for name, _ in done.seen] == ["NotFoundError", "RateLimitError"]
