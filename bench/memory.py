"""Resident memory: how much more a process takes while something runs; and a script,
`python -m bench.memory BROKER`, that shows what bounded memory means for 2 million
records of 500 bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from bench.harness import seconds_of

__all__ = ["ResidentMemory", "generated", "measure_in_child"]

LOOK_SECONDS = 0.02
MEBIBYTE = 1 << 20


class ResidentMemory:
    """For the time of a `with`: the growth of each process's resident memory, from the
    beginning to the highest value seen.

    Attributes:
        growth: MiB, by the name of the process.
    """

    def __init__(self, processes: Mapping[str, int]) -> None:
        self._processes = processes
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self.growth = dict.fromkeys(processes, 0.0)

    def __enter__(self) -> ResidentMemory:
        self._before = {name: resident(pid) for name, pid in self._processes.items()}
        self._watcher.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._watcher.join()
        self._look()

    def _watch(self) -> None:
        while not self._done.wait(LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        for name, pid in self._processes.items():
            more = (resident(pid) - self._before[name]) / MEBIBYTE
            self.growth[name] = max(self.growth[name], more)


def resident(pid: int) -> int:
    """The resident memory of a process, in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
