"""A broker that ends during a test: that test reports it, the others use another."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from spark_kafka_testkit._brokers.broker import BACKEND_ENV
from tests.plugin.conftest import PLUGIN
from tests.processes import HANG_SECONDS

pytest_plugins = ["pytester"]

KILL = """
import os, signal, time
from spark_kafka_testkit.kafka_utils import cluster_of

def kill(kafka):
    broker = cluster_of(kafka).broker
    os.kill(broker.pid, signal.SIGKILL)
    while not broker.ended:
        time.sleep(0.01)
"""
TESTS = """
import pytest
from killing import kill

def work(kafka, topic):
    kafka.send_messages(topic, [("k", "v")])
    assert kafka.get_all_records(None, topic) == {"k": "v"}

def test_1(kafka_utils, kafka_topic):
    work(kafka_utils, kafka_topic)
    kill(kafka_utils)
    assert not kafka_utils.initialized
    work(kafka_utils, kafka_topic)

@pytest.mark.parametrize("number", range(2, 7))
def test_others(number, kafka_utils, kafka_topic):
    assert kafka_utils.initialized
    work(kafka_utils, kafka_topic)
"""
MIXIN = """
import unittest, warnings
from killing import kill
from spark_kafka_testkit.testing import KafkaTestMixin

class Test(KafkaTestMixin, unittest.TestCase):
    def test_1(self):
        kill(self.kafka_utils)

    def test_2(self):
        self.kafka_utils.send_messages(self.source_topic, [("k", "v")])

    def test_3(self):
        self.kafka_utils.send_messages(self.source_topic, [("k", "v")])
"""
HOW = r"Kafka [\d.]+, embedded, at 127\.0\.0\.1:\d+\): its process \(pid \d+\) ended "
HOW += "with exit code -9"


def test_the_tests_after_it_have_another_broker(pytester: pytest.Pytester) -> None:
    """The test reports the death, and one warning says who uses the next broker."""
    pytester.makepyfile(killing=KILL, test_ends=TESTS)
    result = pytester.runpytest_subprocess(*PLUGIN, "--kafka-backend=embedded")
    result.assert_outcomes(failed=1, passed=5, warnings=2)
    text = result.stdout.str()
    assert re.search(
        rf"BrokerEndedError: The broker is gone \({HOW}\. Call setup\(\) to get "
        "another one, without its topics\\.\n",
        text,
    ), text
    (told,) = re.findall(r"BrokerEndedWarning: (.*)", text)
    assert re.fullmatch(
        rf"The broker is gone \({HOW}\. test_ends\.py::test_others\[2\] and the tests "
        r"after it use another\.",
        told,
    )
    assert (
        "test_ends.py::test_1: its topics were not deleted: The broker is gone" in text
    )


def test_a_warning_that_is_an_error_fails_one_test(pytester: pytest.Pytester) -> None:
    """The broker is replaced all the same."""
    pytester.makepyfile(killing=KILL, test_ends=TESTS)
    result = pytester.runpytest_subprocess(
        *PLUGIN,
        "--kafka-backend=embedded",
        "-Werror::spark_kafka_testkit.testing.BrokerEndedWarning",
    )
    result.assert_outcomes(failed=1, errors=1, passed=4, warnings=2)


def test_the_mixin_goes_on_with_another_broker(tmp_path: Path) -> None:
    """This also works with unittest alone."""
    (tmp_path / "killing.py").write_text(KILL)
    (tmp_path / "test_ends.py").write_text(MIXIN)
    done = subprocess.run(
        [sys.executable, "-W", "always", "-m", "unittest", "test_ends"],
        cwd=tmp_path,
        env={**os.environ, BACKEND_ENV: "embedded"},
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert len(re.findall("BrokerEndedWarning: ", done.stderr)) == 1
