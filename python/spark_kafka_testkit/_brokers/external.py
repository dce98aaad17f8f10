"""A broker that the user runs: the kit only checks that it answers."""

from __future__ import annotations

from collections.abc import Collection

from spark_kafka_testkit._kafka_python.admin import await_api
from spark_kafka_testkit._model.client_config import ClientConfig

__all__ = ["ExternalBroker"]


class ExternalBroker:
    """A broker at an address the user gave, which `stop()` leaves as it is.

    Raises:
        BrokerUnreachableError: nothing answers there.
    """

    backend = "external"
    is_visited = True
    network_broker: str | None = None
    name = "external Kafka"
    ended = ""

    def __init__(self, config: ClientConfig) -> None:
        await_api(config)
        self.bootstrap_servers = config.bootstrap_servers

    def describe(self) -> str:
        return f"{self.name} at {self.bootstrap_servers}"

    def log_tail(self, lines: int = 30) -> str:
        return ""

    def note_topics(self, names: Collection[str]) -> None:
        pass

    def stop(self) -> None:
        pass
