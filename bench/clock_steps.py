"""Take many steps of a stream by a clock that the test sets.

    python -m bench.clock_steps [--steps 1000]

Each step sends up to three records, or none, and advances by one to three triggers. No
batch may be added or missing, judged by what each read, when, and what came out. At
every tenth step the same batch also runs under availableNow, and in a query that runs
freely, each on topics of its own, by turns. At the end come the numbers of added and
missing batches, and the median time of a step of each kind.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import KafkaUtils, at

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from spark_kafka_testkit import StreamRun

MINUTE = timedelta(minutes=1)
BESIDE = 10
WARM = 20
TARGET = 1.2
KINDS: dict[str, dict[str, Any]] = {
    "clock": {"trigger": {"processingTime": "1 minute"}, "clock": at("09:00")},
    "availableNow": {"trigger": {"availableNow": True}},
    "free": {},
}


class Steps:
    """The steps by the clock, and what they should produce.

    Attributes:
        too_many, missing: how many batches.
        now: what the clock should say.
        expected: how many rows of each time should come out.
    """

    def __init__(self, run: StreamRun) -> None:
        self._run = run
        self._random = random.Random(0)
        self._batches = 0
        self.too_many = self.missing = 0
        self.now: datetime = at("09:00")
        self.expected: Counter[str] = Counter()

    def one(self, number: int) -> float:
        """Take a step, and return its seconds."""
        count = self._random.randrange(4) or int(not number % BESIDE)
        triggers = self._random.randrange(1, 4) if number % BESIDE else 1
        begun = time.perf_counter()
        if count:
            self._run.add_data("clock-in", [("k", number)] * count)
        ran = self._run.advance(triggers * MINUTE)
        seconds = time.perf_counter() - begun
        wanted = [count] if count else []
        self.too_many += max(0, len(ran) - len(wanted))
        self.missing += max(0, len(wanted) - len(ran))
        seen = [(batch.id, batch.rows_in, batch.rows_out) for batch in ran]
        due = [(self._batches, rows, rows) for rows in wanted]
        if seen != due:
            say(f"step {number}: {due} were due, and {seen} ran")
        self._batches += len(ran)
        if count:
            self.expected[f"{self.now + MINUTE:%Y-%m-%d %H:%M:%S}"] += count
        self.now += triggers * MINUTE
        return seconds


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.clock_steps")
    parser.add_argument("--steps", type=int, default=1000)
    steps = parser.parse_args().steps
    spark = KafkaUtils.spark_session({"spark.log.level": "ERROR"})
    begun = time.perf_counter()
    with KafkaUtils(backend="embedded") as kafka:
        for kind in KINDS:
            kafka.create_topics([f"{kind}-in", f"{kind}-out"])
        with (
            begin(kafka, spark, "clock") as clocked,
            begin(kafka, spark, "availableNow") as stepped,
            begin(kafka, spark, "free") as free,
        ):
            took = run_all(steps, clocked, stepped, free, path := Steps(clocked))
        rows = Counter(record.value for record in kafka.read_records("clock-out"))
    differ = (rows - path.expected) + (path.expected - rows)
    say(
        f"Spark {spark.version}: {steps} steps in {time.perf_counter() - begun:.0f} s, "
        f"{path.too_many} batches too many, {path.missing} missing, "
        f"{sum(differ.values())} rows of another time than they were to have"
    )
    medians = {kind: statistics.median(of) * 1000 for kind, of in took.items()}
    for kind, millis in medians.items():
        say(f"  {kind}: median of {len(took[kind])} steps {millis:.0f} ms")
    ratio = medians["clock"] / medians["availableNow"]
    say(f"  clock to availableNow: {ratio:.2f} (at most {TARGET})")
    spark.stop()
    return int(bool(path.too_many or path.missing or differ) or ratio > TARGET)


def begin(kafka: KafkaUtils, spark: SparkSession, kind: str) -> StreamRun:
    """A stream from and to topics of its own, which writes the time of the batch."""
    now = "date_format(current_timestamp(), 'yyyy-MM-dd HH:mm:ss') AS value"
    rows = kafka.read_stream(spark, f"{kind}-in").selectExpr("key", now)
    return kafka.run_stream(rows, f"{kind}-out", **KINDS[kind])


def run_all(
    steps: int, clocked: StreamRun, stepped: StreamRun, free: StreamRun, path: Steps
) -> dict[str, list[float]]:
    """The seconds of the steps that are compared, by kind."""

    def by_available_now() -> None:
        stepped.add_data("availableNow-in", [("k", 1)])
        stepped.next_batch()

    def by_itself() -> None:
        free.add_data("free-in", [("k", 1)])
        free.process_all_available()

    took: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for number in range(steps):
        seconds = path.one(number)
        if number % BESIDE:
            continue
        beside = seconds_of(by_available_now), seconds_of(by_itself)
        if number >= WARM:
            for kind, of in zip(KINDS, (seconds, *beside), strict=True):
                took[kind].append(of)
    return took


def seconds_of(call: Callable[[], None]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
