"""Edit a job and run its test again, many times, with a kept Spark.

    python -m bench.kept_spark [--edits 200]

Each run must see the job as it is: in the driver, in a Python worker, and in the answer
of a stream. At the end come the number of right and stale answers, the JVM's memory,
and the time of a run.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

JOB = """
from pyspark.sql.functions import col, udf

ANSWER = {number}


def answer(number):
    return number + ANSWER


def job(events):
    number = col("value").cast("string").cast("long")
    return events.select("key", udf(answer, "string")(number).alias("value"))
"""
TEST = """
import pathlib

import job


def test_job(kafka_utils, kafka_spark, kafka_topics, kafka_stream):
    source, sink = kafka_topics
    events = (
        kafka_spark.readStream.format("kafka").options(**kafka_utils.spark_options())
        .option("subscribe", source).load()
    )
    stream = kafka_stream(job.job(events), sink)
    stream.add_data(source, [("a", "0")])
    stream.process_all_available()
    (record,) = kafka_utils.read_records(sink)
    pathlib.Path("seen").write_text(f"{job.ANSWER} {record.value}")
"""
COMMAND = [sys.executable, "-m", "spark_kafka_testkit"]
PYTEST = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "spark_kafka_testkit"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.kept_spark")
    parser.add_argument("--edits", type=int, default=200)
    edits = parser.parse_args().edits
    folder = Path(tempfile.mkdtemp())
    (folder / "test_job.py").write_text(TEST)
    env = {
        **os.environ,
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": f"{folder}:{os.environ.get('PYTHONPATH', '')}",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "SPARK_KAFKA_TESTKIT_REUSE": "1",
    }
    up = subprocess.run(
        [*COMMAND, "up", "--backend", "embedded", "--spark", "--json"],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        check=True,
    )
    facts = json.loads(up.stdout)
    jvm = facts["spark"]["jvm"]
    right, stale, failed, seconds = 0, 0, 0, []
    memory = [resident(jvm)]
    try:
        for number in range(1, edits + 1):
            (folder / "job.py").write_text(JOB.format(number=number))
            (folder / "seen").unlink(missing_ok=True)
            begun = time.monotonic()
            done = subprocess.run(
                [sys.executable, *PYTEST],
                cwd=folder,
                env=env,
                capture_output=True,
                text=True,
                check=False,
            )
            seconds.append(time.monotonic() - begun)
            if done.returncode or "in the kept Spark" not in done.stdout:
                failed += 1
                sys.stdout.write(done.stdout)
            else:
                is_right = (folder / "seen").read_text() == f"{number} {number}"
                right, stale = right + is_right, stale + (not is_right)
            if number % max(1, edits // 10) == 0:
                memory.append(resident(jvm))
    finally:
        for keeper in (facts["pid"], facts["spark"]["pid"]):
            os.kill(keeper, signal.SIGTERM)
    sys.stdout.write(
        f"{edits} edits: {right} right answers, {stale} stale, {failed} failed\n"
        f"a run: {statistics.median(seconds):.2f} s (median), "
        f"{max(seconds):.2f} s at most\n"
        f"the JVM's memory in MB, at the start and ten times after it: {memory}\n"
    )
    return 0 if right == edits else 1


def resident(pid: int) -> int:
    """The memory of a process in MB, or 0 if it is gone."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE") >> 20


if __name__ == "__main__":
    sys.exit(main())
