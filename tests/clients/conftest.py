"""The program and the mock provider, and a way to ask both the same."""

import asyncio
import inspect
import socket
from types import SimpleNamespace

import pytest

from collector import Collector
from program import Calls, Program, free_port, now

CONFIG = """\
data_dir = "data"

[server]
listen = "{listen}"

[otlp]
endpoint = "{collector}"

[providers.openai]
base_url = "{mock}/openai"

[providers.anthropic]
base_url = "{mock}/anthropic"

[providers.gemini]
base_url = "{mock}/gemini"

[providers.ollama]
base_url = "{mock}/ollama"

[providers.nobody]
base_url = "http://127.0.0.1:{nobody}"
family = "openai"

[providers.nobody-anthropic]
base_url = "http://127.0.0.1:{nobody}"
family = "anthropic"

[providers.nobody-gemini]
base_url = "http://127.0.0.1:{nobody}"
family = "gemini"

[providers.nobody-ollama]
base_url = "http://127.0.0.1:{nobody}"
family = "ollama"
"""


@pytest.fixture(scope="session")
def mock(tmp_path_factory):
    """The base URL of a mock provider."""
    address = f"127.0.0.1:{free_port()}"
    directory = tmp_path_factory.mktemp("mock")
    program = Program(["mock", "--listen", address], directory, f"http://{address}/echo")
    yield f"http://{address}"
    program.stop()


@pytest.fixture(scope="session")
def collector():
    """A collector of OpenTelemetry spans."""
    with Collector() as running:
        yield running


@pytest.fixture(scope="session")
def nobody():
    """A port that nobody listens on, nor can."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture(scope="session")
def gateway(mock, collector, nobody, tmp_path_factory):
    """The base URL of a gateway in front of the mock. It must stop cleanly, too."""
    address = f"127.0.0.1:{free_port()}"
    directory = tmp_path_factory.mktemp("gateway")
    config = CONFIG.format(listen=address, mock=mock, nobody=nobody, collector=collector.endpoint)
    (directory / "codepromptu.toml").write_text(config)
    program = Program(["serve"], directory, f"http://{address}/readyz")
    yield f"http://{address}"
    assert program.stop() == 0, program.log.read_text()


@pytest.fixture(scope="session")
def calls(gateway):
    return Calls(gateway)


@pytest.fixture
def point_at(monkeypatch):
    """Points the official clients at a base URL, by the environment variables that they document."""
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-openai")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test-anthropic")
    monkeypatch.setenv("GEMINI_API_KEY", "test-gemini")

    def point(base: str):
        monkeypatch.setenv("OPENAI_BASE_URL", f"{base}/openai/v1")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", f"{base}/anthropic")
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", f"{base}/gemini")
        monkeypatch.setenv("OLLAMA_HOST", f"{base}/ollama")

    return point


@pytest.fixture
def both(mock, gateway, calls, point_at):
    """Runs a scenario against the mock and through the gateway.

    What it returns must be equal. Returned are that, and the calls that the gateway stored.
    """

    def run(scenario, count: int = 1):
        def once():
            outcome = scenario()
            return asyncio.run(outcome) if inspect.iscoroutine(outcome) else outcome

        point_at(mock)
        direct = once()
        start = now()
        point_at(gateway)
        through = once()
        assert through == direct
        return SimpleNamespace(seen=direct, stored=calls.since(start, count))

    return run
