"""Each order comes out once, with the last profile of its customer."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from profiles import with_tier
from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit.pytest_plugin import StreamReader, StreamRunner


# --8<-- [start:test]
@pytest.mark.kafka(topics=["orders", "profiles", "out"])
def test_the_last_profile_counts(
    kafka_topics: tuple[str, str, str],
    kafka_utils: KafkaUtils,
    kafka_spark: SparkSession,
    kafka_read_stream: StreamReader,
    kafka_stream: StreamRunner,
) -> None:
    orders, profiles, out = kafka_topics
    lookup = kafka_utils.read_batch(kafka_spark, profiles)
    stream = kafka_stream(with_tier(kafka_read_stream(orders), lookup), out)
    changes = [("ann", "silver"), ("bob", "gold"), ("ann", "gold"), ("bob", None)]
    stream.add_data(profiles, changes)
    stream.add_data(orders, [("ann", "tea"), ("bob", "rum")])
    ann, bob = {"item": "tea", "tier": "gold"}, {"item": "rum", "tier": "new"}
    stream.check_new_answer([("ann", ann), ("bob", bob)], value_deserializer="JSON")
    stream.add_data(profiles, [("bob", "silver")])
    stream.add_data(orders, [("bob", "gin")])
    bob = {"item": "gin", "tier": "silver"}
    stream.check_new_answer([("bob", bob)], value_deserializer="JSON")


# --8<-- [end:test]
