"""Run check_stream() many times on the corpus of wrong jobs and their right twins.

    python -m bench.invariance wrong [--seeds 20] [--jobs NAME ...]
    python -m bench.invariance replay [--times 4] [--jobs NAME ...]
    python -m bench.invariance right [--trials 200] [--jobs NAME ...]
    python -m bench.invariance time

`wrong` runs each wrong job with that many seeds. It reports whether the job was found,
in how many seconds, and with how small a schedule. Before each seed it measures what
an empty Spark session takes from the shell (`bare`), because machines differ. `replay`
runs the printed lines of each job that many times, and each must show the failure
again. `right` runs each right twin with that many trials, in steps of 50, and none may
alarm. All note each result in a file, `bench/invariance-results.jsonl`, and continue
where they were stopped. `--first N` leaves out rounds that were run on another machine.
`time` runs 50 trials of two to six batches, of a stateless and of a stateful job, and
before each an empty Spark session.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import pkgutil
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import KafkaUtils, NotInvariant
from spark_kafka_testkit._invariance.schedule import Schedule, Send
from tests.invariance import corpus
from tests.sessions import settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOTES = Path(__file__).parent / "invariance-results.jsonl"
PART = 50
"""Trials of a right twin between two notes: the default, which come to schedules of
several relations.
"""
BARE = (
    "from pyspark.sql import SparkSession\n"
    "SparkSession.builder.master('local[2]').getOrCreate().range(1).count()"
)
MOST_BARE = 4


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["wrong", "replay", "right", "time"])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--times", type=int, default=4)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", nargs="*")
    options = parser.parse_args()
    names = [module.name for module in pkgutil.iter_modules(corpus.__path__)]
    jobs = options.jobs or names
    with KafkaUtils(backend="embedded") as kafka:
        spark = KafkaUtils.spark_session()
        try:
            if options.what == "time":
                return time_trials(kafka, spark)
            check, rounds = {
                "wrong": (check_wrong, options.seeds),
                "replay": (check_replay, options.times),
                "right": (check_right, -(-options.trials // PART)),
            }[options.what]
            for number in range(options.first, rounds):
                left = [n for n in jobs if not is_noted(options.what, n, number)]
                is_timed = options.what == "wrong" and left
                bare = {"bare": bare_seconds()} if is_timed else {}
                for name in left:
                    module = importlib.import_module(f"tests.invariance.corpus.{name}")
                    note = {"what": options.what, "job": name, "seed": number}
                    begun = time.monotonic()
                    with settings(spark, getattr(module, "CONF", {})):
                        note |= check(kafka, spark, module, number)
                    seconds = round(time.monotonic() - begun, 2)
                    keep({**note, "seconds": seconds, **bare})
        finally:
            spark.stop()
    return summary(options.what)


def bare_seconds() -> float:
    """What an empty Spark session takes in a fresh process."""
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", BARE], check=True, capture_output=True)
    return round(time.monotonic() - begun, 2)


def check_wrong(
    kafka: KafkaUtils, spark: SparkSession, module: Any, seed: int
) -> dict[str, Any]:
    try:
        kafka.check_stream(
            module.wrong,
            module.INPUTS,
            spark=spark,
            seed=seed,
            **getattr(module, "OPTIONS", {}),
        )
    except NotInvariant as error:
        steps = Schedule.parse(error.schedule).steps
        return {
            "found": True,
            "relation": error.relation,
            "schedule": error.schedule,
            "records": len(error.records),
            "steps": sum(not isinstance(step, Send) for step in steps),
            "again": re.findall(r"^To see it again: (.*)$", str(error), re.M)[0],
        }
    except Exception as error:  # noqa: BLE001  noted, then the next
        return {"found": False, "error": f"{type(error).__name__}: {error}"[:500]}
    return {"found": False}


def check_replay(
    kafka: KafkaUtils, spark: SparkSession, module: Any, number: int
) -> dict[str, Any]:
    """By the lines that `wrong` was shown, one seed after the other.

    Only what a line has as `...` is put in.
    """
    name = module.__name__.rpartition(".")[2]
    lines = [
        note["again"]
        for note in notes()
        if (note["what"], note["job"]) == ("wrong", name) and "again" in note
    ]
    if not lines:
        return {"found": False, "error": "run `wrong` first"}

    def check_stream(job: Any, **options: Any) -> None:
        own = {"inputs": module.INPUTS, **getattr(module, "OPTIONS", {})}
        given = {n: own[n] if value is ... else value for n, value in options.items()}
        kafka.check_stream(job, spark=spark, **given)

    known = {"kafka": SimpleNamespace(check_stream=check_stream), "datetime": datetime}
    names = {**vars(module), module.wrong.__name__: module.wrong, **known}
    line = lines[number % len(lines)]
    try:
        eval(line, names)  # noqa: S307
    except NotInvariant:
        return {"line": line, "found": True}
    return {"line": line, "found": False}


def check_right(
    kafka: KafkaUtils, spark: SparkSession, module: Any, number: int
) -> dict[str, Any]:
    options = getattr(module, "RIGHT_OPTIONS", getattr(module, "OPTIONS", {}))
    try:
        report = kafka.check_stream(
            module.right,
            module.INPUTS,
            spark=spark,
            seed=1000 + number,
            trials=PART,
            **options,
        )
    except NotInvariant as error:
        return {"alarm": str(error), "trials": 0}
    except Exception as error:  # noqa: BLE001  noted, then the next
        return {"alarm": f"{type(error).__name__}: {error}"[:500], "trials": 0}
    return {"alarm": "", "trials": report.trials, "skipped": report.skipped}


def time_trials(kafka: KafkaUtils, spark: SparkSession) -> int:
    from pyspark.sql import functions as sf

    records = {"orders": [(f"k{n % 5}", n) for n in range(24)]}
    jobs: dict[str, Any] = {
        "stateless": (lambda orders: orders.selectExpr("key", "value"), {}),
        "stateful": (
            lambda orders: orders.groupBy("key").agg(sf.count("*").alias("n")),
            {"output_mode": "update"},
        ),
    }
    for name, (job, options) in jobs.items():
        bare = statistics.median(bare_seconds() for _ in range(3))
        begun = time.monotonic()
        report = kafka.check_stream(
            job, records, spark=spark, seed=1, same_under=["batches"], **options
        )
        seconds = time.monotonic() - begun
        say(
            f"{name}: {report.trials} trials in {seconds:.1f} s, {seconds / bare:.1f} "
            f"times an empty Spark session ({bare:.1f} s)"
        )
    return 0


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def notes() -> Iterator[dict[str, Any]]:
    if NOTES.exists():
        yield from map(json.loads, NOTES.read_text().splitlines())


def is_noted(what: str, job: str, seed: int) -> bool:
    return any(
        (one["what"], one["job"], one["seed"]) == (what, job, seed) for one in notes()
    )


def keep(note: dict[str, Any]) -> None:
    with NOTES.open("a") as file:
        file.write(json.dumps(note) + "\n")
    say(json.dumps(note))


def summary(what: str) -> int:
    """Print a summary of all notes, and return 1 if anything is wrong."""
    every = [note for note in notes() if note["what"] == what]
    by_job: dict[str, list[dict[str, Any]]] = {}
    for note in every:
        by_job.setdefault(note["job"], []).append(note)
    bad = 0
    for job, some in sorted(by_job.items()):
        seconds = statistics.median(note["seconds"] for note in some)
        if what == "wrong":
            found = [note for note in some if note["found"]]
            small = [n for n in found if n["records"] <= 3 and n["steps"] <= 3]
            quick = [n for n in found if n["seconds"] <= MOST_BARE * n["bare"]]
            relations = sorted({note["relation"] for note in found})
            bad += len(some) - len(found)
            say(
                f"{job}: found {len(found)} of {len(some)}, small {len(small)}, "
                f"in time {len(quick)}, {seconds:.1f} s, by {', '.join(relations)}"
            )
        elif what == "replay":
            found = [note for note in some if note["found"]]
            bad += len(some) - len(found)
            say(f"{job}: shown again {len(found)} of {len(some)}, {seconds:.1f} s")
        else:
            alarms = [note for note in some if note["alarm"]]
            bad += len(alarms)
            trials = sum(note["trials"] for note in some)
            say(f"{job}: {len(alarms)} alarms in {trials} trials, {seconds:.1f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
