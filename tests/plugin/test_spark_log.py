"""What Spark's JVM logs during tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugin.conftest import Inner, text_of

pytest_plugins = ["pytester"]

CONF = """
import pytest

@pytest.fixture(scope="session")
def kafka_spark_conf():
    return {"spark.log.level": "WARN"}
"""

LOGGED = """
import time

import pytest
from pyspark.sql import functions as F

METADATA = "The metadata response from the cluster reported"


def test_green(kafka_utils, kafka_read_stream, kafka_topics, tmp_path):
    # such a producer looks for its topics often, not once in five minutes
    source, sink = kafka_topics
    query = (
        kafka_read_stream(source)
        .writeStream.format("kafka")
        .options(**kafka_utils.spark_options(), topic=sink)
        .option("kafka.metadata.max.age.ms", 200)
        .option("checkpointLocation", str(tmp_path))
        .start()
    )
    kafka_utils.send_messages(source, [("k", "v")])
    kafka_utils.wait_until_processed(query)
    query.stop()


def test_after_it(pytestconfig):
    captured = pytestconfig.pluginmanager.getplugin("capturemanager")
    shown = ""
    deadline = time.monotonic() + (60 if pytestconfig.option.verbose else 1)
    while METADATA not in shown and time.monotonic() < deadline:
        time.sleep(0.1)
        shown += captured.read_global_capture().err
    print("a topic that is gone:", METADATA in shown)


def test_udf(kafka_stream, kafka_read_stream, kafka_topics):
    @F.udf
    def wrong(value):
        raise ValueError("on purpose")

    source, sink = kafka_topics
    rows = kafka_read_stream(source).select(wrong("value").alias("value"))
    stream = kafka_stream(rows, sink)
    stream.add_data(source, [("k", "v")])
    stream.process_all_available()


def test_foreach_batch(kafka_follow, kafka_read_stream, kafka_topics, tmp_path):
    def save(rows, batch):
        raise ValueError("on purpose")

    source = kafka_topics[0]
    writer = kafka_read_stream(source).writeStream.foreachBatch(save)
    stream = kafka_follow(writer.option("checkpointLocation", str(tmp_path)).start())
    stream.add_data(source, [("k", "v")])
    stream.process_all_available()


def test_batch(kafka_spark):
    log4j = kafka_spark.sparkContext._jvm.org.apache.logging.log4j
    log4j.LogManager.getLogger("org.apache.spark.Own").warn("something else")
"""

TOLD = (
    "ERROR Utils: Aborting task",
    "ERROR Executor: Exception in task ",
    "Lost task ",
    " failed 1 times; aborting job",
    "terminated with error",
    "spark.sql.adaptive.enabled is not supported",
    "\tat org.apache.spark.",
)


def test_failures_are_not_told_a_second_time_by_spark(inner: Inner) -> None:
    """Topics of earlier tests are not reported either. Other messages still appear."""
    result = inner("-rA", test_logged=LOGGED)
    result.assert_outcomes(passed=3, failed=2)
    result.stdout.fnmatch_lines(
        ["E * StreamingQueryException: ValueError: on purpose", "* WARN Own: *else"]
    )
    text = text_of(result)
    assert "a topic that is gone: False" in text
    assert [
        part for part in (*TOLD, "UNKNOWN_TOPIC_OR_PARTITION") if part in text
    ] == []
    assert "[Stage " not in text


def test_a_level_of_the_users_shows_everything(inner: Inner) -> None:
    result = inner("-rA", "-v", conftest=CONF, test_logged=LOGGED)
    result.assert_outcomes(passed=3, failed=2)
    text = text_of(result)
    assert "a topic that is gone: True" in text
    assert [part for part in TOLD if part not in text] == []


def test_a_configuration_of_the_users_shows_everything(
    inner: Inner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "log4j2.properties").write_text(
        "rootLogger.level = warn\n"
        "rootLogger.appenderRef.all.ref = all\n"
        "appender.all.type = Console\n"
        "appender.all.name = all\n"
        "appender.all.target = SYSTEM_ERR\n"
        "appender.all.layout.type = PatternLayout\n"
        "appender.all.layout.pattern = mine %m%n%ex\n"
    )
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path))
    result = inner("-rA", "-k", "udf", test_logged=LOGGED)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["mine Exception in task *"])
