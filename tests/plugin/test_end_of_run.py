"""What a run prints at its end, when its broker is gone but Spark is not yet."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import PLUGIN, text_of
from tests.processes import HANG_SECONDS

pytest_plugins = ["pytester"]

COPIES = """
def test_copies(kafka_spark, kafka_utils, kafka_topics, kafka_stream):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source).select("key", "value")
    run = kafka_stream(rows, sink)
    run.add_data(source, [("a", "1")])
    run.check_answer({"a": "1"})
"""
LATER = """
import time

def pytest_unconfigure(config):
    time.sleep(2)  # a producer looks for its broker twice a second
"""


def test_sparks_producers_do_not_look_for_a_broker_that_has_gone(
    pytester: pytest.Pytester,
) -> None:
    """Spark would keep its producers for ten minutes."""
    pytester.makepyfile(test_copies=COPIES)
    pytester.makeconftest(LATER)
    result = pytester.runpytest_subprocess(
        *PLUGIN, "--kafka-backend=embedded", timeout=HANG_SECONDS
    )
    result.assert_outcomes(passed=1)
    assert "could not be established" not in text_of(result)


RECORDING = """
import subprocess
from spark_kafka_testkit._spark import archive

archive._recorder = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
archive._started = float("-inf")
"""


def test_an_archive_that_is_not_recorded_yet_is_told_of(
    pytester: pytest.Pytester,
) -> None:
    """The message gives the reason and a remedy, without assuming knowledge of it."""
    pytester.makepyfile("def test_passes(): pass")
    pytester.makeconftest(RECORDING)
    result = pytester.runpytest_subprocess(*PLUGIN, timeout=HANG_SECONDS)
    result.assert_outcomes(passed=1)
    assert (
        "kafka: the kit can halve Spark's start by a class archive, which is not "
        "recorded yet: a run records it in the background, with the CPU time that its "
        "tests leave, and this one left too little. Run `spark-kafka-testkit prepare` "
        "once, which records it\n"
    ) in result.stdout.str()
