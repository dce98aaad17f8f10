"""The client in pure Python, by kafka-python: for where no JVM helper is in reach."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from spark_kafka_testkit.access import Access
from spark_kafka_testkit.clients import Read, SendReport
from spark_kafka_testkit.clients._kafka import make_admin, reaching
from spark_kafka_testkit.clients._send import ProducerSlot, Send
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
        self._send_lock = threading.Lock()
        self._admin_lock = threading.RLock()
        self._producers = {
            transactional: ProducerSlot(access, transactional)
            for transactional in (False, True)
        }
        self._admin: KafkaAdminClient | None = None

    def send(
        self, topic: str, batches: pa.RecordBatchReader, transactional: bool = False
    ) -> SendReport:
        producers = self._producers[transactional]
        with self._send_lock:
            report = Send(producers, topic).run(batches)
        if transactional and report.written and not report.aborted:
            self._await_visible(producers.transactional_id)
        return report

    def read(self, query: ReadQuery) -> Read:
        return Read(TopicRead(self._access, self.admin, query).run())

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

    def close(self) -> None:
        with self._send_lock:
            for producer in self._producers.values():
                producer.drop()
        with self._admin_lock:
            admin, self._admin = self._admin, None
            if admin is not None:
                admin.close()

    def _await_visible(self, transactional_id: str | None) -> None:
        """A commit is answered before its markers are written, which make it visible;
        kafka-python 2 can't ask for them (our own reads wait for them anyway).
        """
        deadline = time.monotonic() + VISIBLE_SECONDS
        while time.monotonic() < deadline:
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
