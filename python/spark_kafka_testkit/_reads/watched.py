"""Record what a function reads through the kit, and wait for more of it.

`KafkaUtils` notes its reads here. `assert_eventually` looks at what the function that
it called has noted, and sleeps until one of those topics holds more.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _clock, _timeline

if TYPE_CHECKING:
    from spark_kafka_testkit._clients.protocol import Client
    from spark_kafka_testkit._model.offsets import ReadRequest

__all__ = ["Reads", "note", "noted"]

LOOK_SECONDS = 0.1
FAILED_SECONDS = 1.0

log = logging.getLogger("spark_kafka_testkit")

_thread = threading.local()


class Reads:
    """The topics that were read on this thread, each with what comes after it."""

    def __init__(self) -> None:
        self._rest: dict[str, tuple[Client, ReadRequest]] = {}

    def add(
        self, client: Client, request: ReadRequest, targets: Mapping[int, int]
    ) -> None:
        self._rest[request.topic] = client, replace(request, start=dict(targets))

    def ends(self) -> dict[str, Mapping[int, int]]:
        """The offset up to which each partition of each topic was read."""
        return {
            topic: rest.start
            for topic, (_, rest) in self._rest.items()
            if isinstance(rest.start, Mapping)
        }

    def describe(self) -> list[str]:
        """A line for each topic."""
        return [
            f"  topic {topic!r} was read up to {_shown(rest.start)}"
            for topic, (_, rest) in self._rest.items()
        ]

    def wait_for_more(self, seconds: float, until: Callable[[], bool]) -> None:
        """Wait until a topic holds more, the time is up, or `until` is true.

        It also ends a second after a topic can no longer be watched, since the next
        read may say why.
        """
        deadline = _clock.monotonic() + seconds
        woken, done = threading.Event(), threading.Event()
        threads = [
            threading.Thread(target=_watch, args=(*rest, woken, done), daemon=True)
            for rest in self._rest.values()
        ]
        for thread in threads:
            thread.start()
        try:
            while not woken.is_set() and not until():
                left = deadline - _clock.monotonic()
                if left <= 0:
                    break
                woken.wait(min(left, LOOK_SECONDS))
        finally:
            done.set()


def _shown(ends: Any) -> str:
    return ", ".join(f"{ends[number]} (partition {number})" for number in sorted(ends))


def _watch(
    client: Client, rest: ReadRequest, woken: threading.Event, done: threading.Event
) -> None:
    """Set `woken` when a topic holds more than was read."""
    try:
        with closing(client.follow(rest)) as batches:
            for batch in batches:
                if batch.num_rows:
                    woken.set()
                if woken.is_set() or done.is_set():
                    return
    except Exception as error:  # noqa: BLE001  the next check meets it, and raises it
        log.debug("watching topic %r failed: %s", rest.topic, error)
        done.wait(FAILED_SECONDS)
        woken.set()


def note(client: Client, request: ReadRequest, targets: Mapping[int, int]) -> None:
    """Note a read up to the end of a topic, if somebody on this thread asks for it.

    A read that ends before is no reason to look again as soon as there is more.
    """
    if (request.end, request.upto) != ("latest", "end"):
        return
    _timeline.topic_ends(request.topic, targets)
    reads: Reads | None = getattr(_thread, "reads", None)
    if reads is not None:
        reads.add(client, request, targets)


@contextmanager
def noted() -> Iterator[Reads]:
    """Collect the reads of this thread."""
    before, reads = getattr(_thread, "reads", None), Reads()
    _thread.reads = reads
    try:
        yield reads
    finally:
        _thread.reads = before
