"""The rows that a query dropped as late, row by row.

Spark counts what reaches the operator, which is after partial aggregation: two late
rows with one key in one batch count as one. So this module reads again what a batch
read, up to the operator, and compares each row with the watermark.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._jvm.stateful_inputs import (
    COMPARED,
    EVENT_TIME,
    StatefulInputs,
)
from spark_kafka_testkit._queries.batch import NO_OPERATOR, watermark_of
from spark_kafka_testkit._queries.position import Offsets, offsets_of
from spark_kafka_testkit._text import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

__all__ = ["LateRows", "LateRowsReader", "chosen", "listed_times"]

SHOWN = 5
TIME = "%Y-%m-%dT%H:%M:%SZ"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
EARLIEST = -2  # as Spark writes it
OF_ANOTHER = "its input comes from another stateful operator"
OF_THE_STREAM = (
    "starting",
    "ending",
    "subscribe",
    "assign",
    "maxoffsets",
    "minoffsets",
    "maxtriggerdelay",
)
"""The lower-case prefixes of a source's options that say what it reads."""


@dataclass
class LateRows:
    """What one operator dropped.

    Attributes:
        operator: its name in Spark.
        rows: the number of rows.
        times: the times of all of them, UTC.
        watermark: the watermark that the last of them was compared with.
        uncounted: Spark's count for the batches whose rows could not be counted here.
        reason: why they could not be counted.
        reached: the watermark after the last batch.
    """

    operator: str
    rows: int = 0
    times: list[datetime] = field(default_factory=list)
    watermark: datetime | None = None
    uncounted: int = 0
    reason: str = ""
    reached: datetime | None = None

    def take(
        self,
        count: int,
        times: list[datetime] | None,
        watermark: datetime | None,
        reason: str,
    ) -> None:
        """Add the rows of a batch. Spark never counts more than there are rows."""
        if not count:
            return
        self.watermark = watermark
        if times is not None and len(times) >= count:
            self.rows += len(times)
            self.times += times
            return
        self.uncounted += count
        self.reason = reason or (
            f"{len(times or [])} rows are late according to its plan, but Spark "
            f"dropped {count}"
        )

    def describe(self) -> str:
        """The times of the rows, for people."""
        if not self.times:
            if self.reached is None:
                return (
                    "No row was late: the query has no watermark. Give the DataFrame "
                    "one with withWatermark()."
                )
            return (
                f"No row was late. The watermark is {self.reached:{TIME}} and counts "
                "for later batches. Send rows whose time or window ends before it, "
                "after process_all_available()."
            )
        return (
            f"The late rows were those of {listed_times(self.times)}. The last "
            f"watermark that they missed was {self.watermark:{TIME}}."
        )


def listed_times(times: Sequence[datetime]) -> str:
    """The first few times, and how many more there are."""
    return listed([f"{time:{TIME}}" for time in times], SHOWN)


def chosen(
    operators: Sequence[LateRows], wanted: str | int | None
) -> tuple[LateRows, int]:
    """The operator that was asked for, and its number.

    Raises:
        ValueError: there is no such operator, or more than one.
    """
    found = [
        (one, number)
        for number, one in enumerate(operators)
        if wanted is None or wanted in (number, one.operator)
    ]
    if len(found) == 1:
        return found[0]
    if not operators:
        raise ValueError(NO_OPERATOR)
    names = ", ".join(
        f"{number} ({one.operator})" for number, one in enumerate(operators)
    )
    raise ValueError(f"The query's stateful operators are {names}. Give operator=.")


class LateRowsReader:
    """Reads again what a query has read.

    Args:
        query: the query.
        spark: its session.
        history: the progress of its batches, in order. It starts with the first batch,
            or with a later one before which no rows were late.
    """

    def __init__(
        self, query: StreamingQuery, spark: SparkSession, history: Sequence[Any]
    ) -> None:
        self._query, self._spark, self._history = query, spark, history
        self._inputs: StatefulInputs | None = None

    def late_rows(self) -> list[LateRows]:
        """The late rows of each stateful operator, in the order of the progress."""
        found: list[LateRows] = []
        watermark: datetime | None = None  # of the batch before
        for progress in self._history:
            operators = [dict(one) for one in progress["stateOperators"]]
            names = [str(one["operatorName"]) for one in operators]
            found += map(LateRows, names[len(found) :])
            counts = [one.get("numRowsDroppedByWatermark") or 0 for one in operators]
            if any(counts):
                for late, count, (times, reason) in zip(
                    found, counts, self._late(progress, watermark), strict=False
                ):
                    late.take(count, times, watermark, reason)
            watermark = watermark_of(progress) or watermark
        for late in found:
            late.reached = watermark
        return found

    def reached(self, operator: int, *, once: bool = False) -> int:
        """The number of rows that have reached an operator.

        Args:
            operator: its number.
            once: whether a row in several windows counts only once.

        Raises:
            LookupError: that can't be determined.
        """
        first, last = self._history[0], self._history[-1]
        parts = self._read(first, last, once=once)[operator]
        if parts is None:
            raise LookupError(OF_ANOTHER)
        return sum(part.count() for part in parts)

    def _late(
        self, progress: Any, watermark: datetime | None
    ) -> list[tuple[list[datetime] | None, str]]:
        """The times of the rows that were late in a batch, for each operator.

        For an operator whose late rows are not known: None, and the reason.
        """
        count = len(progress["stateOperators"])
        if watermark is None:
            return [(None, "the previous batch is not known")] * count
        limit = (watermark - EPOCH) // timedelta(microseconds=1)
        found: list[tuple[list[datetime] | None, str]] = []
        try:
            for parts in self._read(progress, progress):
                if parts is None:
                    found.append((None, OF_ANOTHER))
                    continue
                micros = [
                    row[0]
                    for part in parts
                    for row in part.where(f"unix_micros({COMPARED}) <= {limit}")
                    .selectExpr(f"unix_micros({EVENT_TIME})")
                    .collect()
                ]
                times = [EPOCH + timedelta(microseconds=it) for it in sorted(micros)]
                found.append((times, ""))
        except Exception as error:  # noqa: BLE001  the plan may refuse, or Kafka
            reason = str(error).strip().partition("\n")[0]
            return [(None, reason)] * count
        return found

    def _read(
        self, first: Any, last: Any, *, once: bool = False
    ) -> list[list[DataFrame] | None]:
        """What reached each operator, from one batch to another."""
        if self._inputs is None:
            self._inputs = StatefulInputs(self._query, self._spark)
        options = self._inputs.options
        if len(options) != len(last["sources"]):
            raise LookupError("the query also reads sources other than Kafka")
        parts = zip(options, first["sources"], last["sources"], strict=True)
        return self._inputs.of(
            [
                self._again(given, _starts(given, begun), offsets_of(end["endOffset"]))
                for given, begun, end in parts
            ],
            once=once,
        )

    def _again(
        self, options: Mapping[str, str], starts: Offsets, ends: Offsets
    ) -> DataFrame:
        """What a source read between these offsets."""
        begun = {
            topic: {
                number: starts.get(topic, {}).get(number, EARLIEST) for number in parts
            }
            for topic, parts in ends.items()
        }
        kept = {
            name: value
            for name, value in options.items()
            if not name.startswith(OF_THE_STREAM)
        }
        assigned = {topic: list(parts) for topic, parts in ends.items()}
        return (
            self._spark.read.format("kafka")
            .options(**kept)
            .options(
                assign=json.dumps(assigned),
                startingOffsets=json.dumps(begun),
                endingOffsets=json.dumps(ends),
            )
            .load()
        )


def _starts(options: Mapping[str, str], entry: Any) -> Offsets:
    """Where a source began in a batch. In its first batch it does not report that."""
    starts = offsets_of(entry["startOffset"])
    if starts or options.get("startingoffsets") == "earliest":
        return starts
    if entry["numInputRows"]:
        raise LookupError("where the query began is not known")
    return offsets_of(entry["endOffset"])
