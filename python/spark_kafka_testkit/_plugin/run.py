"""A pytest run's Kafka: one broker, started when it is first needed, ended, or kept,
when the run ends.
"""

from __future__ import annotations

import threading
from typing import Any

import pytest

from spark_kafka_testkit._brokers.broker import Broker
from spark_kafka_testkit._brokers.kept.broker import KeptBroker
from spark_kafka_testkit._cluster import Cluster
from spark_kafka_testkit._plugin.options import Options
from spark_kafka_testkit._plugin.recorder import Recorder
from spark_kafka_testkit._plugin.xdist import SharedBroker, serve
from spark_kafka_testkit.errors import BrokerStartError, KafkaTestkitError
from spark_kafka_testkit.kafka_utils import KafkaUtils

__all__ = ["WORKER_KEY", "Run", "current"]

WORKER_KEY = "spark_kafka_testkit"

current: list[Run] = []
"""The run that this process is in, last; a run of pytest may start another."""


class Run:
    """The state of one pytest run in one process: its only one, or pytest-xdist's
    controller or worker.

    Args:
        options: the run's.
        controller: in a worker, what the controller's `serve` gave.
    """

    def __init__(self, options: Options, controller: Any = None) -> None:
        self.options = options
        self._controller = controller
        self._lock = threading.Lock()
        self._first: Recorder | None = None
        self._error: KafkaTestkitError | None = None
        self._others: list[Recorder] = []
        self.clients: set[str] = set()

    def kafka_utils(self) -> KafkaUtils:
        """The KafkaUtils of the run. Where there is no broker the test is skipped, or
        fails where one is required.
        """
        try:
            return self._started().utils
        except KafkaTestkitError as raised:
            error = raised
        if self.options.require:
            pytest.fail(
                f"{error}\nA broker is required here ({self.options.require_reason}); "
                "with --no-kafka-require the test is skipped.",
                pytrace=False,
            )
        reason = error.reason if isinstance(error, BrokerStartError) else str(error)
        reason = reason.replace("\n", "; ")
        pytest.skip(f"no Kafka broker: {reason}")

    def another(self, **arguments: Any) -> KafkaUtils:
        """A further KafkaUtils, set up; it ends with the run."""
        recorder = Recorder(KafkaUtils(**arguments))
        recorder.utils.setup()
        self._others.append(recorder)
        return recorder.utils

    def recorders(self) -> list[Recorder]:
        """Those whose KafkaUtils are set up."""
        first = [] if self._first is None else [self._first]
        return [one for one in (*first, *self._others) if one.utils.initialized]

    def clusters(self) -> list[Cluster]:
        """What is set up."""
        clusters = (recorder.cluster for recorder in self.recorders())
        return [cluster for cluster in clusters if cluster is not None]

    def owns(self, utils: KafkaUtils) -> bool:
        """Whether it is one of the run's, and set up."""
        return any(recorder.utils is utils for recorder in self.recorders())

    def used_clients(self) -> set[str]:
        """The names of the clients that moved records, in this process."""
        return set().union(*(recorder.clients for recorder in self.recorders()))

    def serve(self, node: Any) -> Any:
        """Lets a pytest-xdist worker use this run's broker: gives what the worker's run
        needs. None where the broker is an external one, which workers reach by
        themselves.
        """
        return None if self.options.is_external else serve(node, self._broker)

    def describe(self) -> str | None:
        """What was used, for people; None where nothing was."""
        if self._first is None or not self._first.utils.initialized:
            return None
        clients = ", ".join(sorted(self.clients | self._first.clients))
        records = f"; records by {clients}" if clients else ""
        return f"{self._broker().describe()}{records}"

    def finish(self) -> str | None:
        """Ends all brokers of the run; what is kept is told of, for people."""
        kept = None
        if self.options.keep and self._controller is None and self.recorders():
            kept = self._keep()
        for recorder in reversed(self.recorders()):
            if self.options.keep and recorder.cluster is not None:
                recorder.cluster.leave_topics()  # an external broker's would be deleted
            recorder.utils.teardown()
        return kept

    def _keep(self) -> str:
        broker = self._broker()
        left = (
            f"{broker.describe()} is left running. Use it with: "
            f"--kafka-bootstrap-servers {broker.bootstrap_servers}"
        )
        if broker.backend == "external":
            return left
        if not isinstance(broker, KeptBroker):
            return (
                f"{broker.describe()} is ended: another run has the one that is kept."
            )
        broker.leave_topics()
        return f"{left}; end it with: spark-kafka-testkit down"

    def _broker(self) -> Broker:
        cluster = self._started().cluster
        assert cluster is not None
        return cluster.broker

    def _started(self) -> Recorder:
        with self._lock:
            if self._error is not None:
                raise self._error
            if self._first is None:
                recorder = self._make()
                try:
                    recorder.utils.setup()
                except KafkaTestkitError as error:
                    self._error = error
                    raise
                self._first = recorder
            return self._first

    def _make(self) -> Recorder:
        controller = self._controller
        if controller is not None:  # it is pytest-xdist's, and the broker's owner
            utils = KafkaUtils(backend="auto")
            return Recorder(utils, lambda: SharedBroker(controller))
        # without --kafka-keep the environment decides, as for any KafkaUtils
        arguments = {**self.options.arguments, "reuse": self.options.keep or None}
        return Recorder(KafkaUtils(**arguments))
