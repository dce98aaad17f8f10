"""Orders, each sent on with the city of its customer.

Wrong: the customers are read once, when the query starts. Orders of customers who are
added later are lost until somebody restarts the job. Right: the customers are a stream
too, and orders wait for theirs.
"""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql.streaming.query import StreamingQuery

from spark_kafka_testkit import Record, at

INPUTS = {
    "customers": [
        Record("ada", "Paris", timestamp=at("09:00")),
        Record("bob", "Rome", timestamp=at("09:03")),
        Record("eve", "Oslo", timestamp=at("09:07")),
    ],
    "orders": [
        Record("o-1", "ada", timestamp=at("09:01")),
        Record("o-2", "bob", timestamp=at("09:04")),
        Record("o-3", "ada", timestamp=at("09:05")),
        Record("o-4", "eve", timestamp=at("09:08")),
        Record("o-5", "bob", timestamp=at("09:09")),
    ],
}
OPTIONS = {"answer": "latest"}
CUSTOMERS = ("CAST(key AS STRING) AS customer", "CAST(value AS STRING) AS city")


def wrong(run: Any) -> StreamingQuery:
    topic = {"subscribe": run.topics["customers"], **run.kafka_options}
    table = run.spark.read.format("kafka").options(**topic).load()
    known = table.selectExpr(*CUSTOMERS).collect()
    customers = run.spark.createDataFrame(known, "customer STRING, city STRING")
    return start(customers, run)


def right(run: Any) -> StreamingQuery:
    return start(stream(run, "customers").selectExpr(*CUSTOMERS), run)


def stream(run: Any, name: str) -> Any:
    topic = {"subscribe": run.topics[name], **run.kafka_options}
    reader = run.spark.readStream.format("kafka").options(**topic)
    return reader.option("startingOffsets", "earliest").load()


def start(customers: DataFrame, run: Any) -> StreamingQuery:
    orders = stream(run, "orders").selectExpr("key", "CAST(value AS STRING) customer")
    sent: DataFrame = orders.join(customers, "customer")
    return (
        sent.selectExpr("key", "concat_ws(' in ', customer, city) AS value")
        .writeStream.format("kafka")
        .options(topic=run.topic, **run.kafka_options)
        .option("checkpointLocation", run.checkpoint)
        .start()
    )
