"""The number of orders of each customer, kept in a topic.

Wrong: the numbers are in a dict of the driver, a global of the job's script. They are
lost with the process, and counting begins again at 0. (Here the dict belongs to the
call that starts the query, which stands for the process.) Right: Spark counts, and
keeps the numbers in the checkpoint.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql.streaming.query import StreamingQuery

from spark_kafka_testkit import Record, at

INPUTS = {
    "orders": [
        Record("ada", "tea", timestamp=at("09:00")),
        Record("bob", "rum", timestamp=at("09:02")),
        Record("ada", "tea", timestamp=at("09:05")),
        Record("eve", "gin", timestamp=at("09:06")),
        Record("ada", "ale", timestamp=at("09:09")),
        Record("bob", "ale", timestamp=at("09:12")),
    ]
}
OPTIONS = {"answer": "latest"}


def wrong(orders: DataFrame, run: Any) -> StreamingQuery:
    counts: Counter[str] = Counter()

    def save(batch: DataFrame, number: int) -> None:
        counts.update(row["key"] for row in batch.collect())
        rows = [(key, str(count)) for key, count in counts.items()]
        table = run.spark.createDataFrame(rows, "key STRING, value STRING")
        sink = table.write.format("kafka")
        sink.options(topic=run.topic, **run.kafka_options).save()

    return (
        orders.selectExpr("CAST(key AS STRING) AS key")
        .writeStream.foreachBatch(save)
        .option("checkpointLocation", run.checkpoint)
        .start()
    )


def right(orders: DataFrame, run: Any) -> StreamingQuery:
    return (
        orders.groupBy("key")
        .count()
        .selectExpr("key", "CAST(count AS STRING) AS value")
        .writeStream.outputMode("update")
        .format("kafka")
        .options(topic=run.topic, **run.kafka_options)
        .option("checkpointLocation", run.checkpoint)
        .start()
    )
