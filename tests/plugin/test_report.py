"""What the report of a failing test says about Kafka."""

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
  partition 0, offset 3, 1970-01-01T00:00:01.003Z: '3' -> '3'
  partition 0, offset 4, 1970-01-01T00:00:01.004Z: '4' -> '4'
  partition 0, offset 5, 1970-01-01T00:00:01.005Z: '5' -> '5'
  partition 0, offset 6, 1970-01-01T00:00:01.006Z: '6' -> '6'
  partition 1, offset 0, 1970-01-01T00:00:02.000Z: b'\\xff' -> None, headers {'h': b'v'}
"""


def sections(result: pytest.RunResult) -> list[str]:
    """The Kafka sections, without what differs from run to run."""
    printed = result.stdout.str() + "\n"
    texts = re.findall(r"^-+ Kafka -+\n(.*?)^(?=[-=_]{3})", printed, re.M | re.S)
    return [
        re.sub(r"-[0-9a-f]{8}'", "-ID'", re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", text))
        for text in texts
    ]


def test_a_failing_test_shows_its_topics(inner: Inner) -> None:
    """The report has their offsets, and the last records by time.

    Records that are not text are shown as bytes. A test that used no topic has no
    section.
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
    """The report does not wait for answers that can't come."""
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


RED = """
import pytest

from spark_kafka_testkit._cluster import Cluster


def test_waiting(kafka_utils):
    kafka_utils.assert_eventually(lambda: 1, 2, timeout=0)


def test_argument(kafka_utils):
    kafka_utils.create_topics([""])


def test_generated(kafka_utils):
    kafka_utils.wait_for_records("t", "2")


def test_fault_of_the_kits(kafka_utils, monkeypatch):
    monkeypatch.setattr(Cluster, "create_topics", lambda *_: 1 / 0)
    kafka_utils.create_topics(["t"])
"""
KITS_FILE = "spark_kafka_testkit/kafka_utils.py"


def test_the_message_stands_by_the_tests_own_line(inner: Inner) -> None:
    """The kit's functions are not shown, and the summary begins with the error's name.

    They are shown for a fault of the kit itself, and with --full-trace.
    """
    result = inner("-k", "waiting or argument", test_red=RED)
    printed = result.stdout.str()
    assert KITS_FILE not in printed
    line = ">       kafka_utils.assert_eventually(lambda: 1, 2, timeout=0)\n"
    assert (
        f"{line}E       spark_kafka_testkit.errors.WaitError: Wrong answer: "
        "expected 2, last 1\n"
    ) in printed
    result.stdout.fnmatch_lines(
        [
            "FAILED test_red.py::test_waiting - WaitError: Wrong answer: *",
            "FAILED test_red.py::test_argument - ValueError: topic_names*",
        ]
    )
    assert KITS_FILE in inner("-k", "fault", test_red=RED).stdout.str()
    generated = inner("-k", "generated", test_red=RED).stdout.str()
    assert "RecordMatcher" not in generated
    assert "<string>" not in generated
    assert (
        '>       kafka_utils.wait_for_records("t", "2")\n'
        "E       TypeError: count must be an int, not str\n"
    ) in generated
    full = inner("-k", "waiting", "--full-trace", test_red=RED)
    assert KITS_FILE in full.stdout.str()
