"""The exports, read as data people read them: JSON lines, and Parquet with Arrow."""

import json
import signal
import subprocess
from datetime import datetime
from decimal import Decimal

import openai
import pyarrow
import pyarrow.parquet
import pytest

from program import BINARY, now

COLUMNS = {
    "id": pyarrow.string(),
    "started_at": pyarrow.timestamp("us", tz="UTC"),
    "stream": pyarrow.bool_(),
    "usage_input_tokens": pyarrow.int64(),
    "cost_usd": pyarrow.decimal128(18, 9),
    "input_messages": pyarrow.string(),
}


@pytest.fixture
def export(gateway, tmp_path):
    """Runs `codepromptu calls export`."""

    def run(*arguments: str) -> subprocess.CompletedProcess:
        command = [BINARY, "calls", "export", "--server", gateway, *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


def make_calls(count: int):
    client = openai.OpenAI(max_retries=0)
    for number in range(count):
        messages = [{"role": "user", "content": f"Question {number}: é, 漢字 and \u2028?"}]
        stream = client.chat.completions.create(model="gpt-4.1-mini", messages=messages, stream=number % 2 == 1)
        _ = list(stream) if number % 2 else stream


# Columns of which the name does not say which field of the object they are.
FIELDS = {"error_provider_code": "code", "batch_id": "batch_id"}


def flat(call: dict, column: str):
    """What a column holds of a call in JSON."""
    head, _, field = column.partition("_")
    if head in ("usage", "error", "batch", "capture") and column != "error_code":
        return (call[head] or {}).get(FIELDS.get(column, field))
    return call[column]


def test_a_table_holds_what_the_lines_hold(gateway, calls, export, point_at, tmp_path):
    point_at(gateway)
    start = now()
    make_calls(5)
    calls.since(start, 5)
    since = ["--since", start.isoformat()]
    for file in ["calls.jsonl", "calls.parquet"]:
        done = export(*since, "--output", file)
        assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in (tmp_path / "calls.jsonl").read_bytes().splitlines()]
    table = pyarrow.parquet.read_table(tmp_path / "calls.parquet")
    assert {name: table.schema.field(name).type for name in COLUMNS} == COLUMNS
    rows = table.to_pylist()
    assert [row["id"] for row in rows] == [line["id"] for line in lines]
    assert len(rows) == 5
    for row, line in zip(rows, lines, strict=True):
        for column, value in row.items():
            expected = flat(line, column)
            if expected is None:
                assert value is None, column
            elif column == "started_at":
                assert value == datetime.fromisoformat(expected)
            elif column == "cost_usd":
                assert value == Decimal(expected)
            elif isinstance(expected, (dict, list)):
                assert json.loads(value) == expected, column
            else:
                assert value == expected, column
    assert sorted(path.name for path in tmp_path.iterdir()) == ["calls.jsonl", "calls.parquet"]


def test_an_export_of_nothing_is_an_empty_table(export, tmp_path):
    done = export("--model", "no-such-model", "--output", "none.data", "--format", "parquet")
    assert (done.returncode, done.stdout.strip()) == (0, "0 calls in none.data")
    table = pyarrow.parquet.read_table(tmp_path / "none.data")
    assert (table.num_rows, table.schema.field("id").type) == (0, pyarrow.string())


def test_a_killed_export_goes_on(gateway, calls, export, point_at, tmp_path):
    point_at(gateway)
    start = now()
    make_calls(4)
    stored = [call["id"] for call in calls.since(start, 4)]
    since = ["--since", start.isoformat()]
    assert export(*since, "--output", "whole.jsonl").returncode == 0
    lines = (tmp_path / "whole.jsonl").read_bytes().splitlines(keepends=True)
    # What a kill leaves: whole lines, a torn one, and a table that was begun.
    (tmp_path / "calls.parquet.part").write_bytes(b"".join(lines[:2]) + lines[2][:40])
    (tmp_path / "calls.parquet.new").write_bytes(b"PAR1")
    refused = export(*since, "--output", "calls.parquet")
    assert refused.returncode != 0
    assert "--resume" in refused.stderr
    done = export(*since, "--output", "calls.parquet", "--resume")
    assert (done.returncode, done.stderr) == (0, "")
    table = pyarrow.parquet.read_table(tmp_path / "calls.parquet")
    assert table.column("id").to_pylist() == stored[::-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["calls.parquet", "whole.jsonl"]


def test_an_export_that_is_killed_anywhere_loses_and_doubles_nothing(gateway, calls, export, point_at, tmp_path):
    point_at(gateway)
    start = now()
    make_calls(3)
    stored = [call["id"] for call in calls.since(start, 3)]
    command = [BINARY, "calls", "export", "--server", gateway, "--since", start.isoformat(), "-o", "calls.parquet"]
    for delay in [0, 0.01, 0.02, 0.05]:
        running = subprocess.Popen([*command, "--resume"], cwd=tmp_path, stdout=subprocess.DEVNULL)
        try:
            running.wait(delay)
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGKILL)
            running.wait()
    done = export("--since", start.isoformat(), "-o", "calls.parquet", "--resume")
    assert done.returncode == 0, done.stderr
    table = pyarrow.parquet.read_table(tmp_path / "calls.parquet")
    assert table.column("id").to_pylist() == stored[::-1]
