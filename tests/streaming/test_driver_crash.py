"""A Spark that is started for a job, and killed in the middle of a batch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._queries.batch_log import BatchLog
from spark_kafka_testkit._streams.driver_crash import InDriver
from spark_kafka_testkit.errors import WaitError
from tests.processes import is_alive, pids, wait_until
from tests.sessions import needs_jvm

from .conftest import Queries
from .test_crashes import LONG, SENT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

pytestmark = needs_jvm


class MadeThere:
    """An object that another process replaces with a call's result when unpickling."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._made_by = function, arguments

    def __reduce__(self) -> Any:
        return self._made_by


@pytest.fixture
def sink(kafka: KafkaUtils, topic: str) -> str:
    """The name of a new sink topic. The source topic is created too."""
    kafka.create_topics([topic, f"{topic}-sink"])
    return f"{topic}-sink"


def group_of(process: int) -> int:
    """The group of a process, whose processes are killed together, or -1."""
    try:
        return os.getpgid(process)
    except ProcessLookupError:
        return -1


def test_a_killed_driver_loses_nothing(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """Its Spark was started for it and is gone after the kill.

    The session of the test continues from the checkpoint.
    """
    options, checkpoint = kafka.spark_options(), queries.checkpoint

    def job(spark: SparkSession) -> StreamingQuery:
        return (
            spark.readStream.format("kafka")
            .options(subscribe=topic, startingOffsets="earliest", **options)
            .load()
            .selectExpr("key", "upper(CAST(value AS STRING)) AS value")
            .writeStream.format("kafka")
            .options(topic=sink, checkpointLocation=checkpoint, **options)
            .start()
        )

    with kafka.follow(job, sink, timeout=LONG) as run:
        run.add_data(topic, [("z", "0")])
        with run.crash("driver") as crash:
            run.add_data(topic, SENT)
        assert crash.has_come
        assert isinstance(crash._place, InDriver)
        group = crash._place.process_id
        wait_until(
            lambda: not any(is_alive(pid) and group_of(pid) == group for pid in pids()),
            "a part of the driver is still there",
        )
        log = BatchLog(Path(checkpoint))
        assert log.last_begun == crash.batch == log.last_committed + 1
        run.start()
        run.process_all_available()
        assert {"z", "a", "b", "c", "d"} == set(kafka.get_all_records(None, sink))
        assert log.last_committed == crash.batch


@pytest.mark.parametrize("sink_kind", ["files", "a function"])
def test_other_sinks_have_all_once_after_a_killed_driver(
    kafka: KafkaUtils,
    queries: Queries,
    topic: str,
    sink_kind: str,
    tmp_path: Path,
) -> None:
    """Files have it because of Spark's log of them.

    A foreachBatch function has it if it writes by the number of the batch.
    """
    kafka.create_topics([topic])
    options, checkpoint = kafka.spark_options(), queries.checkpoint
    folder = str(tmp_path / "rows")

    def job(spark: SparkSession) -> StreamingQuery:
        def save(df: Any, number: int) -> None:
            df.write.mode("overwrite").parquet(f"{folder}/batch={number}")

        rows = (
            spark.readStream.format("kafka")
            .options(subscribe=topic, startingOffsets="earliest", **options)
            .load()
            .selectExpr("CAST(key AS STRING) AS key", "CAST(value AS STRING) AS value")
        )
        writer = rows.writeStream.option("checkpointLocation", checkpoint)
        if sink_kind == "files":
            return writer.format("parquet").start(folder)
        return writer.foreachBatch(save).start()

    def rows() -> Any:
        return queries.spark.read.parquet(folder).select("key", "value")

    with kafka.follow(job, answer=rows, timeout=LONG) as run:
        run.add_data(topic, [("z", "0")])
        with run.crash("driver") as crash:
            run.add_data(topic, SENT)
        assert crash.has_come
        run.start()
        run.check_exactly_once([("z", "0"), *SENT], key=tuple)


def test_a_function_that_can_not_go_to_another_process_is_told(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """It can't be pickled with a KafkaUtils, or the other process ends."""

    def with_kafka(spark: SparkSession) -> StreamingQuery:
        assert kafka.broker
        return queries.to_topic(queries.source(topic), sink)

    ending: Any = MadeThere(sys.exit, "not here")

    def with_another(_: SparkSession) -> StreamingQuery:
        return ending

    with (
        kafka.follow(with_kafka, sink, timeout=LONG) as run,
        pytest.raises(TypeError) as unpicklable,
        run.crash("driver"),
    ):
        pass
    assert str(unpicklable.value).startswith(
        "The function that starts the job can't be sent to the process that "
        "crash('driver') kills: "
    )
    assert str(unpicklable.value).endswith(
        "It takes the session as its argument. Anything else it needs must be plain "
        "values, such as kafka.spark_options(), not a KafkaUtils or a session."
    )
    with kafka.follow(with_kafka, sink, timeout=LONG) as run:
        run._begin = with_another
        with pytest.raises(WaitError) as ended, run.crash("driver"):
            pass
    first, *rest = str(ended.value).splitlines()
    assert first == (
        "The job ended in its own process before its batch began. Its last lines are "
        "below. Does the function start the query with the session that it is given?"
    )
    assert rest[-1] == "  SystemExit: not here"


OWNER = """
import sys, time
from spark_kafka_testkit._streams.driver_process import DriverProcess, pickled

class Slow:
    def __reduce__(self):
        return time.sleep, (600,)

slow = Slow()
print(DriverProcess(pickled(lambda spark: slow), {}).id, flush=True)
sys.stdin.read()
"""


def test_the_process_ends_with_a_killed_owner() -> None:
    """It ends, however its owner does."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    ) as owner:
        assert owner.stdout is not None
        child = int(owner.stdout.readline())
        os.kill(child, 0)
        owner.kill()
    wait_until(lambda: not is_alive(child), "it outlives its owner")
