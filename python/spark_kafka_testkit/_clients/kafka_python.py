"""The client in pure Python, with kafka-python, for when no JVM helper is available."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import (
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _clock
from spark_kafka_testkit._clients.protocol import Read, Reading
from spark_kafka_testkit._kafka_python.admin import Admin
from spark_kafka_testkit._kafka_python.bulk_producer import BulkProducer, OwnedProducer
from spark_kafka_testkit._kafka_python.compat import reaching
from spark_kafka_testkit._kafka_python.topic_admin import TopicAdmin
from spark_kafka_testkit._kafka_python.topic_follower import TopicFollower
from spark_kafka_testkit._kafka_python.topic_reader import TopicReader
from spark_kafka_testkit._model.client_config import ClientConfig
from spark_kafka_testkit._model.offsets import ReadRequest, TopicSnapshot
from spark_kafka_testkit._model.send_report import SendReport
from spark_kafka_testkit._network import is_listening
from spark_kafka_testkit.errors import (
    BrokerUnreachableError,
    NotSetUpError,
    UnknownTopicError,
)

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("spark_kafka_testkit")

VISIBLE_SECONDS = 30.0
LOOK_SECONDS = 2.0


class KafkaPythonClient:
    """A client of one cluster, with kafka-python.

    Args:
        config: how to reach the cluster.
        check_usable: raises if the cluster can't be used any more: a BrokerEndedError,
            or another error if it was closed.
    """

    name = "kafka-python"

    def __init__(
        self, config: ClientConfig, check_usable: Callable[[], None] = lambda: None
    ) -> None:
        self._config, self._check_usable = config, check_usable
        self._idle_lock = threading.Lock()
        self._idle: list[OwnedProducer] = []
        self._lent: list[OwnedProducer] = []
        self._is_closed = False
        self._admin = Admin(config)

    def send(
        self, topic: str, batches: pa.RecordBatchReader, transactional: bool = False
    ) -> SendReport:
        with self._reaching():
            before = self._admin.existing([topic]).get(topic)
            self._end_left_open()
            with self._slot(transactional) as slot:
                slot.check_topic(topic, before)
                sending = BulkProducer(slot, topic, self._check_usable)
                try:
                    sending.find_topic()
                except UnknownTopicError:
                    if self._admin.existing([topic]):
                        raise BrokerUnreachableError(
                            self._config.bootstrap_servers,
                            f"it describes topic {topic!r} without its partitions.",
                        ) from None
                    raise
                topic_id = self._topic_id(topic, before)
                slot.note(topic, topic_id)
                report = sending.run(batches)
                if slot.transactional_id and report.written and report.is_complete:
                    self._await_visible(slot.transactional_id)
        if report.is_complete:
            return report
        return replace(report, change=self._change(topic, topic_id, report.change))

    def _topic_id(self, topic: str, before: Mapping[str, Any] | None) -> Any:
        """The id of the topic that a send has found, and may have created itself.

        None if the topic is gone again, since no topic has that id, or if kafka-python
        does not know ids.
        """
        found = before or self._admin.existing([topic]).get(topic, {})
        return found.get("topic_id")

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Report a broker that does not answer, or why nothing can be asked now."""
        try:
            with reaching(self._config):
                yield
        except Exception:
            self._check_usable()
            raise

    def _change(self, topic: str, topic_id: Any, seen: str | None) -> str | None:
        """What happened to the topic during a send that did not go through.

        A silent broker is not asked, because that has been reported already.
        """
        if not is_listening(self._config.bootstrap_servers):
            return seen
        try:
            with Admin(self._config, LOOK_SECONDS) as admin:
                now = admin.existing([topic]).get(topic)
        except BrokerUnreachableError:
            return seen
        if now is None:
            return "deleted"
        return "recreated" if now.get("topic_id") != topic_id else seen

    def _end_left_open(self) -> None:
        """End the transactions that the broker could not be asked to end.

        Otherwise they hold up reads until the broker ends them itself.
        """
        with self._idle_lock:
            left = [slot for slot in self._idle if slot.is_left_open]
            self._idle = [slot for slot in self._idle if slot not in left]
        for slot in left:
            with suppress(BrokerUnreachableError):
                slot.producer()
            self._give_back(slot)

    @contextmanager
    def _slot(self, transactional: bool) -> Iterator[OwnedProducer]:
        """Lend a producer to a single send.

        One send may wait for another, for example if a generator of messages sends some
        itself.
        """
        with self._idle_lock:
            if self._is_closed:
                raise NotSetUpError("The client is closed.")
            idle = [
                slot
                for slot in self._idle
                if (slot.transactional_id is not None) == transactional
            ]
            slot = idle[0] if idle else None
            if slot is not None:
                self._idle.remove(slot)
            slot = slot or OwnedProducer(self._config, transactional)
            self._lent.append(slot)
        try:
            yield slot
        finally:
            self._give_back(slot)

    def _give_back(self, slot: OwnedProducer) -> None:
        with self._idle_lock:
            if slot in self._lent:
                self._lent.remove(slot)
            if not self._is_closed:
                self._idle.append(slot)
        if self._is_closed:
            slot.close()

    def read(self, request: ReadRequest) -> Read:
        return Read(self._read(request))

    def _read(self, request: ReadRequest) -> Reading:
        with self._reaching():
            self._end_left_open()
            reader = TopicReader(self._config, self._admin, request, self._check_usable)
            return (yield from reader.run())

    def follow(self, request: ReadRequest) -> Generator[pa.RecordBatch, None, None]:
        with self._reaching():
            for batch in TopicFollower(self._config, self._admin, request).follow():
                self._check_usable()
                yield batch

    def capture(self, topic: str, times: Sequence[int] = ()) -> TopicSnapshot:
        with self._reaching():
            return TopicAdmin(self._config, self._admin, topic).capture(times)

    def forget(self, topics: Iterable[str]) -> None:
        with self._idle_lock:
            for slot in self._idle:
                slot.forget(topics)

    def close(self) -> None:
        with self._idle_lock:
            self._is_closed = True
            slots, self._idle = [*self._idle, *self._lent], []
        for slot in slots:
            slot.close()
        self._admin.close()

    def _await_visible(self, transactional_id: str) -> None:
        """Wait until a committed transaction is visible.

        A broker answers a commit before it writes the markers that make it visible.
        kafka-python 2 can't ask for them. Our own reads wait for them anyway.
        """
        deadline = _clock.monotonic() + VISIBLE_SECONDS
        while _clock.monotonic() < deadline:
            try:
                state = self._admin.transaction_state(transactional_id)
            except Exception:  # noqa: BLE001  it is committed, and nobody can look
                return
            if state in (None, "CompleteCommit"):
                return
            time.sleep(0.005)
        log.warning(
            "transaction %s is committed, but not visible after %g s",
            transactional_id,
            VISIBLE_SECONDS,
        )
