"""Find out whether a change made the kit slower: the same calls in two trees, by turns.

    python bench/trees.py TREE [OTHER_TREE] [--runs 9]

A tree is a checkout of the project with its jars built. The other one is this by
default. Each has its own process, Spark session and embedded broker, all kept for the
run. Their JVMs compile code the same way, whatever a tree's default is.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROWS = ("send", "read", "send-10", "read-10", "suite")
HERE = Path(__file__).resolve().parent.parent
RECORDS = 300_000
CALLS = 50
WARM_CALLS = 1500  # until then a JVM still compiles what a small call runs
FEW = [("k", "v")] * 10
# record nothing in parallel with what is measured
ALONE = {"SPARK_KAFKA_TESTKIT_SPARK_ARCHIVE": "use"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trees", nargs="+", type=Path)
    parser.add_argument("--runs", type=int, default=9)
    arguments = parser.parse_args()
    trees = [*arguments.trees, HERE][:2]
    measuring = [_Measuring(tree.resolve()) for tree in trees]
    _say(f"{'row':10}{'first':>12}{'second':>12}{'second / first':>17}")
    for row in ROWS:
        seconds: list[list[float]] = [[], []]
        for turn in range(arguments.runs + 1):
            for which in (0, 1) if turn % 2 else (1, 0):
                seconds[which].append(measuring[which].ask(row))
        first, second = (statistics.median(each[1:]) for each in seconds)
        _say(f"{row:10}{first:11.5f}s{second:11.5f}s{second / first:17.2f}")
    for process in measuring:
        process.close()


def _say(line: object) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class _Measuring:
    """A process that measures a row for each line that it reads."""

    def __init__(self, tree: Path) -> None:
        path = os.pathsep.join([str(tree / "python"), str(tree)])
        self._popen = subprocess.Popen(
            [sys.executable, __file__, "--measure"],
            cwd=tree,
            env={**os.environ, **ALONE, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, row: str) -> float:
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._popen.stdin.write(f"{row}\n")
        self._popen.stdin.flush()
        return float(self._popen.stdout.readline())

    def close(self) -> None:
        self._popen.communicate()


def _measure() -> None:
    from itertools import count

    from pyspark.sql import SparkSession

    from bench.harness import seconds_of
    from bench.suite import run_suite
    from spark_kafka_testkit import KafkaUtils

    builder = SparkSession.builder.master("local[2]")
    alike = {
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=4",
        "spark.ui.showConsoleProgress": "false",
    }
    for name, value in KafkaUtils.spark_conf(alike).items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    many = [(f"k{n}", f"{n:0100}") for n in range(RECORDS)]
    numbers = count()

    def new_name() -> str:
        return f"trees-{next(numbers)}"

    with KafkaUtils(backend="embedded") as kafka:

        def on_topic(
            call: Callable[[str], Any], records: Any = FEW, calls: int = 1
        ) -> float:
            topic = new_name()
            kafka.create_topics([topic])
            kafka.send_messages(topic, records)
            seconds = [seconds_of(lambda: call(topic)) for _ in range(calls)]
            kafka.delete_topics([topic])
            return statistics.median(seconds)

        def send(topic: str) -> None:
            kafka.send_messages(topic, many[:10])

        def read(topic: str) -> None:
            kafka.get_all_records(spark, topic)

        for call in (send, read):
            on_topic(call, calls=WARM_CALLS)
        rows: dict[str, Callable[[], float]] = {
            "send": lambda: on_topic(lambda topic: kafka.send_messages(topic, many)),
            "read": lambda: on_topic(read, many),
            "send-10": lambda: on_topic(send, calls=CALLS),
            "read-10": lambda: on_topic(read, calls=CALLS),
            "suite": lambda: sum(run_suite(kafka, spark, new_name).values()),
        }
        for line in sys.stdin:
            _say(rows[line.strip()]())
    spark.stop()


if __name__ == "__main__":
    _measure() if sys.argv[1:] == ["--measure"] else main()
