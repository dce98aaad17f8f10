"""A Spark that stays: each run is as if it had a JVM of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from spark_kafka_testkit._jvm.jars import own_jar
from spark_kafka_testkit._jvm.java import find_java
from tests.cli.conftest import CommandLine
from tests.processes import children, is_alive, wait_until

from .conftest import VERSION

UP = ("up", "--backend", "embedded", "--spark")
PRELUDE = """
import json, logging, os, sys
from spark_kafka_testkit import KafkaUtils
logging.getLogger("spark_kafka_testkit").addHandler(logging.StreamHandler(sys.stdout))
logging.getLogger("spark_kafka_testkit").setLevel("INFO")
"""
# All that a run can leave in a JVM.
LEAVE = """
spark = KafkaUtils.spark_session({"spark.testkit.mine": "1"})
jvm = spark.sparkContext._jvm
spark.range(3).createOrReplaceTempView("mine")
spark.range(3).createOrReplaceGlobalTempView("mine")
spark.conf.set("spark.sql.shuffle.partitions", "7")
spark.range(5).cache().count()
spark.sql("CACHE TABLE mine")
spark.udf.register("mine", lambda number: number)
spark.sql(f"ADD JAR {sys.argv[1]}")
from pyspark.sql.streaming.listener import StreamingQueryListener
class Listener(StreamingQueryListener):
    def onQueryStarted(self, event): pass
    def onQueryProgress(self, event): pass
    def onQueryIdle(self, event): pass
    def onQueryTerminated(self, event): pass
spark.streams.addListener(Listener())
query = (
    spark.readStream.format("rate").load().writeStream.format("memory")
    .queryName("mine").start()
)
while not query.recentProgress: pass
spark.sparkContext.setLogLevel("OFF")
jvm.java.lang.System.setProperty("mine", "1")
jvm.java.util.TimeZone.setDefault(jvm.java.util.TimeZone.getTimeZone("Asia/Tokyo"))
jvm.java.util.Locale.setDefault(jvm.java.util.Locale.GERMANY)
print("left", flush=True)
"""
SEE = """
spark = KafkaUtils.spark_session()
jvm = spark.sparkContext._jvm
loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
try:
    loader.loadClass("sparkkafka.testkit.broker.Main")
    has_class = True
except Exception:
    has_class = False
threads = jvm.java.lang.Thread.getAllStackTraces().keySet()
names = [thread.getName() for thread in threads]
print(json.dumps({
    "tables": [table.name for table in spark.catalog.listTables()],
    "global": [table.name for table in spark.catalog.listTables("global_temp")],
    "partitions": spark.conf.get("spark.sql.shuffle.partitions"),
    "setting": spark.conf.get("spark.testkit.mine", None),
    "in the context": spark.sparkContext.getConf().get("spark.testkit.mine"),
    "cached": spark.sparkContext._jsc.getPersistentRDDs().size(),
    "function": spark.catalog.functionExists("mine"),
    "class": has_class,
    "listeners": len(spark._jsparkSession.streams().listListeners()),
    "queries": [name for name in names if name.startswith("stream execution")],
    "level": jvm.org.apache.logging.log4j.LogManager.getRootLogger().getLevel().name(),
    "property": jvm.java.lang.System.getProperty("mine"),
    "zone": jvm.java.util.TimeZone.getDefault().getID(),
    "locale": jvm.java.util.Locale.getDefault().toString(),
    "gateway": [name for name in os.environ if name.startswith("PYSPARK_GATEWAY")],
    "counts": spark.sql("SELECT id % 2 AS k, count(*) AS n FROM range(10) GROUP BY 1")
    .toJSON().collect(),
}))
"""
JAR = str(own_jar("spark-kafka-testkit-broker.jar"))


class KeptSpark(CommandLine):
    """A Spark that is kept for a folder, and runs there."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder / "project"
        self.folder.mkdir()
        self.env["SPARK_KAFKA_TESTKIT_REUSE"] = "1"
        self.env["PYSPARK_PYTHON"] = sys.executable

    def start(self, *args: str, **env: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "spark_kafka_testkit", *args],
            cwd=self.folder,
            env={**self.env, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def spark(self) -> Any:
        """What `status` says of it."""
        (spark,) = [one for one in self.facts("status") if one["kind"] == "spark"]
        return spark

    def begin(self, code: str, **env: str) -> subprocess.Popen[str]:
        """A run that goes on."""
        return subprocess.Popen(
            [sys.executable, "-c", PRELUDE + code, JAR],
            cwd=self.folder,
            env={**self.env, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def python_run(self, code: str, **env: str) -> list[str]:
        """The lines that a run prints."""
        process = self.begin(code, **env)
        out, _ = process.communicate()
        assert process.returncode == 0
        return out.splitlines()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptSpark]:
    """One for all tests that don't end it."""
    spark = KeptSpark(tmp_path_factory.mktemp("kept"))
    done = spark.run(*UP)  # which may have to fetch the connector
    yield spark
    spark.run("down", "--force")
    assert done.returncode == 0, done.stderr


@pytest.fixture
def ending(tmp_path: Path) -> Iterator[KeptSpark]:
    """One of the test's own."""
    spark = KeptSpark(tmp_path)
    yield spark
    spark.run("down", "--force")


@pytest.fixture(scope="module")
def own(kept: KeptSpark) -> Any:
    """What a run sees in a JVM of its own."""
    (seen,) = kept.python_run(SEE, SPARK_KAFKA_TESTKIT_REUSE="0")
    return json.loads(seen)


def test_up_finds_the_spark_that_is_up(kept: KeptSpark) -> None:
    """It says for whom it is, and how to take it; `status` and `doctor` know it."""
    done = kept.run(*UP)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    spark = kept.spark()
    assert spark["working_folder"] == str(kept.folder)
    assert "secret" not in spark
    assert lines[3:] == [
        f"Spark {VERSION.spark} on Java {java()}, for {kept.folder} (was up already)",
        "Test runs there use it with SPARK_KAFKA_TESTKIT_REUSE=1: kafka_spark, "
        "KafkaTestMixin, KafkaUtils.spark_session().",
        "Each ends 8 h after its last use, or with: spark-kafka-testkit down",
    ]
    doctor = kept.ok("doctor").splitlines()
    assert f"ok       kept Spark: {spark['description']}, free" in doctor
    (state_file,) = (kept.kept.parent / "kept-spark").glob("*.json")
    assert state_file.stat().st_mode & 0o777 == 0o600


def test_a_kept_spark_that_can_not_be_used_is_told(kept: KeptSpark) -> None:
    """By `doctor`, where its file is damaged, and by a run that it does not let in."""
    (file,) = (kept.kept.parent / "kept-spark").glob("*.json")
    text = file.read_text()
    try:
        file.write_text("{}")
        doctor = kept.run("doctor").stdout.splitlines()
        file.write_text(json.dumps({**json.loads(text), "secret": "another"}))
        (said,) = kept.python_run(
            "from spark_kafka_testkit._spark.kept.use import take\n"
            "assert take({}).lease is None\n"
        )
    finally:
        file.write_text(text)
    assert (
        f"warning  kept Spark: The state file {file} can't be understood (another "
        "version of the kit wrote it: its format is null, not 2)"
    ) in doctor
    assert said.startswith(
        "the session is in its own Spark, because the kept one can't be used: "
    )


def java() -> str:
    """The major version of the Java that Spark runs on here."""
    return str(find_java(hint="").major)


@pytest.mark.parametrize("end", ["", "spark.stop()", "os.kill(os.getpid(), 9)"])
def test_nothing_of_a_run_is_seen_by_the_next(
    kept: KeptSpark, own: Any, end: str
) -> None:
    """However it ends: its session is gone, and what it changed for all is put back."""
    process = kept.begin(LEAVE + end)
    out, _ = process.communicate()
    said, left = out.splitlines()
    assert said == taken(kept)
    assert left == "left"
    said, seen = kept.python_run(SEE)
    assert said == taken(kept)
    assert json.loads(seen) == own


def taken(kept: KeptSpark) -> str:
    spark = kept.spark()
    return (
        f"the session is in the kept {spark['name']} (keeper: process {spark['pid']})"
    )


def test_a_session_that_is_stopped_can_be_made_again(kept: KeptSpark) -> None:
    """`stop()` ends the run's own context; the JVM stays this run's."""
    lines = kept.python_run(
        "for _ in range(2):\n"
        "    spark = KafkaUtils.spark_session()\n"
        "    print(spark.range(7).count())\n"
        "    spark.stop()\n"
    )
    assert lines == [taken(kept), "7", "7"]
    jvm = kept.spark()["jvm"]
    assert is_alive(jvm)


EDITED = "def answer(number):\n    return number + {}\n"
RUN_EDITED = """
sys.path.insert(0, os.getcwd())
import job
from pyspark.sql.functions import udf
spark = KafkaUtils.spark_session()
by_name = udf(job.answer, "long")("id")
by_value = udf(lambda number: job.answer(number), "long")("id")
print(job.answer(0), *spark.range(1).select(by_name, by_value).collect()[0])
"""


def test_code_that_was_edited_is_seen(kept: KeptSpark) -> None:
    """By the driver, and by Python's workers, which an earlier run had imported it."""
    for number in (1, 22, 333):
        (kept.folder / "job.py").write_text(EDITED.format(number))
        _, said = kept.python_run(RUN_EDITED)
        assert said == f"{number} {number} {number}"


def test_two_projects_take_turns(kept: KeptSpark) -> None:
    """Modules of the same name, of another project in the same working directory, are
    its own.
    """
    for number, project in enumerate(("one", "two", "one", "two"), start=1):
        folder = kept.folder / project
        folder.mkdir(exist_ok=True)
        (folder / "steps.py").write_text(EDITED.format(1000 * number))
        _, said = kept.python_run(
            f"sys.path.insert(0, {str(folder)!r})\n"
            "import steps\n"
            "from pyspark import cloudpickle\n"
            "cloudpickle.register_pickle_by_value(steps)\n"
            "from pyspark.sql.functions import udf\n"
            "spark = KafkaUtils.spark_session()\n"
            "rows = spark.range(1).select(udf(steps.answer, 'long')('id')).collect()\n"
            "print(*rows[0])\n"
        )
        assert said == str(1000 * number)


STREAM = """
with KafkaUtils(backend="embedded") as kafka:
    spark = KafkaUtils.spark_session()
    kafka.create_topics(["source", "sink"])
    df = (
        spark.readStream.format("kafka").options(**kafka.spark_options())
        .option("subscribe", "source").option("startingOffsets", "earliest").load()
        .selectExpr("key", "upper(CAST(value AS STRING)) AS value")
    )
    with kafka.run_stream(df, "sink") as run:
        run.add_data("source", [("a", sys.argv[1][-3:])])
        run.check_answer([("a", "JAR")])
    print(kafka.client)
"""


def test_streams_run_there(kept: KeptSpark) -> None:
    """By the helper in the kept JVM, also with topics of the same names."""
    for _ in range(2):
        lines = kept.python_run(STREAM)
        assert taken(kept) in lines
        assert lines[-1] == "jvm"


TESTS = """
import unittest
from pyspark.sql import SparkSession
from spark_kafka_testkit.testing import KafkaTestMixin

def test_by_fixture(kafka_utils, kafka_spark, kafka_topics, kafka_stream):
    copy(kafka_utils, kafka_spark, *kafka_topics)

def copy(kafka, spark, source, sink):
    df = (
        spark.readStream.format("kafka").options(**kafka.spark_options())
        .option("subscribe", source).load().select("key", "value")
    )
    with kafka.run_stream(df, sink) as run:
        run.add_data(source, [("a", "1")])
        run.check_answer([("a", "1")])

class SparkTestCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.spark = SparkSession.builder.master("local[2]").getOrCreate()

class CopyTest(KafkaTestMixin, SparkTestCase):
    def test_by_mixin(self):
        copy(self.kafka_utils, self.spark, self.source_topic, self.sink_topic)
"""


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "fixture"),
        ("-m", "unittest", "-v"),
    ],
    ids=["pytest", "unittest"],
)
def test_tests_take_it(kept: KeptSpark, command: tuple[str, ...]) -> None:
    """By the fixture, and by the mixin, which says nothing of it."""
    (kept.folder / "test_copy.py").write_text(TESTS)
    before = log_of(kept)
    done = subprocess.run(
        [sys.executable, *command],
        cwd=kept.folder,
        env={**kept.env, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        | ({"PYTEST_PLUGINS": "spark_kafka_testkit.pytest_plugin"}),
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if "pytest" in command:
        assert f"kafka: {taken(kept)}" in done.stdout.splitlines()
    assert "incubator modules" not in done.stderr  # what a JVM's start says
    assert log_of(kept) != before


def log_of(kept: KeptSpark) -> str:
    """What the kept JVM has said."""
    return Path(kept.spark()["log"]).read_text()


def test_two_runs_at_once(kept: KeptSpark) -> None:
    """The second starts its own, and says so; `down` leaves what is in use."""
    first = kept.begin(
        "spark = KafkaUtils.spark_session()\nprint('up', flush=True)\ninput()\n"
        "print(spark.range(3).count())\n"
    )
    assert first.stdout is not None
    assert first.stdout.readline() == f"{taken(kept)}\n"
    assert first.stdout.readline() == "up\n"
    user = f"process {first.pid} (-c {JAR})"[:80]
    lines = kept.python_run("print(KafkaUtils.spark_session().range(2).count())\n")
    assert lines[0].startswith(
        "the session is in its own Spark, because the kept one is in use by process "
        f"{first.pid} ("
    )
    assert lines[-1] == "2"
    down = kept.run("down")
    assert down.returncode == 1
    assert user[:20] in down.stderr
    assert first.communicate("\n")[0] == "3\n"


@pytest.mark.parametrize(
    ("code", "env", "text"),
    [
        ("", {"ANSWER": "42"}, "environment variable ANSWER"),
        (
            '{"spark.driver.memory": "2g"}',
            {},
            "setting spark.driver.memory",
        ),
        ('{"spark.jars": "/a.jar"}', {}, "jars, setting spark.jars"),
    ],
)
def test_a_run_that_does_not_fit_says_why(
    kept: KeptSpark, code: str, env: dict[str, str], text: str
) -> None:
    """In one line; it starts its own."""
    (said,) = kept.python_run(
        "from spark_kafka_testkit._spark.kept.use import take\n"
        f"assert take({code or '{}'}).lease is None\n",
        **env,
    )
    assert said == (
        "the session is in its own Spark, because the kept one has a different "
        f"{text}. To replace it, run up --spark here"
    )


def test_variables_that_no_job_reads_are_not_compared(kept: KeptSpark) -> None:
    """Another terminal is no other environment."""
    (said,) = kept.python_run(
        "from spark_kafka_testkit._spark.kept.use import take\ntake({})\n",
        TERM="other",
        PYTEST_CURRENT_TEST="t",
        SHLVL="7",
    )
    assert said == taken(kept)


def test_other_settings_replace_it(ending: KeptSpark) -> None:
    """`up` ends the one before, and says in what it differed; no process is left. While
    it takes long, it says what it does.
    """
    done = ending.run(*UP)
    assert done.returncode == 0, done.stderr
    started = [re.sub(r"\d+ s$", "N s", line) for line in done.stderr.splitlines()]
    assert started[-4:] == [
        f"Starting a Spark for test runs in {ending.folder}",
        "Started it in N s",
        "Running a first stream in it, which no test then waits for",
        "Ran it in N s",
    ]
    before = ending.spark()
    lines = ending.ok(*UP, "--spark-conf", "spark.driver.memory=700m").splitlines()
    after = ending.spark()
    assert lines[3] == (
        f"{after['description']} (replaced: the previous one had a different setting "
        "spark.driver.memory)"
    )
    assert not is_alive(before["jvm"])
    assert not is_alive(before["pid"])
    assert ending.ok("down").splitlines()[-1] == f"ended: {after['description']}"
    assert not is_alive(after["jvm"])
    assert list((ending.kept.parent / "kept-spark").glob("*.json")) == []


def test_a_keeper_that_is_killed_leaves_nothing(ending: KeptSpark) -> None:
    """Its JVM and Python's workers end with it, and runs start their own."""
    ending.ok(*UP)
    spark = ending.spark()
    run = ending.begin(
        "spark = KafkaUtils.spark_session()\n"
        "print(spark.range(1).rdd.map(lambda n: n).count(), flush=True)\ninput()\n"
    )
    assert run.stdout is not None
    assert [run.stdout.readline() for _ in range(2)][1] == "1\n"
    workers = children(spark["jvm"])
    os.kill(spark["pid"], signal.SIGKILL)
    wait_until(lambda: not is_alive(spark["jvm"]), "the JVM lives on")
    wait_until(lambda: not any(map(is_alive, workers)), "Python's workers live on")
    run.kill()
    run.communicate()
    assert ending.python_run("print(KafkaUtils.spark_session().version)\n") == [
        VERSION.spark
    ]


# A log handler with room for so many records, which the root logger holds for good.
FILL = """
spark = KafkaUtils.spark_session({"spark.driver.memory": "500m"})
logs = spark.sparkContext._jvm.java.util.logging
handler = logs.MemoryHandler(logs.ConsoleHandler(), 70_000_000, logs.Level.OFF)
logs.Logger.getLogger("").addHandler(handler)
"""


def is_replaced(kept: KeptSpark, jvm: int) -> bool:
    return bool(kept.spark()["jvm"] != jvm)


def test_a_sick_jvm_is_replaced(ending: KeptSpark) -> None:
    """One whose memory a run has filled, however often: the next run finds another."""
    memory = "spark.driver.memory=500m"
    ending.ok(*UP, "--spark-conf", memory)
    first = before = ending.spark()
    for _ in range(2):
        ending.python_run(FILL)
        jvm = before["jvm"]
        wait_until(partial(is_replaced, ending, jvm), "none has replaced it")
        before = ending.spark()
        assert before["pid"] == first["pid"]
    lines = ending.python_run(
        'spark = KafkaUtils.spark_session({"spark.driver.memory": "500m"})\n'
        "print(spark.range(3).count())\n"
    )
    assert lines == [taken(ending), "3"]


def test_a_jvm_that_is_killed_is_replaced(ending: KeptSpark) -> None:
    """Once: where it is killed again at once, nothing is kept any more."""
    ending.ok(*UP)
    first = ending.spark()
    os.kill(first["jvm"], signal.SIGKILL)
    wait_until(lambda: ending.spark()["jvm"] != first["jvm"], "none has replaced it")
    second = ending.spark()
    assert second["pid"] == first["pid"]
    assert ending.python_run("print(KafkaUtils.spark_session().range(3).count())") == [
        taken(ending),
        "3",
    ]
    os.kill(second["jvm"], signal.SIGKILL)
    wait_until(lambda: not is_alive(first["pid"]), "the keeper lives on")
    assert [one["kind"] for one in ending.facts("status")] == ["embedded"]
