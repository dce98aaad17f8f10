"""Each of these tests needs a Spark session of its own kind, so a process of its
own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable

import pytest

from spark_kafka_testkit import KafkaUtils

RunScript = Callable[..., str]

PRELUDE = """
import logging, sys
from pyspark.sql import SparkSession
from spark_kafka_testkit import KafkaUtils, errors

logging.getLogger("spark_kafka_testkit").addHandler(logging.StreamHandler(sys.stdout))
logging.getLogger("spark_kafka_testkit").setLevel("INFO")
builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
builder = builder.config("spark.log.level", "ERROR")
kafka = KafkaUtils(bootstrap_servers=sys.argv[1])
kafka.setup()
topic = sys.argv[2]

def read(spark):
    return {
        row.key: row.value
        for row in spark.read.format("kafka")
        .option("kafka.bootstrap.servers", kafka.broker)
        .option("subscribe", topic)
        .load()
        .selectExpr("CAST(key AS STRING) AS key", "CAST(value AS STRING) AS value")
        .collect()
    }
"""


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
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run
