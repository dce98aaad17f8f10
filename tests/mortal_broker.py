"""A broker that tests kill, suspend, and start again over its data."""

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
    # over whose data another may start
    "spark.kafka.testkit.cluster.id": "b25lLW1vcnRhbC1ub2RlLQ",
    # which waits until the last session is over
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}


def start_again(broker: EmbeddedBroker) -> JavaProcess:
    """Starts a broker that was killed over the data that it left, where it was."""
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
    """An embedded broker at an address that stays.

    Attributes:
        bootstrap_servers: the address.
    """

    def __init__(self) -> None:
        self._first = EmbeddedBroker(BrokerSettings(broker_config=SETTINGS))
        self._again: JavaProcess | None = None
        self.bootstrap_servers = self._first.bootstrap_servers

    @property
    def pid(self) -> int:
        """The id of its process: the last one, if it was started again."""
        return self._first.pid if self._again is None else self._again.pid

    def kill(self) -> None:
        """Ends it as `kill -9` does."""
        os.kill(self.pid, signal.SIGKILL)

    def suspend(self) -> None:
        """Lets it fall silent."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Lets one that is suspended go on."""
        os.kill(self.pid, signal.SIGCONT)

    def start_again(self) -> None:
        """Starts one that was killed over the data that it left."""
        if self._again is not None:
            self._again.stop()
        self._again = start_again(self._first)

    def stop(self) -> None:
        """Ends it, and removes its data."""
        if self._again is not None:
            self._again.stop()
        self._first.stop()
