"""The daemon is the one that testcontainers would find, and it may be slow or late;
the image's name and its registry's password are what testcontainers' variables say.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from docker.context import ContextAPI

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._brokers.docker import HUB_PREFIX, docker_problem
from spark_kafka_testkit._brokers.kept import lease
from tests.certificates import make_docker_certificates, mutual_tls
from tests.processes import HANG_SECONDS

from .conftest import APACHE, CONFLUENT, own_environment
from .registry import registry
from .relay import Relay


def works(kafka: KafkaUtils) -> None:
    """A record goes in and out."""
    kafka.send_messages("t", [("k", "v")])
    assert kafka.get_all_records(None, "t") == {"k": "v"}


def test_a_daemon_behind_tls_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitLab's Docker-in-Docker service is one: it has a port, and certificates of both
    sides.
    """
    make_docker_certificates(tmp_path)
    relay = Relay(tls=mutual_tls(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", relay.address)
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # docker-py puts them first
        monkeypatch.delenv(name, raising=False)
    try:
        with KafkaUtils(backend="container", image=CONFLUENT) as kafka:
            works(kafka)
        assert relay.connections > 0
    finally:
        relay.stop()


def test_a_daemon_that_is_late_and_slow_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It begins to listen while it is waited for, and rests before each answer for
    longer than `auto` waits for one.
    """
    path = tmp_path / "docker.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    relays: list[Relay] = []

    def begin() -> None:
        while not any("Waiting up to 30 s" in text for text in caplog.messages):
            time.sleep(0.01)
        relays.append(Relay(path, delay=0.3))

    thread = threading.Thread(target=begin, daemon=True)
    thread.start()
    try:
        with KafkaUtils(backend="container", image=APACHE) as kafka:
            assert docker_problem() == (
                f"No Docker daemon answers at unix://{path} (timed out)"
            )
            works(kafka)
    finally:
        thread.join(5)
        for relay in relays:
            relay.stop()


def test_what_a_killed_keeper_left_is_removed_by_the_context(
    engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kit's own questions go where its containers are."""
    relay = Relay(tmp_path / "docker.sock")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text('{"currentContext": "colima"}')
    ContextAPI.create_context("colima", host=relay.address)
    container = engine.containers.create(CONFLUENT)
    try:
        lease._remove_container(container.id)
        assert relay.connections > 0
        assert container.id not in {c.id for c in engine.containers.list(all=True)}
    finally:
        relay.stop()


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (
            CONFLUENT,
            "driver failed programming external connectivity on endpoint x: error "
            "while calling RootlessKit PortManager.AddPort(): listen tcp4 "
            "127.0.0.1:33006: bind: address already in use",
        ),
        (
            APACHE,
            "rootlessport listen tcp 127.0.0.1:35133: bind: address already in use",
        ),
    ],
    ids=["confluent", "apache"],
)
def test_another_port_is_tried_where_one_is_taken(
    image: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A taken port is known by the words of rootless Docker and Podman, too, and what
    did not start is removed.
    """
    relay = Relay(tmp_path / "docker.sock", refusals=[words, words])
    monkeypatch.setenv("DOCKER_HOST", relay.address)
    try:
        with KafkaUtils(backend="container", image=image) as kafka:
            works(kafka)
    finally:
        relay.stop()


def child(code: str, **environment: str) -> str:
    """What a new process prints: testcontainers reads its variables at import."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**own_environment(), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def needs_the_prefix() -> None:
    """testcontainers has it from 4.15 on, and the kit does as testcontainers does."""
    from testcontainers.core.config import testcontainers_config

    if not hasattr(testcontainers_config, HUB_PREFIX):
        pytest.skip("this testcontainers knows no prefix for images")


def test_an_image_is_pulled_with_the_password_of_its_registry(engine: Any) -> None:
    """A company's mirror wants one: the image is pulled by its whole name, with the
    password that DOCKER_AUTH_CONFIG has for it, though that is not the first in it.
    """
    needs_the_prefix()
    code = """
from spark_kafka_testkit._brokers.broker import BrokerSettings
from spark_kafka_testkit._brokers import container
try:
    container.prepare(BrokerSettings(image="x/kafka:1.0"))
    print("pulled")
except Exception as error:
    print(error)
"""
    with registry("alice", "se:cret") as address:
        mirror = {"TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX": f"{address}/"}
        without = child(code, **mirror)
        assert without.startswith(
            "Kafka container failed to start from image "
            f"{address}/x/kafka:1.0: it can't be pulled: "
        )
        auths = {
            "other.example.com": {"auth": b64encode(b"b:o").decode()},
            address: {"auth": b64encode(b"alice:se:cret").decode()},
        }
        config = json.dumps({"auths": auths})
        assert child(code, **mirror, DOCKER_AUTH_CONFIG=config) == "pulled\n"
        engine.images.remove(f"{address}/x/kafka:1.0")


def test_a_prefix_is_in_the_names_of_all_images(engine: Any) -> None:
    """Ryuk's has it too, which is no reason to start a Ryuk for Ryuk without end."""
    needs_the_prefix()
    code = f"""
import logging
from spark_kafka_testkit import KafkaUtils
logging.basicConfig(level=logging.WARNING)
with KafkaUtils(backend="container", image={CONFLUENT!r}) as kafka:
    kafka.send_messages("t", [("k", "v")])
    print(repr(kafka).partition(" in ")[0], kafka.get_all_records(None, "t"))
"""
    prefix = "127.0.0.1:9/"
    engine.images.get(CONFLUENT).tag(prefix + CONFLUENT.partition(":")[0], "7.9.0")
    try:
        said = child(
            code,
            TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX=prefix,
            TESTCONTAINERS_RYUK_DISABLED="false",
            RYUK_CONTAINER_IMAGE="ryuk:0.8.1",
        )
    finally:
        engine.images.remove(f"{prefix}{CONFLUENT}")
    assert said.splitlines()[0] == f"<KafkaUtils: {prefix}{CONFLUENT} {{'k': 'v'}}"
    assert "reaper (Ryuk) can't run" in said
    assert "recursion" not in said
    assert "127.0.0.1:9/v2/" in said
