"""The KafkaUtils of a pytest run: it notes what the report of a failing test will want
to know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from spark_kafka_testkit._brokers.broker import Broker
from spark_kafka_testkit._clients.protocol import Client
from spark_kafka_testkit._plugin.xdist import SharedBroker
from spark_kafka_testkit.kafka_utils import KafkaUtils

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["RunKafka", "SharedKafka"]


class RunKafka(KafkaUtils):
    """KafkaUtils that notes the topics it is asked for, and the clients it uses.

    Attributes:
        touched: the topics, in the order of the last touch.
        clients: the names of the clients.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.touched: dict[str, None] = {}
        self.clients: set[str] = set()

    def create_topics(
        self,
        topic_names: Sequence[str],
        num_partitions: int = 1,
        replication_factor: int = 1,
    ) -> None:
        super().create_topics(topic_names, num_partitions, replication_factor)
        for name in topic_names:
            self._touch(name)

    def _client(self, caller: str, spark: SparkSession | None = None) -> Client:
        client = super()._client(caller, spark)
        self.clients.add(client.name)
        return cast(Client, _Noting(client, self._touch))

    def _touch(self, topic: str) -> None:
        self.touched.pop(topic, None)
        self.touched[topic] = None


class SharedKafka(RunKafka):
    """That of a pytest-xdist worker: the broker is the controller's, and all else is as
    with a broker of one's own.
    """

    def __init__(self, address: str) -> None:
        super().__init__(backend="auto")
        self._address = address

    def _start(self) -> Broker:
        return SharedBroker(self._address)


class _Noting:
    """A client that tells of the topics of its calls: the first argument of each is
    one, or has one.
    """

    def __init__(self, client: Client, note: Callable[[str], None]) -> None:
        self._inner, self._note = client, note

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def noting(*arguments: Any, **named: Any) -> Any:
            for first in arguments[:1]:
                self._note(getattr(first, "topic", first))
            return found(*arguments, **named)

        return noting
