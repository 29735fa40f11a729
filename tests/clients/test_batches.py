"""Batches with the official clients: what passes is what they would see without us, and the answers become calls."""

import json

import anthropic
import openai
from google import genai

from program import text_of

QUESTION = [{"role": "user", "content": "Where is my parcel?"}]


def batched(calls, batch: str, count: int) -> dict[str, dict]:
    """The calls of a batch, by what the client named them."""
    found = [calls.get(call["id"]) for call in calls.of_batch(batch, count)]
    return {call["batch"]["custom_id"]: call for call in found}


def test_openai_requests_go_up_in_a_file_and_answers_come_down_in_another(both, calls):
    def line(custom_id, content):
        messages = [{"role": "user", "content": content}]
        body = {"model": "gpt-4o-mini", "messages": messages, "safety_identifier": "user-1"}
        return json.dumps({"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body})

    lines = [line("first", "Where is my parcel?"), line("second", "And my refund?"), line("third", "mock:status=429")]

    def scenario():
        with openai.OpenAI(max_retries=0) as client:
            file = client.files.create(file=("in.jsonl", "\n".join(lines).encode()), purpose="batch")
            begun = client.batches.create(
                input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"run": "7"}
            )
            assert begun.status == "validating" and begun.output_file_id is None
            batch = client.batches.retrieve(begun.id)
            output = client.files.content(batch.output_file_id).text
            errors = client.files.content(batch.error_file_id).text
            return batch.id, batch.to_dict(), output, errors

    exchanges = 5
    outcome = both(scenario, count=exchanges)
    batch, _, output, _ = outcome.seen
    answers = {answer["custom_id"]: answer["response"]["body"] for answer in map(json.loads, output.splitlines())}
    stored = batched(calls, batch, 3)
    assert set(answers) == {"first", "second"} and set(stored) == {"first", "second", "third"}
    for name, answer in answers.items():
        call = stored[name]
        assert text_of(call) == answer["choices"][0]["message"]["content"]
        assert call["usage"]["input_tokens"] == answer["usage"]["prompt_tokens"]
        assert (call["service_tier"], call["user"]) == ("batch", "user-1")
        assert call["cost_usd"] and not call["unpriced"] and not call["warnings"]
        assert call["batch"]["sent_by"] == outcome.stored[0]["id"]
        assert call["batch"]["fetched_by"] == outcome.stored[3]["id"]
    assert (stored["third"]["status"], stored["third"]["unpriced"]) == (429, "failed")
    assert stored["third"]["batch"]["fetched_by"] == outcome.stored[4]["id"]


def test_anthropic_answers_meet_their_requests(both, calls):
    def scenario():
        with anthropic.Anthropic(max_retries=0) as client:
            params = {"model": "claude-sonnet-4-5", "max_tokens": 100, "messages": QUESTION}
            bad = params | {"messages": [{"role": "user", "content": "mock:status=400"}]}
            requests = [{"custom_id": "good", "params": params}, {"custom_id": "bad", "params": bad}]
            begun = client.messages.batches.create(requests=requests)
            assert begun.processing_status == "in_progress"
            batch = client.messages.batches.retrieve(begun.id)
            assert batch.request_counts.to_dict() | {"succeeded": 1, "errored": 1} == batch.request_counts.to_dict()
            # The helper goes to the address that the answer names, which is the provider's own.
            helped = [result.to_dict() for result in client.messages.batches.results(batch.id)]
            results = client.get(f"/v1/messages/batches/{batch.id}/results", cast_to=str)
            assert helped == [json.loads(line) for line in results.splitlines()]
            return batch.id, helped

    # The helper asks for the batch once more.
    outcome = both(scenario, count=4)
    batch, results = outcome.seen
    stored = batched(calls, batch, 2)
    message = results[0]["result"]["message"]
    assert text_of(stored["good"]) == message["content"][0]["text"]
    assert stored["good"]["usage"]["output_tokens"] == message["usage"]["output_tokens"]
    assert (stored["good"]["service_tier"], stored["bad"]["cost_usd"]) == ("batch", None)
    assert stored["bad"]["error"]["kind"] == "invalid_request_error"
    for call in stored.values():
        assert call["batch"]["sent_by"] == outcome.stored[0]["id"]
        assert call["batch"]["fetched_by"] == outcome.stored[-1]["id"]


def test_google_answers_stand_in_the_batch(both, calls):
    def scenario():
        with genai.Client() as client:
            contents = [{"role": "user", "parts": [{"text": "Where is my parcel?"}]}]
            begun = client.batches.create(model="gemini-2.5-flash", src=[{"contents": contents}] * 2)
            batch = client.batches.get(name=begun.name)
            assert batch.state.name == "JOB_STATE_SUCCEEDED"
            return batch.name, [answer.response.text for answer in batch.dest.inlined_responses]

    outcome = both(scenario, count=2)
    batch, texts = outcome.seen
    stored = batched(calls, batch, 2)
    assert [text_of(stored[str(place)]) for place in range(2)] == texts
    for call in stored.values():
        assert call["operation_name"] == "generate_content" and call["service_tier"] == "batch"
        assert call["cost_usd"] and call["batch"]["sent_by"] == outcome.stored[0]["id"]


def test_google_answers_come_down_in_a_file(both, calls, tmp_path):
    request = {"contents": [{"role": "user", "parts": [{"text": "Where is my parcel?"}]}]}
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps({"key": "only", "request": request}) + "\n")

    def scenario():
        with genai.Client() as client:
            # The client sends the file to the address that the answer names, which is the provider's own.
            file = client.files.upload(file=source, config={"mime_type": "application/jsonl"})
            begun = client.batches.create(model="gemini-2.5-flash", src=file.name)
            batch = client.batches.get(name=begun.name)
            return batch.name, client.files.download(file=batch.dest.file_name).decode()

    outcome = both(scenario, count=4)
    batch, output = outcome.seen
    call = batched(calls, batch, 1)["only"]
    assert text_of(call) == json.loads(output)["response"]["candidates"][0]["content"]["parts"][0]["text"]
    assert call["service_tier"] == "batch" and call["cost_usd"]
    assert call["batch"]["sent_by"] is None and call["warnings"]
