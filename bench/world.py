"""What all rows share: one broker, one Spark session, the other clients, topics."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._brokers.embedded import EmbeddedBroker
from spark_kafka_testkit._jvm import jars as _jars
from spark_kafka_testkit._jvm.installed_spark import installed_spark
from spark_kafka_testkit._jvm.java import find_java
from spark_kafka_testkit._jvm.own_helper import CLIENT_ENV
from spark_kafka_testkit._jvm.spark_jvm import SparkJvm
from spark_kafka_testkit.kafka_utils import cluster_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

__all__ = [
    "KEY_CHARACTERS",
    "Messages",
    "Options",
    "PlainJvm",
    "World",
    "fallback",
    "jvm_pid",
    "messages",
    "part_of",
    "plain_session",
    "spark_session",
]

KEY_CHARACTERS = 10
QUIET = {"spark.ui.showConsoleProgress": "false", "spark.log.level": "ERROR"}
Messages = list[tuple[str, str]]


@dataclass(frozen=True)
class Options:
    """The amount of work.

    Attributes:
        records: the number of records in the rows with many.
        record_bytes: the bytes of key and value together.
        runs: the measured rounds of each row.
        calls: the calls of one run in rows of milliseconds. A run is their median.
    """

    records: int = 1_000_000
    record_bytes: int = 100
    runs: int = 5
    calls: int = 20

    @property
    def value_characters(self) -> int:
        return self.record_bytes - KEY_CHARACTERS


def messages(count: int, value_characters: int) -> Messages:
    """Pairs of str with distinct keys, the same as in PlainLoop.java."""
    filling = "x" * (value_characters - 10)
    return [(f"k{i:09d}", f"v{i:09d}{filling}") for i in range(count)]


def part_of(some: Messages, share: float) -> Messages:
    """The first messages, for a contestant that does only a share of the work."""
    return some[: max(1, round(len(some) * share))]


def spark_session(**settings: str) -> SparkSession:
    """A session as users of the kit have it."""
    return _session(KafkaUtils.spark_conf({**QUIET, **settings}))


def plain_session() -> SparkSession:
    """A session with Kafka's connector, and otherwise Spark's defaults."""
    return _session({**QUIET, "spark.jars": KafkaUtils.spark_conf()["spark.jars"]})


def _session(settings: dict[str, str]) -> SparkSession:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").appName("bench")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def jvm_pid(spark: SparkSession) -> int:
    """The process id of the session's JVM."""
    jvm = SparkJvm.of(spark)
    assert jvm is not None
    return int(jvm.view.java.lang.ProcessHandle.current().pid())


@contextlib.contextmanager
def fallback() -> Iterator[None]:
    """Make KafkaUtils use kafka-python inside this block."""
    with mock.patch.dict(os.environ, {CLIENT_ENV: "kafka-python"}):
        yield


class World:
    """The broker, the session, and whatever else is made when it is first needed."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._names = (f"bench-{number}" for number in itertools.count(1))
        self._open = contextlib.ExitStack()

    @cached_property
    def kafka(self) -> KafkaUtils:
        return self._open.enter_context(KafkaUtils(backend="embedded"))

    @contextlib.contextmanager
    def by_kafka_python(self, topic: str) -> Iterator[KafkaUtils]:
        """A warm KafkaUtils that uses kafka-python, for one turn.

        kafka-python's threads do not rest, and would slow the turns of the others.
        """
        with fallback(), KafkaUtils(bootstrap_servers=self.kafka.broker) as kafka:
            kafka.send_messages(topic, [])
            kafka.offsets(topic)
            yield kafka

    @cached_property
    def spark(self) -> SparkSession:
        session = spark_session(**{"spark.driver.memory": "2g"})  # like the plain JVM
        self._open.callback(session.stop)
        return session

    @property
    def processes(self) -> dict[str, int]:
        """The processes in which the kit's work is done."""
        broker = cluster_of(self.kafka).broker
        assert isinstance(broker, EmbeddedBroker)
        return {
            "Python": os.getpid(),
            "Spark's JVM": jvm_pid(self.spark),
            "the broker": broker.pid,
        }

    @cached_property
    def plain_jvm(self) -> PlainJvm:
        jvm = PlainJvm(self.kafka.broker, self.options.value_characters)
        self._open.callback(jvm.close)
        return jvm

    @cached_property
    def many(self) -> Messages:
        return messages(self.options.records, self.options.value_characters)

    @cached_property
    def few(self) -> Messages:
        return messages(10, self.options.value_characters)

    @cached_property
    def filled_topic(self) -> str:
        """A topic with the many messages, for the rows that read."""
        topic = self.new_topic()
        self.kafka.send_messages(topic, self.many)
        return topic

    def new_name(self) -> str:
        """A topic name that nothing else uses. The topic is not created."""
        return next(self._names)

    def new_topic(self, partitions: int = 1) -> str:
        name = self.new_name()
        self.kafka.create_topics([name], partitions)
        return name

    @contextlib.contextmanager
    def topic(self) -> Iterator[str]:
        """A new topic, deleted afterwards so that the disk does not fill."""
        name = self.new_topic()
        try:
            yield name
        finally:
            self.kafka.delete_topics([name])

    def spark_read(self, topic: str) -> DataFrame:
        """The topic the way a user reads it with Spark."""
        return (
            self.spark.read.format("kafka")
            .option("kafka.bootstrap.servers", self.kafka.broker)
            .option("subscribe", topic)
            .option("startingOffsets", "earliest")
            .load()
        )

    def spark_strings(self, topic: str) -> DataFrame:
        return self.spark_read(topic).selectExpr(
            "CAST(key AS STRING) AS key", "CAST(value AS STRING) AS value"
        )

    def describe(self) -> dict[str, Any]:
        """The machine and the versions, for the head of a report."""
        from importlib.metadata import version

        packages = ("pyspark", "kafka-python", "confluent-kafka", "pyarrow")
        with Path("/proc/cpuinfo").open() as lines:
            models = {
                line.split(":")[1].strip() for line in lines if "model name" in line
            }
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        return {
            "cores": os.cpu_count(),
            "processor": ", ".join(sorted(models)),
            "memory_gib": round(memory),
            "load_at_start": os.getloadavg()[0],
            "versions": {
                "Python": sys.version.split()[0],
                "Java": find_java().version,
                "Kafka broker": _jars.broker_version(),
                **{name: version(name) for name in packages},
                "spark-kafka-testkit": version("spark-kafka-testkit"),
            },
        }

    def close(self) -> None:
        self._open.close()


class PlainJvm:
    """PlainLoop.java, run from source on the kafka-clients that the helper uses."""

    def __init__(self, bootstrap_servers: str, value_characters: int) -> None:
        spark = installed_spark()
        connector = _jars.connector_jars(spark.spark, spark.scala)
        assert connector is not None, f"no locked connector for Spark {spark.spark}"
        logging = [jar for jar in _jars.broker_jars() if "slf4j" in jar.coordinate]
        jars = _jars.fetch([*connector, *logging], "the plain JVM loop's jars")
        command = [
            str(find_java().executable),
            "-Xmx2g",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
            "-cp",
            os.pathsep.join(map(str, jars)),
            str(Path(__file__).with_name("PlainLoop.java")),
            bootstrap_servers,
            str(value_characters),
        ]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def produce(self, topic: str, count: int, mode: str) -> float:
        """Send the records, and return the seconds of the JVM's own clock."""
        return self._ask(f"produce {topic} {count} {mode}")

    def consume(self, topic: str, mode: str) -> float:
        """Read the topic to its end, and return the seconds of the JVM's own clock."""
        return self._ask(f"consume {topic} {mode}")

    def _ask(self, command: str) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        try:
            return float(answer)
        except ValueError:
            raise RuntimeError(f"{command}: {answer or 'the JVM has gone'}") from None

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)
