"""How far a query's Kafka sources have come, according to its progress."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from spark_kafka_testkit._model.offsets import PartitionOffsets

__all__ = [
    "Ends",
    "Offsets",
    "Place",
    "Position",
    "Source",
    "offsets_of",
    "places_of",
    "sources_of",
]

Offsets = dict[str, dict[int, int]]
"""The next offset to read, by topic and partition."""

UNREADABLE = (SyntaxError, MemoryError, RecursionError)
"""What Python raises besides ValueError for text that is not a literal."""

Ends = Mapping[str, Mapping[int, PartitionOffsets]]
"""The offsets when a wait began, by topic and partition."""


@dataclass(frozen=True)
class Source:
    """A Kafka source of a query.

    Attributes:
        strategy: how it names its topics: `Subscribe`, `SubscribePattern` or `Assign`.
        names: the topics, the regular expression, or topic-partitions such as `a-0`.
        reached: the offsets up to which its batches have read.
        starting: its `startingOffsets`, or an empty string if not known.
        servers: the broker's address, or an empty string if not known.
    """

    strategy: str
    names: str
    reached: Offsets
    starting: str = ""
    servers: str = ""

    @property
    def pattern(self) -> str | None:
        """The regular expression, if it has one."""
        return self.names if self.strategy == "SubscribePattern" else None

    def __str__(self) -> str:
        return f"{self.strategy}[{self.names}]"

    def topics(self) -> list[str]:
        """The topics that it reads, by name or because its pattern found them."""
        if self.strategy == "SubscribePattern":
            return list(self.reached)
        names = self.names.split(", ")
        if self.strategy == "Assign":
            return list(dict.fromkeys(name.rpartition("-")[0] for name in names))
        return names

    def reads(self, topic: str, partition: int) -> bool:
        if self.strategy == "Assign":
            return f"{topic}-{partition}" in self.names.split(", ")
        return topic in self.topics()


def sources_of(progress: Any) -> list[Source]:
    """The Kafka sources in a query's progress."""
    sources = []
    for source in progress["sources"]:
        match = re.fullmatch(
            r"Kafka\w*\[(Subscribe|SubscribePattern|Assign)\[(.*)\]\]",
            source["description"],
            re.DOTALL,  # a pattern may have several lines
        )
        if match:
            reached = offsets_of(source["endOffset"])
            sources.append(Source(match[1], match[2], reached))
    return sources


def offsets_of(reported: Any) -> Offsets:
    """The offsets in a progress, or an empty dict if it has none.

    Depending on PySpark's version, they are a mapping, its JSON text, or the text of a
    Python dict (PySpark's `str` of what it has read, before 4.2).
    """
    try:
        topics = _parsed(reported) if isinstance(reported, str) else reported
        return {
            str(topic): {int(number): int(offset) for number, offset in offsets.items()}
            for topic, offsets in topics.items()
        }
    except (AttributeError, TypeError, ValueError, *UNREADABLE):
        return {}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return ast.literal_eval(text)


@dataclass(frozen=True)
class Place:
    """Where a source is in a partition.

    Attributes:
        next_offset: the offset it reads next, or None if no batch has had the partition
            yet.
        offsets: the offsets of the partition when the wait began.
    """

    topic: str
    partition: int
    next_offset: int | None
    offsets: PartitionOffsets

    @property
    def position(self) -> int:
        """The offset it reads next, as far as that is known."""
        at = self.next_offset
        return self.offsets.beginning if at is None else at

    @property
    def behind(self) -> int:
        """How many offsets it has yet to read."""
        return max(0, self.offsets.end - self.position)

    def __str__(self) -> str:
        at = "not read yet" if self.next_offset is None else f"at {self.next_offset}"
        return (
            f"topic {self.topic!r}, partition {self.partition}: {at}, the end is "
            f"{self.offsets.end}"
        )


def places_of(
    sources: Iterable[Source],
    ends: Ends,
    matches: Mapping[str | None, Collection[str]],
) -> list[Place]:
    """Where each source is in each partition that it reads.

    Args:
        matches: the topics that each pattern finds.
    """
    return [
        Place(
            topic,
            partition,
            source.reached.get(topic, {}).get(partition),
            offsets,
        )
        for source in sources
        for topic, partitions in ends.items()
        for partition, offsets in partitions.items()
        if source.reads(topic, partition) or topic in matches.get(source.pattern, ())
    ]


class Position:
    """How far a query's Kafka sources have come, by all progress seen so far."""

    def __init__(self) -> None:
        self.sources: list[Source] = []
        self.is_known = False
        self._matches: dict[str | None, set[str]] = {}  # by pattern

    def take(self, progress: Any) -> bool:
        """Take in the query's last progress, or return False if it has made none yet.

        The largest offset seen counts, because a progress may lack a partition that an
        earlier one had.
        """
        if progress is not None:
            self.is_known = True
            now = sources_of(progress)
            for source, before in zip(now, self.sources, strict=False):
                for topic, partitions in before.reached.items():
                    reached = source.reached.setdefault(topic, {})
                    for partition, offset in partitions.items():
                        reached[partition] = max(offset, reached.get(partition, 0))
            self.sources = now
        return self.is_known

    @property
    def patterns(self) -> list[str]:
        """The patterns of its sources."""
        patterns = dict.fromkeys(source.pattern for source in self.sources)
        return [pattern for pattern in patterns if pattern is not None]

    def note_matches(self, pattern: str, topics: Iterable[str]) -> None:
        """Note the existing topics that match a pattern.

        Its sources read those topics too, or will once they have looked.
        """
        self._matches[pattern] = set(topics)

    def topics(self) -> set[str]:
        """All topics that its sources read."""
        return {
            topic
            for source in self.sources
            for topic in (*source.topics(), *self._matches.get(source.pattern, ()))
        }

    def places(self, ends: Ends) -> list[Place]:
        """Where each source is: see `places_of`."""
        return places_of(self.sources, ends, self._matches)

    def is_behind(self, ends: Ends) -> bool:
        """Whether a source has yet to read something before these ends."""
        return any(place.behind for place in self.places(ends))
