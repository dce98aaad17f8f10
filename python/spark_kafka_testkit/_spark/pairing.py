"""Check that Spark, the Kafka connector and the helper of a session fit together.

Each finding says what was seen, and what to do.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from spark_kafka_testkit._jvm.helper import API_CLASS
from spark_kafka_testkit._jvm.installed_spark import SparkVersion
from spark_kafka_testkit._jvm.spark_jvm import (
    CONNECTOR_CLASS,
    PRODUCER_CLASS,
    SparkJvm,
    is_connect,
)
from spark_kafka_testkit._model.client_config import RELOCATED
from spark_kafka_testkit._spark.running import knows_kafka, running_spark
from spark_kafka_testkit._version import __version__
from spark_kafka_testkit._versions import apache_version, minor_version
from spark_kafka_testkit.errors import KafkaTestkitError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = [
    "Finding",
    "Severity",
    "check_session",
    "mismatches",
    "unreachable",
    "warn",
]

log = logging.getLogger("spark_kafka_testkit")

Severity = Literal["ok", "warning", "error"]
CONNECTOR_NAME = re.compile(
    r"(?:org\.apache\.spark_)?spark-sql-kafka-0-10_(\d+\.\d+)-(.+)\.jar"
)
"""Jars that come with spark.jars.packages have the group before their name."""
NO_CONNECTOR = "not on the class path (Spark: 'Failed to find data source: kafka')"
BROUGHT = {
    PRODUCER_CLASS: "kafka-clients",
    "org.apache.spark.kafka010.KafkaConfigUpdater": "spark-token-provider-kafka-0-10",
    "org.apache.commons.pool2.impl.GenericKeyedObjectPool": "commons-pool2",
}
"""A class from each jar that the connector needs."""


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        subject: what was checked: `Spark`, `connector`, `helper jar`, `Java`, ...
        state: `"ok"`, `"warning"` if it may fail or a part of the kit will not work, or
            `"error"` if it does not fit together.
        seen: what was seen.
        advice: what to do, or empty if there is nothing to do.
    """

    subject: str
    state: Severity
    seen: str
    advice: str = ""

    @classmethod
    def of_error(
        cls, subject: str, error: KafkaTestkitError, state: Severity = "error"
    ) -> Finding:
        """The finding that an error describes."""
        return cls(subject, state, error.problem.rstrip("."), error.advice)

    def __str__(self) -> str:
        advice = f" {self.advice}" if self.advice else ""
        return f"{self.subject}: {self.seen}.{advice}"


def warn(findings: Iterable[Finding]) -> None:
    """Log the findings that are not ok."""
    for finding in findings:
        if finding.state != "ok":
            log.warning("%s", finding)


def check_session(spark: SparkSession) -> list[Finding]:
    """Check whether Spark, connector and helper of a session fit together.

    No broker is asked. On a classic session it takes some milliseconds.
    """
    if is_connect(spark):
        return _check_connect(spark)
    jvm = SparkJvm.of(spark)
    if jvm is None:
        advice = "Make a new one with the settings of KafkaUtils.spark_conf()."
        return [Finding("Spark", "error", "the session is stopped", advice)]
    version = running_spark(jvm)
    return [
        _check_running(version),
        *_check_late_jars(spark),
        *_check_connector(jvm, version),
        _check_helper(jvm),
    ]


def mismatches(spark: SparkSession) -> list[Finding]:
    """The parts of a session that do not fit together. `attach` adds missing ones."""
    return [
        finding
        for finding in check_session(spark)
        if finding.state == "error" and finding.seen != NO_CONNECTOR
    ]


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
        f"Use the same version of pyspark (pip install pyspark=={version.apache}), or "
        "unset SPARK_HOME, which points to another Spark.",
    )


def _check_late_jars(spark: SparkSession) -> list[Finding]:
    """Settings that came after the session was started.

    Spark stores them, but loads nothing.
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
            f"{' and '.join(late)} was set after the session had started, too late to "
            "load anything",
            "Stop the session first (spark.stop()) and build it with these settings, "
            "or call KafkaUtils.attach(spark).",
        )
    ]


def _check_connector(jvm: SparkJvm, version: SparkVersion) -> list[Finding]:
    advice = (
        "Build the session with KafkaUtils.spark_conf(), call "
        "KafkaUtils.attach(spark), or set spark.jars.packages to "
        f"{version.connector} before it starts."
    )
    jar = jvm.jar_of(CONNECTOR_CLASS)
    if jar is None:
        return [Finding("connector", "error", NO_CONNECTOR, advice)]
    name = PurePosixPath(jar).name
    match = CONNECTOR_NAME.fullmatch(name)
    if match is not None and match[1] != version.scala:
        seen = (
            f"{name} is built for Scala {match[1]}, but Spark runs Scala "
            f"{version.scala} (Spark: 'NoClassDefFoundError: scala/...' or "
            "'NoSuchMethodError: scala...')"
        )
        return [Finding("connector", "error", seen, f"Remove it. {advice}")]
    if match is not None and minor_version(match[2]) != minor_version(version.spark):
        seen = f"{name} belongs to Spark {match[2]}, but this is {version.spark}"
        return [Finding("connector", "error", seen, f"Remove it. {advice}")]
    if jvm.kafka_package == RELOCATED:
        seen = f"{name}, which has Kafka's classes below {RELOCATED}*"
        return [Finding("connector", "ok", seen)]
    missing = [
        jar_name
        for class_name, jar_name in BROUGHT.items()
        if jvm.load_class(class_name) is None
    ]
    if missing:
        seen = (
            f"{name} is there, but what it needs is missing: {', '.join(missing)} "
            "(Spark: 'NoClassDefFoundError')"
        )
        return [Finding("connector", "error", seen, advice)]
    clients = jvm.jar_of(PRODUCER_CLASS)
    return [
        _of_connector(name, match[2] if match else version.spark, version),
        Finding("kafka-clients", "ok", PurePosixPath(str(clients)).name),
    ]


def _of_connector(name: str, built_for: str, version: SparkVersion) -> Finding:
    """The finding for a complete connector of the same minor version."""
    if apache_version(built_for) == version.apache:
        return Finding("connector", "ok", name)
    return Finding(
        "connector",
        "warning",
        f"{name} belongs to Spark {built_for}, but this is {version.spark}, of the "
        "same minor version. They should work together",
        "If a query fails with NoSuchMethodError or NoClassDefFoundError, use "
        f"{version.connector}, if your Maven repository has it.",
    )


def _check_helper(jvm: SparkJvm) -> Finding:
    jar = jvm.jar_of(API_CLASS)
    if jar is None:
        seen = "not on the session's class path, so the kit uses its own JVM"
        return Finding("helper jar", "ok", seen)
    try:
        _, reason = jvm.find_helper()
    except KafkaTestkitError as error:
        return Finding.of_error("helper jar", error)
    name = PurePosixPath(jar).name
    return Finding("helper jar", "ok", reason or f"{name}, version {__version__}")


def _check_connect(spark: SparkSession) -> list[Finding]:
    server = Finding("Spark", "ok", f"{spark.version}, over Spark Connect")
    if knows_kafka(spark):
        return [server, Finding("connector", "ok", "the server has it")]
    return [
        server,
        Finding(
            "connector",
            "error",
            "the Connect server has none (Spark: 'Failed to find data source: kafka')",
            "Call KafkaUtils.attach(spark), or start the server with "
            "spark.jars.packages=org.apache.spark:spark-sql-kafka-0-10_"
            f"<its Scala version>:{apache_version(spark.version)}.",
        ),
    ]


def unreachable(spark: SparkSession, bootstrap_servers: str) -> list[Finding]:
    """Whether a Connect session's server can't reach the broker.

    That is so if the server is on another machine, and the broker's address is only
    valid on this one.
    """
    if not is_connect(spark):
        return []
    server = str(spark.client.host)
    broker = bootstrap_servers.split(",", maxsplit=1)[0].rpartition(":")[0]
    if _is_loopback(server) or not _is_loopback(broker):
        return []
    return [
        Finding(
            "broker",
            "error",
            f"it is at {bootstrap_servers}, which only this machine can reach, but the "
            f"queries run on {server}, where that address means itself",
            "Use a broker that both reach: KafkaUtils(bootstrap_servers=...).",
        )
    ]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
