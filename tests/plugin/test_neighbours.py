"""The plugin beside other plugins and libraries for pytest and Spark."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from spark_kafka_testkit import KafkaUtils
from tests.plugin.conftest import PLUGIN, ROOT, Inner
from tests.processes import HANG_SECONDS
from tests.quick_java import QUICK_JAVA

pytest_plugins = ["pytester"]


def test_fixtures_work_beside_pytest_asyncio(inner: Inner) -> None:
    """They work in coroutines and in async fixtures."""
    result = inner(
        "-p",
        "asyncio",
        "-o",
        "asyncio_default_fixture_loop_scope=function",
        test_asyncio="""
            import asyncio
            import pytest
            import pytest_asyncio


            @pytest_asyncio.fixture
            async def filled(kafka_utils, kafka_topic):
                await asyncio.to_thread(
                    kafka_utils.send_messages, kafka_topic, [("k", "v")]
                )
                return kafka_topic


            @pytest.mark.asyncio
            @pytest.mark.kafka(partitions=2)
            async def test_an_async_fixture_serves_a_coroutine(kafka_utils, filled):
                assert len(kafka_utils.offsets(filled)) == 2
                found = await asyncio.to_thread(
                    kafka_utils.get_all_records, None, filled
                )
                assert found == {"k": "v"}
        """,
    )
    result.assert_outcomes(passed=1)


def test_a_time_out_of_pytest_timeout_fails_its_test_alone(inner: Inner) -> None:
    """The timeout comes in the middle of a read.

    The report shows the topic, and the next test has a client that works.
    """
    result = inner(
        "-p",
        "pytest_timeout",
        test_timeout="""
            import pytest

            @pytest.fixture
            def filled(kafka_utils, kafka_topic):
                kafka_utils.send_messages(kafka_topic, [("k", "v")])
                return kafka_topic


            @pytest.mark.timeout(2, func_only=True)
            def test_waits_too_long(kafka_utils, filled):
                kafka_utils.wait_for_records(filled, count=2)


            def test_the_next_test_has_a_client_that_works(kafka_utils, kafka_topic):
                kafka_utils.send_messages(kafka_topic, [("k", "v")])
                assert kafka_utils.get_all_records(None, kafka_topic) == {"k": "v"}
        """,
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "E *Timeout (>2.0s) from pytest-timeout.",
            "topic 'test_waits_too_long-*', offsets: partition 0: 0 to 1",
        ]
    )


def test_each_run_of_pytest_rerunfailures_has_its_own_topics(inner: Inner) -> None:
    """The test fails twice, and then passes."""
    result = inner(
        "-p",
        "rerunfailures",
        "--reruns=2",
        test_rerun="""
            names = []

            def test_fails_twice_and_passes(kafka_utils, kafka_topic):
                kafka_utils.send_messages(kafka_topic, [("k", "v")])
                names.append(kafka_topic)
                assert len(kafka_utils.read_records(kafka_topic)) == 1
                assert len(set(names)) == 3
                assert set(names) & set(kafka_utils.admin_client.list_topics()) == {
                    kafka_topic
                }
        """,
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*1 passed, 2 rerun*"])


SPARK = """
import chispa
import pytest
from pyspark.testing import assertDataFrameEqual

ROWS = [("k2", "v2"), ("k1", "v1")]


def read(spark, kafka_utils, topic):
    kafka_utils.send_messages(topic, [("k1", "v1"), ("k2", "v2")])
    df = spark.read.format("kafka").option("subscribe", topic)
    df = df.option("kafka.bootstrap.servers", kafka_utils.broker).load()
    return df.selectExpr("CAST(key AS STRING) k", "CAST(value AS STRING) v")


def test_pytest_spark(spark_session, kafka_spark, kafka_utils, kafka_topic):
    assert kafka_spark is spark_session
    assert read(spark_session, kafka_utils, kafka_topic).count() == 2
    assert kafka_utils.client == "jvm"


def test_chispa(kafka_spark, kafka_utils, kafka_topic):
    wanted = kafka_spark.createDataFrame(ROWS, "k string, v string")
    found = read(kafka_spark, kafka_utils, kafka_topic)
    chispa.assert_df_equality(found, wanted, ignore_row_order=True)
    with pytest.raises(chispa.DataFramesNotEqualError):
        chispa.assert_df_equality(found, wanted.limit(1))


def test_assert_data_frame_equal(kafka_spark, kafka_utils, kafka_topic):
    wanted = kafka_spark.createDataFrame(ROWS, "k string, v string")
    assertDataFrameEqual(read(kafka_spark, kafka_utils, kafka_topic), wanted)
"""


@pytest.fixture(scope="module")
def with_spark(
    tmp_path_factory: pytest.TempPathFactory, kafka: KafkaUtils
) -> dict[str, str]:
    """The outcome of each test, and the output, of one run for all of them.

    One run is enough, because a Spark session takes long to start.
    """
    folder = tmp_path_factory.mktemp("neighbours")
    (folder / "test_spark.py").write_text(SPARK)
    (folder / "pytest.ini").write_text(
        "[pytest]\nspark_options =\n  spark.master: local[1]\n"
        "  spark.ui.enabled: false\n  spark.app.name: theirs\n"
        f"  spark.driver.extraJavaOptions: {QUICK_JAVA}\n"
    )
    broker = f"--kafka-bootstrap-servers={kafka.broker}"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *PLUGIN, "-p", "spark", "-v", broker],
        cwd=folder,
        env={
            **os.environ,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPATH": str(ROOT / "python"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_SECONDS,
    )
    outcomes = dict(re.findall(r"::(\w+) (PASSED|FAILED|ERROR)", done.stdout))
    return {**outcomes, "text": done.stdout + done.stderr}


@pytest.mark.parametrize(
    "name", ["test_pytest_spark", "test_chispa", "test_assert_data_frame_equal"]
)
def test_the_plugin_works_beside_libraries_for_spark(
    name: str, with_spark: dict[str, str]
) -> None:
    """The plugin uses their session, and they can compare what is read from Kafka."""
    assert with_spark.get(name) == "PASSED", with_spark["text"]
