"""The client in a JVM: the helper works, and Arrow streams carry the records."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._clients.protocol import Read, Reading
from spark_kafka_testkit._jvm.channel import Channel, Channels
from spark_kafka_testkit._jvm.helper import Helper
from spark_kafka_testkit._jvm.socket_stream import HelperGoneError
from spark_kafka_testkit._model.client_config import ClientConfig
from spark_kafka_testkit._model.offsets import (
    Coverage,
    PartitionOffsets,
    ReadRequest,
    TopicSnapshot,
)
from spark_kafka_testkit._model.send_report import SendReport, Written, why_given_up
from spark_kafka_testkit.errors import (
    BrokerEndedError,
    SendFailure,
)

if TYPE_CHECKING:
    import pyarrow as pa


# These exceed the helper's own deadlines: the delivery of a record, and the stall of a
# read plus the requests that look for its reason.
SEND_SILENCE_SECONDS = 120.0
READ_GRACE_SECONDS = 60.0
ABORT_SECONDS = 20.0
COMPLETE = b"\x01"


class JvmClient:
    """A client of one cluster, through the helper in one JVM.

    Args:
        helper: the helper.
        config: how to reach the cluster.
        check_usable: raises if the cluster can't be used any more: a BrokerEndedError,
            or another error if it was closed.
    """

    name = "jvm"

    def __init__(
        self,
        helper: Helper,
        config: ClientConfig,
        check_usable: Callable[[], None] = lambda: None,
    ) -> None:
        self.helper = helper
        self._check_usable = check_usable
        self._handle: int | None = helper.open(config.for_java())
        self._channels = Channels(
            lambda port: helper.serve(self._open_handle(), port), config.masked
        )
        self._lock = threading.Lock()

    def send(
        self, topic: str, batches: pa.RecordBatchReader, transactional: bool = False
    ) -> SendReport:
        with self._operation(
            "send", SEND_SILENCE_SECONDS, topic=topic, transactional=transactional
        ) as lent:
            try:
                failure = self._write(lent, batches)
                data = lent.result()
            except BaseException as error:
                if transactional and not isinstance(error, Exception):
                    _await_abort(lent)
                raise
            report = self._report(data, failure)
            if report.is_complete:
                lent.end()
        return report

    def _report(self, data: dict[str, Any], failure: Exception | None) -> SendReport:
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
            failure=failure,
            given_up=why_given_up(self._check_usable) if data["given_up"] else "",
            change=data["change"],
        )

    @contextmanager
    def _operation(
        self, name: str, silence_seconds: float, **details: Any
    ) -> Iterator[Channel]:
        """Start an operation on a channel that it has to itself.

        Raises:
            HelperError: the helper failed, is gone, or was silent for too long.
            BrokerUnreachableError: the broker does not answer.
            BrokerEndedError, NotSetUpError: the broker is gone, or the cluster is
                closed.
        """
        try:
            with self._channels.lend() as lent:
                lent.begin(name, silence_seconds, self._end_with_broker, **details)
                yield lent
        except Exception as error:
            if isinstance(error, HelperGoneError):
                self.helper.is_lost = True
            self._check_usable()
            raise

    def _end_with_broker(self) -> None:
        """Make the helper give up its work if the broker is gone.

        A send then answers with its report, and a read with an error.
        """
        try:
            self._check_usable()
        except BrokerEndedError:
            self.close()

    @staticmethod
    def _write(lent: Channel, batches: pa.RecordBatchReader) -> Exception | None:
        """Write the whole stream, or return the error that drawing a batch raised."""
        import pyarrow as pa

        failure: Exception | None = None
        try:
            with pa.ipc.new_stream(lent.stream, batches.schema) as writer:
                while not lent.is_answered:
                    try:
                        batch = batches.read_next_batch()
                    except StopIteration:
                        break
                    except Exception as error:  # noqa: BLE001  tell the helper first
                        failure = error
                        break
                    writer.write_batch(batch)
            if failure is None:
                lent.stream.write(COMPLETE)
                lent.stream.flush()
            else:
                lent.end_of_input(SEND_SILENCE_SECONDS)
        except HelperGoneError:
            pass  # it stopped reading, and its answer says why
        return failure

    def read(self, request: ReadRequest) -> Read:
        return Read(self._read(request))

    def _read(self, request: ReadRequest) -> Reading:
        import pyarrow as pa

        silence = request.stall_seconds + READ_GRACE_SECONDS
        with self._operation(
            "read", silence, topic=request.topic, times=request.times()
        ) as lent:
            _send_plan(lent, request)
            yield None
            with pa.ipc.open_stream(lent.stream) as reader:
                yield from reader
            covered = lent.result()
            lent.end()
        coverage = {
            int(number): Coverage(**part)
            for number, part in covered["coverage"].items()
        }
        return coverage, tuple(covered["new_partitions"])

    def follow(self, request: ReadRequest) -> Generator[pa.RecordBatch, None, None]:
        import pyarrow as pa

        with self._operation(
            "follow", READ_GRACE_SECONDS, topic=request.topic, times=request.times()
        ) as lent:
            _send_plan(lent, request)
            with pa.ipc.open_stream(lent.stream) as reader:
                yield from reader
            lent.result()  # it ends only with a failure

    def capture(self, topic: str, times: Sequence[int] = ()) -> TopicSnapshot:
        with self._operation(
            "read", READ_GRACE_SECONDS, topic=topic, times=list(times)
        ) as lent:
            captured = _captured(lent.result())
            lent.send(None)
            lent.end()
        return captured

    def forget(self, topics: Iterable[str]) -> None:
        pass  # Java's producers notice it themselves

    def close(self) -> None:
        with self._lock:
            handle, self._handle = self._handle, None
        if handle is not None:
            self._channels.close()
            self.helper.close(handle)

    def _open_handle(self) -> int:
        if self._handle is None:
            raise RuntimeError("the client is closed")
        return self._handle


def _await_abort(lent: Channel) -> None:
    """Make the helper end a transaction, and wait because this process may end."""
    with suppress(Exception):
        lent.end_of_input(ABORT_SECONDS)
        lent.result()


def _send_plan(lent: Channel, request: ReadRequest) -> None:
    """Answer the state of the topic with the ranges that the request wants."""
    ranges = request.ranges(_captured(lent.result()))
    plan = {
        "ranges": {
            number: (part.start, part.target, part.truncated)
            for number, part in ranges.items()
        },
        "isolation": request.isolation,
        "stall_millis": round(request.stall_seconds * 1000),
        "allow_deleted": request.allow_deleted,
    }
    lent.send(plan)


def _captured(data: dict[str, Any]) -> TopicSnapshot:
    return TopicSnapshot(
        data["topic_id"],
        {
            int(n): PartitionOffsets(*offsets)
            for n, offsets in data["partitions"].items()
        },
        {
            int(time): {int(n): offset for n, offset in offsets.items()}
            for time, offsets in data["times"].items()
        },
    )
