"""What Spark's plans say of their Kafka sources, before a query has made progress.

By Spark's own classes, through py4j (the names stand from 3.5 to 4.2), or by the
message that Spark Connect's client sends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._jvm.spark_jvm import execution_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.streaming.query import StreamingQuery

__all__ = ["kafka_options", "options_of_query", "output_mode", "passes_column"]


def kafka_options(df: DataFrame) -> list[dict[str, str]]:
    """The options of each Kafka source of a DataFrame, their names in lower case; the
    same for a classic one and one of Spark Connect.
    """
    plan: Any = getattr(df, "_jdf", None)
    if plan is not None:
        return [_options(leaf) for leaf in _leaves(plan.queryExecution().analyzed())]
    connect: Any = df
    message = connect._plan.to_proto(connect._session.client)
    return [
        {str(name).lower(): str(value) for name, value in source.options.items()}
        for source in _data_sources(message)
        if source.format == "kafka"
    ]


def options_of_query(query: StreamingQuery) -> list[dict[str, str]] | None:
    """The same of a query; None by Spark Connect, where they can't be had."""
    execution = execution_of(query)
    if execution is None:
        return None
    return [_options(leaf) for leaf in _leaves(execution.analyzedPlan())]


def output_mode(query: StreamingQuery) -> str | None:
    """`append`, `update` or `complete`; None by Spark Connect."""
    execution = execution_of(query)
    return None if execution is None else str(execution.outputMode()).lower()


def passes_column(df: DataFrame, name: str) -> bool:
    """Whether a column of the DataFrame is that of a Kafka source, as it came; False by
    Spark Connect, where that is not known.
    """
    plan: Any = getattr(df, "_jdf", None)
    if plan is None:
        return False
    analyzed = plan.queryExecution().analyzed()
    sources = {
        _identity(column)
        for leaf in _leaves(analyzed)
        for column in _items(leaf.output())
    }
    return any(
        str(column.name()) == name and _identity(column) in sources
        for column in _items(analyzed.output())
    )


def _leaves(plan: Any) -> Iterator[Any]:
    """The Kafka sources among a plan's leaves."""
    for leaf in _items(plan.collectLeaves()):
        is_source = leaf.getClass().getSimpleName() == "StreamingRelationV2"
        if is_source and str(leaf.sourceName()) == "kafka":
            yield leaf


def _options(leaf: Any) -> dict[str, str]:
    options: Mapping[str, Any] = leaf.extraOptions()  # a map of Java's
    return {str(name).lower(): str(options[name]) for name in options}


def _items(sequence: Any) -> Iterator[Any]:
    """Of one of Scala's."""
    return (sequence.apply(place) for place in range(sequence.size()))


def _identity(column: Any) -> str:
    return str(column.exprId())


def _data_sources(message: Any) -> Iterator[Any]:
    """The data sources that a message of Spark Connect names, at any depth."""
    if message.DESCRIPTOR.name == "DataSource":
        yield message
    for _, value in message.ListFields():
        parts = [value] if hasattr(value, "ListFields") else value
        if isinstance(parts, (str, bytes, int, float)):
            continue
        for part in parts:
            if hasattr(part, "ListFields"):
                yield from _data_sources(part)
