"""The environment of these tests: nothing in it chooses a broker or names a daemon."""

from __future__ import annotations

import os

import pytest

VARIABLES = ("SPARK_KAFKA_TESTKIT_BACKEND", "SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS")


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of Docker's or of the kit's choice is inherited."""
    docker = [name for name in os.environ if name.startswith("DOCKER_")]
    for name in (*VARIABLES, *docker):
        monkeypatch.delenv(name, raising=False)
