"""The pages in a real browser, and single sign-on with a real provider.

Everything that the browser complains of is a failure: a script's error, a violation of the content policy, a dialog.
"""

import hashlib
import hmac
import os
import re
import subprocess
import time
from base64 import b32decode
from types import SimpleNamespace

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from program import BINARY, DEADLINE_S, Program, free_port, wait_until

PASSWORD = "brine kettle vowel otter"
CONFIG = """\
data_dir = "data"

[server]
listen = "{listen}"

[sso]
reach = "private"

[providers.openai]
base_url = "{mock}/openai"
"""
# What the browser writes of an answer to somebody who is not signed in, lacks a code, or asks for what is not there.
REFUSED = re.compile(r"Failed to load resource: the server responded with a status of 40[134] ")

EVIL = [
    '<img src=x onerror="window.hacked=1">',
    '"><script>window.hacked=1</script>',
    "javascript:window.hacked=1//",
    "<svg/onload=window.hacked=1>",
]
# Markup and links that nobody but what was sent could have made.
MADE = "img[src='x'], svg[onload], script:not([src]), a[href^='javascript:'], [onerror], [onload]"


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """A page of a fresh browser, which must not complain."""
    complaints = []
    with chromium.new_context() as context:
        context.set_default_timeout(DEADLINE_S * 1000)
        # What the provider's own pages load from elsewhere.
        context.route(lambda url: not url.startswith("http://127.0.0.1:"), lambda route: route.fulfill(body=""))
        page = context.new_page()

        def note(message):
            if message.type in ("error", "warning") and not REFUSED.match(message.text):
                complaints.append(message.text)

        def close(dialog):
            complaints.append(f"dialog: {dialog.message}")
            dialog.dismiss()

        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("dialog", close)
        page.complaints = complaints
        yield page
        assert not complaints


@pytest.fixture
def server(mock, tmp_path):
    """A program that nobody owns yet."""
    address = f"127.0.0.1:{free_port()}"
    (tmp_path / "codepromptu.toml").write_text(CONFIG.format(listen=address, mock=mock))
    program = Program(["serve"], tmp_path, f"http://{address}/readyz")
    url = f"http://{address}"
    setup = wait_until(lambda: re.search(r"http\S+/setup#\S+", program.log.read_text()), "no link was printed")
    yield SimpleNamespace(url=url, setup=setup[0], directory=tmp_path)
    assert program.stop() == 0, program.log.read_text()


@pytest.fixture
def provider(server):
    """The issuer of a provider that knows the server."""
    issuer = f"http://127.0.0.1:{free_port()}"
    script = os.path.join(os.environ["NODE_CLIENTS"], "provider.mjs")
    log = (server.directory / "provider.log").open("wb")
    process = subprocess.Popen(["node", script, issuer, f"{server.url}/login/sso/callback"], stdout=log, stderr=log)

    def answers():
        assert process.poll() is None, (server.directory / "provider.log").read_text()
        try:
            return httpx.get(f"{issuer}/.well-known/openid-configuration", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    wait_until(answers, "the provider does not answer")
    yield issuer
    process.terminate()
    process.wait(DEADLINE_S)


def api(page, method, path, body=None):
    """A request of whoever is signed in in the browser."""
    base = page.url.split("/", 3)
    origin = "/".join(base[:3])
    answer = page.request.fetch(
        f"{origin}/api/v1{path}", method=method, data=body, headers={"origin": origin}, fail_on_status_code=False
    )
    assert answer.ok, (method, path, answer.text())
    return answer.json() if answer.text() else None


def step_now():
    """The step that an authenticator app is at. The one behind it is taken too, and each code once: nobody waits."""
    return int(time.time() // 30)


def totp(secret, step):
    """The code that an authenticator app shows."""
    key = b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, step.to_bytes(8, "big"), hashlib.sha1)
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start:start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def set_up(page, server, name="Ada"):
    page.goto(server.setup)
    assert "#" not in page.url
    page.get_by_label("E-mail address").fill("ada@example.test")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("button[type=submit]").click()
    expect(page.locator("#connection")).to_have_text("live")
    assert page.url == f"{server.url}/"


def confirm(page):
    """Tells an authenticator app the secret, and the page its code. The secret, and the step of the code."""
    expect(page.locator("#confirm-factor")).to_be_visible()
    page.wait_for_function("document.getElementById('picture').naturalWidth > 100")
    secret, step = page.locator("#secret").inner_text(), step_now()
    page.locator("#confirm-factor").get_by_label("Code").fill(totp(secret, step))
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator("#recovery-codes")).to_contain_text("-")
    return secret, step


def sign_out(page, server):
    page.goto(f"{server.url}/account")
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url("**/login")


def sign_in_at(page, server, login):
    """Through the provider's own pages."""
    page.goto(f"{server.url}/login")
    page.get_by_label("Short name of the organisation").fill("default")
    page.get_by_role("button", name="Single sign-on").click()
    page.get_by_placeholder("Enter any login").fill(login)
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def test_a_first_day(page, server):
    """From the first start to a colleague, with an authenticator app in between."""
    set_up(page, server)
    page.goto(f"{server.url}/account")
    page.locator("#begin-factor").get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Add an authenticator app").click()
    secret, step = confirm(page)
    made = api(page, "POST", "/invitations", {"email": "ben@example.test", "role": "viewer"})
    sign_out(page, server)

    page.get_by_label("E-mail address").fill("ada@example.test")
    page.get_by_label("Password").fill("not this one at all")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator("#sign-in .failure")).to_contain_text("is wrong")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.locator("#code input").fill(totp(secret, step + 1))
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator("#connection")).to_have_text("live")
    sign_out(page, server)

    page.goto(f"{server.url}{made['path']}")
    expect(page.locator("#about")).to_contain_text("ada@example.test invites ben@example.test to default, as viewer")
    page.locator("#sign-up").get_by_label("Name").fill("Ben")
    page.locator("#sign-up").get_by_label("Password").fill(PASSWORD)
    page.locator("#sign-up button[type=submit]").click()
    expect(page.locator("#connection")).to_have_text("live")
    page.goto(f"{server.url}/account")
    expect(page.locator("#who")).to_have_text("Ben, ben@example.test")
    expect(page.locator("#sessions tr")).to_have_count(1)


def test_single_sign_on(page, server, provider):
    set_up(page, server)
    settings = [
        ["--issuer", provider], ["--client-id", "codepromptu"], ["--client-secret-stdin"], ["--domain", "example.test"],
        ["--scope", "email"], ["--scope", "profile"], ["--scope", "groups"], ["--group-claim", "groups"],
        ["--group", "engineers=editor"], ["--admit-unknown"], ["--default-role", "viewer"],
    ]
    key = api(page, "POST", "/keys", {"name": "settings", "role": "owner"})["token"]
    environment = {**os.environ, "CODEPROMPTU_API_KEY": key, "CODEPROMPTU_SERVER": server.url, "HOME": str(server.directory)}

    def command(*words, given=""):
        done = subprocess.run(
            [BINARY, *words], input=given, env=environment, cwd=server.directory, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    command("sso", "set", *sum(settings, []), given="a secret of the client")
    assert f"people sign in at {provider}" in command("sso", "test")
    shown = command("sso", "show")
    assert "engineers is editor" in shown and "a secret" not in shown
    sign_out(page, server)

    # Somebody new, with the role of their group.
    sign_in_at(page, server, "grace.engineers")
    expect(page.locator("#connection")).to_have_text("live")
    me = api(page, "GET", "/me")
    assert (me["name"], me["roles"], me["via"]) == ("grace@example.test", ["editor"], "session")
    page.goto(f"{server.url}/account")
    expect(page.locator("#who")).to_have_text("grace, grace@example.test")
    expect(page.locator("#password")).to_be_hidden()
    sign_out(page, server)

    # The provider remembers the browser, so nobody types anything this time.
    page.get_by_role("button", name="Single sign-on").click()
    page.get_by_role("button", name="Continue").or_(page.locator("#connection.live")).click()
    expect(page.locator("#connection")).to_have_text("live")

    # An organisation that requires a second factor lets nobody do anything else before.
    command("org", "require-second-factor")
    page.goto(f"{server.url}/")
    expect(page.locator("#failure")).to_contain_text("requires a second factor")
    page.goto(f"{server.url}/account")
    page.get_by_role("button", name="Add an authenticator app").click()
    secret, step = confirm(page)
    page.goto(f"{server.url}/")
    expect(page.locator("#connection")).to_have_text("live")
    assert api(page, "GET", "/me")["roles"] == ["editor"]
    sign_out(page, server)
    page.get_by_role("button", name="Single sign-on").click()
    page.get_by_role("button", name="Continue").or_(page.locator("#show-factor button")).click()
    page.locator("#show-factor").get_by_label("Code").fill(totp(secret, step + 1))
    page.get_by_role("button", name="Show it").click()
    expect(page.locator("#show-factor")).to_be_hidden()
    assert api(page, "GET", "/me")["name"] == "grace@example.test"


def unharmed(page):
    assert page.evaluate("window.hacked") is None
    assert page.locator(MADE).count() == 0
    assert not page.complaints


def test_nothing_that_is_shown_runs(page, server):
    """Markup in every field that a page shows stays the text that it is."""
    evil = "".join(EVIL)
    set_up(page, server, name=evil[:120])
    api(page, "PUT", "/org", {"name": evil[:120], "slug": "default"})
    header = evil.replace('"', "'")
    request = {
        "model": EVIL[0],
        "user": evil,
        "metadata": {"label": evil, evil[:60]: "value"},
        "messages": [
            {"role": "system", "content": evil},
            {"role": "user", "name": "n", "content": [{"type": "text", "text": evil}, {"type": EVIL[0], "x": evil}]},
            {"role": "assistant", "tool_calls": [
                {"id": evil, "type": "function", "function": {"name": evil, "arguments": '{"a": "<b>"}'}}]},
            {"role": "tool", "tool_call_id": evil, "content": evil},
            {"role": EVIL[0], "content": EVIL[1]},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "description": evil}}],
    }
    answer = httpx.post(
        f"{server.url}/openai/v1/chat/completions", json=request, trust_env=False, timeout=DEADLINE_S,
        headers={"authorization": "Bearer sk-test", "user-agent": header, "traceparent": header},
    )
    assert answer.status_code < 500, answer.text
    page.goto(f"{server.url}/")
    row = page.locator("tbody tr").first
    expect(row).to_contain_text(EVIL[0])
    unharmed(page)
    row.click()
    expect(page.locator("#detail .message").first).to_contain_text(EVIL[1])
    for summary in page.locator("#detail summary").all():
        summary.click()
    shown = page.locator("#detail").inner_text()
    for text in EVIL:
        assert text in shown
    unharmed(page)

    page.goto(f"{server.url}/account")
    expect(page.locator("#who")).to_contain_text(EVIL[0])
    unharmed(page)

    made = api(page, "POST", "/invitations", {"email": "<img/src=x>@example.test", "role": "viewer"})
    page.goto(f"{server.url}{made['path']}")
    expect(page.locator("#about")).to_contain_text("<img/src=x>@example.test")
    expect(page.locator("#about")).to_contain_text(EVIL[0])
    unharmed(page)

    page.goto(f"{server.url}/login/sso/%3Cimg%20src=x%20onerror=window.hacked=1%3E")
    expect(page.get_by_role("alert")).to_contain_text("<img src=x onerror=window.hacked=1>")
    unharmed(page)


def test_a_script_that_got_in_would_be_seen(page, server):
    """The policy stops what a page lets in, and the test above would tell."""
    page.goto(f"{server.url}/login")
    page.evaluate("text => { document.querySelector('main').innerHTML = text }", EVIL[0])
    wait_until(lambda: page.evaluate("1") and page.complaints, "the browser does not complain")
    assert page.evaluate("window.hacked") is None and page.locator(MADE).count() > 0
    assert any("Content Security Policy" in complaint for complaint in page.complaints)
    page.complaints.clear()


def test_a_session_elsewhere_shows_what_it_calls_itself(page, server):
    set_up(page, server)
    with httpx.Client(trust_env=False, headers={"user-agent": EVIL[0].replace('"', "'")}) as other:
        answer = other.post(
            f"{server.url}/api/v1/session/token", json={"email": "ada@example.test", "password": PASSWORD}
        )
        assert answer.status_code == 200
    page.goto(f"{server.url}/account")
    expect(page.locator("#sessions")).to_contain_text("<img src=x onerror='window.hacked=1'>")
    unharmed(page)
