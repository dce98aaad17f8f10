"""A whole run of pytest with one streaming test, from the shell's prompt to its prompt.

It is compared with an empty Spark session, and repeated with a kept broker and Spark.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.harness import KIT, AtLeast, Contestant, Row, seconds_of
from bench.world import World
from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._kept.reuse import REUSE_ENV
from spark_kafka_testkit._spark.archive import ARCHIVE_ENV

__all__ = ["rows"]

BARE = "an empty Spark session"
OWN_SESSION = "kit, without a class archive"
PLAIN = "kafka-python sends, Spark reads, a broker that runs"
NOTHING = """
from pyspark.sql import SparkSession

SparkSession.builder.master("local[2]").getOrCreate().range(1).count()
"""
WITH_KIT = """
def test_copy(kafka_utils, kafka_spark, kafka_topics, kafka_stream):
    source, sink = kafka_topics
    events = (
        kafka_spark.readStream.format("kafka")
        .options(**kafka_utils.spark_options())
        .option("subscribe", source)
        .load()
    )
    stream = kafka_stream(events.select("key", "value"), sink)
    kafka_utils.send_messages(source, [("user1", "login")])
    stream.check_answer({"user1": "login"})
"""
BY_HAND = """
import os
import time
import uuid

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic
from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark():
    builder = SparkSession.builder.master("local[2]")
    session = builder.config("spark.jars", os.environ["JARS"]).getOrCreate()
    yield session
    session.stop()


def test_copy(spark, tmp_path):
    broker = os.environ["BROKER"]
    source, sink = (f"{name}-{uuid.uuid4().hex}" for name in ("source", "sink"))
    kafka = {"kafka.bootstrap.servers": broker}
    admin = KafkaAdminClient(bootstrap_servers=broker)
    admin.create_topics([NewTopic(name, 1, 1) for name in (source, sink)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=broker)
    producer.send(source, key=b"user1", value=b"login").get(30)
    producer.send(sink, key=b"user1", value=b"none").get(30)
    events = spark.readStream.format("kafka").options(**kafka)
    events = events.option("subscribe", source).option("startingOffsets", "earliest")
    stream = events.load().select("key", "value").writeStream.format("kafka")
    stream = stream.options(**kafka).option("topic", sink)
    query = stream.option("checkpointLocation", str(tmp_path / "c")).start()
    found = []
    while b"login" not in found:
        time.sleep(1)
        read = spark.read.format("kafka").options(**kafka).option("subscribe", sink)
        found = [bytes(row.value) for row in read.load().collect()]
    query.stop()
    producer.close()
"""


def rows(world: World) -> dict[str, Callable[[], Row]]:
    return {"first-test": lambda: _row(world), "kept-test": _kept_row}


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp())
    (folder / "bare.py").write_text(NOTHING)
    (folder / "test_kit.py").write_text(WITH_KIT)
    (folder / "test_plain.py").write_text(BY_HAND)
    return folder


def _runner(folder: Path) -> Callable[..., Callable[[], float]]:
    def run(*arguments: str, **environment: str) -> Callable[[], float]:
        def once() -> None:
            subprocess.run(
                [sys.executable, *arguments],
                cwd=folder,
                env={
                    **os.environ,
                    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                    **environment,
                },
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=True,
            )

        return lambda: seconds_of(once)

    return run


# without the plugins of our own tests, which take a second to import
PYTEST = ("-m", "pytest", "-p", "no:cacheprovider", "-q")
PYTEST_KIT = (
    *PYTEST,
    "-p",
    "spark_kafka_testkit",
    "--kafka-backend=embedded",
    "test_kit.py",
)


def _kept_row() -> Row:
    folder = _folder()
    run = _runner(folder)
    up = ("-m", "spark_kafka_testkit", "up", "--backend", "embedded", "--spark")
    started = subprocess.run(
        [sys.executable, *up, "--json"],
        cwd=folder,
        stdout=subprocess.PIPE,
        check=True,
    )
    facts = json.loads(started.stdout)
    for keeper in (facts["pid"], facts["spark"]["pid"]):
        atexit.register(os.kill, keeper, signal.SIGTERM)
    return Row(
        "kept-test",
        "the same with a kept broker and a kept Spark",
        [
            Contestant(KIT, run(*PYTEST_KIT, **{REUSE_ENV: "1"})),
            Contestant(BARE, run("bare.py")),
        ],
        targets=[AtLeast(1 / 0.15, (BARE,), BARE)],
    )


def _row(world: World) -> Row:
    run = _runner(_folder())
    jars = KafkaUtils.spark_conf()["spark.jars"]
    plain = {"BROKER": world.kafka.broker, "JARS": jars}
    return Row(
        "first-test",
        "pytest with one streaming test, shell to prompt",
        [
            Contestant(KIT, run(*PYTEST_KIT)),
            Contestant(OWN_SESSION, run(*PYTEST_KIT, **{ARCHIVE_ENV: "off"})),
            Contestant(BARE, run("bare.py")),
            Contestant(PLAIN, run(*PYTEST, "test_plain.py", **plain)),
        ],
        targets=[AtLeast(1 / 0.7, (BARE,), BARE)],
        notes=["the kit's broker starts within its time; the last one's runs already"],
    )
