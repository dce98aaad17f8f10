"""Where the rows of a job go in a run, and how they are read afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._arrow.decoder import Decoder
from spark_kafka_testkit._invariance.answers import readable_record
from spark_kafka_testkit._model.offsets import ReadRequest
from spark_kafka_testkit._model.records import Record
from spark_kafka_testkit._reads.results import read_records

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from spark_kafka_testkit._cluster import Cluster

__all__ = ["Rows", "read_topic"]


class Rows:
    """A sink that keeps the rows of each batch once.

    If a batch runs again, its rows replace the earlier ones.
    """

    def __init__(self) -> None:
        self._of_batch: dict[int, list[Any]] = {}

    def __call__(self, df: DataFrame, batch: int) -> None:
        self._of_batch[batch] = df.collect()

    def held(self, output_mode: str) -> list[Any]:
        """All rows, or in complete mode those of the last batch."""
        numbers = sorted(self._of_batch)
        if output_mode == "complete":
            numbers = numbers[-1:]
        return [row for number in numbers for row in self._of_batch[number]]


def read_topic(cluster: Cluster, session: SparkSession, topic: str) -> list[Record]:
    """All records of a topic, with keys and values as text if they are UTF-8."""
    client = cluster.client_for(topic, session)
    decoder = Decoder(topic, "BINARY", "BINARY")
    found = read_records(client, ReadRequest(topic, "earliest"), decoder)
    return list(map(readable_record, found))
