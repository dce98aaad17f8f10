"""The Kafka sources and the sink in a stream's plan, before it has made progress."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from spark_kafka_testkit._jvm.plans import (
    kafka_options,
    options_of_query,
    sink_options,
    source_of_column,
)
from spark_kafka_testkit._queries.position import Source

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.streaming.query import StreamingQuery

__all__ = [
    "named_topics",
    "planned_sources",
    "planned_sources_of_query",
    "sink_topic",
    "source_of_partition",
]

STRATEGIES = {
    "subscribe": "Subscribe",
    "subscribepattern": "SubscribePattern",
    "assign": "Assign",
}
OTHER_STARTS = ("startingtimestamp", "startingoffsetsbytimestamp")


def planned_sources(df: DataFrame) -> list[Source]:
    """The sources of a DataFrame, or none if they can't be determined."""
    try:
        return [_source(options) for options in kafka_options(df)]
    except Exception:  # noqa: BLE001  Spark's internal classes must not fail a test
        return []


def planned_sources_of_query(query: StreamingQuery) -> list[Source]:
    """The sources of a query, or none if they can't be determined (Spark Connect)."""
    try:
        return [_source(options) for options in options_of_query(query) or []]
    except Exception:  # noqa: BLE001  as above
        return []


def sink_topic(query: StreamingQuery, servers: str | None = None) -> str | None:
    """The topic that a query writes to, or None if that is not known.

    The rows may name their topics themselves. If servers are given, a topic of another
    broker does not count.
    """
    try:
        options = sink_options(query) or {}
    except Exception:  # noqa: BLE001  as above, or the query has not planned it yet
        return None
    is_here = servers in (None, options.get("kafka.bootstrap.servers"))
    return options.get("topic") if is_here else None


def source_of_partition(df: DataFrame) -> Source | None:
    """The source whose column `partition` the DataFrame passes on unchanged.

    Kafka's sink honours that column.
    """
    if "partition" not in df.columns:
        return None
    try:
        options = source_of_column(df, "partition")
    except Exception:  # noqa: BLE001  as above
        return None
    return None if options is None else _source(options)


def named_topics(sources: Iterable[Source], servers: str) -> list[str]:
    """The topics of a broker that sources read by name, and not by a pattern."""
    return [
        name
        for source in sources
        if not source.pattern and source.servers == servers
        for name in source.topics()
    ]


def _source(options: Mapping[str, str]) -> Source:
    option, strategy = next(
        (option, strategy)
        for option, strategy in STRATEGIES.items()
        if option in options
    )
    names = options[option]
    if strategy == "Subscribe":
        names = ", ".join(name.strip() for name in names.split(",") if name.strip())
    elif strategy == "Assign":
        names = ", ".join(
            f"{topic}-{partition}"
            for topic, partitions in json.loads(names).items()
            for partition in partitions
        )
    is_timed = any(name in options for name in OTHER_STARTS)
    starting = "" if is_timed else options.get("startingoffsets", "latest")
    return Source(
        strategy, names, {}, starting, options.get("kafka.bootstrap.servers", "")
    )
