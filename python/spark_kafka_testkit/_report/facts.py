"""What a report knows about a test. All times are in seconds since the epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from spark_kafka_testkit._timeline import Wait

__all__ = ["BatchFacts", "QueryFacts", "TestFacts", "TopicEnd"]


@dataclass(frozen=True)
class BatchFacts:
    """A batch, according to its progress.

    Attributes:
        id: its number. A batch that ran again occurs twice, with the same number.
        begun: when its trigger began, by the clock of its query.
        seconds: how long its trigger took, or None if Spark does not say.
        rows: the number of rows that came from its sources.
        reached: for each topic, the offset up to which the query has read, added up
            over the partitions.
        state_rows, state_bytes: the rows that its stateful operators hold, and the
            memory for them.
        late_rows: the number of rows that these operators dropped as late.
        watermark: the watermark that the batch used, or None if the query has none or
            has not seen an event time yet.
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
    """A query, with the batches of all its starts.

    Attributes:
        name: its name, or else the topics it reads and writes, and the beginning of its
            id.
        state: `runs`, `ended`, or `died of: ` with the cause.
        is_clocked: whether its batches have the times of a test's clock.
        is_stateful: whether it has a stateful operator.
        batches: its batches, in order.
    """

    name: str
    state: str
    is_clocked: bool
    is_stateful: bool
    batches: Sequence[BatchFacts]


@dataclass(frozen=True)
class TopicEnd:
    """The end of a topic at one moment, added up over its partitions.

    Attributes:
        at: the moment.
        end: the sum of the end offsets.
    """

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
    """The number of queries that were left out because a report has a limit."""

    __test__ = False  # pytest would take it for a test class
