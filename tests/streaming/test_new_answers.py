"""What a sink has received since the last check."""

from __future__ import annotations

import pytest

from spark_kafka_testkit import KafkaUtils, WaitError

from .conftest import Queries
from .test_final_answers import per_window, times, upper

LONG = 900.0


@pytest.fixture
def sink(kafka: KafkaUtils, topic: str) -> str:
    """The name of a new sink topic. The source topic is created too."""
    kafka.create_topics([topic, f"{topic}-sink"])
    return f"{topic}-sink"


def test_a_new_answer_is_what_came_since_the_last_check(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """It is compared as a list of everything or as a dict, also after a restart.

    A check that fails does not count as the last one.
    """
    kafka.send_messages(sink, [("before", "the run")])
    with kafka.run_stream(upper(queries.source(topic)), sink, timeout=LONG) as run:
        run.check_nothing_new()
        run.add_data(topic, [("a", "x")])
        run.check_new_answer([("a", "X")])
        run.check_nothing_new()
        run.add_data(topic, [("a", "y"), ("a", "z")])
        with pytest.raises(WaitError) as caught:
            run.check_new_answer([("a", "Y")])
        assert str(caught.value).startswith(
            "Wrong answer: unexpected ('a', 'Z')\n  final after "
        )
        run.check_new_answer([("a", "Y"), ("a", "Z")])
        run.restart()
        run.add_data(topic, [("b", "y"), ("b", "z")])
        run.check_new_answer({"b": "Z"})
        run.check_answer({"before": "the run", "a": "Z", "b": "Z"})
        run.check_new_answer([])
        run.stop()
        run.check_nothing_new()


def test_what_is_new_is_shown_as_a_test_writes_it(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """It is shown as text, or as bytes if it is not text."""
    same = queries.source(topic).select("key", "value")
    with kafka.run_stream(same, sink, timeout=LONG) as run:
        run.add_data(topic, [("10:00", "1"), (b"\xff", None)])
        with pytest.raises(WaitError) as caught:
            run.check_nothing_new()
        assert str(caught.value).splitlines()[1:3] == [
            "  unexpected: ('10:00', '1')",
            "  unexpected: (b'\\xff', None)",
        ]


def test_rows_of_the_memory_sink_are_new_once(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """In complete mode no row is new, because all are written again."""
    kafka.create_topics([topic])
    keys = queries.source(topic).selectExpr("CAST(key AS STRING) AS key")
    with kafka.run_stream(keys, timeout=LONG) as run:
        for key in "aab":
            run.add_data(topic, [(key, 1)])
            run.check_new_answer([(key,)])
        run.check_nothing_new()
        run.check_answer([("a",), ("a",), ("b",)])
    counts = keys.groupBy("key").count()
    with kafka.run_stream(counts, output_mode="complete", timeout=LONG) as run:
        run.check_answer([("a", 2), ("b", 1)])
        for check in (run.check_nothing_new, lambda: run.check_new_answer([])):
            with pytest.raises(TypeError) as caught:
                check()
            assert str(caught.value) == (
                "In complete mode each batch writes all rows again, so none is new. "
                "Use check_answer()."
            )


def test_what_a_watermark_still_closes_is_not_missed(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """It comes in a batch without data, after all data is processed.

    The check waits for that batch, every time.
    """
    with kafka.run_stream(per_window(queries.source(topic)), sink, timeout=LONG) as run:
        run.add_data(topic, times("09:00"))
        run.check_nothing_new()
        for hour in range(10, 16):
            run.add_data(topic, times(f"{hour}:00"))
            with pytest.raises(WaitError) as caught:
                run.check_nothing_new()
            new = (f"{hour - 1:02}:00", "1")
            assert f"Wrong answer: unexpected {new!r}\n" in str(caught.value)
            run.check_new_answer({f"{hour - 1:02}:00": "1"})


def test_a_query_that_never_rests_is_told(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """It can't be known whether something new comes."""
    rate = queries.spark.readStream.format("rate").load()
    query = queries.to_memory(rate, "never_rests")
    with kafka.run_stream(upper(queries.source(topic)), sink, timeout=LONG) as run:
        kafka.wait_for_query_alive(query)
        run.process_all_available()
        run._timeout = 1.0
        with pytest.raises(
            WaitError, match="were not at rest within 1 s, so something"
        ):
            run.check_nothing_new()
        run.check_new_answer([])
