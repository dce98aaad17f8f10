"""What lies in the log: codecs, large records, many partitions."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import kafka.codec
import pytest

from spark_kafka_testkit import KafkaUtils, Record
from spark_kafka_testkit._model.offsets import Coverage
from spark_kafka_testkit._model.send_report import Written
from spark_kafka_testkit.errors import MissingDependencyError, SendError
from tests.contract.topics import create, send_by_java
from tests.sessions import needs_jvm

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MEGABYTE = 1_000_000
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


@needs_jvm
@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_is_read(
    utils: KafkaUtils, topic: str, codec: str, spark: SparkSession
) -> None:
    """Batches are those of Kafka's own producer. A read may start within one, and one
    is much larger than it looks.
    """
    create(utils, topic, max_message_bytes=4 * MEGABYTE)
    records = [
        Record(str(n), f"{n}-" * 50, partition=0, headers=(("h", b"x"),))
        for n in range(100)
    ]
    large = Record("large", "ab" * MEGABYTE, partition=0)
    send_by_java(
        spark,
        utils,
        topic,
        [*records, large],
        compression_type=codec,
        linger_ms=100,
        max_request_size=8 * MEGABYTE,
    )
    read = utils.read_records(topic)
    assert [(r.key, r.value, r.headers) for r in read] == [
        (r.key, r.value, r.headers) for r in (*records, large)
    ]
    part = utils.read_records(topic, {0: 37}, {0: 41})
    assert part == read[37:41]
    assert part.coverage == {0: Coverage(37, 41, 4, 40, 0)}


@pytest.mark.parametrize("codec", CODECS[1:])
def test_a_topic_may_ask_for_a_codec(utils: KafkaUtils, topic: str, codec: str) -> None:
    """The broker compresses anew what is sent."""
    create(utils, topic, compression_type=codec)
    utils.send_messages(topic, [(str(n), "x" * 1000) for n in range(500)])
    assert [r.key for r in utils.read_records(topic)] == [str(n) for n in range(500)]


@pytest.mark.parametrize("codec", ["snappy", "lz4", "zstd"])
def test_a_codec_that_python_lacks_is_named(
    utils: KafkaUtils, topic: str, codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The helper has all of them; without it the error says what to install."""
    create(utils, topic, compression_type=codec)
    utils.send_messages(topic, [("k", "x" * 1000)])
    monkeypatch.setattr(kafka.codec, f"has_{codec}", lambda: False)
    if utils.client == "jvm":
        assert utils.read_records(topic)[0].key == "k"
        return
    with pytest.raises(MissingDependencyError) as caught:
        utils.read_records(topic)
    assert str(caught.value) == (
        f"Topic {topic!r} holds records compressed with a codec that kafka-python "
        "lacks here (UnsupportedCodecError: "
        f"Libraries for {codec} compression codec not found). Install it with: "
        "pip install 'spark-kafka-testkit[codecs]'"
    )


def test_a_record_larger_than_kafkas_usual_buffer(
    utils: KafkaUtils, topic: str
) -> None:
    """Only the topic says what is too large."""
    if utils.client != "jvm":
        pytest.skip("kafka-python has no such buffer, and takes many seconds")
    size = 65 * MEGABYTE
    create(utils, topic, max_message_bytes=size + 1000)
    assert utils.send_messages(topic, [("k", bytes(size))]) == {0: Written(1, 0, 0)}


def test_records_of_ten_megabytes_go_both_ways(utils: KafkaUtils, topic: str) -> None:
    """The topic allows them; a larger one is refused, alone."""
    size = 10 * MEGABYTE
    create(utils, topic, max_message_bytes=size + 1000)
    values = {f"k{n}": bytes([97 + n]) * size for n in range(3)}
    messages = [("small", b"1"), *values.items(), ("last", b"2")]
    assert utils.send_messages(topic, messages) == {0: Written(5, 0, 4)}
    records = utils.read_records(topic, value_deserializer="BINARY")
    assert [(r.key, r.value) for r in records] == messages
    with pytest.raises(SendError) as caught:
        utils.send_messages(topic, [("a", "1"), ("b", bytes(size + 2000)), ("c", "3")])
    assert [(f.index, f.outcome) for f in caught.value.failures] == [(1, "failed")]
    assert [r.key for r in utils.read_records(topic, {0: 5})] == ["a", "c"]


@pytest.fixture(scope="module")
def wide_topic(kafka: KafkaUtils) -> str:
    """A topic of 1,000 partitions; to make it takes longer than to use it."""
    name = f"wide-{uuid.uuid4().hex[:8]}"
    kafka.create_topics([name], 1000)
    return name


def test_a_thousand_partitions_are_written_and_read(
    utils: KafkaUtils, wide_topic: str
) -> None:
    """Most of them get a record, some get none, and each is in the coverage."""
    filled = [n for n in range(1000) if n % 10]
    mark = utils.mark(wide_topic)
    written = utils.send_messages(
        wide_topic, [Record(n, n, partition=n) for n in filled]
    )
    at = mark.offsets
    assert written == {n: Written(1, at[n], at[n]) for n in filled}
    records = utils.records_since(mark)
    assert [(r.partition, r.key) for r in records] == [(n, str(n)) for n in filled]
    assert records.coverage == {
        n: Coverage(at[n], at[n] + 1, 1, at[n], 0)
        if n in filled
        else Coverage(0, 0, 0, None, 0)
        for n in range(1000)
    }
    assert utils.get_all_records(None, wide_topic) == {str(n): str(n) for n in filled}
