"""Whether Kafka's sink can take what a DataFrame has, before a query dies of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spark_kafka_testkit._jvm.plans import passes_column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__all__ = ["check_sink_columns", "passes_partition"]

TAKEN = {"key", "value"}
"""The columns that must be of `TYPES` where they are."""
TYPES = ("string", "binary")


def check_sink_columns(df: DataFrame) -> None:
    """Raises where Kafka's sink would, and says what to write instead.

    Raises:
        ValueError: there is no column `value`, or a key or value is neither text nor
            binary.
    """
    types = {field.name.lower(): field for field in df.schema.fields}
    if "value" not in types:
        raise ValueError(
            f"A Kafka sink needs a column 'value'; this has {_listed(df.columns)}. "
            "Select it: df.selectExpr('... AS key', '... AS value')."
        )
    for name in sorted(TAKEN & types.keys()):
        kind = types[name].dataType.simpleString()
        if kind not in TYPES:
            advice = (
                f"to_json({name})"
                if kind.startswith(("struct", "array", "map"))
                else f"CAST({name} AS STRING)"
            )
            raise ValueError(
                f"A Kafka sink takes text or binary, and the column {name!r} is "
                f"{_shortened(kind)}. Select {advice} AS {name}."
            )


def passes_partition(df: DataFrame) -> bool:
    """Whether it hands the source's column `partition` to the sink, which obeys it."""
    if "partition" not in df.columns:
        return False
    try:
        return passes_column(df, "partition")
    except Exception:  # noqa: BLE001  Spark's inner classes: a test must not fail of them
        return False


def _listed(names: list[str]) -> str:
    return ", ".join(names) if names else "none"


def _shortened(kind: str) -> str:
    return kind if len(kind) <= 60 else f"{kind[:57]}..."
