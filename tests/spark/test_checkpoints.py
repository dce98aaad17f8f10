"""Which sessions write their checkpoints without a process for each file."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import RunScript

# Spark's first heartbeat starts a process of its own, once
NO_HEARTBEAT = """
builder = builder.config("spark.executor.heartbeatInterval", "1h")
builder = builder.config("spark.network.timeout", "2h")
"""

MADE = """
for name, value in KafkaUtils.spark_conf().items():
    builder = builder.config(name, value)
"""

COUNTED = """
from pathlib import Path

# a query's session that is garbage has its folder removed by a process (Spark 4)
held = []

def starts_processes(df):
    # each child that a process has waited for leaves it some page faults
    def page_faults():
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[8]

    pid = int(spark._jvm.java.lang.ProcessHandle.current().pid())
    with kafka.run_stream(df, output_mode="update") as stream:
        held.append(stream.query)
        stream.add_data(topic, [("a", "x")])
        stream.process_all_available()
        before = page_faults()
        for _ in range(3):
            stream.add_data(topic, [("a", "y")])
            stream.process_all_available()
        return page_faults() != before

def writing_starts_processes():
    def page_faults():
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[8]

    import tempfile
    pid = int(spark._jvm.java.lang.ProcessHandle.current().pid())
    folder = tempfile.mkdtemp()
    before = page_faults()
    for format in ("json", "parquet"):
        spark.range(3).write.format(format).save(f"{folder}/{format}")
        assert spark.read.format(format).load(f"{folder}/{format}").count() == 3
    return page_faults() != before

def queries():
    source = spark.readStream.format("kafka").options(**kafka.spark_options())
    source = source.option("startingOffsets", "earliest")
    records = source.option("subscribe", topic).load()
    return records.select("value"), records.groupBy("key").count()
"""

HADOOPS = "org.apache.hadoop.fs.local.LocalFs"
FILE_SYSTEM = "spark.hadoop.fs.AbstractFileSystem.file.impl"

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="processes are counted in /proc"
)


def test_a_batch_starts_no_process(run_script: RunScript) -> None:
    """Neither its checkpoint nor its state needs one, in a session made anew too. The
    user's choice of Hadoop's own stays, which needs many.
    """
    run_script(
        f"""
{NO_HEARTBEAT}
{MADE}
{COUNTED}
spark = builder.getOrCreate()
assert [starts_processes(df) for df in queries()] == [False, False]
spark.stop()
{MADE}
spark = builder.getOrCreate()
assert [starts_processes(df) for df in queries()] == [False, False]
assert not writing_starts_processes()
spark.stop()
spark = builder.config({FILE_SYSTEM!r}, {HADOOPS!r}).getOrCreate()
assert [starts_processes(df) for df in queries()] == [True, True]
"""
    )


def test_a_session_whose_jvm_lacks_the_helper_stays_as_it_is(
    run_script: RunScript,
) -> None:
    """A JVM that was started for another session, and one that runs already."""
    run_script(
        f"""
{NO_HEARTBEAT}
spark = builder.getOrCreate()
spark.stop()
assert {FILE_SYSTEM!r} not in KafkaUtils.spark_conf()
{MADE}
spark = builder.getOrCreate()
kafka.attach(spark)
{COUNTED}
assert [starts_processes(df) for df in queries()] == [True, True]
"""
    )
