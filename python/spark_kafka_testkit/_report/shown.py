"""A report about queries, as an object that notebooks show."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timezone
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from spark_kafka_testkit import _clock, _version
from spark_kafka_testkit._report.columns import columns
from spark_kafka_testkit._report.facts import QueryFacts, TestFacts
from spark_kafka_testkit._report.page import Entry, page
from spark_kafka_testkit._report.reading import Ends, ReadQuery, added_up
from spark_kafka_testkit._report.write import write
from spark_kafka_testkit.errors import KafkaTestkitError

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

    from spark_kafka_testkit._cluster import Cluster

__all__ = ["QueryReport", "report"]

PIXELS = 700


class QueryReport:
    """What queries have done so far, batch by batch.

    It shows how far they have read their topics, their rows, how long batches took, the
    state, and the watermark. A notebook shows it as plots. `KafkaUtils.report` creates
    it.

    Example:
        report = kafka.report(query)
        report.save("query.html")
    """

    def __init__(self, facts: TestFacts) -> None:
        self._facts = facts

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the report as an HTML page, in one file that loads nothing.

        Args:
            path: the file. Missing folders are created.

        Returns:
            The path of the file.

        Raises:
            OSError: it can't be written.
        """
        file = Path(path)
        write(file, self._page())
        return file

    def __repr__(self) -> str:
        lines = [_line(query) for query in self._facts.queries]
        return f"<QueryReport: {', '.join(lines)}>"

    def _repr_html_(self) -> str:
        """The page for notebooks, in a frame so that neither affects the other."""
        return (
            f'<iframe srcdoc="{escape(self._page())}" sandbox="allow-scripts" '
            f'title="Report of queries" style="width: 100%; height: {PIXELS}px; '
            'border: 0"></iframe>'
        )

    def _page(self) -> str:
        names = [query.name for query in self._facts.queries]
        told = columns(self._facts)
        states = [query.state.partition(" ")[0] for query in self._facts.queries]
        outcome = "died" if "died" in states else max(states, default="")
        seconds = self._facts.ended - self._facts.begun
        entry = Entry(", ".join(names), outcome, seconds, "", told)
        made = datetime.fromtimestamp(self._facts.ended, timezone.utc)
        about = (
            f"{made:%Y-%m-%d %H:%M:%S} UTC, spark-kafka-testkit {_version.__version__}"
        )
        return page("Report of queries", [entry], [about])


def report(queries: Sequence[StreamingQuery], cluster: Cluster | None) -> QueryReport:
    """See `KafkaUtils.report`.

    Args:
        queries: the queries.
        cluster: the cluster that may have their topics. With None, the topics' ends are
            known only from the queries.
    """
    read: dict[str, ReadQuery] = {}
    for query in queries:
        read.setdefault(str(query.id), ReadQuery(query)).read(query, since=0)
    facts = [one.facts() for one in read.values()]
    ends: list[Ends] = [end for one in read.values() for end in one.ends()]
    topics = {
        topic for one in facts for batch in one.batches for topic in batch.reached
    }
    for topic in sorted(topics):
        with suppress(KafkaTestkitError):  # deleted, or on another broker
            if cluster is not None:
                at = cluster.offsets(topic)
                ends.append(
                    (_clock.now(), topic, {n: one.end for n, one in at.items()})
                )
    now = _clock.now()
    begun = min(
        (batch.begun for one in facts if not one.is_clocked for batch in one.batches),
        default=now,
    )
    return QueryReport(TestFacts(begun, now, facts, added_up(ends, begun)))


def _line(query: QueryFacts) -> str:
    rows = sum(batch.rows for batch in query.batches)
    batches = len(query.batches)
    return (
        f"query {query.name} {query.state}, {batches} "
        f"batch{'' if batches == 1 else 'es'}, {rows} row{'' if rows == 1 else 's'}"
    )
