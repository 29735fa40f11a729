"""Langfuse's own client, with this program's address and keys: nothing else about it changes."""

import httpx
import pytest
from langfuse import Langfuse
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
