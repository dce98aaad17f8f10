"""The watermark has no delay, so the end of a batch makes rows late."""

from spark_kafka_testkit import Record, at

FIRST = "NotInvariant: The answer of first_visits depends on where batches end. Rows came too late. Give withWatermark() a longer delay."
SECOND = "With this schedule: send visits[0] | batch | send visits[1] | batch"


def first_visits(visits):
    once = visits.withWatermark("timestamp", "0 seconds")
    once = once.dropDuplicates(["key", "timestamp"])
    return once.selectExpr("CAST(key AS STRING) AS key")


def test_mistake(kafka_check_stream):
    visits = [Record(key, "home", timestamp=at("09:00")) for key in "aba"]
    inputs = {"visits": visits}
    kafka_check_stream(first_visits, inputs, same_under=["batches"], trials=5, seed=1)
