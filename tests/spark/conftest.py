"""Each of these tests needs a Spark session of its own kind, so a process of its
own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._jvm.installed_spark import installed_spark, spark_and_jars
from spark_kafka_testkit._jvm.jars import connector_jars, fetch
from tests.processes import HANG_SECONDS
from tests.quick_java import QUICK_JAVA

VERSION = installed_spark()

RunScript = Callable[..., str]
SparkCalled = Callable[[str], Path]

PRELUDE = f"""
import logging, sys
from pyspark.sql import SparkSession
from spark_kafka_testkit import KafkaUtils, errors

logging.getLogger("spark_kafka_testkit").addHandler(logging.StreamHandler(sys.stdout))
logging.getLogger("spark_kafka_testkit").setLevel("INFO")
builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
builder = builder.config("spark.log.level", "ERROR")
builder = builder.config("spark.driver.extraJavaOptions", "{QUICK_JAVA}")
kafka = KafkaUtils(bootstrap_servers=sys.argv[1])
kafka.setup()
topic = sys.argv[2]

def read(spark):
    return {{
        row.key: row.value
        for row in spark.read.format("kafka")
        .option("kafka.bootstrap.servers", kafka.broker)
        .option("subscribe", topic)
        .load()
        .selectExpr("CAST(key AS STRING) AS key", "CAST(value AS STRING) AS value")
        .collect()
    }}
"""


def connector(spark: str = VERSION.spark, scala: str = VERSION.scala) -> list[Path]:
    """The jars of the connector of a Spark, by default the installed one."""
    jars = connector_jars(spark, scala)
    assert jars is not None
    return fetch(jars, "a connector")


def jars_option(*jars: Path) -> str:
    """The option by which spark-submit takes these jars."""
    return f"--jars {','.join(map(str, jars))}"


@pytest.fixture
def run_script(kafka: KafkaUtils, topic: str) -> RunScript:
    """Runs Python code in a new process, after the prelude; gives what it printed."""

    def run(code: str, submit_args: str = "", **environment: str) -> str:
        kafka.create_topics([topic])
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                PRELUDE + textwrap.dedent(code),
                kafka.broker,
                topic,
            ],
            env={
                **os.environ,
                "PYSPARK_SUBMIT_ARGS": f"{submit_args} pyspark-shell",
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=HANG_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def spark_called(tmp_path: Path) -> SparkCalled:
    """Makes a Spark home of the installed Spark, of another version by the name of its
    core jar, and by what it says of itself.
    """

    def make(version: str) -> Path:
        installed, jars = spark_and_jars()
        home = tmp_path / version
        (home / "jars").mkdir(parents=True)
        (home / "conf").mkdir()
        (home / "bin").symlink_to(jars.parent / "bin")
        for jar in jars.glob("*.jar"):
            name = jar.name
            if name.startswith("spark-core_"):
                name = f"spark-core_{installed.scala}-{version}.jar"
            (home / "jars" / name).symlink_to(jar)
        # Spark has its settings' folder first on its class path
        about = f"version={version}\nuser=\nrevision=\nbranch=\ndate=\nurl=\ndocroot=\n"
        (home / "conf/spark-version-info.properties").write_text(about)
        return home

    return make
