"""Streaming queries under test: waits tied to a query's own offsets, how far it is
behind, and its start and clean end.
"""

from __future__ import annotations

from spark_kafka_testkit._streams import (
    StreamOptions,
    StreamRun,
    run_stream,
    stop_queries,
)
from spark_kafka_testkit._waits.queries import (
    lag,
    wait_for_query_alive,
    wait_until_processed,
)

__all__ = [
    "StreamOptions",
    "StreamRun",
    "lag",
    "run_stream",
    "stop_queries",
    "wait_for_query_alive",
    "wait_until_processed",
]
