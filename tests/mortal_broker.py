"""A broker that tests kill, suspend, and start again with its data."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from spark_kafka_testkit._brokers.broker import BrokerSettings
from spark_kafka_testkit._brokers.embedded import FLAGS, EmbeddedBroker, prepare
from spark_kafka_testkit._jvm.process import JavaProcess

__all__ = ["SETTINGS", "MortalBroker", "start_again"]

START_SECONDS = 300.0
SETTINGS = {
    # lets another broker start with its data
    "spark.kafka.testkit.cluster.id": "b25lLW1vcnRhbC1ub2RlLQ",
    # a restarted broker waits until its last session has expired
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}


def start_again(broker: EmbeddedBroker) -> JavaProcess:
    """Start a killed broker again with the data that it left, in the same place."""
    java, jars = prepare()
    folder = Path(broker.log_file).parent
    process = JavaProcess(
        "the broker that was killed",
        "broker",
        java,
        FLAGS,
        jars,
        ["sparkkafka.testkit.broker.Main", str(folder)],
        log=(folder / "again.log").open("a+b"),
        folder=folder.parent,
    )
    try:
        process.wait_until_ready(START_SECONDS)
    except BaseException:
        process.stop()
        raise
    return process


class MortalBroker:
    """An embedded broker whose address stays the same.

    Attributes:
        bootstrap_servers: the address.
    """

    def __init__(self) -> None:
        self._first = EmbeddedBroker(BrokerSettings(broker_config=SETTINGS))
        self._again: JavaProcess | None = None
        self.bootstrap_servers = self._first.bootstrap_servers

    @property
    def pid(self) -> int:
        """The id of its process, the latest one if it was started again."""
        return self._first.pid if self._again is None else self._again.pid

    def kill(self) -> None:
        """End it like `kill -9` does."""
        os.kill(self.pid, signal.SIGKILL)

    def suspend(self) -> None:
        """Make it fall silent."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a suspended broker go on."""
        os.kill(self.pid, signal.SIGCONT)

    def start_again(self) -> None:
        """Start a killed broker again with the data that it left."""
        if self._again is not None:
            self._again.stop()
        self._again = start_again(self._first)

    def stop(self) -> None:
        """End it, and remove its data."""
        if self._again is not None:
            self._again.stop()
        self._first.stop()
