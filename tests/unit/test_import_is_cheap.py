"""An import loads nothing heavy and leaves the user's process as it was."""

from __future__ import annotations

import os

import pytest

from tests.systems import printed

HEAVY = ["pyspark", "kafka", "testcontainers", "pyarrow", "py4j", "rich", "docker"]
LOADED = f"import sys; print([name for name in {HEAVY} if name in sys.modules])"
INHERITED = ["PATH", "HOME", "PYTHONPATH"]
PACKAGE = "import spark_kafka_testkit"


def printed_by_a_new_process(code: str) -> str:
    """It inherits next to nothing: this process has imported the kit, and what that
    changed would not show as a change.
    """
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return printed(code, kept)


@pytest.mark.parametrize(
    "statement",
    [
        PACKAGE,
        "from spark_kafka_testkit import KafkaUtils; KafkaUtils(backend='embedded')",
        "import spark_kafka_testkit.errors",
        "import spark_kafka_testkit._waits.eventually",
        "import spark_kafka_testkit._streams.run",
        "import spark_kafka_testkit._model.records",
        "import spark_kafka_testkit._spark.attach",
        "import spark_kafka_testkit._brokers.embedded",
        "import spark_kafka_testkit._brokers.container",
        "import spark_kafka_testkit.pytest_plugin",
        "import spark_kafka_testkit.testing",
    ],
)
def test_an_import_loads_nothing_heavy(statement: str) -> None:
    """That is loaded where it is used."""
    assert printed_by_a_new_process(f"{statement}\n{LOADED}") == "[]"


@pytest.mark.parametrize("name", HEAVY)
def test_a_heavy_package_would_be_found(name: str) -> None:
    """Each of them is installed here."""
    assert name in printed_by_a_new_process(f"import {name}\n{LOADED}")


@pytest.mark.parametrize(
    "state",
    [
        "dict(os.environ)",
        "(logging.root.handlers[:], logging.root.level)",
        "threading.enumerate()",
        "signal.getsignal(signal.SIGTERM)",
        "warnings.filters[:]",
    ],
)
def test_an_import_leaves_the_users_process_as_it_was(state: str) -> None:
    """Environment, logging, threads, signals and warnings are the user's."""
    before = f"import logging, os, signal, threading, warnings\nbefore = {state}"
    code = f"{before}\n{PACKAGE}\nprint(before == {state})"
    assert printed_by_a_new_process(code) == "True"
