"""The official OpenAI client beyond chat: responses, completions and embeddings."""

import json

import openai
import pytest
from pydantic import BaseModel

from program import parts_of, text_of, tool_calls_of

MODEL = "gpt-4.1-mini"
RELEASE = "gpt-4.1-mini-2025-04-14"
QUESTION = "Say hello to naïve 你好 🙂, please."
WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}


def assert_stored(call: dict, seen: dict, *, stream: bool = False):
    assert (call["provider_name"], call["operation_name"]) == ("openai", "chat")
    assert (call["request_model"], call["response_model"]) == (MODEL, RELEASE)
    assert (call["outcome"], call["status"], call["stream"]) == ("completed", 200, stream)
    assert (call["warnings"], call["finish_reasons"]) == ([], [seen["status"]])
    assert call["response_id"] == seen["id"]
    usage = seen["usage"]
    assert call["usage"]["input_tokens"] == usage["input_tokens"]
    assert call["usage"]["output_tokens"] == usage["output_tokens"]
    assert call["usage"]["source"] == "reported"
    # $0.40 and $1.60 a million, cached input at a quarter.
    cached = usage["input_tokens_details"]["cached_tokens"]
    plain = usage["input_tokens"] - cached
    cost = (plain * 0.40 + cached * 0.10 + usage["output_tokens"] * 1.60) / 1e6
    assert float(call["cost_usd"]) == pytest.approx(cost, abs=1e-9)


def output_text(response: dict) -> str:
    parts = (part for item in response["output"] if item["type"] == "message" for part in item["content"])
    return "".join(part["text"] for part in parts)


def test_response(both):
    def scenario():
        response = openai.OpenAI().responses.create(
            model=MODEL,
            instructions="You are terse.",
            input=QUESTION,
            temperature=0.25,
            user="user-7",
            metadata={"feature": "greeting"},
        )
        return response.model_dump()

    done = both(scenario)
    [call] = done.stored
    assert_stored(call, done.seen)
    assert text_of(call) == output_text(done.seen)
    assert [part["content"] for part in call["system_instructions"]] == ["You are terse."]
    assert call["input_messages"][0]["parts"] == [{"type": "text", "content": QUESTION}]
    assert (call["user"], call["metadata"]) == ("user-7", {"feature": "greeting"})
    assert call["parameters"]["temperature"] == 0.25


@pytest.mark.parametrize("wire", ["", "chunk=1", "gzip-stream", "pace=2"])
def test_response_stream(both, wire):
    def scenario():
        stream = openai.OpenAI().responses.create(
            model=MODEL, input=QUESTION, stream=True, extra_headers={"x-mock": wire} if wire else {}
        )
        return [event.model_dump() for event in stream]

    done = both(scenario)
    last = done.seen[-1]
    assert last["type"] == "response.completed"
    assert_stored(done.stored[0], last["response"], stream=True)
    said = "".join(event["delta"] for event in done.seen if event["type"] == "response.output_text.delta")
    assert text_of(done.stored[0]) == said == output_text(last["response"])


def test_response_async_with_the_stream_helper(both):
    async def scenario():
        async with openai.AsyncOpenAI() as client:
            async with client.responses.stream(model=MODEL, input=QUESTION) as stream:
                async for _ in stream:
                    pass
                return (await stream.get_final_response()).model_dump()

    done = both(scenario)
    assert_stored(done.stored[0], done.seen, stream=True)


def test_structured_output(both):
    class City(BaseModel):
        name: str
        people: int

    def scenario():
        response = openai.OpenAI().responses.parse(model=MODEL, input="A city.", text_format=City)
        return response.output_parsed.model_dump(), response.model_dump(mode="json", warnings=False)

    done = both(scenario)
    assert json.loads(text_of(done.stored[0])) == done.seen[0]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_tools_over_two_calls_are_one_conversation(both, stream):
    """The client keeps the conversation itself and sends all of its items again."""

    def ask(client, items):
        if not stream:
            return client.responses.create(model=MODEL, input=items, tools=[WEATHER], store=False)
        events = list(client.responses.create(model=MODEL, input=items, tools=[WEATHER], stream=True))
        return events[-1].response

    def scenario():
        client = openai.OpenAI()
        items = [{"role": "user", "content": "What is the weather in Zürich?"}]
        first = ask(client, items)
        items += [item.model_dump(exclude_none=True) for item in first.output]
        calls = [item for item in first.output if item.type == "function_call"]
        items += [{"type": "function_call_output", "call_id": c.call_id, "output": "18 degrees"} for c in calls]
        second = ask(client, items)
        return first.model_dump(warnings=False), second.model_dump(warnings=False)

    done = both(scenario, count=2)
    first, second = done.stored
    called = [item for item in done.seen[0]["output"] if item["type"] == "function_call"]
    assert tool_calls_of(first) == [(c["call_id"], c["name"], json.loads(c["arguments"])) for c in called]
    assert text_of(second) == output_text(done.seen[1])
    assert parts_of({"output_messages": second["input_messages"]}, "tool_call_response")[0]["response"] == "18 degrees"
    assert first["conversation_id"] == second["conversation_id"]


def test_a_response_that_names_the_one_before_is_in_its_conversation(both):
    def scenario():
        client = openai.OpenAI()
        first = client.responses.create(model=MODEL, input=QUESTION)
        second = client.responses.create(model=MODEL, input="And again.", previous_response_id=first.id)
        return second.previous_response_id == first.id

    done = both(scenario, count=2)
    assert done.seen
    assert done.stored[0]["conversation_id"] == done.stored[1]["conversation_id"]


def test_reasoning_is_counted(both):
    def scenario():
        return openai.OpenAI().responses.create(model="o4-mini", input=QUESTION).model_dump()

    done = both(scenario)
    usage = done.stored[0]["usage"]
    assert usage["reasoning_output_tokens"] == done.seen["usage"]["output_tokens_details"]["reasoning_tokens"] > 0


@pytest.mark.parametrize("status, kind", [(400, openai.BadRequestError), (429, openai.RateLimitError)])
def test_error(both, status, kind):
    def scenario():
        with pytest.raises(kind) as caught:
            openai.OpenAI(max_retries=0).responses.create(
                model=MODEL, input="Fail.", extra_headers={"x-mock": f"status={status}"}
            )
        return caught.value.body

    done = both(scenario)
    [call] = done.stored
    assert (call["status"], call["usage"], call["cost_usd"]) == (status, None, None)
    assert call["error"]["message"] == done.seen["message"]


def test_embeddings(both):
    def scenario():
        texts = ["First text.", "Zweiter Text."]
        embedded = openai.OpenAI().embeddings.create(model="text-embedding-3-small", input=texts, dimensions=8)
        return embedded.model_dump()

    done = both(scenario)
    [call] = done.stored
    assert call["operation_name"] == "embeddings"
    assert [m["parts"][0]["content"] for m in call["input_messages"]] == ["First text.", "Zweiter Text."]
    tokens = done.seen["usage"]["prompt_tokens"]
    assert (call["usage"]["input_tokens"], call["usage"]["output_tokens"]) == (tokens, None)
    assert float(call["cost_usd"]) == pytest.approx(tokens * 0.02 / 1e6, abs=1e-9)
    assert [entry["dimensions"] for entry in call["response_extra"]["data"]] == [8, 8]


def test_embeddings_as_floats(both):
    def scenario():
        client = openai.OpenAI()
        embedded = client.embeddings.create(model="text-embedding-3-small", input="One.", encoding_format="float")
        return embedded.model_dump()

    done = both(scenario)
    assert done.stored[0]["response_extra"]["data"][0]["dimensions"] == len(done.seen["data"][0]["embedding"])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_completion_of_text(both, stream):
    def scenario():
        completion = openai.OpenAI().completions.create(
            model="gpt-3.5-turbo-instruct", prompt="Once upon a time", max_tokens=40, stream=stream
        )
        return [chunk.model_dump() for chunk in completion] if stream else [completion.model_dump()]

    done = both(scenario)
    [call] = done.stored
    assert (call["operation_name"], call["stream"]) == ("text_completion", stream)
    assert text_of(call) == "".join(choice["text"] for chunk in done.seen for choice in chunk["choices"])
    assert call["input_messages"][0]["parts"][0]["content"] == "Once upon a time"
    # A stream reports no tokens unless it is asked to: they are counted here.
    assert call["usage"]["source"] == ("estimated" if stream else "reported")
    assert float(call["cost_usd"]) > 0
