"""What the kit needs, and what of it is here."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

__all__ = ["Finding", "preflight"]

PACKAGES = ("pyspark", "kafka-python", "pyarrow", "testcontainers")


@dataclass(frozen=True)
class Finding:
    """What was found of one thing.

    Attributes:
        subject: the thing, for example `Java`.
        state: `"ok"`; `"absent"`, and something else does its work; or `"wrong"`.
        seen: what was seen: a version, or a reason.
        advice: what to do, or an empty string.
    """

    subject: str
    state: Literal["ok", "absent", "wrong"]
    seen: str
    advice: str = ""


def preflight() -> list[Finding]:
    """Looks at everything that the kit needs; starts nothing and fetches nothing."""
    return [*map(_package, PACKAGES), _java(), _docker()]


def _package(name: str) -> Finding:
    try:
        return Finding(name, "ok", version(name))
    except PackageNotFoundError:
        if name == "pyspark":
            advice = "pip install 'spark-kafka-testkit[spark]', or use a cluster's own"
            return Finding(name, "absent", "not installed", advice)
        return Finding(name, "wrong", "not installed", f"pip install {name}")


def _java() -> Finding:
    from spark_kafka_testkit._java import find_java
    from spark_kafka_testkit.errors import JavaNotFoundError

    try:
        java = find_java()
    except JavaNotFoundError as error:
        return Finding("Java", "wrong", *str(error).split(". ", 1))
    return Finding("Java", "ok", f"{java.version}, {java.executable}")


def _docker() -> Finding:
    from spark_kafka_testkit.brokers.container import docker_problem

    problem = docker_problem()
    if problem is None:
        return Finding("Docker", "ok", "a daemon answers")
    return Finding("Docker", "absent", problem, "The embedded broker needs none.")
