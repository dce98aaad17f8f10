"""The client in Spark's own JVM: the helper does the work, Arrow streams carry the
records.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from spark_kafka_testkit._gateway import Helper, channel
from spark_kafka_testkit.clients import (
    Coverage,
    Isolation,
    Readback,
    SendReport,
    Written,
)
from spark_kafka_testkit.errors import SendFailure
from spark_kafka_testkit.records import read_schema, send_schema

if TYPE_CHECKING:
    import pyarrow as pa


# Past the helper's own deadlines: the delivery of a record, and a read's stall and the
# requests that look for its reason.
SEND_SILENCE_SECONDS = 120.0
READ_GRACE_SECONDS = 60.0


class JvmClient:
    """A client of one cluster by the helper in one JVM."""

    name = "jvm"

    def __init__(self, helper: Helper, bootstrap_servers: str) -> None:
        self.helper = helper
        self._handle: int | None = helper.open(bootstrap_servers)
        self._lock = threading.Lock()

    def send(self, topic: str, batches: Iterable[pa.RecordBatch]) -> SendReport:
        import pyarrow as pa

        address = self.helper.send(self._open_handle(), topic)
        with channel(address, SEND_SILENCE_SECONDS) as opened:
            try:
                with pa.ipc.new_stream(opened.stream, send_schema()) as writer:
                    for batch in batches:
                        writer.write_batch(batch)
                opened.end_of_input()
            except (BrokenPipeError, ConnectionResetError):
                pass  # the helper has stopped reading, and says why in its answer
            data = opened.result()
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
        )

    def read(self, topic: str, isolation: Isolation, stall_seconds: float) -> Readback:
        import pyarrow as pa

        address = self.helper.read(
            self._open_handle(), topic, isolation, round(stall_seconds * 1000)
        )
        with channel(address, stall_seconds + READ_GRACE_SECONDS) as opened:
            opened.result()
            with pa.ipc.open_stream(opened.stream) as reader:
                table = pa.Table.from_batches(list(reader), read_schema())
            coverage = opened.result()
        return Readback(
            table,
            {
                int(partition): Coverage(**numbers)
                for partition, numbers in coverage.items()
            },
        )

    def close(self) -> None:
        with self._lock:
            handle, self._handle = self._handle, None
        if handle is not None:
            self.helper.close(handle)

    def _open_handle(self) -> int:
        if self._handle is None:
            raise RuntimeError("the client is closed")
        return self._handle
