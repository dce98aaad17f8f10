"""Run check_stream() many times on the corpus of wrong jobs and their right twins.

    python -m bench.invariance wrong [--seeds 20] [--jobs NAME ...]
    python -m bench.invariance replay [--times 4] [--jobs NAME ...]
    python -m bench.invariance right [--trials 200] [--jobs NAME ...]
    python -m bench.invariance time

`wrong` runs each wrong job with that many seeds. It reports whether the job was found,
in how many seconds, and with how small a schedule. `replay` runs the printed lines that
many times, and each must show the failure again. `right` runs each right twin with that
many trials, and none may alarm. All note each result in a file,
`bench/invariance-results.jsonl`, and continue where they were stopped. `time` runs 50
trials of two to six batches, of a stateless and of a stateful job.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import re
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import KafkaUtils, NotInvariant
from spark_kafka_testkit._invariance.schedule import Schedule, Send
from tests.invariance import corpus

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOTES = Path(__file__).parent / "invariance-results.jsonl"
PART = 20
"""Trials of a right twin between two notes."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["wrong", "replay", "right", "time"])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--times", type=int, default=4)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--jobs", nargs="*")
    options = parser.parse_args()
    names = [module.name for module in pkgutil.iter_modules(corpus.__path__)]
    jobs = options.jobs or names
    with KafkaUtils(backend="embedded") as kafka:
        spark = KafkaUtils.spark_session()
        try:
            if options.what == "time":
                return time_trials(kafka, spark)
            for name in jobs:
                module = importlib.import_module(f"tests.invariance.corpus.{name}")
                with settings(spark, getattr(module, "CONF", {})):
                    if options.what == "wrong":
                        check_wrong(kafka, spark, name, module, options.seeds)
                    elif options.what == "replay":
                        check_replays(kafka, spark, name, module, options.times)
                    else:
                        check_right(kafka, spark, name, module, options.trials)
        finally:
            spark.stop()
    return summary(options.what)


class settings:  # noqa: N801  a context manager
    """Settings of a session, for the duration of a block."""

    def __init__(self, spark: SparkSession, conf: dict[str, str]) -> None:
        self._spark, self._conf = spark, conf

    def __enter__(self) -> None:
        for name, value in self._conf.items():
            self._spark.conf.set(name, value)

    def __exit__(self, *_: object) -> None:
        for name in self._conf:
            self._spark.conf.unset(name)


def check_wrong(
    kafka: KafkaUtils, spark: SparkSession, name: str, module: Any, seeds: int
) -> None:
    for seed in range(seeds):
        if is_noted("wrong", name, seed):
            continue
        begun = time.monotonic()
        note: dict[str, Any] = {"what": "wrong", "job": name, "seed": seed}
        try:
            kafka.check_stream(
                module.wrong,
                module.INPUTS,
                spark=spark,
                seed=seed,
                **getattr(module, "OPTIONS", {}),
            )
            note["found"] = False
        except NotInvariant as error:
            steps = Schedule.parse(error.schedule).steps
            note |= {
                "found": True,
                "relation": error.relation,
                "schedule": error.schedule,
                "records": len(error.records),
                "steps": sum(not isinstance(step, Send) for step in steps),
                "again": re.findall(r"^To see it again: (.*)$", str(error), re.M)[0],
            }
        except Exception as error:  # noqa: BLE001  noted, then the next
            note |= {"found": False, "error": f"{type(error).__name__}: {error}"[:500]}
        note["seconds"] = round(time.monotonic() - begun, 2)
        keep(note)


def check_replays(
    kafka: KafkaUtils, spark: SparkSession, name: str, module: Any, times: int
) -> None:
    """By the lines that `wrong` was shown, one seed after the other."""
    lines = [
        note["again"]
        for note in notes()
        if (note["what"], note["job"]) == ("wrong", name) and "again" in note
    ]

    def check_stream(job: Any, inputs: Any, **options: Any) -> None:
        given = module.INPUTS if inputs is ... else inputs
        own = getattr(module, "OPTIONS", {})
        kafka.check_stream(job, given, spark=spark, **{**own, **options})

    known = {"kafka": SimpleNamespace(check_stream=check_stream)}
    for number in range(times if lines else 0):
        if is_noted("replay", name, number):
            continue
        begun = time.monotonic()
        line = lines[number % len(lines)]
        note: dict[str, Any] = {"what": "replay", "job": name, "seed": number}
        try:
            eval(line, {**known, module.wrong.__name__: module.wrong})  # noqa: S307
            note["found"] = False
        except NotInvariant:
            note["found"] = True
        note |= {"line": line, "seconds": round(time.monotonic() - begun, 2)}
        keep(note)


def check_right(
    kafka: KafkaUtils, spark: SparkSession, name: str, module: Any, trials: int
) -> None:
    options = getattr(module, "RIGHT_OPTIONS", getattr(module, "OPTIONS", {}))
    for seed in range(trials // PART):
        if is_noted("right", name, seed):
            continue
        begun = time.monotonic()
        note: dict[str, Any] = {"what": "right", "job": name, "seed": seed}
        try:
            report = kafka.check_stream(
                module.right,
                module.INPUTS,
                spark=spark,
                seed=1000 + seed,
                trials=PART,
                **options,
            )
            note |= {"alarm": "", "trials": report.trials, "skipped": report.skipped}
        except NotInvariant as error:
            note |= {"alarm": str(error), "trials": 0}
        except Exception as error:  # noqa: BLE001  noted, then the next
            note |= {"alarm": f"{type(error).__name__}: {error}"[:500], "trials": 0}
        note["seconds"] = round(time.monotonic() - begun, 2)
        keep(note)


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
        begun = time.monotonic()
        report = kafka.check_stream(
            job, records, spark=spark, seed=1, same_under=["batches"], **options
        )
        seconds = time.monotonic() - begun
        say(f"{name}: {report.trials} trials in {seconds:.1f} s")
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
            relations = sorted({note["relation"] for note in found})
            bad += len(some) - len(found)
            say(
                f"{job}: found {len(found)} of {len(some)}, small {len(small)}, "
                f"{seconds:.1f} s, by {', '.join(relations)}"
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
