"""Checks whether Spark, the connector, Java, Docker and the packages fit together.

Each finding says what was seen, and what to do.
"""

from __future__ import annotations

import importlib.metadata
import os
import socket
from typing import TYPE_CHECKING

from spark_kafka_testkit._jvm.installed_spark import SparkVersion, installed_spark
from spark_kafka_testkit._jvm.jars import connector_jars
from spark_kafka_testkit._spark.loopback import HOST_VARIABLES, can_listen_at_own_name
from spark_kafka_testkit._spark.pairing import (
    Finding,
    Severity,
    check_session,
    mismatches,
    unreachable,
    warn,
)
from spark_kafka_testkit.errors import KafkaTestkitError
from spark_kafka_testkit.preflight._broker import (
    check_address,
    check_brokers,
    check_docker,
    check_java,
)
from spark_kafka_testkit.preflight._kept import check_kept_brokers, check_kept_spark
from spark_kafka_testkit.preflight._storage import (
    check_jars,
    check_repository,
    check_storage,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from spark_kafka_testkit._model.client_config import ClientConfig

__all__ = [
    "Finding",
    "Severity",
    "check",
    "check_address",
    "check_docker",
    "check_host",
    "check_java",
    "check_kept_brokers",
    "check_kept_spark",
    "check_packages",
    "check_session",
    "check_spark",
    "check_storage",
    "mismatches",
    "unreachable",
    "warn",
]


def check(
    spark: SparkSession | None = None, config: ClientConfig | None = None
) -> list[Finding]:
    """Look at everything, without changing or starting anything.

    Args:
        spark: a session to look at, classic or Connect. Default: the installed Spark.
        config: a broker to ask. Without it, something that can start a broker must
            exist.
    """
    findings = check_session(spark) if spark is not None else check_spark()
    if spark is not None and config is not None:
        findings += unreachable(spark, config.bootstrap_servers)
    return [
        *findings,
        *check_packages(),
        *check_brokers(config),
        *check_repository(),
        *check_storage(),
        *check_kept_brokers(),
        *check_kept_spark(),
        *check_host(),
    ]


def check_spark() -> list[Finding]:
    """The Spark that a new session would use, and the jars for it."""
    try:
        version = installed_spark()
    except KafkaTestkitError as error:
        return [Finding.of_error("Spark", error)]
    try:
        helper = Finding("helper jar", "ok", str(version.helper))
    except KafkaTestkitError as error:
        helper = Finding.of_error("helper jar", error)
    return [
        Finding("Spark", "ok", f"{version.spark}, Scala {version.scala}"),
        helper,
        _check_lock(version),
    ]


def _check_lock(version: SparkVersion) -> Finding:
    """Whether a new session gets its connector from the kit."""
    if version.nearest is None:
        return Finding(
            "connector",
            "warning",
            version.not_locked,
            version.without_connector,
        )
    seen = f"that of Spark {version.nearest}"
    if version.nearest != version.apache:
        seen += f", the nearest to {version.spark} of its minor version"
    jars = connector_jars(version.spark, version.scala)
    assert jars is not None
    return check_jars("connector", jars, seen)


def check_host() -> list[Finding]:
    """Whether Spark can listen at this machine's own name.

    Only checked if it is not set to listen elsewhere.
    """
    if any(os.environ.get(n) for n in HOST_VARIABLES) or can_listen_at_own_name():
        return []
    return [
        Finding(
            "host name",
            "warning",
            f"{socket.gethostname()}, which does not resolve to an address of this "
            "machine",
            "The kit's own sessions start anyway. For others, add it to /etc/hosts, or "
            "set SPARK_LOCAL_IP=127.0.0.1.",
        )
    ]


def check_packages() -> list[Finding]:
    """The Python packages, without importing any."""
    findings = []
    if (archived := _version_of("kafka-python-ng")) is not None:
        findings.append(
            Finding(
                "kafka-python",
                "error",
                f"kafka-python-ng {archived} is installed, an archived project with "
                "the same package name `kafka`",
                "Run: pip uninstall -y kafka-python-ng kafka-python && pip install "
                "kafka-python",
            )
        )
    for name in ("kafka-python", "testcontainers"):
        version = _version_of(name)
        if version is not None:
            findings.append(Finding(name, "ok", version))
        elif name != "kafka-python" or archived is None:
            advice = f"Run: pip install {name}"
            findings.append(Finding(name, "error", "it is not installed", advice))
    return findings


def _version_of(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
