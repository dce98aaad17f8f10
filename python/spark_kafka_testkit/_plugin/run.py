"""The Kafka of a pytest run: one broker, started when it is first needed.

It is ended, or kept, when the run ends.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import pytest

from spark_kafka_testkit._brokers.broker import Broker
from spark_kafka_testkit._brokers.kept.broker import KeptBroker
from spark_kafka_testkit._cluster import Cluster
from spark_kafka_testkit._leftovers import replace_ended
from spark_kafka_testkit._plugin.options import Options
from spark_kafka_testkit._plugin.recorder import Recorder
from spark_kafka_testkit._plugin.spark_session import SparkStart
from spark_kafka_testkit._spark.kept.use import wish_for_kept
from spark_kafka_testkit.errors import BrokerStartError, KafkaTestkitError
from spark_kafka_testkit.kafka_utils import KafkaUtils

__all__ = ["Run", "Used", "current", "summary"]

current: list[Run] = []
"""The runs that this process is in, innermost last: a pytest run may start another."""


class Used(NamedTuple):
    """What one process of a run has used.

    Attributes:
        broker: the broker's name, or None if none was set up.
        described: its name with its address.
        clients: the names of the clients that moved records.
        is_kept: whether the broker is left running.
        kept: what to say if it was to be left running, or an empty string.
        spark: what became of the wish to use a kept Spark, or an empty string.
    """

    broker: str | None
    described: str
    clients: list[str]
    is_kept: bool
    kept: str
    spark: str = ""


def summary(processes: Sequence[Used]) -> list[str]:
    """What to say at the end of the run, or nothing if nothing was used."""
    used = [process for process in processes if process.broker is not None]
    if not used:
        return []
    names = sorted({process.broker for process in used if process.broker})
    brokers = {process.described for process in used}
    told = (
        f"{' and '.join(names)}, one for each of {len(used)} workers"
        if len(brokers) > 1
        else used[0].described
    )
    clients = sorted({name for process in used for name in process.clients})
    records = f", records through {', '.join(clients)}" if clients else ""
    kept = [process.kept for process in used if process.is_kept]
    kept = kept or [process.kept for process in used if process.kept]
    sparks = sorted({process.spark for process in used if process.spark})
    return [
        f"kafka: {told}{records}",
        *(f"kafka: the session is in {text}" for text in sparks),
        *kept[:1],
    ]


class Run:
    """The state of one pytest run in one process.

    The process is the only one, a worker of pytest-xdist, or its controller, which has
    no broker.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.by_workers: list[Used] = []
        self._lock = threading.Lock()
        self._first: Recorder | None = None
        self._error: KafkaTestkitError | None = None
        self._others: list[Recorder] = []
        self.spark = SparkStart(keep=options.keep)

    def kafka_utils(self) -> KafkaUtils:
        """The KafkaUtils of the run.

        If there is no broker, the test is skipped, or fails if one is required.
        """
        try:
            return self._started().utils
        except KafkaTestkitError as raised:
            error = raised
        if self.options.require:
            pytest.fail(
                f"{error}\n"
                f"A broker is required here ({self.options.require_reason}). Use "
                "--no-kafka-require to skip the test instead.",
                pytrace=False,
            )
        reason = error.reason if isinstance(error, BrokerStartError) else str(error)
        reason = reason.replace("\n", "; ")
        pytest.skip(f"no Kafka broker: {reason}")

    def another(self, **arguments: Any) -> KafkaUtils:
        """A further KafkaUtils, set up. It ends with the run, and has its factor."""
        factor = self.options.arguments.get("timeout_factor")
        recorder = Recorder(KafkaUtils(**{"timeout_factor": factor, **arguments}))
        recorder.utils.setup()
        self._others.append(recorder)
        return recorder.utils

    def recorders(self) -> list[Recorder]:
        """Those whose KafkaUtils is set up, even if its broker has ended."""
        first = [] if self._first is None else [self._first]
        return [one for one in (*first, *self._others) if one.cluster is not None]

    def replace_ended(self, test: str) -> None:
        """Before a test, replace ended brokers: see `_leftovers.replace_ended`."""
        for recorder in self.recorders():
            replace_ended(recorder.utils, test)

    def clusters(self) -> list[Cluster]:
        """The clusters that are set up."""
        clusters = (recorder.cluster for recorder in self.recorders())
        return [cluster for cluster in clusters if cluster is not None]

    def topics(self) -> list[str]:
        """The topics of all brokers of the run that respond, without Kafka's own.

        For the text of a failure.
        """
        names: list[str] = []
        for cluster in self.clusters():
            with suppress(KafkaTestkitError):
                is_internal = cluster.internal_or_not()
                names += [name for name in is_internal if not is_internal[name]]
        return names

    def owns(self, utils: KafkaUtils) -> bool:
        """Whether it belongs to the run, and is set up."""
        return any(recorder.utils is utils for recorder in self.recorders())

    def used(self) -> Used:
        """What was used in this process. Call it before `finish()`."""
        clients = sorted(set().union(*(one.clients for one in self.recorders())))
        cluster = None if self._first is None else self._first.cluster
        if cluster is None:
            return Used(None, "", clients, False, "")
        broker, keep = cluster.broker, self.options.keep
        return Used(
            broker.name,
            broker.describe(),
            clients,
            keep and isinstance(broker, KeptBroker),
            _kept(broker) if keep else "",
            wish_for_kept(),
        )

    def finish(self) -> None:
        """End all brokers of the run, except those that are kept."""
        for recorder in reversed(self.recorders()):
            cluster = recorder.cluster
            if self.options.keep and cluster is not None:
                cluster.leave_topics()  # an external broker's would be deleted
                if isinstance(cluster.broker, KeptBroker):
                    cluster.broker.leave_topics()
            recorder.utils.teardown()

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
        # without --kafka-keep the environment decides, as for any KafkaUtils
        arguments = {**self.options.arguments, "reuse": self.options.keep or None}
        return Recorder(KafkaUtils(**arguments))


def _kept(broker: Broker) -> str:
    left = (
        f"{broker.describe()} is left running. Use it with: "
        f"--kafka-bootstrap-servers {broker.bootstrap_servers}"
    )
    if broker.is_visited:
        return left
    if isinstance(broker, KeptBroker):
        return f"{left}. End it with: spark-kafka-testkit down"
    return f"{broker.describe()} has ended, because another run uses the kept one."
