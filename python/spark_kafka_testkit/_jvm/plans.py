"""What Spark's plans say about a query, before it has made progress.

It comes from Spark's own classes through py4j (their names are the same from 3.5 to
4.2), or from the message that Spark Connect's client sends.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._jvm.spark_jvm import execution_of, items_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.streaming.query import StreamingQuery

__all__ = [
    "kafka_options",
    "keyed_without_time",
    "options_of_query",
    "output_mode",
    "sink_options",
    "source_of_column",
    "watermark_delays",
]

DAYS_OF_MONTH = 31  # as Spark counts for watermarks
MILLIS_OF_DAY = 86_400_000
EVENT_TIME = "spark.watermarkDelayMs"
"""The metadata key of a column with a watermark, and of a window of such a column."""
KEYS = {"Aggregate": "groupingExpressions", "Deduplicate": "keys"}
"""The method that returns the keys of a stateful node, by the node's class."""
PASSING = ("Project", "SubqueryAlias", "EventTimeWatermark")
"""Nodes of a plan that pass on the rows of their child."""


def kafka_options(df: DataFrame) -> list[dict[str, str]]:
    """The options of each Kafka source of a DataFrame, with names in lower case.

    They are the same for a classic DataFrame and one of Spark Connect.
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
    """The options of each Kafka source of a query, or None on Spark Connect.

    Spark Connect does not expose them.
    """
    execution = execution_of(query)
    if execution is None:
        return None
    return [_options(leaf) for leaf in _leaves(execution.analyzedPlan())]


def sink_options(query: StreamingQuery) -> dict[str, str] | None:
    """The options of a query's Kafka sink, with names in lower case.

    None for another sink, in continuous mode, and on Spark Connect.
    """
    execution = execution_of(query)
    if execution is None:
        return None
    plan, sink = execution.logicalPlan(), execution.sink()
    if (
        plan.getClass().getSimpleName() != "WriteToMicroBatchDataSource"
        or sink.getClass().getSimpleName() != "KafkaTable"
    ):
        return None
    pairs = _items(plan.writeOptions().toSeq())
    return {str(pair._1()).lower(): str(pair._2()) for pair in pairs}


def keyed_without_time(query: StreamingQuery) -> set[str]:
    """The classes of a query's nodes whose state is by keys without event time.

    A watermark removes nothing from it. Empty on Spark Connect.
    """
    execution = execution_of(query)
    if execution is None:
        return set()
    return set(_keyed_without_time(execution.analyzedPlan()))


def _keyed_without_time(node: Any) -> Iterator[str]:
    kind = str(node.getClass().getSimpleName())
    if kind in KEYS and node.isStreaming():
        keys = _items(getattr(node, KEYS[kind])())
        if not any(map(_has_event_time, keys)):
            yield kind
    for child in _items(node.children()):
        yield from _keyed_without_time(child)


def _has_event_time(key: Any) -> bool:
    is_column = key.getClass().getSimpleName() == "AttributeReference"
    return is_column and bool(key.metadata().contains(EVENT_TIME))


def output_mode(query: StreamingQuery) -> str | None:
    """`append`, `update` or `complete`, or None on Spark Connect."""
    execution = execution_of(query)
    return None if execution is None else str(execution.outputMode()).lower()


def watermark_delays(query: StreamingQuery) -> list[int]:
    """The delay of each watermark of a query, in milliseconds.

    Empty on Spark Connect, which does not expose them.
    """
    execution = execution_of(query)
    if execution is None:
        return []
    return list(_delays(execution.analyzedPlan()))


def _delays(node: Any) -> Iterator[int]:
    from py4j.java_gateway import get_field

    if node.getClass().getSimpleName() == "EventTimeWatermark":
        delay = node.delay()  # a CalendarInterval
        days = get_field(delay, "months") * DAYS_OF_MONTH + get_field(delay, "days")
        yield days * MILLIS_OF_DAY + get_field(delay, "microseconds") // 1000
    for child in _items(node.children()):
        yield from _delays(child)


def source_of_column(df: DataFrame, name: str) -> dict[str, str] | None:
    """The options of the Kafka source that a column comes from, or None.

    The DataFrame must have the source's column of that name unchanged and in all its
    rows, so the plan may consist only of projections and watermarks. None if it does
    not, and on Spark Connect, where that is not known.
    """
    plan: Any = getattr(df, "_jdf", None)
    if plan is None:
        return None
    analyzed = node = plan.queryExecution().analyzed()
    while node.getClass().getSimpleName() in PASSING:
        node = node.child()
    if not _is_source(node):
        return None
    source = {_identity(column) for column in _items(node.output())}
    is_passed = any(
        str(column.name()) == name and _identity(column) in source
        for column in _items(analyzed.output())
    )
    return _options(node) if is_passed else None


def _leaves(plan: Any) -> Iterator[Any]:
    """The Kafka sources among a plan's leaves."""
    return (leaf for leaf in _items(plan.collectLeaves()) if _is_source(leaf))


def _is_source(node: Any) -> bool:
    is_stream = node.getClass().getSimpleName() == "StreamingRelationV2"
    return is_stream and str(node.sourceName()) == "kafka"


def _options(leaf: Any) -> dict[str, str]:
    options = leaf.extraOptions()
    return {
        str(name).lower(): str(options.get(name)) for name in items_of(options.keySet())
    }


def _items(sequence: Any) -> Iterator[Any]:
    """The items of a Scala sequence."""
    return (sequence.apply(place) for place in range(sequence.size()))


def _identity(column: Any) -> str:
    return str(column.exprId())


def _data_sources(message: Any) -> Iterator[Any]:
    """The data sources in a message of Spark Connect, at any depth."""
    if message.DESCRIPTOR.name == "DataSource":
        yield message
    for _, value in message.ListFields():
        parts = [value] if hasattr(value, "ListFields") else value
        if isinstance(parts, (str, bytes, int, float)):
            continue
        for part in parts:
            if hasattr(part, "ListFields"):
                yield from _data_sources(part)
