"""The fixture kafka_check_stream: a schedule that failed is kept and tried first."""

from __future__ import annotations

import sys

import pytest

from spark_kafka_testkit import KafkaUtils
from tests.plugin.conftest import PLUGIN, Inner, text_of
from tests.plugin.test_progress import on_a_terminal

pytest_plugins = ["pytester"]

JOB = """
import pytest
from hypothesis import strategies as st


def numbered(orders, run):
    def write(df, number):
        df.selectExpr(f"{number} AS number").write.mode("overwrite").json(
            f"{run.path}/{number}"
        )

    query = orders.writeStream.foreachBatch(write)
    return query.option("checkpointLocation", run.checkpoint).start()


def numbers(run):
    rows = run.spark.read.schema("number INT").json(f"{run.path}/*")
    return sorted(row.number for row in rows.collect())
"""
CHECK = (
    f"{JOB}\n\n"
    + """
@pytest.mark.kafka(trials=3, seed=1)
def test_numbered(kafka_check_stream):
    orders = [(f"k{number}", "v") for number in range(2)]
    kafka_check_stream(
        numbered, {"orders": orders}, answer=numbers, same_under=["batches"]
    )
"""
)

DRAWN = (
    f"{JOB}\n\n"
    + """
@pytest.mark.kafka(trials=5)
def test_numbered(kafka_check_stream):
    key = st.sampled_from("abc")
    orders = st.lists(st.tuples(key, key), min_size=2, max_size=9)
    kafka_check_stream(
        numbered, {"orders": orders}, answer=numbers, same_under=["batches"]
    )
"""
)
MENDED = CHECK.replace('f"{number} AS number"', '"0 AS number"')
IMPATIENT = """
from spark_kafka_testkit import _progress

_progress.PATIENCE_SECONDS = 0
"""


def test_a_schedule_that_has_failed_is_tried_first(inner: Inner) -> None:
    cached = ("-p", "cacheprovider")
    first = inner(*cached, test_check=CHECK)
    first.assert_outcomes(failed=1)
    first.stdout.fnmatch_lines(
        [
            "*The answer of numbered depends on where batches end.*",
            "*Found with seed=1.*",
        ]
    )
    first.stdout.no_fnmatch_line("topic 'check-*")  # the kit's own, deleted by now
    again = inner(*cached, test_check=CHECK)
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["*depends on where batches end.*"])
    again.stdout.no_fnmatch_line("*Found with seed=*")
    inner(*cached, test_check=MENDED).assert_outcomes(passed=1)


def test_a_terminal_shows_how_many_trials_are_done(
    inner: Inner, kafka: KafkaUtils, pytester: pytest.Pytester
) -> None:
    """The count disappears at the end. Without a terminal, it is not shown."""
    result = inner(conftest=IMPATIENT, test_check=MENDED)
    result.assert_outcomes(passed=1)
    assert "of 3 trials" not in text_of(result)
    address = f"--kafka-bootstrap-servers={kafka.broker}"
    written = on_a_terminal(sys.executable, "-m", "pytest", *PLUGIN, address)
    assert "\r\x1b[Kcheck_stream: 1 of 3 trials" in written
    assert "1 passed" in written
    assert written.rindex("\r\x1b[K") > written.rindex("of 3 trials")


def test_what_strategies_drew_is_not_tried_on_other_records(inner: Inner) -> None:
    """A kept schedule could name missing records, or be unfair to the new ones."""
    cached = ("-p", "cacheprovider")
    for _ in range(2):
        result = inner(*cached, test_check=DRAWN)
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["*depends on where batches end.*"])
