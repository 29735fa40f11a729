"""What the clients see where the gateway itself has something to say, and where they leave."""

import asyncio

import anthropic
import httpx
import openai
import pytest

from program import now, text_of

MESSAGES = [{"role": "user", "content": "Tell me something long. mock:words=400"}]
LASTING = {"x-mock": "endless pace=5"}


@pytest.fixture
def through(gateway, point_at):
    point_at(gateway)
    return gateway


def test_an_unreachable_provider(through, calls):
    start = now()
    client = openai.OpenAI(base_url=f"{through}/nobody/v1", max_retries=0)
    with pytest.raises(openai.InternalServerError) as raised:
        client.chat.completions.create(model="gpt-4.1-mini", messages=MESSAGES)
    error = raised.value
    assert error.status_code == 502
    assert error.response.headers["codepromptu-error"] == "upstream_unreachable"
    assert "127.0.0.1" in error.body["message"]
    [call] = calls.since(start, 1)
    assert call["id"] == error.response.headers["codepromptu-call-id"]
    assert (call["outcome"], call["error_code"]) == ("upstream_error", "upstream_unreachable")
    assert call["request_model"] == "gpt-4.1-mini"


def test_an_unreachable_provider_in_anthropics_shape(through, calls):
    client = anthropic.Anthropic(base_url=f"{through}/nobody-anthropic", max_retries=0)
    with pytest.raises(anthropic.InternalServerError) as raised:
        client.messages.create(model="claude-haiku-4-5", max_tokens=10, messages=MESSAGES)
    error = raised.value
    assert error.status_code == 502
    assert error.body["type"] == "error"
    assert error.body["error"]["type"] == "api_error"
    assert calls.get(error.response.headers["codepromptu-call-id"])["outcome"] == "upstream_error"


def test_an_unknown_provider(through):
    client = openai.OpenAI(base_url=f"{through}/opnai/v1", max_retries=0)
    with pytest.raises(openai.NotFoundError) as raised:
        client.chat.completions.create(model="gpt-4.1-mini", messages=MESSAGES)
    assert raised.value.response.headers["codepromptu-error"] == "unknown_provider"
    assert "opnai" in raised.value.body["message"]


def test_a_provider_that_breaks_off_before_it_answers(through, calls):
    client = openai.OpenAI(max_retries=0)
    with pytest.raises(openai.InternalServerError) as raised:
        client.chat.completions.create(
            model="gpt-4.1-mini", messages=MESSAGES, extra_headers={"x-mock": "reset-before-head"}
        )
    call = calls.get(raised.value.response.headers["codepromptu-call-id"])
    assert (call["outcome"], call["error_code"]) == ("upstream_error", "upstream_broke_off")


def test_leaving_an_openai_stream(through, calls):
    stream = openai.OpenAI().chat.completions.create(
        model="gpt-4.1-mini", messages=MESSAGES, stream=True, extra_headers=LASTING
    )
    text = ""
    for chunk in stream:
        text += chunk.choices[0].delta.content or ""
        if len(text) > 200:
            break
    call_id = stream.response.headers["codepromptu-call-id"]
    stream.close()
    assert_cancelled(calls.get(call_id), text)


def test_leaving_an_async_openai_stream(through, calls):
    async def leave():
        async with openai.AsyncOpenAI() as client:
            stream = await client.chat.completions.create(
                model="gpt-4.1-mini", messages=MESSAGES, stream=True, extra_headers=LASTING
            )
            text = ""
            async for chunk in stream:
                text += chunk.choices[0].delta.content or ""
                if len(text) > 200:
                    break
            await stream.close()
            return stream.response.headers["codepromptu-call-id"], text

    call_id, text = asyncio.run(leave())
    assert_cancelled(calls.get(call_id), text)


def test_leaving_an_anthropic_stream(through, calls):
    text = ""
    request = {"model": "claude-haiku-4-5", "max_tokens": 4_000, "messages": MESSAGES}
    with anthropic.Anthropic().messages.stream(**request, extra_headers=LASTING) as stream:
        for piece in stream.text_stream:
            text += piece
            if len(text) > 200:
                break
        call_id = stream.response.headers["codepromptu-call-id"]
    assert_cancelled(calls.get(call_id), text)


def assert_cancelled(call: dict, text: str):
    """Stored is what the client had read; and perhaps a little more, which was under way when it left."""
    assert call["outcome"] == "client_cancelled"
    assert call["finish_reasons"] == []
    assert text_of(call).startswith(text)


def test_a_client_that_waits_too_short(through, calls):
    start = now()
    client = openai.OpenAI(max_retries=0, timeout=0.3)
    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(model="gpt-4.1-mini", messages=MESSAGES, extra_headers={"x-mock": "stall-head"})
    [call] = calls.since(start, 1)
    assert (call["outcome"], call["status"]) == ("client_cancelled", None)


def test_http2_without_tls(through, calls):
    """A client that speaks HTTP/2 from the first byte gets the same answer."""
    request = {"model": "gpt-4.1-mini", "messages": [{"role": "user", "content": "hello"}]}
    answers = []
    for options in [{"http1": True}, {"http1": False, "http2": True}]:
        with httpx.Client(trust_env=False, **options) as client:
            response = client.post(
                f"{through}/openai/v1/chat/completions", json=request, headers={"authorization": "Bearer sk-test"}
            )
        answers.append((response.status_code, response.json()))
        assert calls.get(response.headers["codepromptu-call-id"])["outcome"] == "completed"
    assert response.http_version == "HTTP/2"
    assert answers[0] == answers[1]


def test_the_clients_key_is_not_stored(through, calls):
    start = now()
    openai.OpenAI(api_key="sk-secret-marker").chat.completions.create(model="gpt-4.1-mini", messages=MESSAGES)
    [call] = calls.since(start, 1)
    assert len(call["client"]) == 32
    assert "sk-secret-marker" not in str(call)
