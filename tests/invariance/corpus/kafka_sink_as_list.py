"""Orders, checked and sent on to a topic, whose consumer counts them by customer.

Wrong: the consumer takes each record for an order. If a batch is lost before its end
was recorded, Kafka's sink writes it again, so an order may be there twice. Hyperdrive
reads its sink topic back because of that (AbsaOSS/hyperdrive#177, #240). Right: each
order has a number, which is its key, and the consumer takes the latest record of each
key. The job is the same.
"""

from __future__ import annotations

from collections import Counter

from pyspark.sql import DataFrame

from spark_kafka_testkit import Record, at

INPUTS = {
    "orders": [
        Record("o-1", "ada", timestamp=at("09:00")),
        Record("o-2", "bob", timestamp=at("09:01")),
        Record("o-3", "ada", timestamp=at("09:03")),
        Record("o-4", "eve", timestamp=at("09:06")),
        Record("o-5", "bob", timestamp=at("09:06")),
        Record("o-6", "ada", timestamp=at("09:10")),
    ]
}


def count_records(records: list[Record]) -> dict[str, int]:
    """The number of orders of each customer, if each record is one order."""
    return Counter(record.value for record in records)


def count_orders(records: list[Record]) -> dict[str, int]:
    """The number of orders of each customer, if each number is one order."""
    customers = {record.key: record.value for record in records}
    return Counter(customers.values())


OPTIONS = {"sink": "kafka", "answer": count_records}
RIGHT_OPTIONS = {"sink": "kafka", "answer": count_orders}


def wrong(orders: DataFrame) -> DataFrame:
    return orders.where("key IS NOT NULL").select("key", "value")


right = wrong
