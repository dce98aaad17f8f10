"""The rows of one more batch, from its records sent to its records processed."""

from __future__ import annotations

import contextlib
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.harness import KIT, AtLeast, Contestant, Row, seconds_of
from bench.world import World, jvm_pid

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from spark_kafka_testkit import StreamRun

__all__ = ["FILE_SYSTEM", "HADOOPS", "OURS", "rows"]

FILE_SYSTEM = "fs.AbstractFileSystem.file.impl"
OURS = "sparkkafka.testkit.NioLocalFs"
HADOOPS = "org.apache.hadoop.fs.local.LocalFs"
BY_HADOOP = "Hadoop's own local files"
FEW = [("a", "x"), ("b", "y")]
COUNTED_BATCHES = 5
FASTER = 2.5


def rows(world: World) -> dict[str, Callable[[], Row]]:
    def stateless(records: DataFrame) -> DataFrame:
        return records.selectExpr("key", "concat(CAST(value AS STRING), '!') AS value")

    def aggregation(records: DataFrame) -> DataFrame:
        counts = records.groupBy("key").count()
        return counts.selectExpr("key", "CAST(count AS STRING) AS value")

    return {
        "batch": lambda: batch(world, "batch", "a stateless query", stateless),
        "batch-count": lambda: batch(
            world, "batch-count", "an aggregation", aggregation
        ),
    }


def batch(
    world: World, name: str, title: str, query: Callable[[DataFrame], DataFrame]
) -> Row:
    """Two queries whose checkpoints make their files in different ways, by turns."""
    open_streams = contextlib.ExitStack()
    streams = {
        file_system: open_streams.enter_context(_stream(world, file_system, query))
        for file_system in (OURS, HADOOPS)
    }

    def often(file_system: str) -> float:
        stream, topic = streams[file_system]
        return statistics.median(
            seconds_of(lambda: _one_more(stream, topic))
            for _ in range(world.options.calls)
        )

    def forks() -> list[str]:
        return [
            f"processes started in {COUNTED_BATCHES} batches, {contestant}: "
            f"{_forks(world, *streams[file_system])}"
            for contestant, file_system in ((KIT, OURS), (BY_HADOOP, HADOOPS))
        ]

    return Row(
        name,
        f"one more batch of {title}, sent to processed",
        [
            Contestant(KIT, lambda: often(OURS)),
            Contestant(BY_HADOOP, lambda: often(HADOOPS)),
        ],
        [AtLeast(FASTER, (BY_HADOOP,), BY_HADOOP)],
        profile=forks if shutil.which("strace") else None,
        notes=[f"a run is the median of {world.options.calls} batches"],
        close=open_streams.close,
    )


@contextlib.contextmanager
def _stream(
    world: World, file_system: str, query: Callable[[DataFrame], DataFrame]
) -> Iterator[tuple[StreamRun, str]]:
    """A running query, and its source topic."""
    with world.topic() as topic, world.topic() as sink:
        world.spark.conf.set(FILE_SYSTEM, file_system)
        records = (
            world.spark.readStream.format("kafka")
            .options(**world.kafka.spark_options())
            .option("subscribe", topic)
            .load()
        )
        run = world.kafka.run_stream(query(records), sink, output_mode="update")
        with run as stream:
            _one_more(stream, topic)
            yield stream, topic


def _one_more(stream: StreamRun, topic: str) -> None:
    stream.add_data(topic, FEW)
    stream.process_all_available()


def _forks(world: World, stream: StreamRun, topic: str) -> int:
    """The number of programs that Spark's JVM starts in some batches."""
    with tempfile.TemporaryDirectory() as folder:
        seen = Path(folder) / "calls"
        command = ["strace", "-f", "-e", "trace=execve", "-o", str(seen)]
        command += ["-p", str(jvm_pid(world.spark))]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr is not None
            tracer.stderr.readline()  # it is attached
            for _ in range(COUNTED_BATCHES):
                _one_more(stream, topic)
            tracer.terminate()
            tracer.communicate()
        # a name is tried in each folder of PATH, and Java begins with a helper of its
        # own
        return sum(
            line.endswith(" = 0") and "jspawnhelper" not in line
            for line in seen.read_text().splitlines()
        )
