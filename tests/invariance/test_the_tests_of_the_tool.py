"""Faults that are put into check_stream(), each of which one of its tests finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.outcomes import Failed

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._invariance.answers import Answers
from spark_kafka_testkit._invariance.batch_mode import BatchAnswer
from spark_kafka_testkit._invariance.generate import Promise
from spark_kafka_testkit._invariance.schedule import Batch, Crash, Replay, Schedule
from spark_kafka_testkit._invariance.search import Search
from spark_kafka_testkit._invariance.trial import Trial
from tests.unit.invariance import test_generate

from . import test_check_stream as tests
from .test_check_stream import (
    test_the_smallest_schedule_is_found_and_its_line_shows_it_again as smallest,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Patch = Callable[[pytest.MonkeyPatch], None]


def compares_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Answers, "are_same", lambda *_, **__: True)


def loses_the_failure(patch: pytest.MonkeyPatch) -> None:
    """Report a schedule that shows no difference as the smallest one."""

    def of_nothing(self: Any, finding: Any, _: Any) -> Any:
        return replace(finding, schedule=self._compare.at_once(finding.schedule))

    patch.setattr(Search, "_smallest", of_nothing)


def replays_something_else(patch: pytest.MonkeyPatch) -> None:
    parse = Schedule.parse

    def parse_a_part(line: str) -> Schedule:
        return parse(line).keeping(lambda place: place.index == 0)

    patch.setattr(Schedule, "parse", parse_a_part)


def crashes_nothing(patch: pytest.MonkeyPatch) -> None:
    do = Trial._do

    def do_otherwise(self: Trial, step: Any) -> None:
        if not isinstance(step, Replay):
            do(self, Batch() if isinstance(step, Crash) else step)

    patch.setattr(Trial, "_do", do_otherwise)


def promises_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Promise, "bears", lambda *_: True)


def says_yes_in_batch(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(BatchAnswer, "allows", lambda *_: True)


# pytest would also run a test that is imported under its own name
shows_the_smallest = smallest
del smallest

FAULTS: dict[Patch, Callable[..., None]] = {
    compares_nothing: tests.test_a_job_that_is_random_is_told_as_such,
    loses_the_failure: shows_the_smallest,
    replays_something_else: tests.test_what_is_found_is_told_whole,
    crashes_nothing: tests.test_an_append_that_runs_again_is_found,
    says_yes_in_batch: tests.test_another_answer_in_batch_is_found,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_tool_fails_a_test(
    fault: Patch,
    kafka: KafkaUtils,
    spark: SparkSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fault(monkeypatch)
    with pytest.raises((AssertionError, Failed)):
        FAULTS[fault](kafka, spark)


def test_a_tool_that_asks_too_much_fails_a_test(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    promises_nothing(monkeypatch)
    with pytest.raises(AssertionError):
        test_generate.test_no_record_is_later_than_the_job_has_promised()
