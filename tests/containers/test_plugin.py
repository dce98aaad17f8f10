"""The pytest plugin with a broker in a container."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spark_kafka_testkit._cache import cache_folder
from tests.plugin.conftest import PLUGIN, nothing_is_set

from .conftest import CONFLUENT, inventory

__all__ = ["nothing_is_set"]  # it is at work here too
pytest_plugins = ["pytester"]

CACHE = cache_folder()  # here: pytester moves the home folder
SHARING = """
import os
import pytest


@pytest.mark.parametrize("number", range(8))
def test_it(number, kafka_utils, kafka_topic, worker_id):
    kafka_utils.send_messages(kafka_topic, [(number, "v")])
    assert kafka_utils.get_all_records(None, kafka_topic) == {str(number): "v"}
    assert kafka_utils.backend == "container"
    with open(os.environ["SEEN"], "a") as seen:
        seen.write(f"{worker_id} {kafka_utils.broker}\\n")
"""


def test_all_workers_share_one_container(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    engine: Any,
) -> None:
    """The controller owns it, and it goes with the run."""
    before = inventory(engine)
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", str(CACHE))
    pytester.makepyfile(SHARING)
    choice = ("--kafka-backend=container", f"--kafka-image={CONFLUENT}")
    result = pytester.runpytest_subprocess(
        *PLUGIN, "-p", "xdist", "-n2", *choice, timeout=240
    )
    result.assert_outcomes(passed=8, warnings=0)
    result.stdout.fnmatch_lines(["kafka: *container*"])
    lines = [line.split() for line in (tmp_path / "seen").read_text().splitlines()]
    assert {worker for worker, _ in lines} == {"gw0", "gw1"}
    assert len({address for _, address in lines}) == 1
    assert inventory(engine) == before
