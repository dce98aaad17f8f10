"""What a broker needs, and which brokers exist."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from spark_kafka_testkit._brokers.broker import BACKEND_ENV, BOOTSTRAP_ENV
from spark_kafka_testkit._brokers.docker import docker_problem, find_daemon
from spark_kafka_testkit._jvm.installed_spark import installed_spark
from spark_kafka_testkit._jvm.jars import broker_jars, broker_version
from spark_kafka_testkit._jvm.java import HINT, find_java
from spark_kafka_testkit._kafka_python.admin import await_api
from spark_kafka_testkit._spark.pairing import Finding
from spark_kafka_testkit.errors import KafkaTestkitError
from spark_kafka_testkit.preflight._storage import check_jars

if TYPE_CHECKING:
    from spark_kafka_testkit._model.client_config import ClientConfig

__all__ = [
    "check_address",
    "check_brokers",
    "check_docker",
    "check_java",
]

DOCKER_SECONDS = 5.0


def check_brokers(config: ClientConfig | None) -> list[Finding]:
    """What can provide a broker: an address, Java or Docker.

    Args:
        config: a broker to ask. If it is given, no other is needed.
    """
    java, docker = check_java(), check_docker()
    findings = [*java, *docker]
    if config is not None:
        return findings + check_address(config)
    backend = os.environ.get(BACKEND_ENV) or "auto"
    can_embed = java[0].state == "ok"
    if backend != "container" and can_embed:
        jars = check_jars("embedded broker", broker_jars(), f"Kafka {broker_version()}")
        findings.append(jars)
        can_embed = jars.state == "ok"
    has_docker = docker_problem(DOCKER_SECONDS) is None
    lacking = {
        "auto": ""
        if can_embed or has_docker
        else "neither an embedded one nor a container",
        "embedded": "" if can_embed else f"no embedded one, as {BACKEND_ENV} asks for",
        "container": "" if has_docker else f"no container, as {BACKEND_ENV} asks for",
    }.get(backend, "")
    if lacking:
        findings.append(
            Finding(
                "broker",
                "error",
                f"none can be started here: {lacking}",
                f"Fix what is listed above, or set {BOOTSTRAP_ENV} to the address of a "
                "broker.",
            )
        )
    return findings


def check_java() -> list[Finding]:
    """The Java for the embedded broker and for the helper's own JVM."""
    try:
        java = find_java(HINT)
    except KafkaTestkitError as error:
        finding = Finding.of_error("Java", error, "warning")
        if not _can_start_spark():
            seen = f"{finding.seen}: a Spark session can't start"
            finding = replace(finding, state="error", seen=seen)
        return [finding]
    return [Finding("Java", "ok", f"{java.version}, {java.executable}")]


def _can_start_spark() -> bool:
    """Whether there is a Java for the Spark that is installed here, if any."""
    try:
        spark = installed_spark()
    except KafkaTestkitError:
        return True
    try:
        find_java(least=17 if int(spark.spark.partition(".")[0]) >= 4 else 8)
    except KafkaTestkitError:
        return False
    return True


def check_docker() -> list[Finding]:
    """Whether a Docker daemon answers, and quickly enough for `backend="auto"`."""
    advice = "Without Docker, the kit uses the embedded broker."
    problem = docker_problem()
    if problem is None:
        address = find_daemon().address
        return [Finding("Docker", "ok", f"a daemon answers at {address}")]
    if docker_problem(DOCKER_SECONDS) is None:
        problem = f"the daemon at {find_daemon().address} is slow to answer"
        advice = (
            "The backend `auto` uses the embedded broker, and `container` waits for "
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
