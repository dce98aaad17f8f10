"""Records what a KafkaUtils of a pytest run is used for.

The report of a failing test shows it.
"""

from __future__ import annotations

from spark_kafka_testkit._cluster import Cluster
from spark_kafka_testkit.errors import NotSetUpError
from spark_kafka_testkit.kafka_utils import KafkaUtils, cluster_of, observe

__all__ = ["Recorder"]


class Recorder:
    """Notes the topics that a KafkaUtils is asked for, and the clients it uses.

    Args:
        utils: a KafkaUtils that is not set up yet.

    Attributes:
        utils: the same.
        topics: the topics, in the order of their last use. Cleared before each test.
        clients: the names of the clients.
    """

    def __init__(self, utils: KafkaUtils) -> None:
        self.utils = utils
        self.topics: dict[str, None] = {}
        self.clients: set[str] = set()
        observe(utils, self._note)

    @property
    def cluster(self) -> Cluster | None:
        """The cluster that it has set up, or None."""
        try:
            return cluster_of(self.utils)
        except NotSetUpError:
            return None

    def _note(self, topic: str | None, client: str | None) -> None:
        if topic is not None:
            self.topics.pop(topic, None)
            self.topics[topic] = None
        if client is not None:
            self.clients.add(client)
