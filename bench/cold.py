"""Rows of first calls, as a short test run sees them in a fresh Python and a fresh JVM.

This is also the script that runs there, `python -m bench.cold WHO WHAT BROKER`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from typing import Any

from bench.harness import KIT, Contestant, Row, seconds_of, show_steps
from bench.world import World, fallback, messages, plain_session, spark_session
from spark_kafka_testkit._spark.conf import DRIVER_OPTIONS

__all__ = ["rows"]

FALLBACK = "kit without the JVM"
PLAIN = "kafka-python sends, Spark reads, Spark's default settings"
COMPILED = "kit, compiled well"
WHO = (KIT, COMPILED, FALLBACK, PLAIN)
MOST_RUNS = 3
VALUE_CHARACTERS = 90


def rows(world: World) -> dict[str, Callable[[], Row]]:
    return {
        "cold-calls": lambda: _row(
            world, "calls", "first send of 10 and first read of them, fresh session"
        ),
        "cold-suite": lambda: _row(
            world, "suite", "the four patterns as a suite, fresh session"
        ),
    }


def _row(world: World, what: str, title: str) -> Row:
    steps: dict[str, dict[str, float]] = {}

    def contestant(who: str) -> Contestant:
        def run() -> float:
            steps[who] = _in_child(who, what, world.kafka.broker)
            return sum(steps[who].values())

        return Contestant(who, run)

    def profile() -> list[str]:
        return [f"{who}: {show_steps(found)}" for who, found in steps.items()]

    return Row(
        f"cold-{what}",
        title,
        [contestant(who) for who in WHO],
        profile=profile,
        notes=[
            "the session's start is counted; compiled well: with the JVM's option "
            "-XX:TieredStopAtLevel=4, twice the work to warm up, twice the bulk speed"
        ],
        most_runs=MOST_RUNS,
    )


def _in_child(who: str, what: str, broker: str) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.cold", who, what, broker]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.cold", description=__doc__)
    parser.add_argument("who", choices=WHO)
    parser.add_argument("what", choices=("calls", "suite"))
    parser.add_argument("broker", help="bootstrap servers")
    arguments = parser.parse_args()
    if arguments.who == FALLBACK:
        with fallback():
            found = _first_times(arguments.who, arguments.what, arguments.broker)
    else:
        found = _first_times(arguments.who, arguments.what, arguments.broker)
    print(json.dumps(found))  # noqa: T201
    return 0


def _first_times(who: str, what: str, broker: str) -> dict[str, float]:
    from bench.spark_own import PlainUtils
    from bench.suite import run_suite
    from spark_kafka_testkit import KafkaUtils

    times: dict[str, float] = {}
    spark: Any = None

    def start() -> None:
        nonlocal spark
        if who == PLAIN:
            spark = plain_session()
        elif who == COMPILED:
            spark = spark_session(**{DRIVER_OPTIONS: "-XX:TieredStopAtLevel=4"})
        else:
            spark = spark_session()

    times["session"] = seconds_of(start)
    utils: Any
    if who == PLAIN:
        utils = PlainUtils(broker)
    else:
        utils = KafkaUtils(bootstrap_servers=broker)
        utils.setup()
    if what == "suite":
        times |= run_suite(utils, spark, _new_name)
    else:
        topic, some = _new_name(), messages(10, VALUE_CHARACTERS)
        utils.create_topics([topic])
        times["send"] = seconds_of(lambda: utils.send_messages(topic, some))
        times["read"] = seconds_of(lambda: utils.get_all_records(spark, topic))
        utils.delete_topics([topic])
    utils.teardown()
    spark.stop()
    return times


def _new_name() -> str:
    return f"cold-{uuid.uuid4().hex}"


if __name__ == "__main__":
    sys.exit(main())
