"""Shared by the pytest plugin and the unittest mixin: topic names and test clean-up."""

from __future__ import annotations

import os
import re
import uuid
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._jvm.spark_jvm import active_queries
from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit._queries.stop import stop_all
from spark_kafka_testkit.kafka_utils import KafkaUtils, cluster_of

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

    from spark_kafka_testkit._cluster import Cluster

__all__ = [
    "BrokerEndedWarning",
    "LeftoverWarning",
    "Leftovers",
    "left_running",
    "replace_ended",
    "topic_name",
]

LONGEST_LABEL = 150


class BrokerEndedWarning(UserWarning):
    """A broker ended unexpectedly, during a test or between two.

    The tests after it use another broker.
    """


class LeftoverWarning(UserWarning):
    """A test left something behind that should not go unnoticed."""


def topic_name(test: str, label: str = "") -> str:
    """A topic name that no other test uses, nor another run of this test.

    It consists of the test's name in the characters that Kafka allows, the label,
    pytest-xdist's worker, and 8 hexadecimal digits.

    Raises:
        TypeError, ValueError: a label that leaves no room for the rest.
    """
    if label != "" and len(_arguments.text("label", label)) > LONGEST_LABEL:
        raise ValueError(
            f"label must be at most {LONGEST_LABEL} characters long, got {len(label)}"
        )
    parts = [label, os.environ.get("PYTEST_XDIST_WORKER", ""), uuid.uuid4().hex[:8]]
    end = "".join(f"-{part}" for part in map(_allowed, parts) if part)
    return f"{_allowed(test)[: _arguments.LONGEST_TOPIC - len(end)]}{end}"


def left_running(test: str, queries: Mapping[str, Exception | None]) -> str:
    """The message about a test that did not stop its queries.

    The queries come by name, each with the reason if it could not be stopped now.
    """
    text = (
        f"{test} left running: query {', query '.join(queries)}. Stopped now. A test "
        "must stop its queries."
    )
    failures = {name: error for name, error in queries.items() if error is not None}
    for name, error in failures.items():
        text += f" But query {name} did not stop: {error}"
    return text


def _allowed(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-")


def replace_ended(utils: KafkaUtils, test: str) -> None:
    """Before a test, replace a broker that ended unexpectedly, and warn of it."""
    cluster = cluster_of(utils)
    how = cluster.broker.ended
    if not how:
        return
    text = (
        f"The broker is gone ({cluster.broker.describe()}): {how}. {test} and the "
        "tests after it use another."
    )
    utils.setup()  # before the warning, which may be raised as an error
    warnings.warn(BrokerEndedWarning(text), stacklevel=1)


class Leftovers:
    """What exists at the end of a test and did not exist at its beginning.

    Create this object at the beginning. Whatever fixtures of a wider scope have started
    or created by then stays.

    Args:
        clusters: a function that returns the clusters whose topics to look at.
    """

    def __init__(self, clusters: Callable[[], Iterable[Cluster]]) -> None:
        self._clusters = clusters
        self._queries = {str(query.runId) for query in active_queries()}
        self._topics = {cluster: set(cluster.created) for cluster in clusters()}

    def queries(self) -> list[StreamingQuery]:
        """The queries that are still running."""
        return [
            query for query in active_queries() if str(query.runId) not in self._queries
        ]

    def topics(self, cluster: Cluster) -> list[str]:
        """The topics that were created and still exist."""
        return sorted(cluster.created - self._topics.get(cluster, set()))

    def stop_queries(self) -> dict[str, Exception | None]:
        """Stop the queries, even if some fail to stop.

        Returns:
            Their names, each with the reason if it did not stop.
        """
        queries = self.queries()
        failed = {str(query.runId): error for query, error in stop_all(queries)}
        return {
            QueryState(query).name: failed.get(str(query.runId)) for query in queries
        }

    def delete_topics(self) -> None:
        """Delete the topics. Stop the queries first.

        Raises:
            KafkaTestkitError: the broker refuses, or is gone.
        """
        for cluster in self._clusters():
            if names := self.topics(cluster):
                cluster.delete_topics(names)
