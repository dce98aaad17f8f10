"""The client in pure Python, by kafka-python: for where no JVM helper is in reach."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from spark_kafka_testkit import _clock
from spark_kafka_testkit.access import Access
from spark_kafka_testkit.clients import Read, SendReport
from spark_kafka_testkit.clients._kafka import make_admin, reaching
from spark_kafka_testkit.clients._send import ProducerSlot, Send
from spark_kafka_testkit.clients._topic_follow import TopicFollow
from spark_kafka_testkit.clients._topic_read import TopicRead
from spark_kafka_testkit.offsets import Captured, ReadQuery

if TYPE_CHECKING:
    import pyarrow as pa
    from kafka import KafkaAdminClient

log = logging.getLogger("spark_kafka_testkit")

VISIBLE_SECONDS = 30.0


class KafkaPythonClient:
    """A client of one cluster by kafka-python."""

    name = "kafka-python"

    def __init__(self, access: Access) -> None:
        self._access = access
        self._idle_lock = threading.Lock()
        self._idle: list[ProducerSlot] = []
        self._is_closed = False
        self._admin_lock = threading.RLock()
        self._admin: KafkaAdminClient | None = None

    def send(
        self, topic: str, batches: pa.RecordBatchReader, transactional: bool = False
    ) -> SendReport:
        with self._slot(transactional) as slot:
            slot.check_partitions(topic, self.admin)
            report = Send(slot, topic).run(batches)
            if slot.transactional_id and report.written and report.is_complete:
                self._await_visible(slot.transactional_id)
        return report

    @contextmanager
    def _slot(self, transactional: bool) -> Iterator[ProducerSlot]:
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
        slot = slot or ProducerSlot(self._access, transactional)
        try:
            yield slot
        finally:
            with self._idle_lock:
                if not self._is_closed:
                    self._idle.append(slot)
            if self._is_closed:
                slot.drop()

    def read(self, query: ReadQuery) -> Read:
        return Read(TopicRead(self._access, self.admin, query).run())

    def follow(self, query: ReadQuery) -> Generator[pa.RecordBatch, None, None]:
        return TopicFollow(self._access, self.admin, query).follow()

    def capture(self, topic: str, times: Sequence[int] = ()) -> Captured:
        with reaching(self._access):
            query = ReadQuery(topic)
            return TopicRead(self._access, self.admin, query).capture(times)

    @contextmanager
    def admin(self) -> Iterator[KafkaAdminClient]:
        """Lends the one admin client; kafka-python's serves one thread at a time."""
        with self._admin_lock:
            if self._admin is None:
                self._admin = make_admin(self._access)
            yield self._admin

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
        with self._admin_lock:
            admin, self._admin = self._admin, None
            if admin is not None:
                admin.close()

    def _await_visible(self, transactional_id: str) -> None:
        """A commit is answered before its markers are written, which make it visible;
        kafka-python 2 can't ask for them (our own reads wait for them anyway).
        """
        deadline = _clock.monotonic() + VISIBLE_SECONDS
        while _clock.monotonic() < deadline:
            with self.admin() as admin:
                if not hasattr(admin, "describe_transactions"):
                    return
                (found,) = admin.describe_transactions([transactional_id]).values()
            if found.state == "CompleteCommit":
                return
            time.sleep(0.005)
        log.warning(
            "transaction %s is committed, and not visible after %g s",
            transactional_id,
            VISIBLE_SECONDS,
        )
