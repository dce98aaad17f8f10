"""What all tests share: one broker and one Spark session per run, and topic names."""

from __future__ import annotations

import os
import re
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import TestCase

import pytest
from hypothesis import HealthCheck, settings

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._cache import cache_folder
from spark_kafka_testkit._spark.archive import ARCHIVE_ENV

from .quick_java import QUICK_JAVA
from .sessions import ON_CONNECT, spark_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


# ci/setup has recorded the archive of most sessions, and the others are not worth it
os.environ.setdefault(ARCHIVE_ENV, "use")


# no example fails because of the time it takes, here or on a busy machine
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """On Spark Connect, run what uses Spark. For all else it would be a second run."""
    if not ON_CONNECT:
        return
    config.hook.pytest_deselected(items=[one for one in items if not _has_spark(one)])
    items[:] = filter(_has_spark, items)


def _has_spark(item: pytest.Item) -> bool:
    """Whether a test requests the session, or is of unittest, where each makes it."""
    is_of_unittest = issubclass(getattr(item, "cls", None) or object, TestCase)
    return is_of_unittest or "spark" in getattr(item, "fixturenames", ())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests have recorded."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{report.nodeid}: {name}: {value}")


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaUtils]:
    """The broker of the run, an embedded one unless another test run provides one."""
    address = os.environ.get("SPARK_KAFKA_TESTKIT_TEST_BROKER")
    where: dict[str, Any] = (
        {"bootstrap_servers": address} if address else {"backend": "embedded"}
    )
    with KafkaUtils(**where) as utils:
        yield utils


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """The session of the run: see `sessions.py`."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYSPARK_PYTHON", sys.executable)  # which has pandas
        session = spark_session()
    yield session
    session.stop()


@pytest.fixture
def quick_java(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spark's JVMs that other processes start compile as the kit's do."""
    monkeypatch.setenv("SPARK_SUBMIT_OPTS", QUICK_JAVA)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder with the jars of the real one and no archives."""
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "maven").symlink_to(cache_folder() / "maven")
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", str(cache))
    return cache


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the kit has logged. kafka-python warns, too, on a busy machine."""
    return lambda: [
        message
        for name, _, message in caplog.record_tuples
        if name == "spark_kafka_testkit"
    ]


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    """A topic name that no other test uses. The topic is not created."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", request.node.name)[:180]
    return f"{name}-{uuid.uuid4().hex[:8]}"
