"""What a red test says: 67 mistakes, made on purpose.

The bar: cause, place and remedy stand in the first two lines of the message, and the
message begins within the first 15 lines of the report. Each file of `mistakes` is a
user's test with one mistake, and has the two lines. All are run by one pytest, with one
session and one broker, as users' tests are.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyspark
import pytest

HERE = Path(__file__).parent
PACKAGE = HERE.parents[1] / "python"
MISTAKES = sorted((HERE / "mistakes").glob("*.py"))
LATEST_LINE = 15
VERSION = tuple(map(int, pyspark.__version__.split(".")[:2]))

Reports = dict[str, dict[str, Any]]


def run(folder: Path, files: list[Path]) -> tuple[Reports, str]:
    """The reports of tests, run as a user runs them, by file; and what was printed."""
    for file in files:
        shutil.copy(file, folder)
    seen = folder / "reports"
    not_a_users = (
        "PYTEST_XDIST_WORKER",
        "SPARK_KAFKA_TESTKIT_BACKEND",
        "SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS",
    )
    environment = {
        name: value for name, value in os.environ.items() if name not in not_a_users
    }
    environment |= {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": f"{PACKAGE}:{HERE}",
        "TZ": "UTC",  # of the times in messages
        "SEEN_REPORTS": str(seen),
    }
    plugins = ["-p", "spark_kafka_testkit", "-p", "reporting", "-p", "no:cacheprovider"]
    options = ["--kafka-backend=embedded", "--rootdir", str(folder)]
    printed = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, *options, *(f.name for f in files)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    output = printed.stdout + printed.stderr
    assert seen.exists(), output
    reports = map(json.loads, seen.read_text().splitlines())
    return {Path(report["file"]).stem: report for report in reports}, output


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """Those of all mistakes."""
    return run(tmp_path_factory.mktemp("mistakes"), MISTAKES)[0]


def message(report: dict[str, Any]) -> tuple[int, list[str]]:
    """At which line the message begins, from 1; and its lines, without what changes
    from run to run.
    """
    lines = report["text"].splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("E  "))
    told = "\n".join(line[1:].strip() for line in lines[first:] if line[:2] == "E ")
    told = told.replace("spark_kafka_testkit.errors.", "")
    told = re.sub(r"test_mistake(-\w+)?-[0-9a-f]{8}", "TOPIC", told)
    told = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", told)
    told = re.sub(r"run_stream_[0-9a-f]{32}", "ID", told)
    told = re.sub(r"'/\S+-check-\w+/", "'FOLDER/", told)
    told = re.sub(r"check-[0-9a-f]{12}-\d+", "TOPIC", told)
    told = re.sub(r"\.py:\d+", ".py:LINE", told)
    told = re.sub(r"after \d+ checks?:", "after N checks:", told)
    return first + 1, told.splitlines()


@pytest.mark.parametrize("file", MISTAKES, ids=lambda file: file.stem)
def test_a_red_test_says_what_is_wrong(
    reports: Reports, file: Path, record_property: Any
) -> None:
    """In its first two lines, early in the report; and in pytest's summary."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    mistake = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(mistake)
    if getattr(mistake, "SPARK", VERSION) > VERSION:
        pytest.skip("this Spark can't read a state")
    report = reports[file.stem]
    line, (first, *others) = message(report)
    assert first == mistake.FIRST
    assert (others[0] if mistake.SECOND else "") == mistake.SECOND
    assert line <= LATEST_LINE, report["text"]
    name = first.partition(":")[0]
    assert report["summary"].startswith(f"{name}: ")
    assert report["when"] == "call"
    record_property("seconds", round(report["seconds"], 1))


def test_a_sink_that_does_not_exist_is_not_heard_in_later_tests(
    reports: Reports,
) -> None:
    """Its producer looks for the topic for minutes, and says so ten times a second."""
    names = list(reports)
    at = names.index("sink_of_own_query_misspelled")
    later = [reports[name]["sections"] for name in names[at + 1 :]]
    assert len(later) > 5
    assert "gym-bils" in str(reports[names[at]]["sections"])
    assert "gym-bils" not in str(later)


NO_CONNECTOR = '''
"""A session of the user's own, without the connector."""

import pytest
from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark():
    session = SparkSession.builder.master("local[1]").getOrCreate()
    yield session
    session.stop()


def test_by_the_kit(kafka_utils, spark):
    kafka_utils.read_stream(spark, "orders")
'''
BY_HAND = NO_CONNECTOR.replace(
    'kafka_utils.read_stream(spark, "orders")',
    'spark.readStream.format("kafka").option("subscribe", "orders").load()',
)


@pytest.mark.usefixtures("quick_java")
def test_a_session_without_the_connector_is_told(tmp_path: Path) -> None:
    """By the kit's reader and by Spark's, with what to do."""
    kits, by_hand = tmp_path / "kits.py", tmp_path / "by_hand.py"
    kits.write_text(NO_CONNECTOR)
    by_hand.write_text(BY_HAND)
    folder = tmp_path / "run"
    folder.mkdir()
    reports, _ = run(folder, [kits, by_hand])
    _, (first, *_) = message(reports["kits"])
    assert first == (
        "SparkSetupError: The session has no Kafka connector. Call "
        "KafkaUtils.attach(spark), or make the session with KafkaUtils.spark_conf()."
    )
    _, (first, second, *_) = message(reports["by_hand"])
    assert first.startswith("AnalysisException: Failed to find data source: kafka.")
    assert second == (
        "The session has no Kafka connector. Make it with KafkaUtils.spark_conf(), or "
        "call KafkaUtils.attach(spark)."
    )
