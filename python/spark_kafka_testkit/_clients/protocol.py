"""The protocol that both clients follow to send and read records.

Both clients accept and return the Arrow batches of `_arrow.schema`, raise the classes
of `errors`, and read by the same rules (`tests/contract` runs against both).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from spark_kafka_testkit._model.offsets import Coverage, ReadRequest, TopicSnapshot
from spark_kafka_testkit._model.send_report import SendReport

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Client", "Read", "Reading"]


Reading: TypeAlias = "Generator[Any, None, tuple[dict[int, Coverage], tuple[int, ...]]]"
"""A client's read in progress.

It captures the ranges, and yields None once that is done. Then it yields batches of
`read_schema()`. It returns what they cover, and the partitions that are new.
"""


class Read:
    """A read that has captured its ranges.

    Iterate over its batches to the end, then look at what they cover, or close it
    before.

    Attributes:
        coverage: what was read, per partition, known at the end.
        new_partitions: partitions that were added meanwhile, known at the end.
    """

    def __init__(self, reading: Reading) -> None:
        next(reading)
        self._reading = reading
        self.coverage: dict[int, Coverage] = {}
        self.new_partitions: tuple[int, ...] = ()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        self.coverage, self.new_partitions = yield from self._reading

    def close(self) -> None:
        """End the read, or do nothing if it has ended."""
        self._reading.close()

    def __enter__(self) -> Read:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Client(Protocol):
    """A client of one cluster."""

    name: str
    """`"jvm"` or `"kafka-python"`."""

    def send(
        self, topic: str, batches: pa.RecordBatchReader, transactional: bool = False
    ) -> SendReport:
        """Send all rows, and wait until each is acknowledged or given up.

        A transaction is aborted if a row fails. Otherwise it is committed and visible.

        If `batches` raises, the error becomes the report's `failure`, after all rows
        before it are settled (or, in a transaction, aborted).

        Raises:
            UnknownTopicError: the topic does not exist, and the broker does not create
                it.
        """

    def read(self, request: ReadRequest) -> Read:
        """Capture the state of the topic, and read what the request wants of it.

        Raises:
            UnknownTopicError: the topic does not exist. It is not created.
            OffsetRangeError: see `ReadRequest.ranges`.
            ReadTimeoutError: no progress for `request.stall_seconds`.
            ReadError: the range is not available any more.
        """

    def follow(self, request: ReadRequest) -> Generator[pa.RecordBatch, None, None]:
        """Batches of `read_schema()` as records arrive, from the request's start on.

        There is no end: the request's `end`, `upto` and timeouts are ignored.
        Partitions that are added later are followed too.

        An empty batch comes at least every few hundred milliseconds, so that the caller
        can look at the time. Close the generator to end it.

        Raises:
            UnknownTopicError, OffsetRangeError, RecordsDeletedError, TopicChangedError:
                as `read`, while it is drawn.
        """

    def capture(self, topic: str, times: Sequence[int] = ()) -> TopicSnapshot:
        """The state of the topic now.

        Raises:
            UnknownTopicError: the topic does not exist. It is not created.
        """

    def forget(self, topics: Iterable[str]) -> None:
        """Note that these topics are gone."""

    def close(self) -> None:
        """Close what is open, or do nothing if it is closed."""
