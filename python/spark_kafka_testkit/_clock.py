"""The clock for deadlines, which keeps running while a test has frozen time.

freezegun replaces `time.monotonic` and similar functions in every module, and
time-machine replaces the time of day in C. Neither touches the system's other clocks or
`time.sleep`.
"""

from __future__ import annotations

import datetime
import importlib
import importlib.util
import sys
import time
from types import ModuleType
from typing import Any

__all__ = ["keep_running", "load_arrow", "monotonic", "now"]


def monotonic() -> float:
    """Seconds of the system's monotonic clock."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def now() -> float:
    """The time of day, in seconds since the epoch."""
    hatch = getattr(sys.modules.get("time_machine"), "escape_hatch", None)
    if hatch is not None:
        try:
            return float(hatch.time.time())
        except ValueError:
            pass  # nobody is travelling
    return time.clock_gettime(time.CLOCK_REALTIME)


def keep_running(package: str) -> None:
    """Give the loaded modules of a package a `time` whose clocks keep running.

    A freeze also affects the package's own threads, and deadlines are lost if a thread
    sees time jump.
    """
    # a copy is made in one step, and other threads import meanwhile
    for name, module in sys.modules.copy().items():
        if name.startswith(f"{package}.") and getattr(module, "time", None) is time:
            module.__dict__["time"] = _running


def load_arrow() -> None:
    """Import pyarrow and pandas, if freezegun has replaced the date types.

    Importing pyarrow imports pandas too. Importing pandas never returns while the types
    are replaced, so they are real during the import.
    """
    freezegun: Any = sys.modules.get("freezegun.api")
    if freezegun is None or datetime.datetime is freezegun.real_datetime:
        return
    if {"pyarrow", "pandas"} <= sys.modules.keys():
        return
    replaced = datetime.datetime, datetime.date
    datetime.datetime = freezegun.real_datetime  # type: ignore[misc]
    datetime.date = freezegun.real_date  # type: ignore[misc]
    try:
        for name in ("pyarrow", "pandas"):
            if importlib.util.find_spec(name) is not None:
                importlib.import_module(name)
    finally:
        datetime.datetime, datetime.date = replaced  # type: ignore[misc]


_running = ModuleType("time")
_running.__dict__.update(
    vars(time),
    monotonic=monotonic,
    monotonic_ns=lambda: round(monotonic() * 1e9),
    perf_counter=monotonic,
    time=now,
    time_ns=lambda: round(now() * 1e9),
)
