"""What a query holds in its state, and its watermark."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyspark
import pytest
from pyspark.sql import functions

from spark_kafka_testkit import KafkaUtils, at
from spark_kafka_testkit.errors import SparkSetupError

from .conftest import Queries

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from spark_kafka_testkit import StreamRun

LONG = 900.0
VERSION = tuple(map(int, pyspark.__version__.split(".")[:2]))
needs_reader = pytest.mark.skipif(VERSION < (4, 0), reason="Spark 3.5 can't read state")


def visits(queries: Queries, topic: str, suffix: str = "") -> DataFrame:
    """Users and the times of their visits."""
    texts = (
        f"CAST(key AS STRING) AS user{suffix}",
        f"CAST(CAST(value AS STRING) AS TIMESTAMP) AS at{suffix}",
    )
    rows = queries.source(topic).selectExpr(*texts)
    return rows.withWatermark(f"at{suffix}", "10 minutes")


def visit(user: str, clock: str) -> tuple[str, str]:
    return user, str(at(clock))


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=str)


def window(start: str, end: str) -> dict[str, Any]:
    return {"start": at(start), "end": at(end)}


@needs_reader
def test_the_windows_of_an_aggregation_are_seen(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """After each batch, after a restart, and when the query has stopped.

    The watermark is checked along with them.
    """
    sink = f"{topic}-sink"
    kafka.create_topics([topic, sink])
    windows = visits(queries, topic).groupBy(
        functions.window("at", "10 minutes"), "user"
    )
    counts = windows.count().selectExpr("user AS key", "STRING(count) AS value")
    nine = {"window": window("09:00", "09:10"), "user": "ada"}
    with kafka.run_stream(counts, sink, timeout=LONG) as run:
        run.process_all_available()
        assert run.watermark == datetime.fromtimestamp(0)  # noqa: DTZ006  it is local
        run.add_data(topic, [visit("ada", "09:01"), visit("ada", "09:05")])
        run.check_nothing_new()
        assert run.state() == [{**nine, "count": 2}]
        assert run.watermark == at("08:55")
        run.restart()
        run.add_data(topic, [visit("ada", "09:02"), visit("bob", "09:21")])
        run.check_answer({"ada": "3"})
        bobs = {"window": window("09:20", "09:30"), "user": "bob", "count": 1}
        run.check_nothing_new()
        assert run.state("stateStoreSave") == [bobs]
        run.stop()
        assert run.state(0) == [bobs]
        with pytest.raises(ValueError) as caught:  # noqa: PT011  the text is looked at
            run.state("dedupe")
    assert str(caught.value) == (
        "operator='dedupe': the query's stateful operators are 0 (stateStoreSave). "
        "Give one by number."
    )


@needs_reader
def test_the_state_of_other_operators_is_seen(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """Deduplication has only keys, a session window its span, and a join two sides."""
    other = f"{topic}-other"
    kafka.create_topics([topic, other])
    kafka.send_messages(topic, [visit("ada", "09:01"), visit("ada", "09:06")])

    def run(df: DataFrame) -> StreamRun:
        return kafka.run_stream(df, timeout=LONG)

    with run(visits(queries, topic).dropDuplicates(["user"])) as one:
        one.process_all_available()
        assert one.state() == [{"user": "ada"}]
    spans = functions.session_window("at", "10 minutes")
    with run(visits(queries, topic).groupBy(spans, "user").count()) as one:
        one.process_all_available()
        (session,) = one.state()
        assert session["session_window"] == window("09:01", "09:16")
        assert session["count"] == 2
    clicks = visits(queries, other, "2")
    both = functions.expr("user = user2 AND at2 >= at AND at2 <= at + INTERVAL 1 HOUR")
    with run(visits(queries, topic).join(clicks, both)) as one:
        one.add_data(other, [visit("ada", "09:07")])
        one.process_all_available()
        assert in_order(one.state(side="left")) == [
            {"field0": "ada", "user": "ada", "at": at(clock)}
            for clock in ("09:01", "09:06")
        ]
        (click,) = one.state("symmetricHashJoin", side="right")
        assert click["at2"] == at("09:07")
        with pytest.raises(TypeError, match=r"^A join keeps rows of its two sides\. "):
            one.state()


@needs_reader
def test_changes_are_seen_batch_by_batch(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """What a batch and those after it have written and removed."""
    kafka.create_topics([topic])
    kafka.create_topics([f"{topic}-sink"])
    windows = visits(queries, topic).groupBy(functions.window("at", "1 hour"), "user")
    counts = windows.count().selectExpr("user AS key", "STRING(count) AS value")
    nine = {"window": window("09:00", "10:00"), "user": "ada"}
    noon = {"window": window("12:00", "13:00"), "user": "ada"}
    with kafka.run_stream(
        counts, f"{topic}-sink", trigger={"availableNow": True}, timeout=LONG
    ) as run:
        first, second = run.batches(
            topic, [visit("ada", "09:05")], [visit("ada", "12:05")]
        )
        assert run.changes(second.id) == [
            {"batch_id": second.id, "change_type": "update", **noon, "count": 1},
            {"batch_id": second.id + 1, "change_type": "delete", **nine},
        ]
        assert run.changes(0)[0] == {
            "batch_id": first.id,
            "change_type": "update",
            **nine,
            "count": 1,
        }


@needs_reader
def test_a_query_without_state_is_told(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """It has no watermark either."""
    kafka.create_topics([topic])
    with kafka.run_stream(queries.source(topic), timeout=LONG) as run:
        run.process_all_available()
        assert run.watermark is None
        with pytest.raises(ValueError, match=r"^The query has no stateful operator"):
            run.state()


@pytest.mark.skipif(VERSION >= (4, 0), reason="this Spark can read state")
def test_an_old_spark_is_refused(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """The message has its version."""
    kafka.create_topics([topic])
    with (
        kafka.run_stream(queries.source(topic), timeout=LONG) as run,
        pytest.raises(SparkSetupError, match=r"^Spark 3\.5\.\d+ can't read the state "),
    ):
        run.state()
