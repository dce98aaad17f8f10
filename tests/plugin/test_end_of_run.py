"""What a run prints when its broker has gone, and Spark has not yet."""

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
    """Spark keeps them for ten minutes."""
    pytester.makepyfile(test_copies=COPIES)
    pytester.makeconftest(LATER)
    result = pytester.runpytest_subprocess(
        *PLUGIN, "--kafka-backend=embedded", timeout=HANG_SECONDS
    )
    result.assert_outcomes(passed=1)
    assert "could not be established" not in text_of(result)
