"""Tables that are read, and tables that are sent."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from importlib.metadata import version
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pytest

from spark_kafka_testkit import KafkaUtils, Record
from spark_kafka_testkit._arrow.schema import header_type
from tests.contract.topics import hold, open_transaction

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TIME = 1_700_000_000_123
SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("value", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("timestamp", pa.timestamp("ms", "UTC")),
        ("timestamp_type", pa.int8()),
        ("headers", header_type()),
    ]
)


@pytest.fixture
def filled(utils: KafkaUtils, topic: str) -> str:
    """A topic of two partitions with a null of each kind."""
    utils.create_topics([topic], 2)
    utils.send_messages(
        topic,
        [
            Record("a", "1", partition=1, timestamp=TIME, headers=(("h", b"x"),)),
            Record("b", None, partition=0, timestamp=TIME + 1),
            Record(None, "", partition=1, timestamp=0),
        ],
    )
    return topic


def test_read_arrow_gives_what_read_records_gives(
    utils: KafkaUtils, filled: str
) -> None:
    """The table has its columns and types, its rows in order, and its coverage."""
    table = utils.read_arrow(filled)
    assert table.schema.equals(SCHEMA)
    assert table.to_pylist() == [
        {
            "key": record.key,
            "value": record.value,
            "partition": record.partition,
            "offset": record.offset,
            "timestamp": record.datetime,
            "timestamp_type": 0,
            "headers": [
                {"key": name, "value": content} for name, content in record.headers
            ],
        }
        for record in utils.read_records(filled)
    ]
    coverage = json.loads(table.schema.metadata[b"spark_kafka_testkit.coverage"])
    assert coverage["1"] == {
        "beginning": 0,
        "target": 2,
        "count": 2,
        "last": 1,
        "invisible": 0,
        "truncated": 0,
    }


def test_the_types_of_a_table_are_those_of_the_deserializers(
    utils: KafkaUtils, topic: str
) -> None:
    """They are so where the topic is empty, too, so that a test may count on them."""
    utils.create_topics([topic])
    for name, arrow_type in (
        ("BINARY", pa.binary()),
        ("STRING", pa.string()),
        ("SHORT", pa.int16()),
        ("INT", pa.int32()),
        ("LONG", pa.int64()),
        ("FLOAT", pa.float32()),
        ("DOUBLE", pa.float64()),
        ("BOOLEAN", pa.bool_()),
    ):
        table = utils.read_arrow(topic, key_deserializer=name, value_deserializer=name)
        assert table.num_rows == 0
        assert table.schema.field("key").type == arrow_type
        assert table.schema.field("value").type == arrow_type


def test_read_arrow_takes_the_options_of_a_read(utils: KafkaUtils, filled: str) -> None:
    """They are range, partitions, isolation and deserializers."""
    with open_transaction(utils) as producer:
        hold(producer, filled)
        table = utils.read_arrow(filled, isolation="read_uncommitted", partitions=[0])
        assert table["key"].to_pylist() == ["b", "held-0"]
        table = utils.read_arrow(filled, {1: 1}, upto="stable", value_deserializer=len)
        assert table["value"].to_pylist() == [None, 0]
        producer.abort_transaction()


def test_a_table_becomes_a_pandas_frame(utils: KafkaUtils, filled: str) -> None:
    """One call makes it, and times are in UTC."""
    frame = utils.read_arrow(filled).to_pandas()
    assert list(frame["key"]) == ["b", "a", None]
    assert frame["timestamp"][0] == pd.Timestamp(TIME + 1, unit="ms", tz="UTC")
    assert frame["timestamp"][2] == datetime(1970, 1, 1, tzinfo=timezone.utc)


@pytest.mark.skipif(
    version("pyspark") < "4", reason="Spark 3.5 makes no DataFrame of an Arrow table"
)
def test_a_table_goes_to_spark_and_back(
    utils: KafkaUtils, filled: str, spark: SparkSession
) -> None:
    """`createDataFrame` takes it; its rows, and its `toArrow()`, can be sent."""
    frame = spark.createDataFrame(utils.read_arrow(filled))
    assert frame.count() == 3
    expected = [record._replace(topic=None) for record in utils.read_records(filled)]
    for number, again in enumerate((frame.collect(), frame.toArrow())):
        copy = f"{filled}-{number}"
        utils.create_topics([copy], 2)
        utils.send_messages(copy, again)
        assert [r._replace(topic=None) for r in utils.read_records(copy)] == expected


def test_a_table_that_was_read_can_be_sent_on(utils: KafkaUtils, filled: str) -> None:
    """The same records go to the same partitions, from Arrow and from pandas."""
    table = utils.read_arrow(
        filled, key_deserializer="BINARY", value_deserializer="BINARY"
    )
    expected = [record._replace(topic=None) for record in utils.read_records(filled)]
    frame = table.drop(["headers"]).to_pandas()
    for number, again in enumerate((table, table.to_reader(1), frame)):
        copy = f"{filled}-{number}"
        utils.create_topics([copy], 2)
        utils.send_messages(copy, again)
        copied = [record._replace(topic=None) for record in utils.read_records(copy)]
        if again is frame:
            assert copied == [record._replace(headers=()) for record in expected]
        else:
            assert copied == expected
