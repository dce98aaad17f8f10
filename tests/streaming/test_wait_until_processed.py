"""A wait for a query ends when its own offsets say so, and never earlier."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kafka.admin import NewPartitions
from pyspark.errors import StreamingQueryException

from spark_kafka_testkit import KafkaUtils, Record
from spark_kafka_testkit.errors import UnknownTopicError, WaitError
from tests.contract.topics import hold, open_transaction
from tests.sessions import needs_mode, needs_own_functions

from .conftest import BlockingFunction, Queries

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

TEN = [(n, n) for n in range(10)]


@pytest.mark.parametrize(
    "trigger",
    [
        {},
        {"processingTime": "300 milliseconds"},
        {"availableNow": True},
        {"once": True},
    ],
    ids=["default", "processingTime", "availableNow", "once"],
)
def test_all_that_was_sent_is_processed_by_any_trigger(
    kafka: KafkaUtils, queries: Queries, topic: str, trigger: dict[str, Any]
) -> None:
    """A query in micro-batches that ends on its own has done its work."""
    kafka.create_topics([topic], num_partitions=3)
    kafka.send_messages(topic, TEN)
    name = f"all_{next(iter(trigger), 'default')}"
    query = queries.to_memory(queries.source(topic), name, **trigger)
    kafka.wait_until_processed(query)
    assert queries.rows(name) == 10


def test_the_data_of_each_call_is_waited_for(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """A batch that has ended before says nothing about what was sent since."""
    kafka.create_topics([topic], num_partitions=2)
    query = queries.to_memory(queries.source(topic), "rounds")
    for sent in range(1, 11):
        kafka.send_messages(topic, [(sent, sent)])
        kafka.wait_until_processed(query, topic)
        assert queries.rows("rounds") == sent


def test_a_wait_without_new_data_ends_at_once(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """A query without new data makes no progress, so its earlier progress counts.

    If the topic is empty, there is nothing to wait for.
    """
    kafka.create_topics([topic])
    query = queries.to_memory(queries.source(topic), "nothing_new")
    kafka.wait_until_processed(query)
    kafka.send_messages(topic, TEN)
    kafka.wait_until_processed(query)
    batch = query.lastProgress["batchId"]
    for _ in range(3):
        kafka.wait_until_processed(query)
    assert query.lastProgress["batchId"] == batch


@pytest.mark.parametrize(
    "trigger",
    [{}, {"availableNow": True}, {"once": True}],
    ids=["default", "availableNow", "once"],
)
def test_a_query_that_goes_on_from_its_checkpoint_is_waited_for(
    kafka: KafkaUtils, queries: Queries, topic: str, trigger: dict[str, Any]
) -> None:
    """Without new data, it has processed everything in a run without a batch.

    With new data, it has processed that too.
    """
    sink = f"{topic}-sink"
    kafka.create_topics([topic, sink])
    kafka.send_messages(topic, [("k", 1)])
    first = queries.to_topic(queries.source(topic), sink)
    kafka.wait_until_processed(first)
    first.stop()
    again = queries.to_topic(queries.source(topic), sink, **trigger)
    kafka.wait_until_processed(again)
    again.stop()
    kafka.send_messages(topic, [("k", 2)])
    third = queries.to_topic(queries.source(topic), sink, **trigger)
    kafka.wait_until_processed(third)
    assert kafka.get_all_records(queries.spark, sink) == {"k": "2"}


def test_a_rate_limit_takes_several_batches(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """With maxOffsetsPerTrigger, the first batch is not the end.

    minPartitions splits partitions among tasks, and changes no offset.
    """
    kafka.create_topics([topic], num_partitions=2)
    kafka.send_messages(topic, TEN)
    limits = {"maxOffsetsPerTrigger": "3", "minPartitions": "4"}
    query = queries.to_memory(queries.source(topic, **limits), "limited")
    kafka.wait_until_processed(query)
    assert queries.rows("limited") == 10
    assert query.lastProgress["batchId"] >= 3


def test_every_source_is_waited_for(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """The query reads a topic, a pattern, single partitions, and a rate source."""
    first, second, third = (f"{topic}-{n}" for n in range(3))
    kafka.create_topics([first, second, third], num_partitions=2)
    kafka.send_messages(first, TEN)
    df = _union(
        queries.source(first),
        queries.source(subscribePattern=f"{re.escape(topic)}-[12]"),
        queries.source(assign=f'{{"{first}": [1]}}', maxOffsetsPerTrigger="1"),
    ).unionByName(
        queries.spark.readStream.format("rate")
        .load()
        .selectExpr("CAST(CAST(value AS STRING) AS BINARY) AS value")
    )
    query = queries.to_memory(df, "every_source")
    in_one = kafka.offsets(first)[1].end
    assert 0 < in_one < 10
    kafka.wait_until_processed(query)
    at = _at_least(queries, "every_source", 10 + in_one)
    kafka.send_messages(third, TEN)
    kafka.wait_until_processed(query)
    _at_least(queries, "every_source", at + 10)
    kafka.wait_until_processed(query, second)


def _union(*parts: DataFrame) -> DataFrame:
    whole, *rest = (part.select("value") for part in parts)
    for part in rest:
        whole = whole.union(part)
    return whole


def _at_least(queries: Queries, name: str, wanted: int) -> int:
    """Check the least number of rows in a sink, and return the actual number.

    The rate source adds some of its own.
    """
    rows = queries.rows(name)
    assert rows >= wanted
    return rows


def test_topics_and_partitions_that_come_later_are_waited_for(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """A new topic matches the pattern, and a topic gets more partitions."""
    first, second = f"{topic}-1", f"{topic}-2"
    kafka.create_topics([first])
    source = queries.source(subscribePattern=f"{re.escape(topic)}-.*")
    query = queries.to_memory(source, "later")
    kafka.wait_until_processed(query)
    kafka.create_topics([second])
    kafka.send_messages(second, TEN)
    kafka.wait_until_processed(query)
    assert queries.rows("later") == 10
    kafka.admin_client.create_partitions({first: NewPartitions(3)})
    producer = kafka.producer
    kafka.assert_eventually(lambda: len(producer.partitions_for(first)), 3)
    producer.send(first, key="k", value="v", partition=2).get(10)
    kafka.wait_until_processed(query)
    assert queries.rows("later") == 11


def test_rows_read_twice_do_not_count_twice(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """Spark counts the rows of a self-join once per scan. The wait compares offsets."""
    kafka.create_topics([topic])
    kafka.send_messages(topic, TEN)
    source = queries.source(topic, maxOffsetsPerTrigger="5").selectExpr("key")
    joined = source.alias("a").join(source.alias("b"), "key")
    query = queries.to_memory(joined, "self_join")
    kafka.wait_until_processed(query)
    assert queries.rows("self_join") == 10


def test_a_wait_does_not_return_early_where_spark_does(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """With minOffsetsPerTrigger, processAllAvailable returns before all is read."""
    kafka.create_topics([topic])
    source = queries.source(topic, minOffsetsPerTrigger="10", maxTriggerDelay="1h")
    query = queries.to_memory(source, "minimum")
    kafka.wait_for_query_alive(query)
    kafka.send_messages(topic, TEN[:5])
    query.processAllAvailable()
    assert queries.rows("minimum") == 0
    with pytest.raises(WaitError, match=r"partition 0: at 0, the end is 5\n"):
        kafka.wait_until_processed(query, timeout=0.5)
    kafka.send_messages(topic, TEN[5:])
    kafka.wait_until_processed(query)
    assert queries.rows("minimum") == 10


@needs_own_functions
def test_a_function_for_batches_has_run_when_the_wait_is_over(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """Its effects are visible."""
    kafka.create_topics([topic])
    kafka.send_messages(topic, TEN)
    seen: list[str] = []

    def collect(df: DataFrame, batch: int) -> None:
        seen.extend(row.value.decode() for row in df.select("value").collect())

    source = queries.source(topic, maxOffsetsPerTrigger="4")
    query = source.writeStream.foreachBatch(collect).start()
    kafka.wait_until_processed(query)
    assert sorted(seen) == [str(n) for n in range(10)]


def test_an_open_transaction_holds_up_a_read_committed_query(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """When the time is up, the message names the transaction.

    Markers at the end of the topic do not hold up anything.
    """
    kafka.create_topics([topic])
    committed = {"kafka.isolation.level": "read_committed"}
    query = queries.to_memory(queries.source(topic, **committed), "committed")
    kafka.wait_until_processed(query)  # after this its position is known
    with open_transaction(kafka) as producer:
        hold(producer, topic, 10)
        with pytest.raises(WaitError) as caught:
            kafka.wait_until_processed(query, timeout=1)
        assert str(caught.value).splitlines()[1:3] == [
            f"A transaction is open in topic {topic!r}, partition 0. Commit or abort "
            "it.",
            f"  topic {topic!r}, partition 0: at 0, the end is 10 (a transaction is "
            "open since 0)",
        ]
        producer.commit_transaction()
        kafka.wait_until_processed(query)
        assert queries.rows("committed") == 10
        producer.begin_transaction()
        producer.send(topic, b"v").get(10)
        producer.abort_transaction()
        kafka.wait_until_processed(query)
    assert queries.rows("committed") == 10


def test_a_transaction_that_a_query_has_not_reached_is_not_what_holds_it(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """The message mentions it, but the advice is about the query."""
    kafka.create_topics([topic])
    kafka.send_messages(topic, TEN)
    source = queries.source(topic)
    query = queries.to_memory(source, "seldom", processingTime="1 hour")
    kafka.wait_until_processed(query)
    kafka.send_messages(topic, TEN)
    with open_transaction(kafka) as producer:
        hold(producer, topic, 1)
        with pytest.raises(WaitError) as caught:
            kafka.wait_until_processed(query, timeout=1)
        producer.abort_transaction()
    assert str(caught.value).splitlines()[1:3] == [
        "Give it more time (timeout=...), or look for what holds it: a trigger's "
        "interval, minOffsetsPerTrigger.",
        f"  topic {topic!r}, partition 0: at 10, the end is 21 (a transaction is "
        "open since 20)",
    ]


def test_a_read_uncommitted_query_does_not_wait_for_a_transaction(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """It also reads what is not committed, so it can reach the end."""
    kafka.create_topics([topic])
    query = queries.to_memory(queries.source(topic), "uncommitted")
    with open_transaction(kafka) as producer:
        hold(producer, topic, 10)
        kafka.wait_until_processed(query)
        assert queries.rows("uncommitted") == 10
        producer.abort_transaction()


@pytest.mark.parametrize("run", range(5))
def test_a_query_that_dies_ends_the_wait(
    kafka: KafkaUtils, queries: Queries, topic: str, run: int
) -> None:
    """Its own exception is raised, whenever it dies."""
    kafka.create_topics([topic])
    query = queries.to_memory(queries.failing(topic), f"dies_{run}")
    kafka.send_messages(topic, TEN)
    with pytest.raises(StreamingQueryException, match="as the test wants it"):
        kafka.wait_until_processed(query)


def test_a_query_that_was_stopped_ends_the_wait(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """The message says where it was, and why it will get no further."""
    kafka.create_topics([topic])
    query = queries.to_memory(queries.source(topic), "stopped")
    kafka.wait_for_query_alive(query)
    kafka.wait_until_processed(query)
    query.stop()
    kafka.send_messages(topic, TEN)
    with pytest.raises(WaitError) as caught:
        kafka.wait_until_processed(query)
    assert str(caught.value) == (
        f"Query 'stopped' ({query.id}) has ended without having processed its topics "
        "up to their end.\n"
        "A query that stops on its own (availableNow, once) reads up to the end that "
        "its topics had when it started. Send before that.\n"
        f"  topic {topic!r}, partition 0: at 0, the end is 10\n"
        f"  query 'stopped' ({query.id}): ended, status 'Stopped'\n"
        "  last progress: batch 0, 0 input rows, begun "
        f"{query.lastProgress['timestamp']}"
    )


def test_a_wait_that_times_out_says_where_the_query_is(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """It lists the partitions, without those that are done."""
    kafka.create_topics([topic], num_partitions=2)
    query = queries.to_memory(queries.source(topic), "late", processingTime="1 hour")
    kafka.wait_until_processed(query)
    kafka.producer.send(topic, value="v", partition=1).get(10)
    with pytest.raises(WaitError) as caught:
        kafka.wait_until_processed(query, timeout=0.3)
    assert str(caught.value) == (
        f"Query 'late' ({query.id}) has not processed its topics up to their end "
        "within 0.3 s.\n"
        "Give it more time (timeout=...), or look for what holds it: a trigger's "
        "interval, minOffsetsPerTrigger.\n"
        f"  topic {topic!r}, partition 1: at 0, the end is 1\n"
        f"  query 'late' ({query.id}): active, status 'Waiting for next trigger'\n"
        "  last progress: batch 0, 0 input rows, begun "
        f"{query.lastProgress['timestamp']}"
    )


@needs_own_functions
def test_a_query_in_its_first_batch_is_described(
    kafka: KafkaUtils, queries: Queries, topic: str, blocking: BlockingFunction
) -> None:
    """A real-time query whose mode is not known looks the same."""
    kafka.create_topics([topic])
    query = queries.source(topic).writeStream.foreachBatch(blocking).start()
    assert blocking.begun.wait(120)  # from here on its status stays the same
    with pytest.raises(WaitError) as caught:
        kafka.wait_until_processed(query, timeout=0.2)
    blocking.released.set()
    assert str(caught.value) == (
        f"Query {query.id} has not processed its topics up to their end within 0.2 s.\n"
        "It has not finished a batch yet. Give it more time (timeout=...). If it runs "
        "in real-time mode, which Spark Connect does not show, use wait_for_records on "
        "its sink topic.\n"
        f"  query {query.id}: active, status 'Processing new data'\n"
        "  last progress: none"
    )
    kafka.wait_until_processed(query)


@pytest.mark.parametrize(
    ("trigger", "mode"),
    [
        pytest.param(
            {"realTime": "30 seconds"}, "real-time", marks=needs_mode, id="realTime"
        ),
        pytest.param({"continuous": "1 second"}, "continuous", id="continuous"),
    ],
)
def test_a_query_without_batches_is_refused(
    kafka: KafkaUtils, queries: Queries, topic: str, trigger: dict[str, Any], mode: str
) -> None:
    """The wait would never end. The error names the one to use."""
    sink = f"{topic}-sink"
    kafka.create_topics([topic, sink])
    query = queries.to_topic(queries.source(topic), sink, **trigger)
    with pytest.raises(ValueError, match=r"^Query ") as caught:
        kafka.wait_until_processed(query)
    assert str(caught.value) == (
        f"Query {query.id} runs in {mode} mode, and its progress does not show what it "
        "has processed. Wait for its sink topic instead: wait_for_records(sink_topic, "
        "count=..., since=mark)."
    )
    # it must be running when it is stopped: Spark may miss a stop during the start
    kafka.send_messages(topic, [("k", "v")])
    kafka.wait_for_records(sink, count=1)


def test_a_wait_for_a_topic_that_the_query_does_not_read_is_refused(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """The error says what it reads. A topic that does not exist has its own error."""
    other = f"{topic}-other"
    kafka.create_topics([topic, other])
    query = queries.to_memory(queries.source(topic), "others")
    with pytest.raises(ValueError, match=r"^Query ") as caught:
        kafka.wait_until_processed(query, other)
    assert str(caught.value) == (
        f"Query 'others' ({query.id}) does not read topic {other!r}. It reads "
        f"{topic!r}."
    )
    with pytest.raises(UnknownTopicError):
        kafka.wait_until_processed(query, f"{topic}-missing")


def test_a_query_without_kafka_is_refused(kafka: KafkaUtils, queries: Queries) -> None:
    """There is nothing to compare its offsets with."""
    rate = queries.spark.readStream.format("rate").load()
    query = queries.to_memory(rate, "rate_only")
    with pytest.raises(ValueError, match="reads no Kafka topic"):
        kafka.wait_until_processed(query)


def test_what_is_not_a_query_is_refused(kafka: KafkaUtils, queries: Queries) -> None:
    """The usual mistake is a writer that was not started."""
    writer = queries.spark.readStream.format("rate").load().writeStream
    with pytest.raises(TypeError, match=r"Is \.start\(\) missing\?"):
        kafka.wait_until_processed(writer)  # type: ignore[arg-type]


def test_queries_in_a_chain_are_waited_for_in_one_call(
    kafka: KafkaUtils, queries: Queries, topic: str, tmp_path: Path
) -> None:
    """In any order, everything that was sent has gone through both, each time."""
    middle, last = f"{topic}-middle", f"{topic}-last"
    kafka.create_topics([topic, middle, last])
    first = queries.to_topic(queries.source(topic), middle)
    queries.checkpoint = str(tmp_path / "second")
    second = queries.to_topic(queries.source(middle), last)
    for number in range(6):
        kafka.send_messages(topic, [("k", number)])
        chain = (first, second) if number % 2 else (second, first)
        kafka.wait_until_processed(*chain)
        assert kafka.get_all_records(None, last) == {"k": str(number)}
    kafka.wait_until_processed(second, middle, 60)  # topic and timeout by position
    with pytest.raises(ValueError, match="does not read topic"):
        kafka.wait_until_processed(second, topic)


def test_a_job_is_waited_for_by_its_checkpoint(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """Its process need not be known."""
    sink, checkpoint = f"{topic}-sink", queries.checkpoint
    kafka.create_topics([topic, sink], 3)
    query = queries.to_topic(queries.source(topic), sink)
    for number in range(3):
        kafka.send_messages(topic, [(key, number) for key in "abcdef"])
        kafka.wait_until_processed(checkpoint=checkpoint)
        assert set(kafka.get_all_records(None, sink).values()) == {str(number)}
        kafka.wait_until_processed(checkpoint=checkpoint, topic=topic)
    query.stop()
    kafka.send_messages(topic, [Record("a", "4", partition=1)])
    offset = kafka.offsets(topic)[1].end
    with pytest.raises(WaitError) as caught:
        kafka.wait_until_processed(checkpoint=checkpoint, timeout=0)
    assert str(caught.value) == (
        f"The job with checkpoint {checkpoint} has not processed its topics up to "
        "their end within 0 s.\n"
        f"  topic {topic!r}, partition 1: at {offset - 1}, the end is {offset}\n"
        "Look at its output, or give it more time."
    )
    with pytest.raises(WaitError, match=f"it does not read topic '{sink}'"):
        kafka.wait_until_processed(checkpoint=checkpoint, topic=sink, timeout=0)


@pytest.mark.parametrize("code", [0, 3])
def test_a_job_that_has_ended_is_not_waited_for(
    kafka: KafkaUtils, queries: Queries, tmp_path: Path, code: int
) -> None:
    """The message has its exit code, and says that it has committed nothing."""
    job = subprocess.Popen([sys.executable, "-c", f"raise SystemExit({code})"])
    with job, pytest.raises(WaitError) as caught:
        kafka.wait_until_processed(checkpoint=tmp_path, process=job, timeout=900)
    assert str(caught.value) == (
        f"The job with checkpoint {tmp_path} has ended with exit code {code} without "
        "having processed its topics.\n"
        "  it has committed no batch. Is this its checkpoint location?\n"
        "Look at its output."
    )
    with pytest.raises(ValueError, match=r"^Give queries or the checkpoint of a job, "):
        kafka.wait_until_processed()
