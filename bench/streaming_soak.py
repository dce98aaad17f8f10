"""Repeat the streaming pattern of Spark's KAFKA_TESTING.md under load.

    python bench/streaming_soak.py --runs 200 --load 2

The result is how often the pattern fails, and how long it takes. Each run makes its own
topics and queries, in two forms:

- document: records sent before are read from the earliest offset into a sink topic, and
  `assert_eventually` sees them there.
- latest: the run waits for a query on startingOffsets=latest, then sends ten records.
  When `wait_until_processed` returns, the sink has exactly those.

The load is a number of processes that do the same, each with its own broker and Spark
session, like the workers of `pytest -n`.
"""

from __future__ import annotations

import argparse
import math
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import KafkaUtils

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery


def start(
    kafka: KafkaUtils, spark: SparkSession, source: str, sink: str, **options: str
) -> StreamingQuery:
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", kafka.broker)
        .option("subscribe", source)
        .options(**options)
        .load()
        .select("key", "value")
        .writeStream.format("kafka")
        .option("kafka.bootstrap.servers", kafka.broker)
        .option("topic", sink)
        .option("checkpointLocation", tempfile.mkdtemp())
        .start()
    )


def document(kafka: KafkaUtils, spark: SparkSession, source: str, sink: str) -> None:
    kafka.send_messages(source, [("k1", "v1")])
    query = start(kafka, spark, source, sink, startingOffsets="earliest")
    try:
        kafka.wait_for_query_alive(query)
        kafka.assert_eventually(
            lambda: kafka.get_all_records(spark, sink), {"k1": "v1"}, query=query
        )
    finally:
        query.stop()


def latest(kafka: KafkaUtils, spark: SparkSession, source: str, sink: str) -> None:
    kafka.send_messages(source, [("before", "not seen")])
    query = start(kafka, spark, source, sink)
    try:
        kafka.wait_for_query_alive(query)
        kafka.send_messages(source, [(n, n) for n in range(10)])
        kafka.wait_until_processed(query)
        found = sorted(int(record.value) for record in kafka.read_records(sink))
        assert found == list(range(10)), f"the sink has {found}"
    finally:
        query.stop()


FORMS: dict[str, Callable[[KafkaUtils, Any, str, str], None]] = {
    "document": document,
    "latest": latest,
}


def soak(runs: int) -> dict[str, list[float | None]]:
    """The seconds of each run of each form, or None for a run that failed."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", False)
    for name, value in KafkaUtils.spark_conf({"spark.log.level": "OFF"}).items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    taken: dict[str, list[float | None]] = {form: [] for form in FORMS}
    with KafkaUtils(backend="embedded") as kafka:
        for run in range(runs):
            for form, pattern in FORMS.items():
                topics = [f"{form}-{run}-{end}" for end in ("source", "sink")]
                kafka.create_topics(topics, num_partitions=2)
                started = time.monotonic()
                try:
                    pattern(kafka, spark, *topics)
                    taken[form].append(time.monotonic() - started)
                except Exception:  # noqa: BLE001  failures are what is counted
                    taken[form].append(None)
                    traceback.print_exc()
                kafka.delete_topics(topics)
    return taken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--load", type=int, default=2)
    arguments = parser.parse_args()
    command = [sys.executable, __file__, "--load", "0", "--runs", "1000000"]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the load ends with us
    nowhere = subprocess.DEVNULL
    load = [
        subprocess.Popen(command, stdout=nowhere, stderr=nowhere)
        for _ in range(arguments.load)
    ]
    try:
        taken = soak(arguments.runs)
        alive = sum(process.poll() is None for process in load)
    finally:
        for process in load:
            process.terminate()
            process.wait()
    sys.stdout.write(f"load: {alive} of {len(load)} processes to the end\n")
    failed = 0
    for form, seconds in taken.items():
        passed = [second for second in seconds if second is not None]
        failed += len(seconds) - len(passed)
        sys.stdout.write(
            f"{form}: {len(seconds)} runs, {len(seconds) - len(passed)} failed; "
            f"median {statistics.median(passed):.2f} s, longest {max(passed):.2f} s "
            f"(run {seconds.index(max(passed)) + 1}), "
            f"the first {seconds[0] or math.nan:.2f} s\n"
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
