"""What a query holds in its state, read by Spark's own reader of its checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._queries.batch import NO_OPERATOR
from spark_kafka_testkit._text import shown
from spark_kafka_testkit._versions import minor_numbers
from spark_kafka_testkit.errors import SparkSetupError

if TYPE_CHECKING:
    from pyspark.sql import Row, SparkSession

__all__ = ["read_state"]

SIDES = ("left", "right")
PARTS = ("key", "value", "single_value")
NOTHING = "__dummy__"
"""Spark's name for the value of an operator that only has keys."""


def read_state(
    spark: SparkSession,
    checkpoint: str,
    operator: str | int | None,
    side: str | None,
    variable: str | None,
    *,
    timers: bool = False,
    changes_since: int | None = None,
) -> list[dict[str, Any]]:
    """The rows of one operator's state as of the last committed batch, or its changes.

    Args:
        spark: the session.
        checkpoint: the checkpoint location.
        operator: its number or its name. Default: the only operator.
        side: the side of a join of two streams.
        variable: the variable of a transformWithState.
        timers: whether to read the registered timers instead.
        changes_since: the number of the first batch whose changes to read instead.

    Raises:
        SparkSetupError: Spark is too old.
        ValueError: there is no such operator, or more than one, or the side or variable
            is missing.
    """
    if minor_numbers(spark.version) < (4, 0):
        raise SparkSetupError(
            f"Spark {spark.version} can't read the state of a query.",
            "Spark 4.0 and newer can.",
        )
    number, name = _operator(spark, checkpoint, operator)
    options: dict[str, str] = {"operatorId": str(number)}
    if name == "symmetricHashJoin":
        if side is None:
            raise TypeError(
                "A join keeps rows of its two sides. Give the one to read: "
                'side="left" or side="right".'
            )
        options["joinSide"] = _arguments.choice("side", side, SIDES)
    elif side is not None:
        raise ValueError(f"side is for a join of two streams, but this is {name}")
    if timers:
        options["readRegisteredTimers"] = "true"
    elif variable is not None:
        options["stateVarName"] = _arguments.text("variable", variable)
    if changes_since is not None:
        options["readChangeFeed"] = "true"
        options["changeStartBatchId"] = str(changes_since)
    rows = spark.read.format("statestore").options(**options).load(checkpoint)
    if changes_since is not None:
        rows = rows.orderBy("batch_id")
    return [_plain(row) for row in rows.collect()]


def _operator(
    spark: SparkSession, checkpoint: str, wanted: str | int | None
) -> tuple[int, str]:
    """The operator's number and name."""
    metadata = spark.read.format("state-metadata").load(checkpoint)
    rows = metadata.select("operatorId", "operatorName").collect()
    known = sorted({(int(row[0]), str(row[1])) for row in rows})
    found = [one for one in known if wanted is None or wanted in one]
    if len(found) == 1:
        return found[0]
    if not known:
        raise ValueError(NO_OPERATOR)
    listed = ", ".join(f"{number} ({name})" for number, name in known)
    what = "The query's" if wanted is None else f"operator={shown(wanted)}: the query's"
    raise ValueError(f"{what} stateful operators are {listed}. Give one by number.")


def _plain(row: Row) -> dict[str, Any]:
    """The parts of the key and the value side by side, those of the value on top."""
    parts: dict[str, Any] = {}
    for name, value in row.asDict(recursive=True).items():
        if name in PARTS and isinstance(value, (dict, type(None))):
            parts.update(value or {})  # nothing, for a row that was deleted
        elif name != "partition_id":
            parts[name] = value
    parts.pop(NOTHING, None)
    return parts
