"""The processes of this machine, from /proc."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

__all__ = [
    "HANG_SECONDS",
    "PATIENT",
    "children",
    "is_alive",
    "pids",
    "text_of",
    "wait_until",
]

HANG_SECONDS = 800
"""After that a child process hangs. It never says how long one may take."""

PATIENT = {"SPARK_KAFKA_TESTKIT_TIMEOUT_FACTOR": "10"}
"""For tests of users, whose time-outs are those of a quick machine."""

TICK_SECONDS = 0.05


def is_alive(pid: int) -> bool:
    """Whether the process runs. A zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def pids() -> list[int]:
    """The ids of all processes."""
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]


def text_of(pid: int, file: str) -> str:
    """A file of the process in /proc, or empty if the process is gone."""
    try:
        return Path(f"/proc/{pid}/{file}").read_text(errors="replace")
    except OSError:
        return ""


def children(pid: int) -> list[int]:
    """The child processes of a process."""
    pids = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in pids.split()]


def wait_until(condition: Callable[[], bool], problem: str) -> None:
    """Wait until the condition holds, or fail with the problem if it never does."""
    deadline = time.monotonic() + HANG_SECONDS
    while not condition():
        assert time.monotonic() < deadline, problem
        time.sleep(TICK_SECONDS)
