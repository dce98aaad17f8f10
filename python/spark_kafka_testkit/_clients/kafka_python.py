"""The client in pure Python, by kafka-python: for where no JVM helper is in reach."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from spark_kafka_testkit import _clock
from spark_kafka_testkit._clients.protocol import Read
from spark_kafka_testkit._kafka_python.admin import Admin
from spark_kafka_testkit._kafka_python.bulk_producer import BulkProducer, OwnedProducer
from spark_kafka_testkit._kafka_python.compat import reaching
from spark_kafka_testkit._kafka_python.topic_admin import TopicAdmin
from spark_kafka_testkit._kafka_python.topic_follower import TopicFollower
from spark_kafka_testkit._kafka_python.topic_reader import TopicReader
from spark_kafka_testkit._model.client_config import ClientConfig
from spark_kafka_testkit._model.offsets import ReadRequest, TopicSnapshot
from spark_kafka_testkit._model.send_report import SendReport

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("spark_kafka_testkit")

VISIBLE_SECONDS = 30.0


class KafkaPythonClient:
    """A client of one cluster by kafka-python."""

    name = "kafka-python"

    def __init__(self, config: ClientConfig) -> None:
        self._config = config
        self._idle_lock = threading.Lock()
        self._idle: list[OwnedProducer] = []
        self._is_closed = False
        self._admin = Admin(config)

    def send(
        self, topic: str, batches: pa.RecordBatchReader, transactional: bool = False
    ) -> SendReport:
        with self._slot(transactional) as slot:
            slot.check_partitions(topic, self._admin)
            report = BulkProducer(slot, topic).run(batches)
            if slot.transactional_id and report.written and report.is_complete:
                self._await_visible(slot.transactional_id)
        return report

    @contextmanager
    def _slot(self, transactional: bool) -> Iterator[OwnedProducer]:
        """Lends a producer to one send alone: one may wait for another, as where
        messages are drawn from a generator that sends some as well.
        """
        with self._idle_lock:
            idle = [
                slot
                for slot in self._idle
                if (slot.transactional_id is not None) == transactional
            ]
            slot = idle[0] if idle else None
            if slot is not None:
                self._idle.remove(slot)
        slot = slot or OwnedProducer(self._config, transactional)
        try:
            yield slot
        finally:
            with self._idle_lock:
                if not self._is_closed:
                    self._idle.append(slot)
            if self._is_closed:
                slot.drop()

    def read(self, request: ReadRequest) -> Read:
        return Read(TopicReader(self._config, self._admin, request).run())

    def follow(self, request: ReadRequest) -> Generator[pa.RecordBatch, None, None]:
        return TopicFollower(self._config, self._admin, request).follow()

    def capture(self, topic: str, times: Sequence[int] = ()) -> TopicSnapshot:
        with reaching(self._config):
            return TopicAdmin(self._config, self._admin, topic).capture(times)

    def forget(self, topics: Iterable[str]) -> None:
        with self._idle_lock:
            for slot in self._idle:
                slot.forget(topics)

    def close(self) -> None:
        with self._idle_lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for slot in idle:
            slot.drop()
        self._admin.close()

    def _await_visible(self, transactional_id: str) -> None:
        """A commit is answered before its markers are written, which make it visible;
        kafka-python 2 can't ask for them (our own reads wait for them anyway).
        """
        deadline = _clock.monotonic() + VISIBLE_SECONDS
        while _clock.monotonic() < deadline:
            state = self._admin.transaction_state(transactional_id)
            if state in (None, "CompleteCommit"):
                return
            time.sleep(0.005)
        log.warning(
            "transaction %s is committed, and not visible after %g s",
            transactional_id,
            VISIBLE_SECONDS,
        )
