"""The rows of the broker, from nothing to the first record accepted."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from bench.harness import KIT, AtLeast, AtMost, Contestant, Row, seconds_of
from bench.world import World
from spark_kafka_testkit import KafkaUtils, _cache
from spark_kafka_testkit._brokers.kept.lease import BrokerFile
from spark_kafka_testkit._brokers.ports import free_ports
from spark_kafka_testkit._jvm import jars as _jars
from spark_kafka_testkit._jvm.java import find_java
from spark_kafka_testkit._kept.keep import end
from spark_kafka_testkit._kept.lease import running
from spark_kafka_testkit.kafka_utils import cluster_of

__all__ = ["rows"]

STOCK = "stock: StorageTool format, kafka.Kafka"
START_SECONDS = 60
# These are the flags of Kafka's own kafka-run-class.
STOCK_FLAGS = (
    "-Xmx1G",
    "-Xms1G",
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=info",
)
STOCK_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
"""


def rows(world: World) -> dict[str, Callable[[], Row]]:
    return {"broker": lambda: start(world), "broker-kept": lambda: take_kept(world)}


def start(_world: World) -> Row:
    """`setup()` against Kafka's own two commands on the same jars.

    The same probe stops the clock for both: a topic is created, and a record is sent
    and acknowledged.
    """
    cache = _own_cache()

    def without_archive() -> float:
        shutil.rmtree(cache / "archives", ignore_errors=True)
        with _caching_in(cache):
            return _start()

    return Row(
        "broker",
        "embedded broker, setup() to the first record accepted",
        [
            Contestant(KIT, _start),
            Contestant(STOCK, stock),
            Contestant("kit, no class archive yet", without_archive),
        ],
        [AtLeast(1 / 0.35, (STOCK,), "stock"), AtMost(1.0)],
        profile,
        ["for both the same probe ends the clock: topic created, record acknowledged"],
        close=lambda: shutil.rmtree(cache, ignore_errors=True),
    )


def take_kept(_world: World) -> Row:
    """The same, after an earlier run has left its broker."""
    cache = _own_cache()

    def kit() -> float:
        with _caching_in(cache):
            return _start(reuse=True)

    def close() -> None:
        with _caching_in(cache):
            for lease in running(BrokerFile):
                end(BrokerFile(lease.key), lease)
        shutil.rmtree(cache, ignore_errors=True)

    return Row(
        "broker-kept",
        "a broker kept between runs, setup() to the first record accepted",
        [Contestant(KIT, kit), Contestant("kit, a new broker", _start)],
        [AtMost(0.15)],
        notes=["the first call of the kit starts the broker that is kept"],
        close=close,
    )


def _start(reuse: bool = False) -> float:
    kafka = KafkaUtils(backend="embedded", reuse=reuse)
    try:
        return seconds_of(lambda: _set_up(kafka))
    finally:
        kafka.teardown()


def _own_cache() -> Path:
    """A cache folder with the jars, and nothing else."""
    cache = Path(tempfile.mkdtemp(prefix="bench-cache-"))
    (cache / "maven").symlink_to(_cache.cache_folder() / "maven")
    return cache


def _caching_in(cache: Path) -> Any:
    return mock.patch.dict(os.environ, {_cache.CACHE_ENV: str(cache)})


def _set_up(kafka: KafkaUtils) -> None:
    kafka.setup()
    probe(kafka.broker)


def probe(address: str) -> None:
    """Wait until a record is accepted."""
    from confluent_kafka import KafkaException, Producer
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.cimpl import NewTopic

    quiet: dict[str, str | int | float | bool] = {
        "bootstrap.servers": address,
        "log_level": 0,
        "reconnect.backoff.ms": 10,
        "reconnect.backoff.max.ms": 20,
    }
    deadline = time.monotonic() + START_SECONDS
    _await_port(address, deadline)
    admin = AdminClient(quiet)
    while True:
        try:
            admin.create_topics([NewTopic("probe", 1, 1)])["probe"].result(10)
            break
        except KafkaException:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.01)
    producer = Producer({**quiet, "acks": "all"})
    failures: list[object] = []
    producer.produce("probe", b"v", on_delivery=lambda error, _: failures.append(error))
    if producer.flush(10) or failures != [None]:
        raise RuntimeError(f"the probe was not accepted: {failures}")


def stock() -> float:
    """Format and start a node with Kafka's own means: two JVMs, no class archive."""
    folder = Path(tempfile.mkdtemp(prefix="bench-broker-"))
    port, controller = free_ports(2)
    properties = folder / "server.properties"
    properties.write_text(
        STOCK_PROPERTIES.format(port=port, controller=controller, folder=folder)
    )
    java = str(find_java().executable)
    jars = _jars.fetch(_jars.broker_jars(), "Apache Kafka")
    class_path = ["-cp", os.pathsep.join(map(str, jars))]
    begun = time.perf_counter()
    subprocess.run(
        [
            *(java, *STOCK_FLAGS, *class_path, "kafka.tools.StorageTool", "format"),
            *("-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c", str(properties)),
        ],
        check=True,
        capture_output=True,
    )
    with _running([java, *STOCK_FLAGS, *class_path, "kafka.Kafka", str(properties)]):
        probe(f"127.0.0.1:{port}")
        taken = time.perf_counter() - begun
    shutil.rmtree(folder, ignore_errors=True)
    return taken


@contextlib.contextmanager
def _running(command: list[str]) -> Iterator[None]:
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _await_port(address: str, deadline: float) -> None:
    host, port = address.split(":")
    while True:
        try:
            socket.create_connection((host, int(port)), 1).close()
            return
        except OSError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.005)


def profile() -> list[str]:
    """The steps of one start, from the broker's own log."""
    launched = time.time()
    kafka = KafkaUtils(backend="embedded")
    began = time.perf_counter()
    kafka.setup()
    up = time.perf_counter() - began
    try:
        probe(kafka.broker)
        done = time.perf_counter() - began
        broker = cluster_of(kafka).broker
        lines = _steps(broker.log_tail(10_000), launched)
    finally:
        kafka.teardown()
    return [
        f"{up * 1000:.0f} ms setup(); the longest steps of it, by the broker's log:",
        *lines,
        f"{(done - up) * 1000:.0f} ms topic and record of the probe",
    ]


def _steps(log: str, launched: float) -> list[str]:
    """The log lines after which most time passed, with the time since the launch."""
    midnight = time.mktime((*time.localtime(launched)[:3], 0, 0, 0, 0, 0, -1))
    stamped = []
    for line in log.splitlines():
        stamp, _, text = line.partition(" ")
        try:
            hours, minutes, seconds = stamp.split(":")
            at = midnight + int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        except ValueError:
            continue
        stamped.append(((at - launched) * 1000, text))
    gaps = [
        (later[0] - earlier[0], later)
        for earlier, later in zip([(0.0, ""), *stamped], stamped, strict=False)
    ]
    longest = sorted(sorted(gaps, reverse=True)[:8], key=lambda gap: gap[1][0])
    return [
        f"{gap:5.0f} ms until {at:.0f}: {text[:110]}" for gap, (at, text) in longest
    ]
