"""The embedded broker: an unmodified Kafka node in a child JVM, without Docker.

Its own launcher (`jvm/broker`) formats the storage and starts the node in one JVM. The
process ends when its stdin does, so it can't outlive this one. Its ports lie outside
the ephemeral range, because a client that retries a vacant ephemeral port may connect
to itself and hold it.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

from spark_kafka_testkit._brokers.broker import OWN_CONFIG, BrokerSettings
from spark_kafka_testkit._brokers.ports import free_ports
from spark_kafka_testkit._jvm.jars import broker_jars, broker_version, fetch, own_jar
from spark_kafka_testkit._jvm.java import Java, find_java
from spark_kafka_testkit._jvm.process import (
    LOG_LINES,
    BrokenArchiveError,
    JavaProcess,
    JavaProcessError,
)
from spark_kafka_testkit._work_folder import WorkFolder
from spark_kafka_testkit.errors import BrokerStartError

__all__ = ["LITTLE_ROOM", "EmbeddedBroker", "prepare"]

log = logging.getLogger("spark_kafka_testkit")

START_TRIES = 5
LITTLE_ROOM = 4_000_000  # a node without records takes 0.1 MB
# Kafka's wording for its own port. A port of an agent may be in use as well.
CANT_BIND = "Socket server failed to bind to"
FLAGS = (
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Xms64m",
    "-Xmx512m",
    "-Djava.awt.headless=true",
    # send the JVM's own warnings to the log, not to stdout as by default
    "-Xlog:disable",
    "-Xlog:all=warning:stderr",
    # report a crash in the log, and leave no file in the user's folder
    "-XX:+ErrorFileToStderr",
    "-XX:-CreateCoredumpOnCrash",
    "-XX:-UsePerfData",  # a file in /tmp, which a killed JVM leaves there
)
NO_NAME = r"[^\w.-]"
NO_VALUE = r"^ |[^ -~]|\\"
LOG_LEVELS = {
    "defaultLogLevel": "info",
    "showDateTime": "true",
    "dateTimeFormat": "HH:mm:ss.SSS",
    "showThreadName": "false",
    "log.org.apache.kafka.common.config": "warn",
    "log.kafka.server.KafkaConfig": "warn",
}


def prepare() -> tuple[Java, list[Path]]:
    """The Java and the jars for the broker, fetched if the cache lacks them.

    Raises:
        JavaNotFoundError: no Java 17 or newer.
        JarError: its jars are not in the cache and can't be fetched.
    """
    java = find_java()
    kafka = fetch(broker_jars(), f"Apache Kafka {broker_version()}")
    return java, [own_jar("spark-kafka-testkit-broker.jar"), *kafka]


class EmbeddedBroker:
    """A broker in a child JVM, started by the constructor.

    The constructor returns when the broker serves requests.

    Raises:
        JavaNotFoundError: no Java 17 or newer.
        JarError: its jars are not in the cache and can't be fetched.
        BrokerStartError: it did not come up. The text has the reason and the end of its
            log.
    """

    backend = "embedded"
    is_visited = False
    network_broker: str | None = None
    container_id: str | None = None

    def __init__(self, settings: BrokerSettings | None = None) -> None:
        settings = settings or BrokerSettings()
        java, jars = prepare()
        self._node = _start_node(java, jars, settings)
        self.bootstrap_servers = f"127.0.0.1:{self._node.port}"

    @property
    def pid(self) -> int:
        """The process id of the broker."""
        return self._node.process.pid

    @property
    def ended(self) -> str:
        """How the broker's process has ended."""
        return self._node.ended

    @property
    def log_file(self) -> str:
        """The file with the broker's log."""
        return str(self._node.log_file)

    @property
    def name(self) -> str:
        """A readable name."""
        return f"Kafka {broker_version()}, embedded"

    def describe(self) -> str:
        return f"{self.name}, at {self.bootstrap_servers}"

    def log_tail(self, lines: int = LOG_LINES) -> str:
        """The last lines of the broker's log."""
        return self._node.process.log_tail(lines)

    def note_topics(self, names: Collection[str]) -> None:
        pass  # they are removed with the broker

    def stop(self) -> None:
        self._node.stop()


def _start_node(java: Java, jars: list[Path], settings: BrokerSettings) -> _Node:
    for _ in range(START_TRIES):
        try:
            return _Node(java, jars, settings)
        except _PortTakenError as taken:
            log.info(
                "port %d was taken before the broker could bind it, trying another",
                taken.port,
            )
        except BrokenArchiveError:
            log.info("starting the embedded broker again without a class archive")
    raise BrokerStartError(
        f"No free port was found for the broker in {START_TRIES} tries."
    )


class _PortTakenError(Exception):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.port = port


class _Node:
    """One JVM with one node, and its work folder.

    The node removes the folder when it ends, and the kit removes whatever is left.
    """

    def __init__(self, java: Java, jars: list[Path], settings: BrokerSettings) -> None:
        self.port, controller_port = free_ports(2)
        self._work_folder = _make_work_folder()
        self._folder = self._work_folder.path
        self.log_file = self._folder / "broker.log"
        try:
            place = _name_for_java(self._folder)
            (self._folder / "server.properties").write_text(
                _properties(
                    f"{place}/data", self.port, controller_port, settings.broker_config
                ),
                encoding="ascii",
            )
            levels = [
                f"-Dorg.slf4j.simpleLogger.{name}={value}"
                for name, value in LOG_LEVELS.items()
            ]
            self.process = JavaProcess(
                "the embedded broker",
                "broker",
                java,
                FLAGS,
                jars,
                ["sparkkafka.testkit.broker.Main", place],
                log=self.log_file.open("a+b"),
                properties=[*levels, *_temp_flag(place)],
                folder=self._folder.parent,
            )
        except BaseException as error:
            self._work_folder.remove()
            if isinstance(error, (JavaProcessError, OSError)):
                raise BrokerStartError(
                    f"The embedded broker could not be started in {self._folder}: "
                    f"{error}"
                ) from error
            raise
        try:
            self._wait_until_ready(settings.startup_timeout)
        except BaseException:
            self.stop()
            raise

    @property
    def ended(self) -> str:
        """How its process has ended, and what it may have lacked.

        Empty while it runs.
        """
        ended = self.process.ended
        return ended and f"{ended}{self._lack()}"

    def _lack(self) -> str:
        """A note that there is no room for the node's data, if that is so."""
        place = self._folder.parent
        free = shutil.disk_usage(place).free
        if free >= LITTLE_ROOM:
            return ""
        return (
            f". Its data is in {place}, where {free / 1e6:.1f} MB are left. Set TMPDIR "
            "to a folder with more room"
        )

    def _wait_until_ready(self, seconds: float) -> None:
        try:
            self.process.wait_until_ready(seconds)
        except BrokenArchiveError:
            raise
        except JavaProcessError as error:
            if CANT_BIND in f"{error}{self.process.log_text()}":
                raise _PortTakenError(self.port) from error
            raise BrokerStartError(
                f"The embedded broker did not start: {error}{self._lack()}",
                self.process.log_tail(),
            ) from error

    def stop(self) -> None:
        self.process.stop(at_once=True)  # its data goes anyway
        self._work_folder.remove()


def _make_work_folder() -> WorkFolder:
    try:
        return WorkFolder("broker")
    except OSError as error:
        raise BrokerStartError(
            f"The embedded broker's work folder could not be made: {error}. Set TMPDIR "
            "to a writable folder."
        ) from error


def _name_for_java(folder: Path) -> str:
    """The folder, as seen by a JVM that is started in its parent.

    Java may not be able to spell the path in its locale, and Kafka would split one with
    a comma into several folders. Such a folder is named relative to its parent. On
    Linux, /proc makes the name absolute all the same.
    """
    if folder.as_posix().isascii() and "," not in folder.as_posix():
        return str(folder)
    here = "/proc/self/cwd"
    return f"{here if sys.platform == 'linux' else '.'}/{folder.name}"


def _temp_flag(place: str) -> list[str]:
    """Make what Kafka unpacks (compression libraries) go with the work folder.

    A place that the user has set is kept, because some machines run programs only from
    certain folders.
    """
    given = (os.environ.get(n, "") for n in ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"))
    if "java.io.tmpdir" in " ".join(given):
        return []
    return [f"-Djava.io.tmpdir={place}"]


def _properties(
    data: str, port: int, controller_port: int, broker_config: Mapping[str, str]
) -> str:
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": data,
        # one node: nothing to replicate, no consumers to wait for, few internal
        # partitions
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        "group.initial.rebalance.delay.ms": 0,
        # a small node: few threads, and no cleaner buffer of 128 MB of zeroes at start
        "num.network.threads": 2,
        "num.io.threads": 4,
        "log.cleaner.dedupe.buffer.size": 16 << 20,
        # use the system's sizes, which grow: Kafka's default of 100 kB throttles
        # loopback
        "socket.send.buffer.bytes": -1,
        "socket.receive.buffer.bytes": -1,
        # Write metadata at once. The usual 25 ms would be added to every topic and to
        # every step of the start.
        "controller.quorum.append.linger.ms": 0,
        # a test that waits for compaction should not have to wait the usual 15 s
        "log.cleaner.backoff.ms": 1000,
        # By default Kafka first looks for files of deleted topics after 30 s, which is
        # as long as a whole suite.
        "log.initial.task.delay.ms": 1000,
        **OWN_CONFIG,
        **broker_config,
    }
    return "".join(
        f"{_escaped(name, NO_NAME)}={_escaped(str(value), NO_VALUE)}\n"
        for name, value in settings.items()
    )


def _escaped(text: str, special: str) -> str:
    """The text as java.util.Properties reads it, with special characters escaped."""

    def escape(match: re.Match[str]) -> str:
        units = match[0].encode("utf-16-be", "surrogatepass").hex(" ", 2).split()
        return "".join(f"\\u{unit}" for unit in units)

    return re.sub(special, escape, text, flags=re.ASCII)
