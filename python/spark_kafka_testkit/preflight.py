"""What there is to work with, and which of it does not go together.

Each finding says what was seen, and what to do.
"""

from __future__ import annotations

import importlib.metadata
import logging
from typing import TYPE_CHECKING

from spark_kafka_testkit._brokers.docker import docker_problem, find_daemon
from spark_kafka_testkit._jvm.installed_spark import SparkVersion, installed_spark
from spark_kafka_testkit._jvm.java import HINT, find_java
from spark_kafka_testkit._kafka_python.admin import await_api
from spark_kafka_testkit._spark.kept.use import fit, listed
from spark_kafka_testkit._spark.pairing import (
    Finding,
    Severity,
    check_session,
    mismatches,
    unreachable,
    warn,
)
from spark_kafka_testkit.errors import KafkaTestkitError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from spark_kafka_testkit._model.client_config import ClientConfig

__all__ = [
    "Finding",
    "Severity",
    "check",
    "check_address",
    "check_docker",
    "check_java",
    "check_kept_spark",
    "check_packages",
    "check_session",
    "check_spark",
    "mismatches",
    "unreachable",
    "warn",
]

log = logging.getLogger("spark_kafka_testkit")

DOCKER_SECONDS = 5.0


def check(
    spark: SparkSession | None = None, config: ClientConfig | None = None
) -> list[Finding]:
    """Looks at all there is; nothing is changed, and nothing started.

    Args:
        spark: a session to look at, classic or Connect; without one the installed Spark
            is looked at.
        config: a broker to ask.
    """
    findings = check_session(spark) if spark is not None else check_spark()
    if spark is not None and config is not None:
        findings += unreachable(spark, config.bootstrap_servers)
    findings += [*check_java(), *check_packages(), *check_docker()]
    findings += check_kept_spark()
    return findings + (check_address(config) if config is not None else [])


def check_spark() -> list[Finding]:
    """The Spark that a new session would run, and the jars for it."""
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
            "If the session does not start, install a Spark whose connector the kit "
            "has: pip install 'spark-kafka-testkit[spark]'.",
        )
    seen = f"that of Spark {version.nearest}"
    if version.nearest != version.apache:
        seen += f", the nearest to {version.spark} of its minor version"
    return Finding("connector", "ok", f"{seen}; fetched when it is first needed")


def check_kept_spark() -> list[Finding]:
    """Whether a test run here would take the Spark that is kept for it."""
    try:
        text, differing = fit()
    except KafkaTestkitError as error:
        return [Finding.of_error("kept Spark", error, "warning")]
    if not text:
        return []
    if not differing:
        return [Finding("kept Spark", "ok", text)]
    return [
        Finding(
            "kept Spark",
            "warning",
            f"{text}; a run of this shell has another {listed(differing)}, and would "
            "start its own",
            "Keep one that fits: spark-kafka-testkit up --spark",
        )
    ]


def check_java() -> list[Finding]:
    """The Java of the embedded broker and the helper's own JVM."""
    try:
        java = find_java(HINT)
    except KafkaTestkitError as error:
        return [Finding.of_error("Java", error, "warning")]
    return [Finding("Java", "ok", f"{java.version}, {java.executable}")]


def check_packages() -> list[Finding]:
    """The Python packages; none is imported."""
    findings = []
    if (archived := _version_of("kafka-python-ng")) is not None:
        findings.append(
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


def check_docker() -> list[Finding]:
    """Whether a Docker daemon answers, and soon enough for `backend="auto"`."""
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


def check_address(config: ClientConfig) -> list[Finding]:
    """Whether the broker answers at the address that it advertises."""
    try:
        await_api(config)
    except KafkaTestkitError as error:
        return [Finding.of_error("broker", error)]
    return [Finding("broker", "ok", f"it answers at {config.bootstrap_servers}")]
