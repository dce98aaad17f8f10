"""What a KafkaUtils of a pytest run was used for: the report of a failing test wants
to know.
"""

from __future__ import annotations

from spark_kafka_testkit._cluster import Cluster
from spark_kafka_testkit.errors import NotSetUpError
from spark_kafka_testkit.kafka_utils import KafkaUtils, cluster_of, observe

__all__ = ["Recorder"]


class Recorder:
    """Notes the topics that a KafkaUtils is asked for, and the clients it uses.

    Args:
        utils: one that is not set up yet.

    Attributes:
        utils: the same.
        topics: the topics, in the order of their last use; cleared before each test.
        clients: the names of the clients.
    """

    def __init__(self, utils: KafkaUtils) -> None:
        self.utils = utils
        self.topics: dict[str, None] = {}
        self.clients: set[str] = set()
        observe(utils, self._note)

    @property
    def cluster(self) -> Cluster | None:
        """What it has set up."""
        try:
            return cluster_of(self.utils)
        except NotSetUpError:
            return None

    def _note(self, topic: str, client: str | None) -> None:
        self.topics.pop(topic, None)
        self.topics[topic] = None
        if client is not None:
            self.clients.add(client)
