"""Langfuse's own client, with this program's address and keys: nothing else about it changes."""

import time

import httpx
import pytest
from langfuse import Langfuse, propagate_attributes
from langfuse.api import NotFoundError

from program import free_port


@pytest.fixture(scope="module")
def langfuse(gateway):
    client = Langfuse(public_key="pk-lf-any", secret_key="sk-lf-any", host=gateway, tracing_enabled=False)
    yield client
    client.shutdown()


def test_the_keys_are_good(langfuse):
    assert langfuse.auth_check()


def test_a_text_is_made_served_and_filled_in(langfuse):
    made = langfuse.create_prompt(
        name="support/greeting",
        prompt="Dear {{name}}, welcome to {{place}}.",
        labels=["production"],
        tags=["support"],
        config={"model": "gpt-5", "temperature": 0.1},
        commit_message="the first",
    )
    assert (made.version, sorted(made.labels)) == (1, ["latest", "production"])
    found = langfuse.get_prompt("support/greeting")
    assert found.compile(name="Ada", place="London") == "Dear Ada, welcome to London."
    assert found.config == {"model": "gpt-5", "temperature": 0.1}
    assert (found.tags, found.commit_message, found.is_fallback) == (["support"], "the first", False)
    assert sorted(found.variables) == ["name", "place"]


def test_a_chat_keeps_its_messages_and_places(langfuse):
    langfuse.create_prompt(
        name="support/chat",
        type="chat",
        prompt=[
            {"role": "system", "content": "Answer in {{language}}."},
            {"type": "placeholder", "name": "history"},
            {"role": "user", "content": "{{question}}"},
        ],
        labels=["production"],
    )
    found = langfuse.get_prompt("support/chat", type="chat")
    history = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    filled = found.compile(language="French", question="Why?", history=history)
    assert [(message["role"], message["content"]) for message in filled] == [
        ("system", "Answer in French."),
        ("user", "Hi"),
        ("assistant", "Hello"),
        ("user", "Why?"),
    ]


def test_versions_and_labels_say_which_one(langfuse):
    for text in ["one", "two"]:
        langfuse.create_prompt(name="versions", prompt=text, labels=["production"])
    assert langfuse.get_prompt("versions", version=1).prompt == "one"
    assert langfuse.get_prompt("versions").prompt == "two"
    updated = langfuse.update_prompt(name="versions", version=1, new_labels=["staging", "production"])
    assert sorted(updated.labels) == ["production", "staging"]
    # What was kept is forgotten with the change.
    assert langfuse.get_prompt("versions").version == 1
    assert langfuse.get_prompt("versions", label="latest").prompt == "two"
    assert langfuse.create_prompt(name="versions", prompt="one").version == 1


def test_what_is_kept_is_served_without_the_program_and_so_is_a_fallback(langfuse):
    langfuse.create_prompt(name="kept", prompt="kept", labels=["production"])
    first = langfuse.get_prompt("kept", cache_ttl_seconds=600)
    assert langfuse.get_prompt("kept", cache_ttl_seconds=600) is first
    away = Langfuse(
        public_key="pk-lf-away",
        secret_key="sk",
        host=f"http://127.0.0.1:{free_port()}",
        tracing_enabled=False,
    )
    found = away.get_prompt("kept", fallback="else", max_retries=0)
    assert (found.is_fallback, found.compile()) == (True, "else")
    away.shutdown()


def test_what_is_not_there_is_told_as_such(langfuse):
    with pytest.raises(NotFoundError) as refused:
        langfuse.get_prompt("nowhere", label="staging", max_retries=0)
    assert refused.value.body["message"] == "Prompt not found: 'nowhere' with label 'staging'"


def test_prompts_are_listed_and_deleted(langfuse):
    langfuse.create_prompt(name="listed", prompt="x", tags=["rare"], config={"a": 1})
    page = langfuse.api.prompts.list(tag="rare")
    assert page.meta.total_items == 1
    (listed,) = page.data
    assert (listed.name, listed.versions, listed.labels) == ("listed", [1], ["latest"])
    assert (listed.tags, listed.last_config) == (["rare"], {"a": 1})
    langfuse.api.prompts.delete("listed")
    assert langfuse.api.prompts.list(tag="rare").data == []


def test_both_libraries_are_one(langfuse, gateway):
    """What the client wrote is in the program's own API."""
    langfuse.create_prompt(name="folder/shared", prompt="{{x}} as it is: {% if %}", labels=["production"])
    version = httpx.get(
        f"{gateway}/api/v1/prompts/folder%2Fshared/versions/production", trust_env=False
    ).json()
    assert (version["content"], version["syntax"]) == ("{{x}} as it is: {% if %}", "mustache")


@pytest.fixture(scope="module")
def tracer(gateway):
    client = Langfuse(public_key="pk-lf-traced", secret_key="sk-lf-any", host=gateway, environment="tests")
    yield client
    client.shutdown()


def until(found, seconds=20):
    """What is told is stored moments later."""
    ends_at = time.monotonic() + seconds
    while not (seen := found()):
        assert time.monotonic() < ends_at, "it was not stored"
        time.sleep(0.05)
    return seen


def get(gateway, path, **parameters):
    answer = httpx.get(f"{gateway}/api/v1{path}", params=parameters, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_traced_generation_is_a_call_and_has_its_scores(langfuse, tracer, gateway):
    langfuse.create_prompt(name="traced", prompt="Capital of {{country}}?", labels=["production"])
    prompt = langfuse.get_prompt("traced")
    asked = [{"role": "user", "content": prompt.compile(country="Peru")}]
    with tracer.start_as_current_observation(as_type="span", name="request"):
        with propagate_attributes(user_id="ann", session_id="s-1", tags=["t"], metadata={"team": "search"}):
            with tracer.start_as_current_observation(
                as_type="generation",
                name="answer",
                model="gpt-4o-mini",
                input=asked,
                prompt=prompt,
                model_parameters={"temperature": 0.1},
            ) as generation:
                generation.update(
                    output={"role": "assistant", "content": "Lima."},
                    usage_details={"input": 1000, "output": 100},
                )
                generation.score(name="right", value=1, data_type="BOOLEAN", comment="it is")
                generation.score_trace(name="tone", value="warm", data_type="CATEGORICAL")
                trace, observation = generation.trace_id, generation.id
    tracer.create_score(name="whole session", value=0.5, session_id="s-1", score_id="score-of-s-1")
    tracer.flush()

    (listed,) = until(lambda: get(gateway, "/calls", source="ingestion", trace=trace)["calls"])
    assert (listed["provider_name"], listed["request_model"]) == ("openai", "gpt-4o-mini")
    assert listed["cost_usd"] == "0.00021"
    call = get(gateway, f"/calls/{listed['id']}")
    said = [part["content"] for m in call["input_messages"] + call["output_messages"] for part in m["parts"]]
    assert said == ["Capital of Peru?", "Lima."]
    assert (call["user"], call["parameters"]) == ("ann", {"temperature": 0.1})
    metadata = call["metadata"]
    assert (metadata["prompt_name"], metadata["prompt_version"]) == ("traced", 1)
    assert call["prompt_version_id"].startswith("pv_")
    assert [row["version"] for row in get(gateway, "/prompts/traced/usage")["usage"]] == [1]
    assert (metadata["team"], metadata["tags"], metadata["environment"]) == ("search", ["t"], "tests")
    assert get(gateway, "/calls", session="s-1")["calls"][0]["id"] == listed["id"]

    scores = until(lambda: [s for s in [get(gateway, f"/calls/{listed['id']}/scores")["scores"]] if len(s) == 3])
    shown = {score["name"]: (score["value"], score["call_id"], score["comment"]) for score in scores[0]}
    assert shown == {
        "right": (True, listed["id"], "it is"),
        "tone": ("warm", None, None),
        "whole session": (0.5, None, None),
    }
    (seen,) = tracer.api.scores.get_many(trace_id=trace, observation_id=observation).data
    assert (seen.name, seen.value, seen.subject.kind) == ("right", True, "observation")
    tracer.create_score(name="whole session", value=0.75, session_id="s-1", score_id="score-of-s-1")
    tracer.flush()
    until(lambda: tracer.api.scores.get_many(id="score-of-s-1").data[0].value == 0.75)
    tracer.api.scores.delete("score-of-s-1")
    assert tracer.api.scores.get_many(session_id="s-1").data == []
