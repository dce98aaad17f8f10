"""The class archive of Spark's JVM: recorded, used, and never in the way."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spark_kafka_testkit._spark import conf
from spark_kafka_testkit._spark.archive import ARCHIVE_ENV, RECORDER, start_recorder
from spark_kafka_testkit._spark.conf import plan
from tests.marked import Marked

from .conftest import RunScript

SETTINGS = {"spark.master": "local[2]"}
STARTED_SECONDS = 120.0
TICK_SECONDS = 0.05


@pytest.fixture
def cache(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache without archives, for a process in which no JVM runs."""
    monkeypatch.delenv("PYSPARK_SUBMIT_ARGS", raising=False)
    monkeypatch.setattr(conf, "finds_class", lambda _: None)  # of the run's own JVM
    return own_cache


@pytest.fixture
def marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Marked:
    """What is started from now on can be told from all else."""
    return Marked(tmp_path / "tmp", monkeypatch)


def archives(cache: Path) -> list[Path]:
    return list((cache / "archives").glob("*spark-*"))


def test_sessions_start_from_what_was_recorded(
    cache: Path, run_script: RunScript, tmp_path: Path
) -> None:
    """Spark's classes, the connector's and the kit's come out of it; the answers are
    what they were.
    """
    command = [sys.executable, "-m", "spark_kafka_testkit", "prepare"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    broker, records, spark = done.stdout.splitlines()
    assert broker.startswith("broker: Kafka ")
    assert records == "records: through jvm"
    assert ": from a class archive, recorded in " in spark
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert again.stdout.splitlines()[2].endswith(": from a class archive")
    loaded = tmp_path / "loaded"
    run_script(
        f"""
        mine = {{
            "spark.master": "local[2]",
            "spark.driver.extraJavaOptions": "-Xlog:class+load:file={loaded}",
        }}
        for name, value in KafkaUtils.spark_conf(mine).items():
            builder = builder.config(name, value)
        spark = builder.getOrCreate()
        kafka.send_messages(topic, [("k", "v")])
        assert kafka.get_all_records(spark, topic) == read(spark) == {{"k": "v"}}
        """
    )
    lines = loaded.read_text().splitlines()
    for name in (
        "org.apache.spark.sql.classic.SparkSession",
        "org.apache.spark.sql.kafka010.KafkaSourceProvider",
        "org.apache.kafka.clients.producer.KafkaProducer",
        "sparkkafka.testkit.PythonApi",
    ):
        (line,) = (line for line in lines if f" {name} " in line)
        assert "shared objects file" in line


OWNER = """
import sys
from spark_kafka_testkit._spark.archive import start_recorder
from spark_kafka_testkit._spark.conf import plan
settings, archive = plan({"spark.master": "local[2]"})
assert archive.is_lacking
recorder = start_recorder(settings, None)
sys.stdin.read()
"""
SHORT = """
from spark_kafka_testkit import KafkaUtils
KafkaUtils.spark_conf({"spark.master": "local[2]"})
"""


@pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="looks for processes in /proc"
)
def test_a_recorder_ends_with_its_owner(cache: Path, marked: Marked) -> None:
    """`kill -9` in the middle: no process is left, nor half an archive."""
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdin=subprocess.PIPE)
    try:
        deadline = time.monotonic() + STARTED_SECONDS
        while not any("SparkSubmit" in text for text in marked.processes().values()):
            assert owner.poll() is None
            assert time.monotonic() < deadline, marked.processes()
            time.sleep(TICK_SECONDS)
        commands = marked.processes().values()
        assert sum(RECORDER in command for command in commands) == 1
    finally:
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        assert owner.stdin is not None
        owner.stdin.close()
    marked.await_gone()
    plan(SETTINGS)  # sweeps
    assert archives(cache) == []


def test_a_process_that_is_over_soon_starts_no_session(
    cache: Path, marked: Marked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would pay for an archive that it does not live to see."""
    monkeypatch.setenv(ARCHIVE_ENV, "record")
    subprocess.run([sys.executable, "-c", SHORT], check=True)
    assert not any("SparkSubmit" in text for text in marked.processes().values())
    marked.await_gone()
    assert archives(cache) == []


def test_one_records_at_a_time(cache: Path) -> None:
    """The machine is the user's: a second one ends at once."""
    (cache / "archives").mkdir()
    settings, archive = plan(SETTINGS)
    assert archive is not None
    assert archive.is_lacking
    with (cache / "archives/.recording").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert start_recorder(settings, None).wait() == 0
    assert archives(cache) == []
