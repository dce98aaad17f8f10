"""Fresh topics, made many at once, because one more then costs next to nothing."""

from __future__ import annotations

import logging
import threading
import uuid
from typing import TYPE_CHECKING

from spark_kafka_testkit.errors import KafkaTestkitError

if TYPE_CHECKING:
    from spark_kafka_testkit._cluster import Cluster

__all__ = ["Topics"]

AT_ONCE = 12

log = logging.getLogger("spark_kafka_testkit")


class Topics:
    """Topics that nobody has used. `close` removes them all.

    Args:
        cluster: where they are created.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._lock = threading.Lock()
        self._free: dict[int, list[str]] = {}
        self._made: list[str] = []

    def take(self, partitions: int) -> str:
        """A topic with this number of partitions."""
        with self._lock:
            free = self._free.setdefault(partitions, [])
            if not free:
                stem = uuid.uuid4().hex[:12]
                names = [f"check-{stem}-{number}" for number in range(AT_ONCE)]
                self._cluster.own.update(names)
                self._cluster.create_topics(names, partitions)
                self._made += names
                free.extend(names)
            return free.pop()

    def close(self) -> None:
        """Remove the topics, and log a failure instead of raising it."""
        made, self._made = self._made, []
        try:
            self._cluster.delete_topics(made)
        except KafkaTestkitError as error:  # must not hide what was found
            log.warning("check_stream: its topics are left: %s", error)
