"""What engines say of a port that is taken."""

from __future__ import annotations

import pytest

from spark_kafka_testkit._brokers.container import _is_port_taken


@pytest.mark.parametrize(
    "text",
    [
        # Docker
        "driver failed programming external connectivity on endpoint x: Bind for 127.0.0.1:20001 failed: port is already allocated",
        "failed to bind host port for 127.0.0.1:20001:172.17.0.2:9093/tcp: address already in use",
        # rootless Docker
        "error while calling RootlessKit PortManager.AddPort(): listen tcp4 127.0.0.1:33006: bind: address already in use",
        # Podman, rootless; with pasta; in its machine
        "rootlessport listen tcp 127.0.0.1:35133: bind: address already in use",
        "pasta failed with exit code 1: Failed to bind port 42188 (Address already in use)",
        'something went wrong with the request: "proxy already running\\n"',
        # Docker Desktop
        "Ports are not available: exposing port TCP 127.0.0.1:3306 -> 0.0.0.0:0: listen tcp 127.0.0.1:3306: bind: address already in use",
    ],
)
def test_a_taken_port_is_known_in_the_words_of_each_engine(text: str) -> None:
    """Another port is tried then."""
    assert _is_port_taken(RuntimeError(f"500 Server Error: {text}"))


def test_another_failure_is_no_taken_port() -> None:
    """It would be tried in vain."""
    assert not _is_port_taken(RuntimeError("409 Client Error: Conflict"))
