"""The real program as a child process, and what its REST API says of the calls it has stored."""

import os
import signal
import socket
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx

DEADLINE_S = 30.0
PAUSE_S = 0.02

REPOSITORY = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("CODEPROMPTU_BIN", REPOSITORY / "target/debug/codepromptu"))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(condition, what: str):
    """The first true value of `condition`; fails with `what` when there is none in time."""
    deadline = time.monotonic() + DEADLINE_S
    while not (value := condition()):
        assert time.monotonic() < deadline, f"in {DEADLINE_S:.0f} s: {what() if callable(what) else what}"
        time.sleep(PAUSE_S)
    return value


class Program:
    """One running `codepromptu`. Its output goes to a file, and into the message where it does not start."""

    def __init__(self, command: list[str], directory: Path, ready_url: str):
        self.log = directory / f"{command[0]}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([BINARY, *command], cwd=directory, stdout=log, stderr=log)
        self.http = httpx.Client(trust_env=False, timeout=DEADLINE_S)
        wait_until(lambda: self._answers(ready_url), lambda: f"`{command[0]}` is not ready:\n{self.log.read_text()}")

    def _answers(self, url: str) -> bool:
        assert self.process.poll() is None, f"the program has ended:\n{self.log.read_text()}"
        try:
            return self.http.get(url).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        self.http.close()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)


def now() -> datetime:
    """The time of the clock that the program reads, too."""
    return datetime.now(UTC)


def began(call: dict) -> datetime:
    return datetime.fromisoformat(call["started_at"])


class Calls:
    """The stored calls, read over REST."""

    def __init__(self, gateway: str):
        self.http = httpx.Client(base_url=f"{gateway}/api/v1", trust_env=False, timeout=DEADLINE_S)

    def summaries(self) -> list[dict]:
        """The last calls, the newest first."""
        response = self.http.get("/calls", params={"limit": 100})
        response.raise_for_status()
        return response.json()["calls"]

    def get(self, call_id: str) -> dict:
        """One call, whole, once it has ended and is stored."""

        def ended():
            response = self.http.get(f"/calls/{call_id}")
            return response.status_code == 200 and response.json()["outcome"] and response.json()

        return wait_until(ended, f"{call_id} is not stored")

    def of_batch(self, batch: str, count: int) -> list[dict]:
        """The `count` calls that a batch served."""

        def stored():
            response = self.http.get("/calls", params={"batch": batch})
            response.raise_for_status()
            found = response.json()["calls"]
            return found if len(found) >= count else None

        found = wait_until(stored, f"the {count} calls of {batch} are not stored")
        assert len(found) == count, found
        return found

    def since(self, moment: datetime, count: int) -> list[dict]:
        """The `count` calls that began after `moment`, whole, in that order.

        By the time of the call, for the calls of an earlier test may be stored only now.
        """

        def stored():
            # The calls that a batch served have no duration: they are no exchanges.
            ended = [call for call in self.summaries() if call["outcome"] == "lost" or call["duration_us"] is not None]
            new = [call for call in ended if began(call) >= moment]
            return new if len(new) >= count else None

        new = wait_until(stored, lambda: f"{count} calls were made, stored are {self.summaries()}")
        assert len(new) == count, f"{count} calls were made, stored are {new}"
        return [self.get(call["id"]) for call in sorted(new, key=lambda call: (call["started_at"], call["id"]))]


def text_of(call: dict) -> str:
    """All text of a stored call's answer."""
    return "".join(part["content"] for part in parts_of(call, "text"))


def parts_of(call: dict, kind: str) -> list[dict]:
    return [part for message in call["output_messages"] for part in message["parts"] if part["type"] == kind]


def tool_calls_of(call: dict) -> list[tuple]:
    return [(part["id"], part["name"], part["arguments"]) for part in parts_of(call, "tool_call")]
