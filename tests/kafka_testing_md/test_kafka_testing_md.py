"""The examples of Apache Spark's KAFKA_TESTING.md, as printed there; only the import
differs.

Two things the document leaves out are added, each where a comment says so: Pattern 3
needs `startingOffsets` to see what was sent before it starts, and topics to write to.
"""

from __future__ import annotations

import os
import tempfile
import unittest
from typing import ClassVar

from pyspark.sql import SparkSession
from pyspark.sql.functions import col

from spark_kafka_testkit import KafkaUtils

from ..sessions import spark_session


class KafkaTest(unittest.TestCase):
    """What the document's ReusedSQLTestCase gives: a session for the class."""

    spark: ClassVar[SparkSession]
    kafka_utils: ClassVar[KafkaUtils]
    where: ClassVar[dict[str, str]] = {"backend": "embedded"}

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.spark = spark_session()
        cls.kafka_utils = KafkaUtils(**cls.where)  # type: ignore[arg-type]
        cls.kafka_utils.setup()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.kafka_utils.teardown()
        super().tearDownClass()

    def tearDown(self) -> None:
        for query in self.spark.streams.active:
            query.stop()
        self.kafka_utils.delete_topics(self.kafka_utils.admin_client.list_topics())


class QuickStartTest(KafkaTest):
    """Quick Start."""

    def test_kafka_read_write(self) -> None:
        """Create a topic, send, read with Spark."""
        # Create a topic
        topic = "test-topic"
        self.kafka_utils.create_topics([topic])

        # Send test data
        messages = [("key1", "value1"), ("key2", "value2")]
        self.kafka_utils.send_messages(topic, messages)

        # Read with Spark
        df = (
            self.spark.read.format("kafka")
            .option("kafka.bootstrap.servers", self.kafka_utils.broker)
            .option("subscribe", topic)
            .option("startingOffsets", "earliest")
            .load()
        )

        # Verify data
        results = df.selectExpr(
            "CAST(key AS STRING) as key", "CAST(value AS STRING) as value"
        ).collect()

        self.assertEqual(len(results), 2)

    def test_the_examples_of_the_reference(self) -> None:
        """create_topics, send_messages and get_all_records as the reference shows
        them.
        """
        kafka_utils = self.kafka_utils
        kafka_utils.create_topics(["topic1", "topic2"])
        kafka_utils.create_topics(["multi-partition-topic"], num_partitions=3)
        kafka_utils.send_messages(
            "test-topic",
            [("user1", "login"), ("user2", "logout"), ("user1", "purchase")],
        )
        records = kafka_utils.get_all_records(self.spark, "test-topic")
        assert records == {"user1": "purchase", "user2": "logout"}


class PatternsTest(KafkaTest):
    """Common Testing Patterns."""

    def test_kafka_batch(self) -> None:
        """Pattern 1: Batch Read/Write."""
        topic = "test-topic"
        self.kafka_utils.create_topics([topic])

        # Write with Spark DataFrame
        df = self.spark.createDataFrame([("key1", "value1")], ["key", "value"])
        (
            df.selectExpr("CAST(key AS BINARY)", "CAST(value AS BINARY)")
            .write.format("kafka")
            .option("kafka.bootstrap.servers", self.kafka_utils.broker)
            .option("topic", topic)
            .save()
        )

        # Read back
        records = self.kafka_utils.get_all_records(self.spark, topic)
        assert records == {"key1": "value1"}

    def test_kafka_streaming(self) -> None:
        """Pattern 2: Streaming Queries."""
        # Setup topics
        source_topic = "source"
        sink_topic = "sink"
        self.kafka_utils.create_topics([source_topic, sink_topic])

        # Produce initial data
        self.kafka_utils.send_messages(source_topic, [("k1", "v1")])

        # Start streaming query
        df = (
            self.spark.readStream.format("kafka")
            .option("kafka.bootstrap.servers", self.kafka_utils.broker)
            .option("subscribe", source_topic)
            .option("startingOffsets", "earliest")
            .load()
        )

        checkpoint_dir = os.path.join(tempfile.mkdtemp(), "checkpoint")  # noqa: PTH118
        query = (
            df.writeStream.format("kafka")
            .option("kafka.bootstrap.servers", self.kafka_utils.broker)
            .option("topic", sink_topic)
            .option("checkpointLocation", checkpoint_dir)
            .start()
        )

        try:
            self.kafka_utils.wait_for_query_alive(query)
            self.kafka_utils.assert_eventually(
                lambda: self.kafka_utils.get_all_records(self.spark, sink_topic),
                {"k1": "v1"},
            )
        finally:
            query.stop()

    def test_kafka_aggregation(self) -> None:
        """Pattern 3: Stateful Aggregations."""
        # Not in the document: the sink topic must exist
        self.kafka_utils.create_topics(["sink"])
        # Send data for aggregation
        self.kafka_utils.send_messages(
            "source",
            [
                ("user1", "1"),
                ("user2", "1"),
                ("user1", "1"),
            ],
        )

        # Aggregate by key
        df = (
            self.spark.readStream.format("kafka")
            .option("kafka.bootstrap.servers", self.kafka_utils.broker)
            .option("subscribe", "source")
            .option("startingOffsets", "earliest")  # not in the document
            .load()
            .groupBy(col("key"))
            .count()
            .selectExpr("CAST(key AS BINARY)", "CAST(count AS STRING) AS value")
        )

        query = (
            df.writeStream.format("kafka")
            # "... start query" in the document
            .option("kafka.bootstrap.servers", self.kafka_utils.broker)
            .option("topic", "sink")
            .option("checkpointLocation", tempfile.mkdtemp())
            .outputMode("update")
            .start()
        )

        # Verify aggregated results
        self.kafka_utils.assert_eventually(
            lambda: self.kafka_utils.get_all_records(self.spark, "sink"),
            {"user1": "2", "user2": "1"},
        )
        query.stop()

    def test_multiple_topics(self) -> None:
        """Pattern 4: Multiple Topics."""
        topic1, topic2 = "topic1", "topic2"
        self.kafka_utils.create_topics([topic1, topic2])

        # Write with topic column
        df = self.spark.createDataFrame(
            [
                (topic1, "key1", "value1"),
                (topic2, "key2", "value2"),
            ],
            ["topic", "key", "value"],
        )

        (
            df.selectExpr("topic", "CAST(key AS BINARY)", "CAST(value AS BINARY)")
            .write.format("kafka")
            .option("kafka.bootstrap.servers", self.kafka_utils.broker)
            .save()
        )

        # Verify data in each topic
        assert self.kafka_utils.get_all_records(self.spark, topic1) == {
            "key1": "value1"
        }
        assert self.kafka_utils.get_all_records(self.spark, topic2) == {
            "key2": "value2"
        }
