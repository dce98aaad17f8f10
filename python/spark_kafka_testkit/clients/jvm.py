"""The client in Spark's own JVM: the helper does the work, Arrow streams carry the
records.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._gateway import Channel, Helper, channel
from spark_kafka_testkit.access import Access
from spark_kafka_testkit.clients import Read, Reading, SendReport, Written
from spark_kafka_testkit.errors import SendFailure
from spark_kafka_testkit.offsets import (
    Captured,
    Coverage,
    PartitionOffsets,
    ReadQuery,
)

if TYPE_CHECKING:
    import pyarrow as pa


# Past the helper's own deadlines: the delivery of a record, and a read's stall and the
# requests that look for its reason.
SEND_SILENCE_SECONDS = 120.0
READ_GRACE_SECONDS = 60.0
COMPLETE = b"\x01"


class JvmClient:
    """A client of one cluster by the helper in one JVM."""

    name = "jvm"

    def __init__(self, helper: Helper, access: Access) -> None:
        self.helper = helper
        self._handle: int | None = helper.open(access.for_java())
        self._lock = threading.Lock()

    def send(
        self, topic: str, batches: pa.RecordBatchReader, transactional: bool = False
    ) -> SendReport:
        address = self.helper.send(self._open_handle(), topic, transactional)
        with channel(address, SEND_SILENCE_SECONDS) as opened:
            failure = self._write(opened, batches)
            data = opened.result()
        if failure is not None:
            raise failure
        return SendReport(
            sent=data["sent"],
            acked=data["acked"],
            failed=data["failed"],
            unknown=data["unknown"],
            failures=tuple(SendFailure(**failure) for failure in data["failures"]),
            written={
                int(partition): Written(*numbers)
                for partition, numbers in data["written"].items()
            },
            aborted=data["aborted"],
        )

    @staticmethod
    def _write(opened: Channel, batches: pa.RecordBatchReader) -> Exception | None:
        """Writes the stream, and that it is complete; or gives the error of what draws
        the batches.
        """
        import pyarrow as pa

        failure: Exception | None = None
        try:
            with pa.ipc.new_stream(opened.stream, batches.schema) as writer:
                while True:
                    try:
                        batch = batches.read_next_batch()
                    except StopIteration:
                        break
                    except Exception as error:  # noqa: BLE001  the helper is told first
                        failure = error
                        break
                    writer.write_batch(batch)
            if failure is None:
                opened.stream.write(COMPLETE)
            opened.end_of_input()
        except (BrokenPipeError, ConnectionResetError):
            pass  # the helper has stopped reading, and says why in its answer
        return failure

    def read(self, query: ReadQuery) -> Read:
        return Read(self._read(query))

    def _read(self, query: ReadQuery) -> Reading:
        import pyarrow as pa

        address = self.helper.read(self._open_handle(), query.topic, query.times())
        with channel(address, query.stall_seconds + READ_GRACE_SECONDS) as opened:
            ranges = query.ranges(_captured(opened.result()))
            plan = {
                "ranges": {
                    number: (part.start, part.target, part.truncated)
                    for number, part in ranges.items()
                },
                "isolation": query.isolation,
                "stall_millis": round(query.stall_seconds * 1000),
                "allow_deleted": query.allow_deleted,
            }
            opened.send(plan)
            yield None
            with pa.ipc.open_stream(opened.stream) as reader:
                yield from reader
            covered = opened.result()
        coverage = {
            int(number): Coverage(**part)
            for number, part in covered["coverage"].items()
        }
        return coverage, tuple(covered["new_partitions"])

    def capture(self, topic: str, times: Sequence[int] = ()) -> Captured:
        address = self.helper.read(self._open_handle(), topic, times)
        with channel(address, READ_GRACE_SECONDS) as opened:
            return _captured(opened.result())

    def close(self) -> None:
        with self._lock:
            handle, self._handle = self._handle, None
        if handle is not None:
            self.helper.close(handle)

    def _open_handle(self) -> int:
        if self._handle is None:
            raise RuntimeError("the client is closed")
        return self._handle


def _captured(data: dict[str, Any]) -> Captured:
    return Captured(
        data["topic_id"],
        {
            int(n): PartitionOffsets(*offsets)
            for n, offsets in data["partitions"].items()
        },
        {
            int(time): {int(n): offset for n, offset in found.items()}
            for time, found in data["times"].items()
        },
    )
