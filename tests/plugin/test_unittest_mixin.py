"""`KafkaTestMixin`, with unittest itself and with pytest."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugin.conftest import Inner, text_of
from tests.processes import HANG_SECONDS

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.usefixtures("quick_java")

TESTS = """
import tempfile
import unittest
from pyspark.testing import sqlutils
from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit.testing import KafkaTestMixin

names = []


class PlainTest(KafkaTestMixin, unittest.TestCase):
    def test_topics(self):
        for topic in (self.source_topic, self.sink_topic):
            assert list(self.kafka_utils.offsets(topic)) == [0]
            assert "test_topics-" in topic
        names.extend([self.source_topic, self.sink_topic])

    def test_topics_are_new_and_the_others_gone(self):
        known = self.kafka_utils.admin_client.list_topics()
        assert not set(names) & set(known)

    def tearDown(self):
        self.kafka_utils.offsets(self.source_topic)  # they are still there


class SharedTest(KafkaTestMixin, unittest.TestCase):
    @classmethod
    def make_kafka_utils(cls):
        return shared

    def test_the_shared_broker_is_taken(self):
        assert self.kafka_utils is shared


class SparkTest(KafkaTestMixin, sqlutils.ReusedSQLTestCase):
    def test_copy(self):
        source = (
            self.spark.readStream.format("kafka")
            .option("kafka.bootstrap.servers", self.kafka_utils.broker)
            .option("subscribe", self.source_topic)
            .option("startingOffsets", "earliest")
            .load()
        )
        self.query = (
            source.select("key", "value")
            .writeStream.format("kafka")
            .option("kafka.bootstrap.servers", self.kafka_utils.broker)
            .option("topic", self.sink_topic)
            .option("checkpointLocation", tempfile.mkdtemp())
            .queryName("copy")
            .start()
        )
        self.kafka_utils.send_messages(self.source_topic, [("k", "v")])
        assert self.kafka_utils.client == "jvm"
        self.kafka_utils.wait_until_processed(self.query)
        found = self.kafka_utils.get_all_records(self.spark, self.sink_topic)
        assert found == {"k": "v"}

    def test_no_query_is_left(self):
        assert self.spark.streams.active == []


def load_tests(loader, standard, pattern):  # not those that Spark's classes bring
    kinds = PlainTest, SharedTest, SparkTest
    return unittest.TestSuite(map(loader.loadTestsFromTestCase, kinds))


if __name__ == "__main__":
    with KafkaUtils() as shared:
        unittest.main()
"""


def by_unittest(path: Path) -> subprocess.CompletedProcess[str]:
    """Run the tests of a file in another process."""
    return subprocess.run(
        [sys.executable, str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_SECONDS,
    )


def test_the_mixin_works_by_unittest(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each class has a broker or shares one, and Spark's session has what it needs.

    Queries that a test leaves running are stopped and named. Then its topics are
    deleted.
    """
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_BACKEND", "embedded")
    done = by_unittest(pytester.makepyfile(TESTS))
    assert done.returncode == 0, done.stderr
    # lines of Spark's JVM may be around it
    assert re.search(r"^Ran \d+ tests in .*\n\nOK$", done.stderr, re.M), done.stderr
    assert (
        "LeftoverWarning: __main__.SparkTest.test_copy left running: query 'copy' ("
    ) in done.stderr


def test_the_mixin_works_by_pytest(inner: Inner) -> None:
    """It uses the broker of the run, and follows the run's options."""
    result = inner("--kafka-strict", "-k", "PlainTest or SparkTest", test_mixin=TESTS)
    assert "test_mixin.py::SparkTest::test_copy left running: query 'copy' (" in (
        text_of(result)
    )
    outcomes = result.parseoutcomes()
    assert outcomes["errors"] == 1
    assert "failed" not in outcomes
    result.stdout.fnmatch_lines(["kafka: external Kafka at *, records through jvm*"])


RED = """
import unittest
from spark_kafka_testkit.testing import KafkaTestMixin


class RedTest(KafkaTestMixin, unittest.TestCase):
    def test_arrival(self):
        self.wait()

    def wait(self):
        self.kafka_utils.wait_for_records(self.source_topic, 1, timeout=0)

    def test_own(self):
        assert self.source_topic is None


if __name__ == "__main__":
    unittest.main()
"""


def test_a_red_test_of_unittest_ends_at_its_own_line(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The traceback has no functions of the kit before the message."""
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_BACKEND", "embedded")
    path = pytester.makepyfile(RED)
    done = by_unittest(path)
    reports = re.split(r"^-{70}\n", done.stderr, flags=re.M)
    lines = [line for line in reports[1].splitlines() if "^^^" not in line]
    assert lines[:5] == [
        "Traceback (most recent call last):",
        f'  File "{path}", line 7, in test_arrival',
        "    self.wait()",
        f'  File "{path}", line 10, in wait',
        "    self.kafka_utils.wait_for_records(self.source_topic, 1, timeout=0)",
    ]
    assert lines[5].startswith("spark_kafka_testkit.errors.WaitError: ")
    own = [line for line in reports[2].splitlines() if line.startswith("  File ")]
    assert own == [f'  File "{path}", line 13, in test_own']
