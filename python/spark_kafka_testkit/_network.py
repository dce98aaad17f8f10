"""Whether anyone listens at an address."""

from __future__ import annotations

import socket

__all__ = ["is_listening"]

ANSWER_SECONDS = 2.0


def is_listening(addresses: str) -> bool:
    """Whether anyone is listening at one of the addresses.

    Accepts `host:port`, or several separated by commas.
    """
    for address in addresses.split(","):
        # Kafka accepts a protocol before it
        host, _, port = address.strip().rpartition("://")[2].rpartition(":")
        try:
            socket.create_connection(
                (host.strip("[]"), int(port)), ANSWER_SECONDS
            ).close()
        except OSError:
            continue
        return True
    return False
