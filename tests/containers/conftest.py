"""These tests run against a real Docker engine, one that answers or that can be
started here, and a local image that keeps the contracts of the public ones.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spark_kafka_testkit import KafkaUtils

CI = Path(__file__).parents[2] / "ci"
CONFLUENT = "spark-kafka-testkit/cp-kafka:7.9.0"
APACHE = "spark-kafka-testkit/apache/kafka:4.4.0"
SETTINGS = {
    "TESTCONTAINERS_RYUK_DISABLED": "true",
    "TESTCONTAINERS_HOST_OVERRIDE": "localhost",
    "TESTCONTAINERS_CONNECTION_MODE": "docker_host",
}


@pytest.fixture(scope="session", autouse=True)
def engine() -> Iterator[Any]:
    """A Docker client. Without an engine the tests are skipped, with the reason."""
    started = subprocess.run(
        [CI / "docker-engine", "start"], capture_output=True, text=True, check=False
    )
    if started.returncode:
        pytest.skip(started.stderr.strip().splitlines()[-1])
    try:
        subprocess.run([sys.executable, CI / "kafka-image"], check=True)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in SETTINGS.items():
                patch.setenv(name, value)
            # testcontainers reads its variables when it is imported
            assert "testcontainers.core.config" not in sys.modules, "imported too early"
            import docker

            client = docker.from_env()
            yield client
            client.close()
    finally:
        subprocess.run([CI / "docker-engine", "stop"], check=True)


@pytest.fixture(params=[CONFLUENT, APACHE], ids=["confluent", "apache"])
def image(request: pytest.FixtureRequest) -> str:
    """An image of each contract."""
    return str(request.param)


@pytest.fixture(scope="module", params=[CONFLUENT, APACHE], ids=["confluent", "apache"])
def container_kafka(request: pytest.FixtureRequest) -> Iterator[KafkaUtils]:
    """A broker in a container, of each contract."""
    with KafkaUtils(backend="container", image=str(request.param)) as kafka:
        yield kafka


@pytest.fixture(autouse=True)
def nothing_left(engine: Any, request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test leaves the engine as it found it."""
    before = inventory(engine)
    yield
    is_shared = "container_kafka" in request.fixturenames or request.cls is not None
    if not is_shared:
        assert inventory(engine) == before


def inventory(client: Any) -> dict[str, set[str]]:
    """What there is in the engine: containers in any state, volumes, networks."""
    return {
        "containers": {c.id for c in client.containers.list(all=True)},
        "volumes": {volume.id for volume in client.volumes.list()},
        "networks": {network.id for network in client.networks.list()},
    }


def own_environment() -> dict[str, str]:
    """The environment for a child process that uses containers."""
    return {**os.environ, **SETTINGS}
