"""Which broker is started where nothing is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from spark_kafka_testkit._brokers.start import start_any


def test_auto_says_where_docker_was_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Who sets DOCKER_HOST wants a container; where none can be had, the log warns."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    assert start_any(str) == "embedded"
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == (
        "WARNING",
        "starting the embedded broker instead of a container: No Docker daemon answers "
        f"at unix://{tmp_path}/none ([Errno 2] No such file or directory)",
    )
