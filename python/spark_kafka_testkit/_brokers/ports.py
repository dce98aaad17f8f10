"""Free ports outside the range from which the system takes those of connections."""

from __future__ import annotations

import random
import socket
from pathlib import Path

__all__ = ["ephemeral_start", "free_ports"]


def free_ports(count: int) -> list[int]:
    """Ports that are free now, below the ephemeral range: a client that retries a
    vacant port in it may connect to itself, and hold it.
    """
    top = min(32768, ephemeral_start())
    bottom = top - 16384 if top > 18000 else 1025
    ports: list[int] = []
    while len(ports) < count:
        port = random.randrange(bottom, top)
        if port not in ports and _is_free(port):
            ports.append(port)
    return ports


def ephemeral_start() -> int:
    """The first port of the ephemeral range; 32768, Linux's default, where unknown."""
    try:
        text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
        return int(text.split()[0])
    except (OSError, ValueError):
        return 32768


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
