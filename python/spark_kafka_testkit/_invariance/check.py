"""`check_stream`: its arguments, and the error that it raises."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypedDict

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._invariance.answers import ANSWERS, Answers, Kind
from spark_kafka_testkit._invariance.examples import examples
from spark_kafka_testkit._invariance.finding import Finding
from spark_kafka_testkit._invariance.inputs import EventTime, Inputs
from spark_kafka_testkit._invariance.job import Job
from spark_kafka_testkit._invariance.relations import DEFAULT, RELATIONS
from spark_kafka_testkit._invariance.runs import Runs
from spark_kafka_testkit._invariance.schedule import NAME, Schedule
from spark_kafka_testkit._invariance.search import Search, StreamReport
from spark_kafka_testkit._invariance.stage import Stage
from spark_kafka_testkit._invariance.topics import Topics
from spark_kafka_testkit._jvm.query_clock import has_clock
from spark_kafka_testkit._jvm.spark_jvm import is_connect
from spark_kafka_testkit._jvm.spark_log import silenced
from spark_kafka_testkit._progress import counting
from spark_kafka_testkit._streams.run import FILES, OUTPUT_MODES
from spark_kafka_testkit.errors import SparkSetupError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from spark_kafka_testkit._cluster import Cluster

__all__ = ["CheckOptions", "check_stream"]


OF_THE_SEARCH = ("same_under", "trials", "seed", "schedule")
"""Options that say which schedules to run. The others decide the answer."""


class CheckOptions(TypedDict, total=False):
    """The options of `check_stream`."""

    same_under: Sequence[str] | None
    answer: Kind | Callable[[Any], Any] | None
    key: str | Sequence[str] | None
    late: timedelta | str | None
    event_time: EventTime | None
    closers: Mapping[str, Any] | None
    output_mode: str
    sink: str | None
    trials: int
    seed: int | None
    schedule: str | None
    timeout: float


def check_stream(
    cluster: Cluster,
    session: SparkSession,
    function: Callable[..., Any],
    inputs: Mapping[str, Any],
    as_given: Mapping[str, Any],
    *,
    same_under: Sequence[str] | None = None,
    answer: Kind | Callable[[Any], Any] | None = None,
    key: str | Sequence[str] | None = None,
    late: timedelta | str | None = None,
    event_time: EventTime | None = None,
    closers: Mapping[str, Any] | None = None,
    output_mode: str = "append",
    sink: str | None = None,
    trials: int = 50,
    seed: int | None = None,
    schedule: str | None = None,
    timeout: float = 60,
) -> StreamReport:
    """See `KafkaUtils.check_stream`.

    Args:
        as_given: the options as the caller gave them, for the call in the message.
    """
    if not isinstance(inputs, Mapping) or not inputs:
        raise TypeError(
            'inputs must be a dict of records by name, {"orders": [...]}, not '
            f"{type(inputs).__name__}"
        )
    for name in inputs:
        if not re.fullmatch(NAME, name):
            raise ValueError(
                f"inputs: the name {name!r} can't be part of a schedule. Use letters, "
                "digits, '.', '_' and '-'."
            )
    if sink not in (None, "kafka", "memory", *FILES):
        raise ValueError(
            f"The kit can't read what a sink {sink!r} holds. Give one of kafka, "
            f"memory, {', '.join(FILES)}. Or let the job start its query, and give "
            "answer=, a function that reads what it wrote."
        )
    _arguments.choice("output_mode", output_mode, OUTPUT_MODES)
    is_default = answer is None
    if answer is None:
        is_anew = output_mode == "complete" and sink == "kafka"
        answer = "latest" if output_mode == "update" or is_anew else "rows"
    if not callable(answer):
        _arguments.choice("answer", answer, ANSWERS)
    if isinstance(same_under, str):
        same_under = [same_under]
    relations = DEFAULT if same_under is None else tuple(same_under)
    for relation in relations:
        _arguments.choice("same_under", relation, [*RELATIONS, "determinism"])
    wanted = tuple(name for name in relations if name in RELATIONS)
    millis = None if late is None else _arguments.duration("late", late)
    trials = _arguments.whole("trials", trials, 0)
    planned = None if schedule is None else Schedule.parse(schedule)
    if seed is None:
        seed = random.SystemRandom().randrange(10**6)
    seed = _arguments.whole("seed", seed, 0)
    job = Job(function, list(inputs))
    if answer == "by_partition" and sink != "kafka" and not job.takes_run:
        raise ValueError(
            'answer="by_partition" compares the partitions of a Kafka sink. Give '
            'sink="kafka".'
        )
    keys = [key] if isinstance(key, str) else key
    answers = Answers(answer, keys, is_default=is_default)
    drawn = list(examples(inputs, seed))
    if not drawn:
        raise ValueError("The strategies of inputs produced no records.")
    if is_connect(session):
        raise SparkSetupError(
            "check_stream() runs queries side by side in clones of a session and sets "
            "their clock. Spark Connect can do neither.",
            "Use a classic session, for example that of KafkaUtils.spark_session().",
        )
    with (
        closing(Topics(cluster)) as topics,
        silenced(session),
        Runs(session) as runs,
        counting("check_stream", trials, "trials") as tell,
    ):
        reports = []
        for number, records in enumerate(drawn):
            stage = Stage(
                cluster,
                job,
                Inputs(records, event_time, closers),
                answers,
                topics,
                output_mode,
                sink,
                has_clock(session),
                timeout,
            )
            if planned is not None:
                stage.inputs.check(planned)
            search = Search(stage, runs, wanted, millis, seed, tell)
            result = (
                search.run(
                    range(number, trials, len(drawn)),
                    may_be_empty=records is not inputs,
                )
                if planned is None
                else search.replay(planned)
            )
            if isinstance(result, Finding):
                told = {
                    str(place): stage.inputs.record(place)
                    for place in sorted(set(result.schedule.places))
                }
                asked = seed if planned is None else None
                given = None if records is inputs else stage.inputs.records
                repeated = {n: v for n, v in as_given.items() if n not in OF_THE_SEARCH}
                raise result.error(job.name, told, asked, given, repeated)
            reports.append(result)
    seen = {name for report in reports for name in report.same_under}
    skipped = {name: why for report in reports for name, why in report.skipped.items()}
    return StreamReport(
        sum(report.trials for report in reports),
        tuple(name for name in RELATIONS if name in seen),
        {name: why for name, why in skipped.items() if name not in seen},
        reports[0].seed,
    )
