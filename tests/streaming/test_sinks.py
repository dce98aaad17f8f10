"""Answers in sinks that are neither a topic nor Spark's memory sink."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.sql import functions

from spark_kafka_testkit import KafkaUtils, Record, WaitError, at
from tests.sessions import ON_CONNECT, needs_own_functions

from .conftest import Queries

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

LONG = 900.0
FOR_EVER = 86_400.0  # pytest would end the test first


def values(source: DataFrame) -> DataFrame:
    """The key, and the value as a number."""
    return source.selectExpr(
        "CAST(key AS STRING) key", "CAST(CAST(value AS STRING) AS INT) number"
    )


@pytest.mark.parametrize("sink", ["parquet", "json", "orc", "csv"])
def test_files_are_read_back(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """They have the types of the DataFrame. A restart continues from the checkpoint."""
    kafka.create_topics([topic])
    with kafka.run_stream(
        values(queries.source(topic)), sink=sink, timeout=LONG
    ) as run:
        run.check_answer([])
        run.add_data(topic, [("a", "1"), ("b", "2")])
        run.check_answer([("a", 1), ("b", 2)])
        run.restart()
        run.add_data(topic, [("a", "3"), ("a", "3")])
        run.check_new_answer([{"key": "a", "number": 3}] * 2)
        run.check_contains([("b", 2)])
        run.check_nothing_new()
        folder = Path(str(run.path))
        assert list(folder.iterdir())
    assert not folder.exists()


def test_a_folder_of_yours_stays(
    kafka: KafkaUtils, queries: Queries, topic: str, tmp_path: Path
) -> None:
    """It keeps its content. The options apply to writing and to reading."""
    kafka.create_topics([topic])
    options = {"path": str(tmp_path / "out"), "header": "true", "sep": ";"}
    with kafka.run_stream(
        values(queries.source(topic)), sink="csv", sink_options=options, timeout=LONG
    ) as run:
        run.add_data(topic, [("a", "1")])
        run.check_answer([("a", 1)])
        assert run.path == options["path"]
    parts = [part.read_text() for part in (tmp_path / "out").glob("*.csv")]
    assert "key;number\na;1\n" in parts


def test_steps_of_a_file_sink(kafka: KafkaUtils, queries: Queries, topic: str) -> None:
    """check_last_batch only looks at the last batch."""
    kafka.create_topics([topic])
    with kafka.run_stream(
        values(queries.source(topic)),
        sink="parquet",
        trigger={"availableNow": True},
        timeout=LONG,
    ) as run:
        with pytest.raises(RuntimeError) as refused:
            run.check_last_batch([])
        run.add_data(topic, [("a", "1")])
        run.next_batch()
        run.check_last_batch([("a", 1)])
        run.add_data(topic, [("a", "1"), ("b", "2")])
        run.next_batch()
        run.check_last_batch([("b", 2), ("a", 1)])
        with pytest.raises(WaitError, match=r"missing \('a', 1\): expected 2 times"):
            run.check_last_batch([("b", 2), ("a", 1), ("a", 1)])
        run.check_answer([("b", 2), ("a", 1), ("a", 1)])
    assert str(refused.value) == (
        "The kit knows what a batch wrote only if next_batch() ran it, and it ran "
        "none. Run one, or use check_new_answer()."
    )


def test_the_last_batch_of_a_topic_and_of_a_complete_answer(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """In complete mode the last batch is the whole answer."""
    kafka.create_topics([topic, f"{topic}-sink"])
    source = queries.source(topic)
    keys = source.select(functions.col("key").cast("string").alias("key"))
    steps: dict[str, Any] = {"trigger": {"availableNow": True}, "timeout": LONG}
    with (
        kafka.run_stream(source, f"{topic}-sink", **steps) as copies,
        kafka.run_stream(
            keys.groupBy("key").count(), output_mode="complete", **steps
        ) as counts,
    ):
        for number in (1, 2):
            copies.add_data(topic, [("a", str(number))])
            copies.next_batch()
            copies.check_last_batch({"a": str(number)})
            counts.next_batch()
            counts.check_last_batch([("a", number)])


@needs_own_functions
def test_a_function_gives_what_foreach_batch_has_written(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """It returns a list or a DataFrame."""
    kafka.create_topics([topic])
    written: list[Any] = []

    def keep(rows: DataFrame, _: int) -> None:
        written.extend(rows.collect())

    df = values(queries.source(topic))
    with kafka.run_stream(
        df, foreach_batch=keep, answer=lambda: written, timeout=LONG
    ) as run:
        run.add_data(topic, [("a", "1")])
        run.check_answer([("a", 1)])
        run.add_data(topic, [("a", "2")])
        run.check_new_answer([("a", 2)])
        with pytest.raises(WaitError, match=r"unexpected Row\(key='a', number=1\)"):
            run.check_answer([("a", 2)])
    with kafka.run_stream(
        df,
        foreach_batch=lambda rows, _: None,
        answer=lambda: queries.spark.range(2),
        timeout=LONG,
    ) as run:
        run.check_answer([(0,), (1,)])


def test_a_jobs_table_is_its_answer(
    kafka: KafkaUtils, queries: Queries, topic: str, tmp_path: Path
) -> None:
    """A function reads what `follow` can't know by itself.

    The table exists only after the first batch.
    """
    kafka.create_topics([topic])
    place = str(tmp_path / "table")

    def start() -> Any:
        writer = values(queries.source(topic)).writeStream.format("parquet")
        options = {"path": place, "checkpointLocation": str(tmp_path / "checkpoint")}
        return writer.options(**options).start()

    def rows() -> Any:
        return queries.spark.read.parquet(place)

    with kafka.follow(start, answer=rows, timeout=LONG) as run:
        run.add_data(topic, [("a", "1")])
        run.check_answer([("a", 1)])
        run.restart()
        run.add_data(topic, [("b", "2")])
        run.check_new_answer([("b", 2)])


def test_what_can_not_be_looked_at_is_refused(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """The message names the argument, and says what to do instead."""
    kafka.create_topics([topic])
    df = values(queries.source(topic))
    for options, text in [
        (
            {"topic": topic, "sink": "parquet"},
            "Give only one of: a sink topic, a foreach_batch function, sink.",
        ),
        (
            {"sink": "kafka"},
            "For Kafka, give the sink topic: run_stream(df, topic). For Spark's memory "
            "sink, give neither.",
        ),
        (
            {"topic": topic, "answer": list},
            "Give a sink topic or answer, not both: the kit reads a topic itself.",
        ),
    ]:
        with pytest.raises(ValueError) as caught:  # noqa: PT011  the text is compared
            kafka.run_stream(df, **options)  # type: ignore[arg-type]
        assert str(caught.value) == text
    with (
        kafka.run_stream(df, sink="noop", timeout=LONG) as run,
        pytest.raises(TypeError) as unknown,
    ):
        run.check_answer([])
    assert str(unknown.value) == (
        "The kit does not know what 'noop' wrote. Give run_stream() answer=, a "
        "function that returns the rows, such as answer=lambda: spark.table('t')."
    )


def test_a_state_beside_a_query_that_never_rests(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """Two batches of that query are waited for, and not the time-out."""
    kafka.create_topics([topic])
    queries.spark.readStream.format("rate").load().writeStream.format("noop").start()
    counts = queries.source(topic).groupBy("key").count()
    with kafka.run_stream(counts, output_mode="update", timeout=FOR_EVER) as run:
        run.add_data(topic, [("a", "v")])
        run.check_state_bounded(rows=1)


def test_a_bounded_state(kafka: KafkaUtils, queries: Queries, topic: str) -> None:
    """The rows of all operators count, after the watermark has removed its share."""
    kafka.create_topics([topic])
    source = queries.source(topic)
    windows = source.withWatermark("timestamp", "1 minute").groupBy(
        functions.window("timestamp", "10 minutes"), "key"
    )
    with kafka.run_stream(windows.count(), output_mode="update", timeout=LONG) as run:
        times = ["09:00", "09:01", "09:02"]
        run.add_data(
            topic, [Record(clock, "v", timestamp=at(clock)) for clock in times]
        )
        with pytest.raises(WaitError) as caught:
            run.check_state_bounded(rows=2)
        assert str(caught.value).splitlines()[:2] == [
            "The state of the query holds 3 rows (3 in stateStoreSave), but at most 2 "
            "are allowed.",
            "The watermark is 2026-01-01T09:01:00Z. Rows leave the state when a record "
            "comes that is later by more than the delay.",
        ]
        run.check_state_bounded(rows=3)
        run.add_data(topic, [Record("late", "v", timestamp=at("12:00"))])
        run.check_state_bounded(rows=1)
    counts = source.groupBy("key").count()
    with kafka.run_stream(counts, output_mode="update", timeout=LONG) as run:
        with pytest.raises(WaitError) as caught:
            run.check_state_bounded(rows=1)
        way = " Group by a window() of the column with the watermark."
        assert str(caught.value).splitlines()[1] == (
            "It has no watermark, so nothing leaves the state. Give the DataFrame one "
            f"with withWatermark().{'' if ON_CONNECT else way}"
        )
    with kafka.run_stream(source, timeout=LONG) as run:
        run.process_all_available()
        with pytest.raises(ValueError, match=r"The query has no stateful operator\."):
            run.check_state_bounded(rows=0)
