"""What the kit tells a report while a test runs.

It tells when waits begin and end, which queries it meets, and where topics end. Unless
a report is asked for, nobody listens, and each call here only looks at a variable.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from spark_kafka_testkit import _clock

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

__all__ = [
    "Listener",
    "Wait",
    "listen",
    "query_ends",
    "query_met",
    "topic_ends",
    "waiting",
]

KIT = str(Path(__file__).parent)


class Wait(NamedTuple):
    """A call of the kit that waited, and has ended.

    Attributes:
        name: the name of the function that waited.
        begun, ended: when it began and ended, in seconds since the epoch.
        failure: the class of the error that it ended with, or an empty string.
        place: the line that called it, such as `test_join.py:12`, or an empty string if
            that is not known.
    """

    name: str
    begun: float
    ended: float
    failure: str
    place: str


class Listener(Protocol):
    """What receives the calls, to make a report. They may come from any thread."""

    def wait_ended(self, wait: Wait) -> None: ...

    def query_met(self, query: StreamingQuery) -> None: ...

    def query_ends(self, query: StreamingQuery) -> None: ...

    def topic_ends(self, topic: str, ends: Mapping[int, int]) -> None: ...


_listener: Listener | None = None
_alone = 0  # how many waits with `alone` are in progress
_thread = threading.local()


def listen(listener: Listener | None) -> Listener | None:
    """Set the listener, or None for nobody, and return the previous one."""
    global _listener
    before, _listener = _listener, listener
    return before


def query_met(query: StreamingQuery) -> None:
    """Tell the listener that the kit was given a query, or looks at one."""
    if _listener is not None and not _alone:
        _listener.query_met(query)


def query_ends(query: StreamingQuery) -> None:
    """Tell the listener that the kit is about to stop a query."""
    if _listener is not None and not _alone:
        _listener.query_ends(query)


def topic_ends(topic: str, ends: Mapping[int, int]) -> None:
    """Tell the listener where a topic ends at this moment.

    Args:
        topic: its name.
        ends: the end offset of each partition that is known.
    """
    if _listener is not None and not _alone:
        _listener.topic_ends(topic, ends)


class waiting:  # noqa: N801  it is used as a function
    """Report the block to the listener as a wait.

    A wait inside another one on the same thread is not reported.

    Args:
        name: the name of the function that waits.
        alone: whether to report nothing else until the block ends, from any thread.
    """

    def __init__(self, name: str, *, alone: bool = False) -> None:
        self._name, self._alone = name, alone
        self._begun: float | None = None
        self._place = ""

    def __enter__(self) -> None:
        global _alone  # noqa: PLW0603  as above
        if _listener is None or _alone or getattr(_thread, "waits", False):
            return
        self._begun, self._place = _clock.now(), _place()
        _thread.waits = True
        _alone += self._alone

    def __exit__(self, error_type: type[BaseException] | None, *_: object) -> None:
        global _alone  # noqa: PLW0603  as above
        if self._begun is None:
            return
        _thread.waits = False
        _alone -= self._alone
        listener = _listener
        if listener is not None:
            failure = "" if error_type is None else error_type.__name__
            wait = Wait(self._name, self._begun, _clock.now(), failure, self._place)
            listener.wait_ended(wait)


def _place() -> str:
    """The line that called the kit, or an empty string if there is none."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(KIT) and file != contextlib.__file__:
            return f"{Path(file).name}:{frame.f_lineno}"
        frame = frame.f_back
    return ""
