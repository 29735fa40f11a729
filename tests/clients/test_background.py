"""Responses made in the background: created, polled or taken up again, and counted once."""

import openai
import pytest
from google import genai

from program import text_of, wait_until


def the_rest_of(calls, created: dict) -> dict:
    """The call that was made of what was fetched, in the conversation of the call that created it."""

    def found():
        same = [call for call in calls.summaries() if call["conversation_id"] == created["conversation_id"]]
        return [call for call in same if call["id"] != created["id"]] or None

    [call] = wait_until(found, "the answer that was fetched becomes a call")
    return calls.get(call["id"])


def assert_counted(call: dict, created: dict, fetched: dict, said: str, usage: tuple):
    assert text_of(call) == said
    assert (call["usage"]["input_tokens"], call["usage"]["output_tokens"]) == usage
    assert call["cost_usd"] and not call["unpriced"] and not call["warnings"]
    assert call["input_messages"] == created["input_messages"] != []
    assert (call["batch"]["sent_by"], call["batch"]["fetched_by"]) == (created["id"], fetched["id"])
    assert (created["usage"], fetched["usage"]) == (None, None)


def test_openai_response_is_polled(both, calls):
    def scenario():
        with openai.OpenAI(max_retries=0) as client:
            begun = client.responses.create(
                model="gpt-4.1-mini", input="An essay about polling.", background=True, metadata={"run": "poll"}
            )
            states, response = [begun.status], begun
            while response.status in ("queued", "in_progress"):
                response = client.responses.retrieve(begun.id)
                states.append(response.status)
            again = client.responses.retrieve(begun.id)
            return states, response.to_dict(), response.output_text, again.to_dict()

    done = both(scenario, count=4)
    states, response, said, again = done.seen
    assert (states, again) == (["queued", "queued", "completed"], response)
    created, _, fetched, _ = done.stored
    call = the_rest_of(calls, created)
    usage = response["usage"]
    assert_counted(call, created, fetched, said, (usage["input_tokens"], usage["output_tokens"]))
    assert (call["metadata"], call["response_id"]) == ({"run": "poll"}, response["id"])


def test_openai_stream_is_taken_up_again(both, calls):
    def scenario():
        with openai.OpenAI(max_retries=0) as client:
            begun = client.responses.create(model="gpt-4.1-mini", input="An essay about streams.", background=True)
            stream = client.responses.retrieve(begun.id, stream=True, starting_after=3)
            return [event.to_dict() for event in stream]

    done = both(scenario, count=2)
    last = done.seen[-1]
    assert (done.seen[0]["sequence_number"], last["type"]) == (4, "response.completed")
    created, fetched = done.stored
    usage, output = last["response"]["usage"], last["response"]["output"]
    said = output[0]["content"][0]["text"]
    call = the_rest_of(calls, created)
    assert_counted(call, created, fetched, said, (usage["input_tokens"], usage["output_tokens"]))


@pytest.mark.parametrize("stream", [False, True], ids=["poll", "stream"])
def test_gemini_interaction_is_fetched(both, calls, stream):
    def scenario():
        client = genai.Client()
        begun = client.interactions.create(
            model="gemini-2.5-flash", input=f"An essay, {'streamed' if stream else 'polled'}.", background=True
        )
        if stream:
            events = client.interactions.get(begun.id, stream=True)
            return [event.model_dump(mode="json") for event in events]
        assert client.interactions.get(begun.id).status == "in_progress"
        return client.interactions.get(begun.id).model_dump(mode="json")

    done = both(scenario, count=2 if stream else 3)
    created, fetched = done.stored[0], done.stored[-1]
    call = the_rest_of(calls, created)
    interaction = done.seen[-1]["interaction"] if stream else done.seen
    usage = interaction["usage"]
    output = usage["total_output_tokens"] + usage["total_thought_tokens"]
    assert text_of(call)
    assert_counted(call, created, fetched, text_of(call), (usage["total_input_tokens"], output))
