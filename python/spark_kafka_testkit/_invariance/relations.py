"""The relations: what an answer must not depend on, and which ones apply to a job."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from inspect import signature
from typing import Final

from spark_kafka_testkit._invariance.stage import Outcome, Stage

__all__ = ["DEFAULT", "MODES", "RELATIONS", "why_not"]

RELATIONS: Final[dict[str, str]] = {
    "batches": "where batches end",
    "arrival": "the order in which records of different partitions arrive",
    "partitions": "numbers of partitions",
    "triggers": "how its batches are triggered",
    "idle": "time that passes without data",
    "restarts": "restarts of its query",
    "replays": "batches that run again",
    "crashes": "crashes in a batch",
    "retention": "records that the broker deletes before they are read",
    "batch_mode": "whether it runs as a stream or in batch",
    "real_time": "whether it runs in batches or in real time",
    "duplicates": "records that come twice",
    "other_keys": "records of other keys",
}
"""Each relation, worded to end the sentence `The answer depends on ...`.

They have their turns in this order: those whose runs take the longest come last.
"""

MODES: Final = ("batch_mode", "real_time")
"""Relations that no schedule varies, because the job runs in another mode."""

ON_REQUEST: Final = ("real_time", "duplicates", "other_keys")
"""Relations that are checked only if the caller names them."""

DEFAULT: Final = tuple(name for name in RELATIONS if name not in ON_REQUEST)

LOST_WITH_QUERY = "Spark's memory sink is lost with its query"
REPEATS = "Kafka's sink may repeat records, and their order is compared"
OWN_QUERY = "the job starts its query itself"
NUMBER = re.compile(rb"\s*[+-]?[\d.]+\s*")
NO_BATCH_ORACLE = "WithState"


def why_not(
    relation: str, wanted: Collection[str], stage: Stage, reference: Outcome
) -> str:
    """Why a relation can't be checked for a job, or an empty text if it can.

    Args:
        relation: its name in `RELATIONS`.
        wanted: all relations that were asked for.
        stage: see `Stage`.
        reference: the outcome of the job with all records in one batch.
    """
    if relation == "arrival" and "batches" not in wanted:
        return "all comes in one batch, unless same_under has batches too"
    reason = _REASONS.get(relation)
    return "" if reason is None else reason(stage, reference)


def _of_restarts(stage: Stage, _: Outcome) -> str:
    return LOST_WITH_QUERY if stage.sink == "memory" else ""


def _of_crashes(stage: Stage, reference: Outcome) -> str:
    if stage.answers.kind == "by_partition":
        return REPEATS
    return _of_restarts(stage, reference)


def _of_partitions(stage: Stage, _: Outcome) -> str:
    if stage.answers.kind == "by_partition":
        return "with more partitions, several tasks write to one partition of the sink"
    return ""


def _of_triggers(stage: Stage, reference: Outcome) -> str:
    if reference.is_own_query:
        return OWN_QUERY
    if not stage.has_clock:
        return "each batch runs with availableNow, because the session has no clock"
    return _of_restarts(stage, reference)


def _of_retention(stage: Stage, reference: Outcome) -> str:
    if not reference.is_own_query:
        return "the kit reads the topics for the job"
    return _of_arrival(stage, reference)


def _of_batch_mode(stage: Stage, reference: Outcome) -> str:
    if reference.is_own_query:
        return OWN_QUERY
    for operator in reference.operators:
        if NO_BATCH_ORACLE.lower() in operator.lower():
            return f"batch mode can't check custom state ({operator})"
    if stage.answers.kind == "by_partition":
        return "a batch has no order"
    if stage.sink == "kafka" and callable(stage.answers.kind):
        return "a function gets the records of the sink's topic, and batch has none"
    return ""


def _of_real_time(stage: Stage, reference: Outcome) -> str:
    from pyspark.sql.streaming.readwriter import DataStreamWriter

    if "realTime" not in signature(DataStreamWriter.trigger).parameters:
        return "this Spark has no real-time mode for Python"
    if reference.is_own_query:
        return OWN_QUERY
    if stage.sink != "kafka" or stage.output_mode != "update":
        return 'real-time mode is for sink="kafka" and output_mode="update"'
    if reference.operators:
        return f"it has state ({', '.join(sorted(reference.operators))})"
    if stage.answers.kind == "by_partition":
        return REPEATS
    return ""


def _of_arrival(stage: Stage, _: Outcome) -> str:
    if len(stage.inputs.places) < 2:
        return "there is one record"
    return ""


def _of_other_keys(stage: Stage, _: Outcome) -> str:
    if callable(stage.answers.kind):
        return "of a function's answer nobody knows which part is of which key"
    keys = map(stage.inputs.key, stage.inputs.places)
    if any(key is None or NUMBER.fullmatch(key) for key in keys):
        return "other keys are texts, and some of yours are null or numbers"
    return ""


def _of_idle(stage: Stage, reference: Outcome) -> str:
    if reference.is_own_query or not stage.has_clock:
        return "the query runs on the machine's clock, which can't be set"
    return ""


_REASONS: dict[str, Callable[[Stage, Outcome], str]] = {
    "restarts": _of_restarts,
    "replays": _of_crashes,
    "crashes": _of_crashes,
    "partitions": _of_partitions,
    "idle": _of_idle,
    "triggers": _of_triggers,
    "retention": _of_retention,
    "batch_mode": _of_batch_mode,
    "real_time": _of_real_time,
    "arrival": _of_arrival,
    "other_keys": _of_other_keys,
}
