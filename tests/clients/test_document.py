"""The API keeps to its OpenAPI document, whatever it is asked: no 5xx, no status and no shape that is not in it."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from program import REPOSITORY, Calls, Program, free_port

CONFIG = """\
data_dir = "data"

[server]
listen = "{listen}"

[providers.openai]
base_url = "{mock}/openai"
"""

# Of each operation; a hundred thousand are no better friend than the same hundred in every run.
EXAMPLES = 40
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def api(mock, tmp_path_factory):
    """The base URL of a program of its own, which may be changed at will. There is a call in it."""
    address = f"127.0.0.1:{free_port()}"
    directory = tmp_path_factory.mktemp("api")
    (directory / "codepromptu.toml").write_text(CONFIG.format(listen=address, mock=mock))
    base = f"http://{address}"
    program = Program(["serve"], directory, f"{base}/readyz")
    chat = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}
    call = program.http.post(f"{base}/openai/v1/chat/completions", json=chat).headers["codepromptu-call-id"]
    Calls(base).get(call)
    yield base
    assert program.stop() == 0, program.log.read_text()


schema = schemathesis.openapi.from_path(REPOSITORY / "crates/cp-api/openapi.json")
operations = {operation.label: operation for operation in (result.ok() for result in schema.get_all_operations())}
# Events without end are not waited for here.
del operations["GET /api/v1/calls/tail"]
del operations["GET /api/v1/changes"]


@pytest.mark.parametrize("label", operations)
def test_every_operation_keeps_to_the_document(label, api):
    @given(case=operations[label].as_strategy())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def keeps(case):
        case.call_and_validate(base_url=api, checks=CHECKS, timeout=30)

    keeps()
