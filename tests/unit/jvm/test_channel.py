"""A connection to the helper that nobody takes."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from spark_kafka_testkit._jvm import channel
from spark_kafka_testkit.errors import HelperError

LOOPBACK = ("127.0.0.1", 0)


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port whose queue of connections is full, so that a further one waits."""
    with socket.socket() as server:
        server.bind(LOOPBACK)
        server.listen(0)
        callers = [socket.socket() for _ in range(8)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(server.getsockname())
        yield server.getsockname()[1]
        for caller in callers:
            caller.close()


def test_a_helper_that_accepts_nothing_is_told(
    full_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not by the socket's own error."""
    monkeypatch.setattr(channel, "CONNECT_SECONDS", 0.2)
    with pytest.raises(HelperError) as caught:
        channel.Channel(lambda _: f"{full_port} secret")
    assert str(caught.value) == (
        "The JVM helper has not accepted a connection within 0.2 s. Is its JVM "
        "suspended, or out of memory?"
    )
