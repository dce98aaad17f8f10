"""The pytest plugin with a broker in a container."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plugin.conftest import PLUGIN, Seen, nothing_is_set, seen
from tests.processes import HANG_SECONDS

from .conftest import CONFLUENT, inventory

__all__ = ["nothing_is_set", "seen"]  # fixtures, at work here too
pytest_plugins = ["pytester"]

WORKING = """
import os
import pytest


@pytest.mark.parametrize("number", range(8))
def test_a_record_goes_in_and_out(number, kafka_utils, worker_id):
    kafka_utils.create_topics(["events"])
    kafka_utils.send_messages("events", [(number, "v")])
    assert kafka_utils.get_all_records(None, "events") == {str(number): "v"}
    kafka_utils.delete_topics(["events"])
    assert kafka_utils.backend == "container"
    with open(os.environ["SEEN"], "a") as seen:
        seen.write(f"{worker_id} {kafka_utils.broker}\\n")
"""


def test_each_worker_has_a_container_which_goes_with_the_run(
    pytester: pytest.Pytester,
    seen: Seen,
    engine: Any,
) -> None:
    """Tests that use the same topic names do not meet there either."""
    before = inventory(engine)
    pytester.makepyfile(WORKING)
    choice = ("--kafka-backend=container", f"--kafka-image={CONFLUENT}")
    result = pytester.runpytest_subprocess(
        *PLUGIN, "-p", "xdist", "-n2", *choice, timeout=HANG_SECONDS
    )
    result.assert_outcomes(passed=8, warnings=0)
    result.stdout.fnmatch_lines(["kafka: * in a container, one for each of 2 workers*"])
    workers, brokers = (set(column) for column in zip(*seen.lines(), strict=True))
    assert workers == {"gw0", "gw1"}
    assert len(brokers) == 2
    assert inventory(engine) == before
