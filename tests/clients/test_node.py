"""JavaScript's clients: `openai`, and `ai` with `@ai-sdk/openai`."""

import json
import os
import subprocess
import time

import httpx
import pytest

from program import text_of, tool_calls_of

SCENARIOS = os.path.join(os.environ["NODE_CLIENTS"], "scenario.mjs")


@pytest.fixture
def node(both):
    """Runs a scenario of `scenario.mjs` directly and through the gateway."""

    def run(name: str, count: int = 1):
        def scenario():
            done = subprocess.run(["node", SCENARIOS, name], capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout)

        return both(scenario, count)

    return run


def assert_stored(call: dict, *, operation: str = "chat", stream: bool = False, source: str = "reported"):
    assert (call["operation_name"], call["stream"]) == (operation, stream)
    assert (call["outcome"], call["status"], call["warnings"]) == ("completed", 200, [])
    assert call["usage"]["source"] == source
    assert float(call["cost_usd"]) > 0


def test_chat(node):
    done = node("chat")
    assert_stored(done.stored[0])
    assert text_of(done.stored[0]) == done.seen["choices"][0]["message"]["content"]


def test_chat_stream(node):
    done = node("chatStream")
    assert_stored(done.stored[0], stream=True, source="estimated")
    deltas = (choice["delta"] for chunk in done.seen for choice in chunk["choices"])
    assert text_of(done.stored[0]) == "".join(delta.get("content") or "" for delta in deltas)


def test_response(node):
    done = node("response")
    assert_stored(done.stored[0])
    assert text_of(done.stored[0]) == done.seen["output_text"]


def test_response_stream(node):
    done = node("responseStream")
    assert_stored(done.stored[0], stream=True)
    said = (event["delta"] for event in done.seen if event["type"] == "response.output_text.delta")
    assert text_of(done.stored[0]) == "".join(said)


def test_embeddings(node):
    done = node("embeddings")
    assert_stored(done.stored[0], operation="embeddings")
    assert done.stored[0]["response_extra"]["data"][0]["dimensions"] == len(done.seen["data"][0]["embedding"]) == 8


def test_ai_text(node):
    done = node("aiText")
    assert_stored(done.stored[0])
    assert text_of(done.stored[0]) == done.seen["text"]
    assert done.stored[0]["usage"]["input_tokens"] == done.seen["usage"]["inputTokens"]


def test_ai_chat_stream(node):
    done = node("aiChatStream")
    # This client asks for the usage of its streams.
    assert_stored(done.stored[0], stream=True)
    assert text_of(done.stored[0]) == done.seen["text"]


def test_ai_tools_are_one_conversation(node):
    done = node("aiTools", count=2)
    first, second = done.stored
    asked = [(call["toolCallId"], call["toolName"], call["input"]) for call in done.seen["calls"]]
    assert tool_calls_of(first) == asked
    assert text_of(second) == done.seen["text"]
    assert first["conversation_id"] == second["conversation_id"]


def test_ai_embed(node):
    done = node("aiEmbed")
    assert_stored(done.stored[0], operation="embeddings")
    assert done.stored[0]["response_extra"]["data"][0]["dimensions"] == done.seen


def test_langfuse(gateway):
    script = os.path.join(os.environ["NODE_CLIENTS"], "langfuse.mjs")
    keys = {"LANGFUSE_BASE_URL": gateway, "LANGFUSE_PUBLIC_KEY": "pk-lf-x", "LANGFUSE_SECRET_KEY": "sk-lf-x"}
    environment = os.environ | keys
    done = subprocess.run(["node", script], capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert_traced(gateway, seen.pop("trace"))
    absent = seen.pop("absent")
    assert "Prompt not found: 'node/nowhere' with label 'production'" in absent
    assert seen == {
        "second": [2, ["latest"]],
        "text": [1, {"a": 1}, "Dear Ada"],
        "pinned": "Hello {{name}}",
        "latest": 2,
        "chat": [["system", "Answer in French."], ["user", "Why?"]],
        "moved": 2,
        "fallback": [True, "else 1"],
        "deleted": 0,
    }


def assert_traced(gateway, trace):
    """What Langfuse's tracing told is a call with its score, once it is stored."""

    def get(path):
        return httpx.get(f"{gateway}/api/v1{path}", trust_env=False).json()

    ends_at = time.monotonic() + 20
    while not (calls := get(f"/calls?source=ingestion&trace={trace}")["calls"]):
        assert time.monotonic() < ends_at, "it was not stored"
        time.sleep(0.05)
    call = get(f"/calls/{calls[0]['id']}")
    said = [part["content"] for m in call["input_messages"] + call["output_messages"] for part in m["parts"]]
    assert (said, call["user"], call["metadata"]["team"]) == (["Why?", "Because."], "bob", "node")
    assert (call["metadata"]["prompt_name"], call["usage"]["input_tokens"]) == ("node/chat", 10)
    (score,) = get(f"/calls/{call['id']}/scores")["scores"]
    assert (score["name"], score["value"], score["call_id"]) == ("right", 1, call["id"])
