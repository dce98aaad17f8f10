"""Kafka for `unittest`: a mixin in the style of Spark's own test classes."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any, ClassVar

from spark_kafka_testkit._jvm.spark_jvm import SparkJvm
from spark_kafka_testkit._kept.reuse import choose_reuse
from spark_kafka_testkit._leftovers import (
    BrokerEndedWarning,
    Leftovers,
    LeftoverWarning,
    left_running,
    replace_ended,
    topic_name,
)
from spark_kafka_testkit._plugin.traceback import cutting
from spark_kafka_testkit._spark.kept.use import take
from spark_kafka_testkit.kafka_utils import KafkaUtils, cluster_of

__all__ = ["BrokerEndedWarning", "KafkaTestMixin", "LeftoverWarning"]

if TYPE_CHECKING:
    import unittest

    from spark_kafka_testkit._cluster import Cluster
    from spark_kafka_testkit._plugin.run import Run

    Base = unittest.TestCase
else:
    Base = object  # the class that it is mixed into brings TestCase


class KafkaTestMixin(Base):
    """A broker for the class, and a source and a sink topic for each test.

    ::

        class WordCountTest(KafkaTestMixin, ReusedSQLTestCase):
            def test_counts(self):
                self.kafka_utils.send_messages(self.source_topic, [("a", "1")])
                ...

    Put it before the class that creates the Spark session. If that class's `setUpClass`
    sets `cls.spark`, the session gets the helper and the Kafka connector. With
    SPARK_KAFKA_TESTKIT_REUSE=1 the session is created in the kept Spark, if there is
    one.

    Attributes:
        kafka_utils: a `KafkaUtils` that is set up.
        source_topic, sink_topic: the names of topics with one partition, new for each
            test. At the end of the test, after `tearDown`, queries that it left running
            are stopped and named by a `LeftoverWarning`. Then the topics that it
            created are deleted.
    """

    kafka_utils: ClassVar[KafkaUtils]
    source_topic: str
    sink_topic: str

    @classmethod
    def make_kafka_utils(cls) -> KafkaUtils:
        """Create the `KafkaUtils`. Override it to pass arguments.

        If you return one that is set up already, it is used and not torn down, so that
        classes can share a broker. Under pytest the default is the `KafkaUtils` of the
        fixture `kafka_utils`.
        """
        run = _pytest_run()
        return KafkaUtils() if run is None else run.kafka_utils()

    @classmethod
    def setUpClass(cls) -> None:
        utils: Any = cls.make_kafka_utils()
        if not isinstance(utils, KafkaUtils):
            raise TypeError(
                "make_kafka_utils() must return a KafkaUtils, not "
                f"{type(utils).__name__}. Is `return` missing?"
            )
        if not utils.initialized:
            utils.setup()
            cls.addClassCleanup(utils.teardown)
        cls.kafka_utils = utils
        if choose_reuse():
            take(_conf_of(cls))
        super().setUpClass()
        spark = getattr(cls, "spark", None)
        if spark is not None and SparkJvm.of(spark) is not None:
            utils.attach(spark)

    def run(self, result: unittest.TestResult | None = None) -> Any:
        """Run the test as usual.

        The traceback of an error from the kit ends at the test's line.
        """
        if _pytest_run() is not None:
            return super().run(result)  # the plugin does the same
        name = self._testMethodName
        setattr(self, name, cutting(getattr(self, name)))
        try:
            return super().run(result)
        finally:
            delattr(self, name)

    def setUp(self) -> None:
        super().setUp()
        replace_ended(self.kafka_utils, self.id())
        leftovers = Leftovers(self._clusters)
        self.addCleanup(self._end_of_test, leftovers)
        name = self.id().rpartition(".")[2]
        self.source_topic = topic_name(name, "source")
        self.sink_topic = topic_name(name, "sink")
        self.kafka_utils.create_topics([self.source_topic, self.sink_topic])

    def _clusters(self) -> list[Cluster]:
        utils = self.kafka_utils
        return [cluster_of(utils)] if utils.initialized else []

    def _end_of_test(self, leftovers: Leftovers) -> None:
        run = _pytest_run()
        if run is not None and run.owns(self.kafka_utils):
            return  # the plugin does the same, according to its options
        names = leftovers.stop_queries()
        leftovers.delete_topics()
        if names:
            text = left_running(self.id(), names)
            warnings.warn(LeftoverWarning(text), stacklevel=1)


def _conf_of(test_class: type) -> dict[str, str]:
    """The settings of the session that a pyspark.testing class creates."""
    conf = getattr(test_class, "conf", None)
    return dict(conf().getAll()) if callable(conf) else {}


def _pytest_run() -> Run | None:
    plugin: Any = sys.modules.get("spark_kafka_testkit._plugin.run")
    return plugin.current[-1] if plugin is not None and plugin.current else None
