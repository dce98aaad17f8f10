"""What a report is told while a test runs: where waits begin and end, which queries the
kit meets, and where topics end.

Nobody listens unless a report is asked for. Each call here is one look at a variable
then.
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
    """A wait of the kit's that has ended.

    Attributes:
        name: of the function that waited.
        begun, ended: in seconds since the epoch.
        failure: the class of the error that it ended with, or empty.
        place: the line that called it, as `test_join.py:12`, or empty.
    """

    name: str
    begun: float
    ended: float
    failure: str
    place: str


class Listener(Protocol):
    """Whoever makes a report. Calls come from any thread."""

    def wait_ended(self, wait: Wait) -> None: ...

    def query_met(self, query: StreamingQuery) -> None: ...

    def query_ends(self, query: StreamingQuery) -> None: ...

    def topic_ends(self, topic: str, ends: Mapping[int, int]) -> None: ...


_listener: Listener | None = None
_alone = 0  # how many waits go on that are told without what happens in them
_thread = threading.local()


def listen(listener: Listener | None) -> Listener | None:
    """Has a listener told from now on, or nobody, and gives the one before it."""
    global _listener
    before, _listener = _listener, listener
    return before


def query_met(query: StreamingQuery) -> None:
    """The kit has been given a query, or looks at one."""
    if _listener is not None and not _alone:
        _listener.query_met(query)


def query_ends(query: StreamingQuery) -> None:
    """The kit is about to stop a query."""
    if _listener is not None and not _alone:
        _listener.query_ends(query)


def topic_ends(topic: str, ends: Mapping[int, int]) -> None:
    """Partitions of a topic ended there at this moment."""
    if _listener is not None and not _alone:
        _listener.topic_ends(topic, ends)


class waiting:  # noqa: N801  it is used as a function
    """The block is a wait. One that is part of another, on the same thread, is not
    told.

    Args:
        name: of the function that waits.
        alone: whether nothing that happens meanwhile is told, on any thread.
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
    """The line outside of the kit that has called it."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(KIT) and file != contextlib.__file__:
            return f"{Path(file).name}:{frame.f_lineno}"
        frame = frame.f_back
    return ""
