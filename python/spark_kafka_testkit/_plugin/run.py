"""A pytest run's Kafka: one broker, started when it is first needed, ended, or kept,
when the run ends.
"""

from __future__ import annotations

import threading
from typing import Any

import pytest

from spark_kafka_testkit._brokers.broker import Broker
from spark_kafka_testkit._brokers.kept.lease import KeptBroker
from spark_kafka_testkit._plugin.options import Options
from spark_kafka_testkit._plugin.recorder import RunKafka, SharedKafka
from spark_kafka_testkit._plugin.xdist import BrokerServer
from spark_kafka_testkit.errors import KafkaTestkitError

__all__ = ["WORKER_KEY", "Run", "current"]

WORKER_KEY = "spark_kafka_testkit"

current: list[Run] = []
"""The run that this process is in, last; a run of pytest may start another."""


class Run:
    """The state of one pytest run in one process: its only one, or pytest-xdist's
    controller or worker.
    """

    def __init__(self, options: Options, shared_address: str | None) -> None:
        self.options = options
        self._shared_address = shared_address
        self._lock = threading.Lock()
        self._utils: RunKafka | None = None
        self._error: KafkaTestkitError | None = None
        self._server: BrokerServer | None = None
        self.others: list[RunKafka] = []
        self.clients: set[str] = set()

    def kafka_utils(self) -> RunKafka:
        """The KafkaUtils of the run. Where there is no broker the test is skipped, or
        fails where one is required.
        """
        try:
            return self._started()
        except KafkaTestkitError as error:
            text = str(error)
        if self.options.require:
            pytest.fail(
                f"{text}\nA broker is required here ({self.options.require_reason}); "
                "with --no-kafka-require the test is skipped.",
                pytrace=False,
            )
        reason = text.partition("\nThe end of its log")[0].replace("\n", "; ")
        pytest.skip(f"no Kafka broker: {reason}")

    def another(self, **arguments: Any) -> RunKafka:
        """A further KafkaUtils, set up; it ends with the run."""
        utils = RunKafka(**arguments)
        utils.setup()
        self.others.append(utils)
        return utils

    def all_utils(self) -> list[RunKafka]:
        """Those that are set up."""
        first = [] if self._utils is None else [self._utils]
        return [utils for utils in (*first, *self.others) if utils.initialized]

    def serve(self) -> str | None:
        """Lets a pytest-xdist worker use this run's broker: gives what the worker must
        know. None where the broker is an external one, which workers reach by
        themselves.
        """
        if self.options.is_external:
            return None
        if self._server is None:
            self._server = BrokerServer(self._broker)
        return self._server.address

    def describe(self) -> str | None:
        """What was used, for people; None where nothing was."""
        if self._utils is None or not self._utils.initialized:
            return None
        clients = ", ".join(sorted(self.clients | self._utils.clients))
        records = f"; records by {clients}" if clients else ""
        return f"{self._broker().describe()}{records}"

    def finish(self) -> str | None:
        """Ends all brokers of the run; what is kept is told of, for people."""
        kept = None
        if self._server is not None:
            self._server.close()
        if self.options.keep and self._shared_address is None and self.all_utils():
            kept = self._keep()
        for utils in reversed(self.all_utils()):
            if self.options.keep:
                utils._created.clear()  # an external broker's would be deleted
            utils.teardown()
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
        broker = self._started()._broker
        assert broker is not None
        return broker

    def _started(self) -> RunKafka:
        with self._lock:
            if self._error is not None:
                raise self._error
            if self._utils is None:
                utils = self._make()
                try:
                    utils.setup()
                except KafkaTestkitError as error:
                    self._error = error
                    raise
                self._utils = utils
            return self._utils

    def _make(self) -> RunKafka:
        if self._shared_address is not None:
            return SharedKafka(self._shared_address)
        # without --kafka-keep the environment decides, as for any KafkaUtils
        return RunKafka(**self.options.arguments, reuse=self.options.keep or None)
