"""What the report of a failing test says of Kafka."""

from __future__ import annotations

import re

import pytest

from tests.plugin.conftest import PLUGIN, Inner

pytest_plugins = ["pytester"]

FAILING = """
import pytest
from spark_kafka_testkit import Record


@pytest.mark.kafka(partitions=2)
def test_with_records(kafka_utils, kafka_topic):
    records = [Record(i, i, partition=0, timestamp=1000 + i) for i in range(7)]
    kafka_utils.send_messages(kafka_topic, records)
    last = Record(b"\\xff", None, partition=1, timestamp=2000, headers={"h": b"v"})
    kafka_utils.send_messages(kafka_topic, [last])
    assert kafka_utils.get_all_records(None, kafka_topic, "BINARY") == {}


def test_without_a_topic(kafka_utils):
    assert False
"""
SECTION = """\
external Kafka at ADDRESS
topic 'test_with_records-ID', offsets: partition 0: 0 to 7, partition 1: 0 to 1
  Record('3', '3', partition=0, offset=3, timestamp=1003)
  Record('4', '4', partition=0, offset=4, timestamp=1004)
  Record('5', '5', partition=0, offset=5, timestamp=1005)
  Record('6', '6', partition=0, offset=6, timestamp=1006)
  Record(b'\\xff', None, partition=1, offset=0, timestamp=2000, headers=(('h', b'v'),))
"""


def sections(result: pytest.RunResult) -> list[str]:
    """The Kafka sections, without what changes from run to run."""
    printed = result.stdout.str() + "\n"
    texts = re.findall(r"^-+ Kafka -+\n(.*?)^(?=[-=_]{3})", printed, re.M | re.S)
    return [
        re.sub(r"-[0-9a-f]{8}'", "-ID'", re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", text))
        for text in texts
    ]


def test_a_failing_test_shows_its_topics(inner: Inner) -> None:
    """The report has offsets and the last records by time, readable or not, and no
    section for a test that touched nothing.
    """
    result = inner(test_failing=FAILING)
    result.assert_outcomes(failed=2)
    assert sections(result) == [SECTION]


DEAD = """
import os, signal, time
from spark_kafka_testkit.kafka_utils import cluster_of

def test_with_a_dead_broker(kafka_utils, kafka_topic):
    os.kill(cluster_of(kafka_utils).broker.pid, signal.SIGKILL)
    cluster_of(kafka_utils).broker._node.process._popen.wait()
    assert False
"""


def test_a_broker_that_died_is_shown_by_its_log(pytester: pytest.Pytester) -> None:
    """What it can't be asked any more is not waited for."""
    pytester.makepyfile(DEAD)
    result = pytester.runpytest_subprocess(*PLUGIN, "--kafka-backend=embedded")
    result.assert_outcomes(failed=1, warnings=1)
    (section,) = sections(result)
    assert re.fullmatch(
        r"Kafka .*, embedded, at ADDRESS\n"
        r"  \(no more.*\)\n"
        r"the end of the broker's log:\n(  .*\n){10}",
        section,
    ), section
