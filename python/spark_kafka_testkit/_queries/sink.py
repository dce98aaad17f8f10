"""Whether Kafka's sink can write a DataFrame, before a query dies of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__all__ = ["check_sink_columns"]

TAKEN = {"key", "value"}
"""The columns that must have one of `TYPES` if they exist."""
TYPES = ("string", "binary")


def check_sink_columns(df: DataFrame) -> None:
    """Raise an error where Kafka's sink would, and say what to write instead.

    Raises:
        ValueError: there is no column `value`, or a key or value is neither text nor
            binary.
    """
    types = {field.name: field for field in df.schema.fields}  # case-sensitive
    if "value" not in types:
        raise ValueError(
            f"A Kafka sink needs a column 'value', but this has {_listed(df.columns)}. "
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
                f"A Kafka sink accepts text or binary, but the column {name!r} is "
                f"{_shortened(kind)}. Select {advice} AS {name}."
            )


def _listed(names: list[str]) -> str:
    return ", ".join(names) if names else "none"


def _shortened(kind: str) -> str:
    return kind if len(kind) <= 60 else f"{kind[:57]}..."
