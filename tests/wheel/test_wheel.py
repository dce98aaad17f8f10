"""The built distributions, as a user gets them."""

from __future__ import annotations

import configparser
import os
import subprocess
import tarfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
JARS = {
    "spark-kafka-testkit_2.12.jar",
    "spark-kafka-testkit_2.13.jar",
    "spark-kafka-testkit-broker.jar",
}
USE = """
import os, sys
import spark_kafka_testkit
from spark_kafka_testkit import KafkaUtils
from pyspark.sql import SparkSession

assert sys.prefix in spark_kafka_testkit.__file__, spark_kafka_testkit.__file__
with KafkaUtils(backend="embedded") as kafka:
    kafka.send_messages("t", [("k1", "v1")])
    assert kafka.client == "jvm"  # the kit's own
    assert kafka.get_all_records(None, "t") == {"k1": "v1"}
    os.environ["SPARK_KAFKA_TESTKIT_CLIENT"] = "kafka-python"
    assert kafka.client == "kafka-python"
    assert kafka.get_all_records(None, "t") == {"k1": "v1"}
    del os.environ["SPARK_KAFKA_TESTKIT_CLIENT"]
    builder = SparkSession.builder.master("local[2]")
    for name, value in KafkaUtils.spark_conf().items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    kafka.send_messages("t", [("k2", "v2")])
    assert kafka.client == "jvm"
    assert kafka.get_all_records(spark, "t") == {"k1": "v1", "k2": "v2"}
    rows = spark.range(3).groupBy("id").applyInPandas(lambda table: table, "id long")
    assert rows.count() == 3
    spark.stop()
"""


def test_the_wheel_carries_exactly_the_jars_and_no_others(built: Path) -> None:
    """It has three jars, the lock file, the type marker, and no tests."""
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {Path(name).name for name in names if name.endswith(".jar")} == JARS
    assert "spark_kafka_testkit/jars/lock.json" in names
    assert "spark_kafka_testkit/py.typed" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {
        "spark_kafka_testkit"
    }


def test_the_wheel_has_every_module(built: Path) -> None:
    """What is in the source tree is in the wheel, and what a report is made of."""
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "python"
    modules = {str(p.relative_to(package)) for p in package.rglob("*.py")}
    of_report = package / "spark_kafka_testkit" / "_report"
    parts = {str(p.relative_to(package)) for p in of_report.rglob("*") if p.suffix}
    parts.add("spark_kafka_testkit/_report/uplot/LICENSE")
    assert modules | {name for name in parts if not name.endswith(".pyc")} <= names


def test_pytest_finds_the_plugin(built: Path) -> None:
    """The wheel has the entry point."""
    (wheel,) = built.glob("*.whl")
    archive = zipfile.ZipFile(wheel)
    (name,) = [n for n in archive.namelist() if n.endswith("/entry_points.txt")]
    entry_points = configparser.ConfigParser()
    entry_points.read_string(archive.read(name).decode())
    assert {
        section: dict(entry_points[section]) for section in entry_points.sections()
    } == {
        "console_scripts": {"spark-kafka-testkit": "spark_kafka_testkit.cli:main"},
        "pytest11": {"spark_kafka_testkit": "spark_kafka_testkit.pytest_plugin"},
    }


def test_the_sdist_carries_the_jars(built: Path) -> None:
    """A wheel can be made from it without sbt."""
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
    assert {Path(name).name for name in names if name.endswith(".jar")} == JARS
    assert not any("/tests/" in name or "/jvm/" in name for name in names)


def test_the_wheel_works_in_an_empty_environment(built: Path, tmp_path: Path) -> None:
    """It is installed as the README says, where nothing of ours is: a broker, both
    clients, a Spark session and Python functions in it work.
    """
    (wheel,) = built.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv/bin/python")
    install = [python, "-m", "pip", "install", "--quiet", f"{wheel}[spark]"]
    subprocess.run(install, check=True)
    # as in an activated environment: Spark takes the Python of its workers off the PATH
    path = f"{tmp_path / 'venv/bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [python, "-c", USE],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
