"""The official clients with a gateway key in place of the provider's: nothing else about them changes."""

import anthropic
import httpx
import openai
import pytest
from google import genai
from google.genai import errors

from program import DEADLINE_S, wait_until

HELLO = "Say hello, please."
KEYS = {"openai": "sk-vault-openai", "anthropic": "sk-vault-anthropic", "gemini": "vault-gemini"}


@pytest.fixture(scope="module")
def api(gateway):
    with httpx.Client(base_url=f"{gateway}/api/v1", trust_env=False, timeout=DEADLINE_S) as http:
        for provider, key in KEYS.items():
            http.put(f"/provider-keys/{provider}", json={"key": key}).raise_for_status()
        yield http


def make_key(api, gateway, **limits) -> str:
    """A new gateway key, once the gateway knows it."""
    allowances = [{"window": "month", **limits}] if limits else []
    made = api.post("/gateway-keys", json={"name": "app", "limits": allowances})
    made.raise_for_status()
    token = made.json()["token"]

    def known():
        # What the vault holds nothing for is refused without being counted; an unknown key is refused otherwise.
        answer = httpx.get(f"{gateway}/nobody/x", headers={"api-key": token}, trust_env=False)
        return answer.headers.get("codepromptu-error") == "no_provider_key"

    wait_until(known, "the gateway has not heard of the key")
    return token


def ask_openai(gateway, key, **options):
    client = openai.OpenAI(base_url=f"{gateway}/openai/v1", api_key=key, **options)
    answer = client.chat.completions.with_raw_response.create(
        model="gpt-4.1-mini", messages=[{"role": "user", "content": HELLO}]
    )
    return answer.headers["codepromptu-call-id"]


def ask_anthropic(gateway, key, **options):
    client = anthropic.Anthropic(base_url=f"{gateway}/anthropic", api_key=key, **options)
    answer = client.messages.with_raw_response.create(
        model="claude-sonnet-4-5", max_tokens=64, messages=[{"role": "user", "content": HELLO}]
    )
    return answer.headers["codepromptu-call-id"]


def ask_gemini(gateway, key):
    client = genai.Client(api_key=key, http_options={"base_url": f"{gateway}/gemini"})
    answer = client.models.generate_content(model="gemini-2.5-flash", contents=HELLO)
    return answer.sdk_http_response.headers["codepromptu-call-id"]


@pytest.mark.parametrize("ask", [ask_openai, ask_anthropic, ask_gemini])
@pytest.mark.parametrize("prefix", ["", "/p/default"])
def test_a_gateway_key_stands_for_the_providers(api, gateway, calls, point_at, ask, prefix):
    point_at(gateway)
    key = make_key(api, gateway)
    call = calls.get(ask(gateway + prefix, key))
    assert call["outcome"] == "completed" and call["gateway_key"].startswith("gk_")
    assert call["usage"]["input_tokens"] > 0


@pytest.mark.parametrize("ask, refused", [(ask_openai, openai.RateLimitError), (ask_anthropic, anthropic.RateLimitError)])
def test_over_its_limit_a_key_raises_the_clients_own_error(api, gateway, point_at, ask, refused):
    point_at(gateway)
    key = make_key(api, gateway, requests=1)
    ask(gateway, key)
    with pytest.raises(refused) as raised:
        ask(gateway, key)
    assert "has used up its limit of 1 requests a month" in str(raised.value)
    assert int(raised.value.response.headers["retry-after"]) > 0


def test_over_its_limit_gemini_says_so(api, gateway, point_at):
    point_at(gateway)
    key = make_key(api, gateway, requests=1)
    ask_gemini(gateway, key)
    with pytest.raises(errors.ClientError) as raised:
        ask_gemini(gateway, key)
    assert (raised.value.code, raised.value.status) == (429, "RESOURCE_EXHAUSTED")


def test_an_unknown_key_is_the_clients_own_error(gateway, point_at):
    point_at(gateway)
    with pytest.raises(openai.AuthenticationError, match="gateway key is not known"):
        ask_openai(gateway, "cpk_" + "0" * 52)
    with pytest.raises(anthropic.AuthenticationError, match="gateway key is not known"):
        ask_anthropic(gateway, "cpk_" + "0" * 52)


def test_an_unknown_project_is_the_clients_own_error(gateway, point_at):
    point_at(gateway)
    with pytest.raises(openai.NotFoundError, match="there is no project `nothing`"):
        ask_openai(f"{gateway}/p/nothing", "sk-own")


def test_what_a_key_used_is_counted(api, gateway, calls, point_at):
    point_at(gateway)
    key = make_key(api, gateway, usd="5.00")
    call = calls.get(ask_openai(gateway, key))
    spent = call["usage"]["input_tokens"] + call["usage"]["output_tokens"]

    def settled():
        [listed] = [one for one in api.get("/gateway-keys").json()["keys"] if one["id"] == call["gateway_key"]]
        month = listed["used"][3]
        return (month["requests"], month["tokens"], month["usd"]) == (1, spent, call["cost_usd"])

    wait_until(settled, "the true usage has not taken the estimate's place")
