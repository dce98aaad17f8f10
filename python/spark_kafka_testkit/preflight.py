"""What is there to work with, and which of it does not go together: each finding says
what was seen, and what to do.
"""

from __future__ import annotations

import importlib.metadata
import ipaddress
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from spark_kafka_testkit._jvm import gateway as _gateway
from spark_kafka_testkit._model.client_config import RELOCATED
from spark_kafka_testkit._spark.attach import (
    SparkVersion,
    installed_spark,
    knows_kafka,
    running_spark,
)
from spark_kafka_testkit._version import __version__
from spark_kafka_testkit._versions import apache_version, minor_version
from spark_kafka_testkit.errors import KafkaTestkitError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from spark_kafka_testkit._model.client_config import Access

__all__ = [
    "Finding",
    "State",
    "check",
    "check_address",
    "check_docker",
    "check_java",
    "check_packages",
    "check_session",
    "check_spark",
    "mismatches",
    "unreachable",
    "warn",
]

log = logging.getLogger("spark_kafka_testkit")

State = Literal["ok", "warning", "error"]
CONNECTOR_NAME = re.compile(r"spark-sql-kafka-0-10_(\d+\.\d+)-(.+)\.jar")
NO_CONNECTOR = "not on the class path (Spark: 'Failed to find data source: kafka')"
DOCKER_SECONDS = 5.0
BROUGHT = {
    "org.apache.kafka.clients.producer.KafkaProducer": "kafka-clients",
    "org.apache.spark.kafka010.KafkaConfigUpdater": "spark-token-provider-kafka-0-10",
    "org.apache.commons.pool2.impl.GenericKeyedObjectPool": "commons-pool2",
}
"""A class of each jar that the connector needs beside it."""


@dataclass(frozen=True)
class Finding:
    """What was found of one thing.

    Attributes:
        subject: the thing: `Spark`, `connector`, `helper jar`, `Java`, ...
        state: `"ok"`; `"warning"`: it may fail, or some of the kit will not work;
            `"error"`: it does not go together.
        seen: what was seen.
        advice: what to do; empty where nothing is to be done.
    """

    subject: str
    state: State
    seen: str
    advice: str = ""

    def __str__(self) -> str:
        advice = f" {self.advice}" if self.advice else ""
        return f"{self.subject}: {self.seen}.{advice}"


def check(
    spark: SparkSession | None = None, access: Access | None = None
) -> list[Finding]:
    """Looks at all there is; nothing is changed, and nothing started.

    Args:
        spark: a session to look at, classic or Connect; without one the installed Spark
            is looked at.
        access: a broker to ask.
    """
    found = check_session(spark) if spark is not None else check_spark()
    if spark is not None and access is not None:
        found += unreachable(spark, access.bootstrap_servers)
    found += [*check_java(), *check_packages(), *check_docker()]
    return found + (check_address(access) if access is not None else [])


def warn(findings: Iterable[Finding]) -> None:
    """Logs the findings that are not ok."""
    for finding in findings:
        if finding.state != "ok":
            log.warning("%s", finding)


def check_spark() -> list[Finding]:
    """The Spark that a new session would run, and the jars for it."""
    try:
        version = installed_spark()
    except KafkaTestkitError as error:
        return [Finding("Spark", "error", *_seen_and_advice(error))]
    found = [Finding("Spark", "ok", f"{version.spark}, Scala {version.scala}")]
    try:
        found.append(Finding("helper jar", "ok", str(version.helper)))
    except KafkaTestkitError as error:
        found.append(Finding("helper jar", "error", *_seen_and_advice(error)))
    return [*found, _check_lock(version)]


def _check_lock(version: SparkVersion) -> Finding:
    """Whether a new session gets its connector from the kit."""
    if version.nearest is None:
        return Finding(
            "connector",
            "warning",
            version.not_locked,
            "If the session does not start, install a Spark whose connector the kit "
            "has: pip install 'spark-kafka-testkit[spark]'.",
        )
    seen = f"that of Spark {version.nearest}"
    if version.nearest != version.apache:
        seen += f", the nearest to {version.spark} of its minor version"
    return Finding("connector", "ok", f"{seen}; fetched when it is first needed")


def check_session(spark: SparkSession) -> list[Finding]:
    """Whether Spark, connector and helper of a session go together; no broker is
    asked. It takes some milliseconds on a classic session.
    """
    if _gateway.is_connect(spark):
        return _check_connect(spark)
    if _gateway.jvm_of(spark) is None:
        advice = "Make a new one, with the settings of KafkaUtils.spark_conf()."
        return [Finding("Spark", "error", "the session is stopped", advice)]
    version = running_spark(spark)
    return [
        _check_running(version),
        *_check_late_jars(spark),
        *_check_connector(spark, version),
        _check_helper(spark),
    ]


def mismatches(spark: SparkSession) -> list[Finding]:
    """What a session has that does not go together; what is only missing, `attach`
    brings.
    """
    found = check_session(spark)
    return [f for f in found if f.state == "error" and f.seen != NO_CONNECTOR]


def _check_running(version: SparkVersion) -> Finding:
    import pyspark

    seen = f"{version.spark}, Scala {version.scala}"
    if apache_version(pyspark.__version__) == version.apache:
        return Finding("Spark", "ok", seen)
    is_near = minor_version(pyspark.__version__) == minor_version(version.spark)
    return Finding(
        "Spark",
        "warning" if is_near else "error",
        f"{seen}, driven by pyspark {pyspark.__version__}",
        f"Use pyspark of its version: pip install pyspark=={version.apache}; or unset "
        "SPARK_HOME, which puts another Spark in its place.",
    )


def _check_late_jars(spark: SparkSession) -> list[Finding]:
    """Settings that a session was asked for when it ran already: Spark keeps them, and
    loads nothing.
    """
    started = spark.sparkContext.getConf()
    late = [
        name
        for name in ("spark.jars", "spark.jars.packages")
        if spark.conf.get(name, None) not in (None, "", started.get(name))
    ]
    if not late:
        return []
    return [
        Finding(
            "session",
            "error",
            f"{' and '.join(late)} was set when the session ran already, and came too "
            "late to load anything",
            "Stop the session first (spark.stop()) and build it with these settings, "
            "or call KafkaUtils.attach(spark).",
        )
    ]


def _check_connector(spark: SparkSession, version: SparkVersion) -> list[Finding]:
    advice = (
        "Build the session with KafkaUtils.spark_conf(), call "
        "KafkaUtils.attach(spark), or set spark.jars.packages to "
        f"{version.connector} before it starts."
    )
    jar = _gateway.jar_of(spark, _gateway.CONNECTOR_CLASS)
    if jar is None:
        return [Finding("connector", "error", NO_CONNECTOR, advice)]
    name = PurePosixPath(jar).name
    match = CONNECTOR_NAME.fullmatch(name)
    if match is not None and match[1] != version.scala:
        seen = (
            f"{name} is built for Scala {match[1]}, and Spark runs Scala "
            f"{version.scala} (Spark: 'NoClassDefFoundError: scala/...' or "
            "'NoSuchMethodError: scala...')"
        )
        return [Finding("connector", "error", seen, f"Take it away. {advice}")]
    if match is not None and minor_version(match[2]) != minor_version(version.spark):
        seen = f"{name} belongs to Spark {match[2]}, and this is {version.spark}"
        return [Finding("connector", "error", seen, f"Take it away. {advice}")]
    if _gateway.kafka_package(spark) == RELOCATED:
        seen = f"{name}, which has Kafka's classes below {RELOCATED}*"
        return [Finding("connector", "ok", seen)]
    missing = [
        jar_name
        for kind, jar_name in BROUGHT.items()
        if _gateway.load_class(spark, kind) is None
    ]
    if missing:
        seen = (
            f"{name} is there, and what it needs is not: {', '.join(missing)} (Spark: "
            "'NoClassDefFoundError')"
        )
        return [Finding("connector", "error", seen, advice)]
    clients = _gateway.jar_of(spark, _gateway.NEEDED_CLASS)
    return [
        _of_connector(name, match[2] if match else version.spark, version),
        Finding("kafka-clients", "ok", PurePosixPath(str(clients)).name),
    ]


def _of_connector(name: str, built_for: str, version: SparkVersion) -> Finding:
    """What is to be said of one of the same minor version, with all it needs."""
    if apache_version(built_for) == version.apache:
        return Finding("connector", "ok", name)
    return Finding(
        "connector",
        "warning",
        f"{name} belongs to Spark {built_for}, and this is {version.spark}, of the "
        "same minor version: they should go together",
        "If a query fails with NoSuchMethodError or NoClassDefFoundError, use "
        f"{version.connector}, where your Maven repository has it.",
    )


def _check_helper(spark: SparkSession) -> Finding:
    jar = _gateway.jar_of(spark, _gateway.API_CLASS)
    if jar is None:
        seen = "not on the session's class path: a JVM of the kit's own does its work"
        return Finding("helper jar", "ok", seen)
    try:
        _, reason = _gateway.find_helper(spark)
    except KafkaTestkitError as error:
        return Finding("helper jar", "error", *_seen_and_advice(error))
    name = PurePosixPath(jar).name
    return Finding("helper jar", "ok", reason or f"{name}, version {__version__}")


def _check_connect(spark: SparkSession) -> list[Finding]:
    found = [Finding("Spark", "ok", f"{spark.version}, by Spark Connect")]
    if knows_kafka(spark):
        return [*found, Finding("connector", "ok", "the server has it")]
    return [
        *found,
        Finding(
            "connector",
            "error",
            "the Connect server has none (Spark: 'Failed to find data source: kafka')",
            "Call KafkaUtils.attach(spark), or start the server with "
            "spark.jars.packages=org.apache.spark:spark-sql-kafka-0-10_"
            f"<its Scala version>:{spark.version}.",
        ),
    ]


def unreachable(spark: SparkSession, bootstrap_servers: str) -> list[Finding]:
    """Whether a Connect session's server is on another machine, and the broker is at
    an address of this machine alone.
    """
    if not _gateway.is_connect(spark):
        return []
    server = str(spark.client.host)
    broker = bootstrap_servers.split(",", maxsplit=1)[0].rpartition(":")[0]
    if _is_loopback(server) or not _is_loopback(broker):
        return []
    return [
        Finding(
            "broker",
            "error",
            f"it is at {bootstrap_servers}, which only this machine reaches, and the "
            f"queries run on {server}, where that address is its own",
            "Use a broker that both reach: KafkaUtils(bootstrap_servers=...).",
        )
    ]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def check_java() -> list[Finding]:
    """The Java of the embedded broker and the helper's own JVM."""
    from spark_kafka_testkit._jvm.java import HINT, find_java

    try:
        java = find_java(hint="")
    except KafkaTestkitError as error:
        return [Finding("Java", "warning", str(error).strip().rstrip("."), HINT)]
    return [Finding("Java", "ok", f"{java.version}, {java.executable}")]


def check_packages() -> list[Finding]:
    """The Python packages; none is imported."""
    found = []
    if (archived := _version_of("kafka-python-ng")) is not None:
        found.append(
            Finding(
                "kafka-python",
                "error",
                f"kafka-python-ng {archived} is installed, which is archived and has "
                "the same package name `kafka`",
                "Run: pip uninstall -y kafka-python-ng kafka-python && pip install "
                "kafka-python",
            )
        )
    for name in ("kafka-python", "testcontainers"):
        version = _version_of(name)
        if version is not None:
            found.append(Finding(name, "ok", version))
        elif name != "kafka-python" or archived is None:
            advice = f"Run: pip install {name}"
            found.append(Finding(name, "error", "it is not installed", advice))
    return found


def _version_of(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def check_docker() -> list[Finding]:
    """Whether a Docker daemon answers, and soon enough for `backend="auto"`."""
    from spark_kafka_testkit._brokers.docker import docker_problem, find_daemon

    advice = "Without one the embedded broker is used."
    problem = docker_problem()
    if problem is None:
        address = find_daemon().address
        return [Finding("Docker", "ok", f"a daemon answers at {address}")]
    if docker_problem(DOCKER_SECONDS) is None:
        problem = f"the daemon at {find_daemon().address} is slow to answer"
        advice = (
            'backend="auto" takes the embedded broker; backend="container" waits for '
            "the daemon."
        )
    return [Finding("Docker", "warning", problem.rstrip("."), advice)]


def check_address(access: Access) -> list[Finding]:
    """Whether the broker answers at the address that it advertises."""
    from spark_kafka_testkit._kafka_python.admin import await_api

    try:
        await_api(access)
    except KafkaTestkitError as error:
        return [Finding("broker", "error", *_seen_and_advice(error))]
    return [Finding("broker", "ok", f"it answers at {access.bootstrap_servers}")]


def _seen_and_advice(error: Exception) -> tuple[str, str]:
    """The first sentence of an error, and the rest."""
    seen, _, advice = str(error).partition(". ")
    return seen.rstrip("."), advice
