"""A leader that dies while its partition is read: two nodes, one cluster."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from kafka.errors import KafkaConnectionError

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._brokers.broker import BrokerSettings
from spark_kafka_testkit._brokers.embedded import EmbeddedBroker
from spark_kafka_testkit._brokers.ports import free_ports
from spark_kafka_testkit._kafka_python.admin import Admin
from spark_kafka_testkit._model.client_config import ClientConfig
from spark_kafka_testkit._model.offsets import Coverage, PartitionOffsets
from tests.contract.conftest import through
from tests.contract.topics import create_on, hold, open_transaction

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MANY = 2_000


class Cluster:
    """Node 1 is the controller too; node 2, a broker alone, can be killed."""

    def __init__(self) -> None:
        self._controller, *self._ports = free_ports(3)
        self.bootstrap_servers = f"127.0.0.1:{self._ports[0]}"
        self.nodes: list[EmbeddedBroker] = []

    def start_node(self) -> None:
        number, port = len(self.nodes) + 1, self._ports[len(self.nodes)]
        listener = f"PLAINTEXT://127.0.0.1:{port}"
        controller = f",CONTROLLER://127.0.0.1:{self._controller}"
        config = {
            "spark.kafka.testkit.cluster.id": "dHdvLW5vZGVzLW9uZS1jbA",
            "node.id": str(number),
            "process.roles": "broker,controller" if number == 1 else "broker",
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller}",
            "listeners": listener + (controller if number == 1 else ""),
            "advertised.listeners": listener,
            # a dead node is noticed after the session
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
        }
        self.nodes.append(EmbeddedBroker(BrokerSettings(broker_config=config)))

    def stop(self) -> None:
        for node in reversed(self.nodes):
            node.stop()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Both nodes run; the coordinator of transactions is on the first."""
    cluster = Cluster()
    try:
        cluster.start_node()
        with KafkaUtils(bootstrap_servers=cluster.bootstrap_servers) as alone:
            alone.create_topics(["first"])
            alone.send_messages("first", [("k", "v")], transactional=True)
        cluster.start_node()
        yield cluster
    finally:
        cluster.stop()


def await_leader(utils: KafkaUtils, topic: str, leader: int, in_sync: set[int]) -> None:
    """Waits until these lead, and are in sync with, the topic's partition."""
    deadline = time.monotonic() + 30
    admin = Admin(ClientConfig(utils.broker))
    seen: Any = None
    while seen != (leader, in_sync):
        assert time.monotonic() < deadline, f"{leader}, {in_sync} expected: {seen}"
        time.sleep(0.05)
        try:
            (described,) = admin.describe([topic])
        except KafkaConnectionError as error:  # kafka-python 2 asks a dead node too
            seen = error
            continue
        (partition,) = described["partitions"]
        nodes = partition.get("isr_nodes", partition.get("isr"))  # kafka-python 3, 2
        seen = partition["leader_id"], set(nodes)
    admin.close()


@pytest.mark.parametrize("client", ["jvm", "kafka-python"])
def test_a_read_survives_the_death_of_the_leader(
    client: str,
    cluster: Cluster,
    topic: str,
    spark: SparkSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It goes on with the new leader, and ends exact; so does a look at the offsets
    before there is one.
    """
    with through(client, cluster.bootstrap_servers, monkeypatch) as utils:
        create_on(utils, topic, [2, 1])
        await_leader(utils, topic, 2, {1, 2})
        utils.send_messages(topic, [(str(n), "x" * 100) for n in range(MANY)])
        with open_transaction(utils) as producer:
            hold(producer, topic, 3)
            end = utils.offsets(topic)[0].end
            with utils.iter_records(topic) as stream:
                offsets = [next(stream).offset for _ in range(MANY)]
                os.kill(cluster.nodes[1].pid, signal.SIGKILL)
                assert utils.offsets(topic) == {0: PartitionOffsets(0, end, MANY)}
                producer.commit_transaction()
                offsets += [record.offset for record in stream]
        await_leader(utils, topic, 1, {1})
        assert offsets == list(range(end))
        assert stream.coverage == {0: Coverage(0, end, end, end - 1, 0)}
