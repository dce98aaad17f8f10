"""The processes of this machine, from /proc."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["children", "is_alive", "pids", "text_of", "wait_until"]

WAIT_SECONDS = 60.0
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
    """Wait until the condition holds, or fail with the problem after a minute."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, problem
        time.sleep(TICK_SECONDS)
