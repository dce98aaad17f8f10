"""The Spark session of the plugin, and queries that tests leave running."""

from __future__ import annotations

from pathlib import Path

import pytest

from spark_kafka_testkit._jvm.java import find_java
from spark_kafka_testkit._progress import PATIENCE_SECONDS
from tests.plugin.conftest import PLUGIN, Inner, text_of

pytest_plugins = ["pytester"]

QUERY = """
import tempfile
import pytest


def start(spark, name):
    rows = spark.readStream.format("rate").load()
    return rows.writeStream.format("noop").queryName(name).start()


@pytest.fixture(scope="module")
def wide(kafka_spark):
    query = start(kafka_spark, "wide")
    yield query
    query.stop()


def copy(spark, kafka_utils, source, sink):
    stream = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", kafka_utils.broker)
        .option("subscribe", source)
        .option("startingOffsets", "earliest")
        .load()
    )
    return (
        stream.select("key", "value")
        .writeStream.format("kafka")
        .option("kafka.bootstrap.servers", kafka_utils.broker)
        .option("topic", sink)
        .option("checkpointLocation", tempfile.mkdtemp())
        .queryName("copy")
        .start()
    )
"""
OWN = f"""
import sys
{QUERY}

@pytest.fixture(scope="session")
def kafka_spark_conf():
    return {{"spark.app.name": "mine", "spark.log.level": "OFF"}}


def test_leaves_a_query(kafka_spark, kafka_utils, kafka_topics, wide):
    query = copy(kafka_spark, kafka_utils, *kafka_topics)
    kafka_utils.send_messages(kafka_topics[0], [("k", "v")])
    kafka_utils.assert_eventually(
        lambda: kafka_utils.get_all_records(kafka_spark, kafka_topics[1]), {{"k": "v"}}
    )
    assert kafka_utils.client == "jvm"
    assert "pandas" not in sys.modules


def test_the_query_of_the_last_test_is_stopped(kafka_spark, wide):
    assert kafka_spark.conf.get("spark.app.name") == "mine"
    assert [query.name for query in kafka_spark.streams.active] == ["wide"]


def test_leaves_a_query_of_another_session(kafka_spark):
    start(kafka_spark.newSession(), "others")


def test_fails_beside_a_query(kafka_spark, kafka_utils, kafka_topics, wide):
    query = copy(kafka_spark, kafka_utils, *kafka_topics)
    kafka_utils.send_messages(kafka_topics[0], [("k", "v")])
    kafka_utils.assert_eventually(
        lambda: kafka_utils.get_all_records(kafka_spark, kafka_topics[1]), {{"k": "v"}}
    )
    kafka_utils.assert_eventually(lambda: query.lastProgress is not None, True)
    assert False
"""


def test_kafka_spark_makes_a_session(inner: Inner) -> None:
    """It has the helper, the connector and the user's settings. Nothing imports pandas,
    which would take 0.3 s.

    A query that a test leaves running is stopped and named before the test's topics are
    deleted. One of a fixture with a wider scope continues. The report of a failing test
    shows its queries.
    """
    result = inner("-p", "no:logging", test_own=OWN)
    result.assert_outcomes(passed=3, failed=1, warnings=3)
    text = text_of(result)
    assert (
        "LeftoverWarning: test_own.py::test_leaves_a_query left running: query 'copy' ("
    ) in text
    assert (
        "LeftoverWarning: test_own.py::test_leaves_a_query_of_another_session left "
        "running: query 'others' ("
    ) in text
    result.stdout.fnmatch_lines(
        [
            "topic 'test_fails_beside_a_query-sink-*', offsets: partition 0: *",
            "  partition 0, offset 0, 20??-*Z: 'k' -> 'v'",
            "query 'copy' (*): *",
            "  last progress: batch *",
            "  KafkaV2[[]Subscribe[[]test_fails_beside_a_query-source-*]] *up to *",
            "kafka: external Kafka at *, records through jvm*",
        ]
    )
    assert "query 'wide'" not in text


KILLED = """
import os, signal


def test_kills_spark(kafka_utils, kafka_spark, kafka_topics, kafka_stream):
    rows = kafka_spark.readStream.format("rate").load()
    stream = kafka_stream(rows.selectExpr("CAST(value AS STRING) AS value"))
    kafka_utils.send_messages(kafka_topics[0], [("k", "v")])
    process = kafka_spark.sparkContext._gateway.proc
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert False


def test_goes_on(kafka_utils, kafka_topic):
    kafka_utils.send_messages(kafka_topic, [("k", "v")])
    assert kafka_utils.get_all_records(None, kafka_topic) == {"k": "v"}
"""


def test_a_spark_that_dies_fails_one_test(inner: Inner) -> None:
    """Its failure is reported with its topics, and the next test runs."""
    result = inner(test_killed=KILLED)
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["topic 'test_kills_spark-source-*', offsets: *"])


AHEAD = """
import threading
import time
import pytest
from pyspark import SparkContext


@pytest.fixture
def jvm(kafka_utils):
    deadline = time.monotonic() + 120
    while SparkContext._gateway is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return SparkContext._gateway


def test_waits_for_the_jvm(kafka_utils, jvm, kafka_spark):
    assert jvm is not None
    assert kafka_spark.sparkContext._gateway is jvm
    assert "spark.jars" not in dict(kafka_spark.sparkContext.getConf().getAll())
    assert kafka_spark.range(3).count() == 3
"""


def test_sparks_jvm_starts_while_the_broker_does(inner: Inner) -> None:
    """A test that needs both waits for the slower one."""
    inner(test_ahead=AHEAD).assert_outcomes(passed=1)


SLOW_JAVA = """#!/bin/sh
case "$*" in *SparkSubmit*) sleep {seconds} ;; esac
exec "{java}" "$@"
"""
STARTING = "kafka: Starting Spark, which takes longest the first time"


@pytest.mark.parametrize("quiet", [False, True])
def test_a_start_of_spark_that_takes_long_is_announced(
    quiet: bool, inner: Inner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With -q it is not."""
    script = tmp_path / "bin" / "java"
    script.parent.mkdir()
    java = find_java().executable
    script.write_text(SLOW_JAVA.format(seconds=PATIENCE_SECONDS + 1, java=java))
    script.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    options = ["-q"] if quiet else []
    result = inner(*options, test_slow="def test_spark(kafka_spark): pass")
    result.assert_outcomes(passed=1)
    assert text_of(result).count(STARTING) == (0 if quiet else 1)


NOT_AHEAD = """
import threading
import pytest
from pyspark import SparkContext


@pytest.fixture
def threads(kafka_utils):
    return [thread.name for thread in threading.enumerate()]


def test_looks(kafka_utils, threads, {asks}):
    assert not any("Spark's JVM" in name for name in threads)


def test_without_spark(kafka_utils, threads):
    assert not any("Spark's JVM" in name for name in threads)
"""
CONF = """
import pytest


@pytest.fixture(scope="session")
def kafka_spark_conf():
    return {"spark.app.name": "mine"}
"""
SKIPS = """
import pytest


@pytest.fixture(scope="session")
def spark():
    pytest.skip("not here")
"""


@pytest.mark.parametrize(
    ("conftest", "asks", "outcomes"),
    [
        (CONF, "kafka_spark", {"passed": 2}),
        (SKIPS, "kafka_spark", {"passed": 1, "skipped": 1}),
        ("", "kafka_spark_conf", {"passed": 2}),
    ],
    ids=["settings of the user's", "a session of the user's", "no session"],
)
def test_what_is_not_known_is_not_started(
    inner: Inner, conftest: str, asks: str, outcomes: dict[str, int]
) -> None:
    """Settings or a session of a fixture are only known once that has run."""
    result = inner(conftest=conftest, test_ahead=NOT_AHEAD.format(asks=asks))
    result.assert_outcomes(**outcomes)


NO_JVM = """
import pytest


@pytest.fixture(scope="session")
def kafka_spark_conf():
    return {"spark.driver.extraJavaOptions": "-XX:+UseG1GC -XX:+UseParallelGC"}


def test_with_a_session(kafka_spark):
    pass
"""


def test_a_session_whose_jvm_ends_is_an_error_with_its_cause(inner: Inner) -> None:
    """The error is the kit's own, because PySpark does not report the cause.

    It comes first, without pytest's functions that call the fixture.
    """
    result = inner("-p", "no:logging", test_own=NO_JVM)
    result.assert_outcomes(errors=1)
    _, shown = text_of(result).split("ERROR at setup of test_with_a_session")
    assert shown.splitlines()[1:3] == [
        "SparkSetupError: Spark's JVM ended before the session was ready: Multiple "
        "garbage collectors selected.",
        "---------------------------- Captured stdout setup "
        "-----------------------------",
    ]
    result.stdout.fnmatch_lines(
        ["ERROR test_own.py::test_with_a_session - SparkSetupError: Spark's JVM *"]
    )


STREAMS = """
stopped = []


def values(spark, kafka_utils, topic):
    stream = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", kafka_utils.broker)
        .option("subscribe", topic)
        .load()
    )
    return stream.select("key", "value")


def test_a_stream_is_checked(kafka_spark, kafka_utils, kafka_topics, kafka_stream):
    source, sink = kafka_topics
    stream = kafka_stream(values(kafka_spark, kafka_utils, source), sink)
    stream.add_data(source, [("k", "v")])
    stream.check_answer({"k": "v"})
    stopped.append(stream.query)


def test_the_stream_was_stopped(kafka_spark):
    assert not stopped[0].isActive
    assert kafka_spark.streams.active == []


def dying(spark, kafka_utils, topic):
    df = values(spark, kafka_utils, topic)
    return df.selectExpr("CAST(raise_error('no more') AS STRING) AS value")


def test_a_death_is_not_noticed(kafka_spark, kafka_utils, kafka_topics, kafka_stream):
    source, sink = kafka_topics
    stream = kafka_stream(dying(kafka_spark, kafka_utils, source), sink)
    stream.add_data(source, [("k", "v")])
    kafka_utils.assert_eventually(lambda: stream.query.isActive, False)


def test_a_death_is_noticed(kafka_spark, kafka_utils, kafka_topics, kafka_stream):
    source, sink = kafka_topics
    stream = kafka_stream(dying(kafka_spark, kafka_utils, source), sink)
    stream.add_data(source, [("k", "v")])
    stream.process_all_available()


def test_a_death_is_expected(kafka_spark, kafka_utils, kafka_topics, kafka_stream):
    source, sink = kafka_topics
    stream = kafka_stream(dying(kafka_spark, kafka_utils, source), sink)
    stream.add_data(source, [("k", "v")])
    assert "no more" in str(stream.expect_failure())
"""


BLOCKING = f"""
{QUERY}
import threading
from spark_kafka_testkit._queries import stop as _stop

begun = threading.Event()


def block(df, batch):
    begun.set()
    threading.Event().wait()


def test_leaves_a_query_that_blocks(kafka_spark, kafka_utils, kafka_topic):
    _stop.STOP_SECONDS = 0.5
    rows = kafka_spark.readStream.format("rate").load()
    rows.writeStream.foreachBatch(block).queryName("blocked").start()
    assert begun.wait(60)


def test_the_next_test_uses_kafka(kafka_spark, kafka_utils, kafka_topic):
    kafka_utils.send_messages(kafka_topic, [("k", "v")])
    assert kafka_utils.get_all_records(kafka_spark, kafka_topic) == {{"k": "v"}}
"""


def test_a_query_that_does_not_stop_does_not_stop_the_run(inner: Inner) -> None:
    """A warning names the query and the test that left it. The run continues."""
    result = inner(test_blocking=BLOCKING)
    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(
        [
            "*LeftoverWarning: test_blocking.py::test_leaves_a_query_that_blocks left "
            "running: query 'blocked' (*). Stopped now. A test must stop its queries. "
            "But query 'blocked' (*) did not stop: it still runs 0.5 s later, status "
            "'Processing new data'. A blocked foreachBatch function or task holds it, "
            "so it is left behind."
        ]
    )


def test_streams_end_with_the_test(inner: Inner) -> None:
    """An unnoticed death of a query fails the test.

    If the test has already failed because of it, there is no second error. The report
    says what the query died of.
    """
    result = inner("-p", "no:logging", test_streams=STREAMS)
    result.assert_outcomes(passed=4, failed=1, errors=1, warnings=0)
    result.stdout.fnmatch_lines(
        [
            "* ERROR at teardown of test_a_death_is_not_noticed *",
            "E *StreamingQueryException: *",
            "* test_a_death_is_noticed *",
            "query * died of: *",
        ]
    )


USERS = """
import pytest
from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark():
    builder = SparkSession.builder.master("local[1]").config("spark.log.level", "OFF")
    session = builder.config("spark.ui.enabled", False).getOrCreate()
    yield session
    session.stop()
"""
STRICT = """
def test_the_users_session_is_taken(spark, kafka_spark, kafka_utils, kafka_topic):
    assert kafka_spark is spark
    kafka_utils.send_messages(kafka_topic, [("k", "v")])
    assert kafka_utils.client == "jvm"
    df = spark.read.format("kafka").option("subscribe", kafka_topic)
    df = df.option("kafka.bootstrap.servers", kafka_utils.broker)
    assert df.load().count() == 1


def test_leaves_a_query(kafka_spark):
    rows = kafka_spark.readStream.format("rate").load()
    rows.writeStream.format("noop").queryName("left").start()


def test_without_kafka_leaves_a_query(spark):
    rows = spark.readStream.format("rate").load()
    rows.writeStream.format("noop").queryName("theirs").start()


def test_a_query_of_a_test_without_kafka_still_runs(spark):
    (query,) = spark.streams.active
    query.stop()
"""


@pytest.mark.usefixtures("quick_java")
def test_the_users_session_is_taken_and_strictness_is_for_kafka_alone(
    inner: Inner,
) -> None:
    """The session of a fixture `spark` gets the helper and the connector.

    With --kafka-strict, a test that uses Kafka fails if it leaves a query running. A
    line at INFO says what the session lacks.
    """
    shows_log = ("-o", "log_cli=true", "--log-cli-level=INFO")
    result = inner("--kafka-strict", *shows_log, conftest=USERS, test_strict=STRICT)
    result.assert_outcomes(passed=4, errors=1)
    result.stdout.fnmatch_lines(
        [
            "INFO *the session that kafka_spark uses was not made with the settings of "
            "KafkaUtils.spark_conf(). With "
            "SparkSession.builder.config(map=KafkaUtils.spark_conf()) its JVM would "
            "use a third of the CPU time before a first stream answers, once its "
            "class archive is recorded",
            "test_strict.py::test_leaves_a_query left running: query 'left' (*). "
            "Stopped now. A test must stop its queries.",
        ]
    )


def test_a_session_fixture_of_too_small_a_scope_is_named(
    pytester: pytest.Pytester,
) -> None:
    """The message says what to do."""
    pytester.makeconftest("import pytest\n@pytest.fixture\ndef spark(): pass\n")
    pytester.makepyfile("def test_with_a_session(kafka_spark): pass")
    result = pytester.runpytest(*PLUGIN)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "The fixture 'spark' must have the scope 'session', because kafka_spark "
            "uses its Spark session. Or define your own fixture kafka_spark that "
            "returns it, with KafkaUtils.attach(spark)."
        ]
    )
