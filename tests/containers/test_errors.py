"""What a user reads when a container does not come up; each caused for real."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit.errors import BrokerStartError, MissingDependencyError
from spark_kafka_testkit.kafka_utils import cluster_of

from .conftest import CONFLUENT
from .relay import Relay


def failure(**settings: Any) -> BrokerStartError:
    """What setup() raises; teardown() after it does nothing."""
    kafka = KafkaUtils(backend="container", **settings)
    with pytest.raises(RuntimeError) as caught:
        kafka.setup()
    assert isinstance(caught.value, BrokerStartError)
    kafka.teardown()
    return caught.value


def test_a_daemon_that_does_not_answer_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says how long it was waited for, what to start, and what needs none."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert str(failure(startup_timeout=1)) == (
        "Docker is not running: No Docker daemon answers at "
        f"unix://{tmp_path}/none.sock ([Errno 2] No such file or directory), even "
        "after 1 s. Start it (check with: docker ps), or use the backend `embedded`, "
        "which needs none."
    )


def test_an_image_that_can_not_be_pulled_is_named() -> None:
    """The daemon's reason is given."""
    error = failure(image="127.0.0.1:9/nobody/kafka:1.0")
    assert str(error).startswith(
        "Kafka container failed to start from image 127.0.0.1:9/nobody/kafka:1.0: "
        "it can't be pulled: "
    )
    assert "connection refused" in str(error)
    assert error.__cause__ is not None


def test_a_container_that_exits_at_once_is_reported_with_its_log(image: str) -> None:
    """The end of the log has the node's own words."""
    error = failure(image=image, broker_config={"log.retention.hours": "oops"})
    text = str(error)
    assert text.startswith(
        f"Kafka container failed to start from image {image}: it exited with code 1\n"
        "The end of its log:\n"
    )
    assert "Invalid value oops for configuration log.retention.hours" in text


def test_a_container_that_never_gets_ready_is_given_up(image: str) -> None:
    """The time is named, the log's end shown, and the container removed."""
    error = failure(image=image, startup_timeout=4, environment={"KAFKA_OPTS": STALL})
    text = str(error)
    assert text.startswith(
        f"Kafka container failed to start from image {image}: "
        "it was not ready within 4 s\nThe end of its log:\n"
    )
    assert "Listening for transport dt_socket" in text


# The JVM waits for a debugger that never comes.
STALL = "-agentlib:jdwp=transport=dt_socket,server=y,suspend=y,address=127.0.0.1:5005"


@pytest.mark.parametrize("module", ["testcontainers", "kafka"])
def test_a_missing_package_is_named(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ImportError has the line to type, in the document's words."""
    for name in list(sys.modules):
        if name.partition(".")[0] == module:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError) as caught:
        KafkaUtils(backend="container", image=CONFLUENT).setup()
    assert isinstance(caught.value, MissingDependencyError)
    package = {"testcontainers": "testcontainers[kafka]", "kafka": "kafka-python"}[
        module
    ]
    name = package.partition("[")[0]
    assert str(caught.value) == (
        f"{name} is required for Kafka tests. Install it with: pip install {package}"
    )


def test_a_broker_outlives_a_daemon_that_goes_away(
    engine: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """teardown() goes through, and the log says what is left."""
    relay = Relay(tmp_path / "docker.sock")
    monkeypatch.setenv("DOCKER_HOST", relay.address)
    kafka = KafkaUtils(backend="container", image=CONFLUENT)
    kafka.setup()
    container = engine.containers.get(cluster_of(kafka).broker.container_id)  # type: ignore[attr-defined]
    try:
        relay.stop()
        kafka.send_messages("t", [("k", "v")])
        assert kafka.get_all_records(None, "t") == {"k": "v"}
        kafka.teardown()
        assert not kafka.initialized
        (warning,) = [
            record.getMessage()
            for record in caplog.records
            if record.name == "spark_kafka_testkit" and record.levelname == "WARNING"
        ]
        assert warning.startswith("the container was not removed (ConnectionError: ")
        assert warning.endswith(
            ". When Docker answers again, remove it with: "
            f"docker rm -fv {container.short_id}"
        )
    finally:
        container.remove(force=True, v=True)


def test_teardown_goes_through_when_the_container_has_gone(engine: Any) -> None:
    """A second call does nothing."""
    kafka = KafkaUtils(backend="container", image=CONFLUENT)
    kafka.setup()
    kafka.send_messages("t", [("k", "v")])
    engine.containers.get(cluster_of(kafka).broker.container_id).remove(force=True)  # type: ignore[attr-defined]
    kafka.teardown()
    kafka.teardown()
    assert not kafka.initialized
