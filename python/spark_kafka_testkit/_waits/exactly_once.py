"""What was written twice and what was never written, in a few lines."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

from spark_kafka_testkit._text import shown
from spark_kafka_testkit._waits.equality import key_of

__all__ = ["Differences", "Sighting", "differences"]

SHOWN_NAMES = 10
SHOWN_PLACES = 5


@dataclass(frozen=True)
class Sighting:
    """A record that was seen.

    Attributes:
        identity: what distinguishes it from others.
        topic, partition, offset: where it is, or None if that is not known, as for the
            rows of a table.
    """

    identity: Any
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None


@dataclass
class _Account:
    """The sightings of one identity."""

    identity: Any
    sent: list[Sighting] = field(default_factory=list)
    written: list[Sighting] = field(default_factory=list)


@dataclass(frozen=True)
class Differences:
    """What is not exactly once, with a line for each identity.

    Attributes:
        repeated: written more often than sent.
        lost: never written, or less often than sent.
        strange: written, but not sent.
    """

    repeated: list[str]
    lost: list[str]
    strange: list[str]

    @property
    def lines(self) -> list[str]:
        """The first lines of each kind."""
        sorts = self.repeated, self.lost, self.strange
        return [line for lines in sorts for line in _first(lines)]

    @property
    def count(self) -> int:
        return len(self.repeated) + len(self.lost) + len(self.strange)


def differences(sent: Iterable[Sighting], written: Iterable[Sighting]) -> Differences:
    """What was not written as often as it was sent, in the order of sending."""
    accounts: dict[Hashable, _Account] = {}
    for one in sent:
        _of(accounts, one.identity).sent.append(one)
    for one in written:
        _of(accounts, one.identity).written.append(one)
    parts = list(accounts.values())
    return Differences(
        [_often(a) for a in parts if a.sent and len(a.written) > len(a.sent)],
        [_rarely(a) for a in parts if len(a.written) < len(a.sent)],
        [
            f"{shown(a.identity)} was written but not sent{_places(a.written)}"
            for a in parts
            if not a.sent
        ],
    )


def _of(accounts: dict[Hashable, _Account], identity: Any) -> _Account:
    key = key_of(identity)
    if key is None:  # not a value of JSON
        key = type(identity), repr(identity)
    return accounts.setdefault(key, _Account(identity))


def _often(account: _Account) -> str:
    sent = "" if len(account.sent) == 1 else f" for {len(account.sent)} that were sent"
    return (
        f"{shown(account.identity)} was written {_times(len(account.written))}{sent}"
        f"{_places(account.written)}"
    )


def _rarely(account: _Account) -> str:
    if not account.written:
        where = _places(account.sent, "sent to ")
        return f"{shown(account.identity)} was never written{where}"
    return (
        f"{shown(account.identity)} was written {_times(len(account.written))} for "
        f"{len(account.sent)} that were sent{_places(account.written)}"
    )


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _places(sightings: list[Sighting], before: str = "") -> str:
    """The places in brackets, or an empty string if none is known."""
    offsets: dict[tuple[str | None, int], list[int]] = {}
    for one in sightings:
        if one.partition is not None and one.offset is not None:
            offsets.setdefault((one.topic, one.partition), []).append(one.offset)
    texts = []
    for (topic, partition), numbers in offsets.items():
        name = f"{before}topic {topic!r}, " if before else ""
        word = "offset" if len(numbers) == 1 else "offsets"
        texts.append(f"{name}partition {partition}, {word} {_enumerated(numbers)}")
    return f" ({'; '.join(texts)})" if texts else ""


def _enumerated(offsets: list[int]) -> str:
    texts = [str(offset) for offset in sorted(offsets)[:SHOWN_PLACES]]
    more = len(offsets) - SHOWN_PLACES
    if more > 0:
        texts.append(f"{more} more")
    *first, last = texts
    return f"{', '.join(first)} and {last}" if first else last


def _first(lines: list[str]) -> list[str]:
    more = len(lines) - SHOWN_NAMES
    rest = [f"... and {more} more"] if more > 0 else []
    return [*lines[:SHOWN_NAMES], *rest]
