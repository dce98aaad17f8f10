"""What `check_exactly_once` finds, for each sink and crash, and for wrong jobs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spark_kafka_testkit import KafkaUtils, Record
from spark_kafka_testkit.errors import WaitError
from tests.sessions import needs_own_functions

from .conftest import Queries

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from spark_kafka_testkit import StreamRun

LONG = 900.0
SENT = [("a", 1), ("b", 2), ("c", 3), ("d", 4)]
ONCE = {key: 1 for key, _ in SENT}
TWICE = {key: 2 for key, _ in SENT}
HALF_TWICE = {**ONCE, "a": 2, "b": 2}
OF_OTHERS = (
    "A batch that runs again has the same number. Write it with MERGE, so that a "
    "second write changes nothing, or skip a number that the sink has."
)
OF_KAFKA = (
    "Kafka's sink is at-least-once: a batch that runs again is written again. Let "
    "readers drop duplicates by this key, or write with foreachBatch."
)
OF_LOSSES = (
    "A batch was committed before the sink had all of it. Does a function return "
    "early, or catch an error? Leave what the job drops on purpose out of expected=."
)


@dataclass
class Sinks:
    """Runs one stream of texts into each kind of sink."""

    kafka: KafkaUtils
    queries: Queries
    topic: str
    folder: Path

    def run(self, kind: str) -> StreamRun:
        """Run the stream into `topic`, `parquet`, or the method here of that name."""
        rows = self.queries.source(self.topic).selectExpr(
            "CAST(key AS STRING) AS key", "CAST(value AS STRING) AS value"
        )
        options: dict[str, Any] = {"timeout": LONG}
        if kind == "topic":
            return self.kafka.run_stream(rows, f"{self.topic}-sink", **options)
        if kind == "parquet":
            return self.kafka.run_stream(rows, sink="parquet", **options)
        function = getattr(self, kind)
        return self.kafka.run_stream(
            rows, foreach_batch=function, answer=self.written, **options
        )

    def append(self, df: DataFrame, batch: int) -> None:
        """A wrong job: it writes a batch that runs again a second time."""
        df.write.mode("append").parquet(str(self.folder / "all"))

    def by_number(self, df: DataFrame, batch: int) -> None:
        """A correct job: it overwrites what it has written of the same batch."""
        df.write.mode("overwrite").parquet(str(self.folder / f"batch={batch}"))

    def only_new_numbers(self, df: DataFrame, batch: int) -> None:
        """A wrong job: it takes a batch for written once it has begun to write it."""
        begun = self.folder / f"begun-{batch}"
        if not begun.exists():
            begun.touch()
            self.append(df, batch)

    def early(self, df: DataFrame, batch: int) -> None:
        """A wrong job: it takes batches of one row for empty."""
        if df.count() > 1:
            self.append(df, batch)

    def written(self) -> list[Any]:
        files = [str(path) for path in self.folder.glob("*") if path.is_dir()]
        return self.queries.spark.read.parquet(*files).collect() if files else []


@pytest.fixture
def sinks(kafka: KafkaUtils, queries: Queries, topic: str, tmp_path: Path) -> Sinks:
    kafka.create_topics([topic, f"{topic}-sink"])
    folder = tmp_path / "written"
    folder.mkdir()
    return Sinks(kafka, queries, topic, folder)


@needs_own_functions
@pytest.mark.parametrize(
    ("kind", "point", "promised"),
    [
        ("topic", "before_sink", ONCE),
        ("topic", "in_task", HALF_TWICE),
        ("topic", "after_sink", TWICE),
        ("parquet", "before_sink", ONCE),
        ("parquet", "in_task", ONCE),
        ("parquet", "after_sink", ONCE),
        ("append", "before_sink", ONCE),
        ("append", "in_task", ONCE),
        ("append", "after_sink", TWICE),
        ("by_number", "before_sink", ONCE),
        ("by_number", "in_task", ONCE),
        ("by_number", "after_sink", ONCE),
        ("only_new_numbers", "before_sink", ONCE),
        ("only_new_numbers", "in_task", {}),
        ("only_new_numbers", "after_sink", ONCE),
    ],
)
def test_each_sink_keeps_what_spark_promises(
    sinks: Sinks, kind: str, point: Any, promised: dict[str, int]
) -> None:
    """Kafka's sink is at-least-once, and files are exactly-once.

    For a function, it depends on what it does with the number of the batch. The check
    reports whatever is not exactly-once.
    """
    with sinks.run(kind) as run:
        with run.crash(point):
            run.add_data(sinks.topic, SENT)
        run.start()
        run.process_all_available()
        rows = (
            sinks.kafka.read_records(f"{sinks.topic}-sink")
            if kind == "topic"
            else run._rows()()
            if kind == "parquet"
            else sinks.written()
        )
        assert Counter(row[0] for row in rows) == promised
        if promised == ONCE:
            run.check_exactly_once()
            return
        with pytest.raises(WaitError, match=r"^Not exactly once: "):
            run.check_exactly_once()


def test_what_is_twice_in_a_topic_is_told_with_its_places(sinks: Sinks) -> None:
    """The first two lines have key, partition and offsets, and what to do."""
    with sinks.run("topic") as run:
        run.add_data(sinks.topic, [("z", 0)])
        with run.crash("after_sink"):
            run.add_data(sinks.topic, SENT[:2])
        run.start()
        with pytest.raises(WaitError) as caught:
            run.check_exactly_once()
    assert str(caught.value) == (
        "Not exactly once: 'a' was written twice (partition 0, offsets 1 and 3), and 1 "
        "more\n"
        f"{OF_KAFKA}\n"
        "  'a' was written twice (partition 0, offsets 1 and 3)\n"
        "  'b' was written twice (partition 0, offsets 2 and 4)\n"
        f"  sink: topic '{sinks.topic}-sink'"
    )


@needs_own_functions
def test_what_was_never_written_is_told_with_where_it_was_sent(sinks: Sinks) -> None:
    """The message has its place in the source topic."""
    with sinks.run("early") as run:
        run.add_data(sinks.topic, SENT)
        run.process_all_available()
        run.add_data(sinks.topic, [("lost", 5)])
        with pytest.raises(WaitError) as caught:
            run.check_exactly_once()
    assert str(caught.value).splitlines()[:2] == [
        f"Not exactly once: 'lost' was never written (sent to topic {sinks.topic!r}, "
        "partition 0, offset 4)",
        OF_LOSSES,
    ]


@needs_own_functions
def test_a_function_that_appends_is_caught_by_a_replay(sinks: Sinks) -> None:
    """The last batch runs again under its number."""
    with sinks.run("append") as run:
        run.add_data(sinks.topic, SENT[:1])
        run.check_exactly_once()
        number = run.query.lastProgress["batchId"]
        assert run.replay_last_batch() == number
        with pytest.raises(WaitError) as caught:
            run.check_exactly_once()
        assert run.replay_last_batch() == number
        assert Counter(row[0] for row in sinks.written()) == {"a": 3}
    assert str(caught.value).splitlines()[:2] == [
        "Not exactly once: 'a' was written twice",
        OF_OTHERS,
    ]
    with sinks.run("by_number") as run:
        run.add_data(sinks.topic, SENT[:1])
        run.process_all_available()
        run.replay_last_batch()
        run.check_exactly_once()


def test_a_record_is_known_by_what_the_test_says(sinks: Sinks) -> None:
    """By its key, its value, a field of JSON, or a function.

    What was sent twice must be there twice. What was there before the run does not
    count.
    """
    sinks.kafka.send_messages(f"{sinks.topic}-sink", [("old", 0)])
    sent = [("a", {"id": 1}), ("a", {"id": 2}), ("b", {"id": 3}), ("b", {"id": 3})]
    with sinks.run("topic") as run:
        run.add_data(sinks.topic, sent)
        run.check_exactly_once(key="id")
        run.check_exactly_once(key="value")
        run.check_exactly_once()
        run.check_exactly_once(key=lambda record: (record.key, record.value))
        run.check_exactly_once([1, 2, 3, 3], key="id")
        run.check_exactly_once([b"a", b"a", b"b", b"b"], key_deserializer="BINARY")
        with pytest.raises(WaitError) as caught:
            run.check_exactly_once([1, 3, 4, 4], key="id")
        with pytest.raises(ValueError, match=r"no such field") as refused:
            run.check_exactly_once(key="name")
        with pytest.raises(TypeError, match=r"^expected must be a list of identities"):
            run.check_exactly_once("abc")
    lines = str(caught.value).splitlines()
    assert lines[0] == (
        "Not exactly once: 3 was written twice (partition 0, offsets 3 and 4), and 2 "
        "more"
    )
    assert lines[2:5] == [
        "  3 was written twice (partition 0, offsets 3 and 4)",
        "  4 was never written",
        "  2 was written but not sent (partition 0, offset 2)",
    ]
    assert str(refused.value) == (
        f"key='name': topic {sinks.topic!r}, partition 0, offset 0 has no such field: "
        "it is '{\"id\":1}'. Give a function: key=lambda record: ..."
    )


def test_what_is_expected_must_be_known(sinks: Sinks) -> None:
    """It is an error if the run has sent nothing, or if rows have no such column."""
    with sinks.run("parquet") as run:
        with pytest.raises(ValueError, match=r"does not know what was sent") as caught:
            run.check_exactly_once()
        run.add_data(sinks.topic, [Record("a", "1")])
        run.check_exactly_once(["a"])
        with pytest.raises(ValueError, match=r"no such column") as refused:
            run.check_exactly_once(["a"], key="id")
    assert str(caught.value) == (
        "The kit does not know what was sent to the stream. Send with add_data(), or "
        "say what to expect: check_exactly_once(expected=[...])."
    )
    assert str(refused.value) == (
        "key='id': the row Row(key='a', value='1') has no such column. Give a "
        "function: key=lambda row: ..."
    )
