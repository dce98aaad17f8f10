"""What a batch did, according to its progress."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from spark_kafka_testkit._event_time import as_local
from spark_kafka_testkit._queries.position import Offsets, offsets_of, sources_of

__all__ = [
    "NO_OPERATOR",
    "Batch",
    "local",
    "newest_event",
    "operators_sum",
    "rows_in",
    "time_of",
    "watermark_of",
]

NO_OPERATOR = (
    "The query has no stateful operator. It takes one of groupBy(), dropDuplicates(), "
    "a join of two streams, or a function with state."
)


@dataclass(frozen=True)
class Batch:
    """A batch that a step of a stream has run.

    Attributes:
        id: its number.
        offsets_in: the number of offsets it read, per topic and partition. Transactions
            take up some offsets too.
        rows_in, rows_out: the number of rows that came from its sources, and that went
            to its sink. `rows_out` is `None` if the sink does not count.
        watermark_before, watermark: the watermark when the batch began, and what the
            batch made of it. Both are in the local time zone, as in PySpark and `at`,
            or None if the query has no watermark.
        state_rows: the number of rows that its stateful operators hold.
        late_rows: the number of rows that they dropped as late. Spark counts what
            reaches the operator, so rows that are aggregated before it count as one.
    """

    id: int
    offsets_in: Offsets
    rows_in: int
    rows_out: int | None
    watermark_before: datetime | None
    watermark: datetime | None
    state_rows: int
    late_rows: int

    @property
    def has_data(self) -> bool:
        """Whether it read anything."""
        return any(sum(of.values()) for of in self.offsets_in.values())

    @classmethod
    def of(cls, progress: Any, last: Any) -> Batch:
        """The batch that these progresses describe.

        Args:
            progress: the progress of the batch that had the data.
            last: the progress of the last batch of the step. That batch may have had no
                data, if the watermark moved in it.
        """
        written = progress["sink"]["numOutputRows"]
        return cls(
            id=int(progress["batchId"]),
            offsets_in=_offsets_in(progress),
            rows_in=rows_in(progress),
            rows_out=None if written is None or written < 0 else int(written),
            watermark_before=local(watermark_of(progress)),
            watermark=local(watermark_of(last)),
            state_rows=operators_sum(last, "numRowsTotal"),
            late_rows=operators_sum(progress, "numRowsDroppedByWatermark"),
        )


def rows_in(progress: Any) -> int:
    """The number of rows that came from a batch's sources."""
    return sum(source["numInputRows"] or 0 for source in progress["sources"])


def operators_sum(progress: Any, name: str, kind: str = "") -> int:
    """The sum over a batch's stateful operators that have the kind in their name."""
    operators = map(dict, progress["stateOperators"])
    return sum(
        operator.get(name) or 0
        for operator in operators
        if kind in str(operator["operatorName"])
    )


def watermark_of(progress: Any) -> datetime | None:
    """The watermark that a batch used, in UTC.

    PySpark 3.5 leaves out empty parts of the progress.
    """
    told = (progress.get("eventTime") or {}).get("watermark")
    return None if told is None else time_of(told)


def time_of(text: str) -> datetime:
    """A time as a progress writes it, UTC."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def newest_event(progress: Iterable[Any]) -> int | None:
    """The latest event time that these batches read, in milliseconds since the epoch.

    None if their progress has no event time.
    """
    told = [(one.get("eventTime") or {}).get("max") for one in progress]
    times = [time_of(time) for time in told if time]
    return round(max(times).timestamp() * 1000) if times else None


def local(time: datetime | None) -> datetime | None:
    """A watermark in the form that users get it, if there is one."""
    return None if time is None else as_local(time)


def _offsets_in(progress: Any) -> Offsets:
    """The number of offsets read from all Kafka sources.

    A source does not report where it began in its first batch. Offset 0 is assumed if
    it read anything.
    """
    counted: Offsets = {}
    for entry in progress["sources"]:
        begun = offsets_of(entry["startOffset"])
        for source in sources_of({"sources": [entry]}):
            for topic, ends in source.reached.items():
                of_topic = counted.setdefault(topic, {})
                for partition, end in ends.items():
                    nothing = 0 if entry["numInputRows"] else end
                    start = begun.get(topic, {}).get(partition, nothing)
                    of_topic[partition] = of_topic.get(partition, 0) + end - start
    return counted
