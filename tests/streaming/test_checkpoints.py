"""Checkpoints by the kit's file system are what Spark's own makes of them."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spark_kafka_testkit import KafkaUtils
from tests.rivals import deaths_of_rivals, stranger
from tests.sessions import needs_jvm, settings

from .conftest import ROCKS_DB, STORE, Queries

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FILE_SYSTEM = "fs.AbstractFileSystem.file.impl"
OURS = "sparkkafka.testkit.NioLocalFs"
HADOOPS = "org.apache.hadoop.fs.local.LocalFs"
HDFS_BACKED = (
    "org.apache.spark.sql.execution.streaming.state.HDFSBackedStateStoreProvider"
)
RIVALRIES = 5
CONCURRENT = r"\[CONCURRENT_STREAM_LOG_UPDATE\]|queries are concurrently using"


def counts(queries: Queries, topic: str) -> DataFrame:
    """How many records each key has."""
    by_key = queries.source(topic).groupBy("key").count()
    return by_key.selectExpr("key", "CAST(count AS STRING) AS value")


@pytest.mark.parametrize("store", [HDFS_BACKED, ROCKS_DB], ids=["hdfs", "rocksdb"])
@pytest.mark.parametrize(
    ("first", "second"), [(OURS, HADOOPS), (HADOOPS, OURS)], ids=["from", "to"]
)
def test_a_query_goes_on_by_the_other_file_system(
    kafka: KafkaUtils,
    queries: Queries,
    topic: str,
    store: str,
    first: str,
    second: str,
) -> None:
    """Its offsets and its state are read: from ours by Hadoop's, and the other way."""
    spark, sink = queries.spark, f"{topic}-sink"
    kafka.create_topics([topic, sink])
    with (
        settings(spark, {STORE: store, FILE_SYSTEM: first}),
        kafka.run_stream(counts(queries, topic), sink, output_mode="update") as stream,
    ):
        stream.add_data(topic, [("a", "x"), ("b", "x")])
        stream.check_answer({"a": "1", "b": "1"})
        for file_system in (second, first):
            with settings(spark, {FILE_SYSTEM: file_system}):
                stream.restart()
                stream.add_data(topic, [("a", "x")])
                stream.process_all_available()
        stream.check_answer([("a", "1"), ("b", "1"), ("a", "2"), ("a", "3")])


def files(folder: Path) -> dict[str, str]:
    """The files and folders below, with their modes."""
    return {
        str(path.relative_to(folder)): stat.filemode(path.stat().st_mode)
        for path in folder.rglob("*")
    }


def test_the_same_files_are_there_with_the_same_permissions(
    kafka: KafkaUtils, queries: Queries, topic: str, tmp_path: Path
) -> None:
    """Those with checksums are among them: of the logs, and of the state."""
    sink = f"{topic}-sink"
    kafka.create_topics([topic, sink])
    kafka.send_messages(topic, [("a", "x"), ("b", "x")])
    seen = []
    for file_system in (OURS, HADOOPS):
        checkpoint = tmp_path / file_system
        with (
            settings(queries.spark, {FILE_SYSTEM: file_system}),
            kafka.run_stream(
                counts(queries, topic),
                sink,
                output_mode="update",
                trigger={"availableNow": True},
                checkpoint=str(checkpoint),
            ) as stream,
        ):
            stream.query.awaitTermination(60)
        seen.append(files(checkpoint))
    ours, hadoops = seen
    assert ours == hadoops
    assert {"offsets/.0.crc", "commits/.0.crc", ".metadata.crc"} <= ours.keys()
    assert any(name.startswith("state/0/0/.1.") for name in ours)


@needs_jvm
def test_of_two_queries_on_one_checkpoint_one_fails(
    queries: Queries, tmp_path: Path
) -> None:
    """The other goes on."""
    rivals = [queries.spark, stranger(queries.spark)]
    for session in rivals:
        session.conf.set(FILE_SYSTEM, OURS)
    for number in range(RIVALRIES):
        deaths = deaths_of_rivals(rivals, str(tmp_path / str(number)))
        assert len(deaths) == 1, deaths
        assert re.search(CONCURRENT, deaths[0]), deaths
