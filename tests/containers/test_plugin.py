"""The pytest plugin with a broker in a container."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plugin.conftest import PLUGIN, Seen, nothing_is_set, seen

from .conftest import CONFLUENT, inventory

__all__ = ["nothing_is_set", "seen"]  # fixtures, at work here too
pytest_plugins = ["pytester"]

SHARING = """
import os
import pytest


@pytest.mark.parametrize("number", range(8))
def test_a_record_goes_in_and_out(number, kafka_utils, kafka_topic, worker_id):
    kafka_utils.send_messages(kafka_topic, [(number, "v")])
    assert kafka_utils.get_all_records(None, kafka_topic) == {str(number): "v"}
    assert kafka_utils.backend == "container"
    with open(os.environ["SEEN"], "a") as seen:
        seen.write(f"{worker_id} {kafka_utils.broker}\\n")
"""


def test_all_workers_share_one_container(
    pytester: pytest.Pytester,
    seen: Seen,
    engine: Any,
) -> None:
    """The controller owns it, and it goes with the run."""
    before = inventory(engine)
    pytester.makepyfile(SHARING)
    choice = ("--kafka-backend=container", f"--kafka-image={CONFLUENT}")
    result = pytester.runpytest_subprocess(
        *PLUGIN, "-p", "xdist", "-n2", *choice, timeout=240
    )
    result.assert_outcomes(passed=8, warnings=0)
    result.stdout.fnmatch_lines(["kafka: *container*"])
    workers, brokers = (set(column) for column in zip(*seen.lines(), strict=True))
    assert workers == {"gw0", "gw1"}
    assert len(brokers) == 1
    assert inventory(engine) == before
