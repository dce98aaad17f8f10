"""What a report knows of a test. All times are seconds since the epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from spark_kafka_testkit._timeline import Wait

__all__ = ["BatchFacts", "QueryFacts", "TestFacts", "TopicEnd"]


@dataclass(frozen=True)
class BatchFacts:
    """A batch, by its progress.

    Attributes:
        id: its number. A batch that runs again has it twice.
        begun: when its trigger began, by the clock of its query.
        seconds: how long its trigger took, or None where Spark does not say so.
        rows: how many rows came from its sources.
        reached: per topic, the offsets up to which the query has read, added up over
            the partitions.
        state_rows, state_bytes: what its stateful operators hold.
        late_rows: how many rows they dropped.
        watermark: the one that the batch went by, or None.
    """

    id: int
    begun: float
    seconds: float | None
    rows: int
    reached: Mapping[str, int]
    state_rows: int = 0
    state_bytes: int = 0
    late_rows: int = 0
    watermark: float | None = None


@dataclass(frozen=True)
class QueryFacts:
    """A query, over all of its starts.

    Attributes:
        name: its name, or what it reads and writes with the beginning of its id.
        state: what it does, or what it died of.
        is_clocked: whether its batches have the times of a test's clock.
        is_stateful: whether it has an operator with state.
        batches: in their order.
    """

    name: str
    state: str
    is_clocked: bool
    is_stateful: bool
    batches: Sequence[BatchFacts]


@dataclass(frozen=True)
class TopicEnd:
    """Where a topic ended at a moment, added up over its partitions."""

    at: float
    end: int


@dataclass(frozen=True)
class TestFacts:
    """What happened in a test, from `begun` to `ended`."""

    begun: float
    ended: float
    queries: Sequence[QueryFacts] = ()
    topics: Mapping[str, Sequence[TopicEnd]] = field(default_factory=dict)
    waits: Sequence[Wait] = ()
    left_out: int = 0
    """How many queries were one too many."""

    __test__ = False  # pytest would take it for a test
