"""The clock that deadlines are measured by: it runs on while a test has frozen time.

freezegun replaces `time.monotonic` and its like in every module, time-machine the time
of day in C. Neither touches the system's other clocks, nor `time.sleep`.
"""

from __future__ import annotations

import sys
import time
from types import ModuleType

__all__ = ["keep_running", "monotonic", "now"]


def monotonic() -> float:
    """Seconds of the system's monotonic clock."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def now() -> float:
    """The time of day, in seconds since the epoch."""
    hatch = getattr(sys.modules.get("time_machine"), "escape_hatch", None)
    if hatch is not None:
        return float(hatch.time.time())
    return time.clock_gettime(time.CLOCK_REALTIME)


def keep_running(package: str) -> None:
    """Gives the modules of a package that are loaded, for `time`, a copy whose clocks
    run on. A freeze does not end at the package's own threads, and the deadlines of one
    that sees time jump are lost.
    """
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{package}.") and getattr(module, "time", None) is time:
            module.__dict__["time"] = _running


_running = ModuleType("time")
_running.__dict__.update(
    vars(time),
    monotonic=monotonic,
    monotonic_ns=lambda: round(monotonic() * 1e9),
    perf_counter=monotonic,
    time=now,
    time_ns=lambda: round(now() * 1e9),
)
