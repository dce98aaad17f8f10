"""An order has the price of its moment, and none is lost for want of one."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

from prices import start
from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit.pytest_plugin import StreamFollower


# --8<-- [start:test]
def test_a_new_price_holds_from_the_next_batch_on(
    kafka_utils: KafkaUtils,
    kafka_spark: SparkSession,
    kafka_follow: StreamFollower,
    tmp_path: Path,
) -> None:
    table, checkpoint = str(tmp_path / "prices"), str(tmp_path / "checkpoint")

    def set_price(price: int) -> None:
        row = kafka_spark.sql(f"SELECT 'tea' AS item, {price} AS price")
        row.write.mode("overwrite").parquet(table)

    kafka_utils.create_topics(["orders", "bills"])
    set_price(2)
    kafka = kafka_utils.spark_options()
    stream = kafka_follow(start(kafka_spark, kafka, checkpoint, table), "bills")
    stream.add_data("orders", [("ann", "tea"), ("bob", "gin")])
    stream.check_new_answer([("ann", "2"), ("bob", "no price")])
    set_price(3)
    stream.add_data("orders", [("eve", "tea")])
    stream.check_new_answer([("eve", "3")])


# --8<-- [end:test]
