"""Whether anyone listens at an address."""

from __future__ import annotations

import socket

__all__ = ["is_listening"]

ANSWER_SECONDS = 2.0


def is_listening(addresses: str) -> bool:
    """Whether someone does at one of them: `host:port`, several with commas between."""
    for address in addresses.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            socket.create_connection(
                (host.strip("[]"), int(port)), ANSWER_SECONDS
            ).close()
        except OSError:
            continue
        return True
    return False
