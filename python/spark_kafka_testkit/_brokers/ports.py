"""Find free ports, if possible outside the range that the system uses itself."""

from __future__ import annotations

import random
import socket
from pathlib import Path

from spark_kafka_testkit.errors import BrokerStartError

__all__ = ["ephemeral_ports", "free_ports"]

RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")
USUAL = range(32768, 61000)
LOWEST, END = 1025, 65536
BELOW = 16384
TRIES = 256


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that are free now.

    Ports below the ephemeral range come first, then those above it, then any. A client
    that retries a vacant port inside the range may connect to itself and hold it.

    Raises:
        BrokerStartError: the system gives none. The text quotes its reason.
    """
    ports: list[int] = []
    tried, refusal = 0, ""
    for places in _places(ephemeral_ports()):
        for port in random.sample(places, min(len(places), TRIES)):
            if port in ports:
                continue
            tried += 1
            problem = _problem(port)
            if problem is None:
                ports.append(port)
            else:
                refusal = f"the last, {port}: {problem}"
            if len(ports) == count:
                return ports
    raise BrokerStartError(
        f"No free port was found on 127.0.0.1: {tried} were tried, {refusal}. Let this "
        "process listen on 127.0.0.1, or use a broker that runs elsewhere "
        "(bootstrap_servers=...)."
    )


def ephemeral_ports() -> range:
    """The ephemeral range, or Linux's default if it is not known."""
    try:
        first, last = map(int, RANGE_FILE.read_text().split())
    except (OSError, ValueError):
        return USUAL
    return range(first, last + 1)


def _places(ephemeral: range) -> list[range]:
    top = min(USUAL.start, ephemeral.start)
    return [
        range(max(LOWEST, top - BELOW), top),
        range(max(LOWEST, ephemeral.stop), END),
        range(LOWEST, END),
    ]


def _problem(port: int) -> OSError | None:
    try:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
    except OSError as error:
        return error
    return None
