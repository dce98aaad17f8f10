"""A socket as a stream that calls back while it waits."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from spark_kafka_testkit import _clock
from spark_kafka_testkit.errors import HelperError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

__all__ = ["HelperGoneError", "SocketStream"]

LOOK_SECONDS = 0.25


class HelperGoneError(HelperError):
    """The other end of the socket is closed."""

    def __init__(self) -> None:
        super().__init__(
            "The JVM helper went away in the middle of an answer. Has its JVM ended, "
            "or its Spark session been stopped?"
        )


class SocketStream(io.RawIOBase):
    """A socket to the helper, as a stream.

    The helper never closes its end before its last answer, so an end of the stream is
    an error.

    Args:
        connected: the socket, which still belongs to the caller.
        silence_seconds: how long the helper may neither accept nor send a byte.

    Attributes:
        look: called now and then while the stream waits, and may raise.
    """

    def __init__(self, connected: socket.socket, silence_seconds: float) -> None:
        self._socket = connected
        self._socket.settimeout(LOOK_SECONDS)
        self.silence_seconds = silence_seconds
        self.look: Callable[[], None] = lambda: None

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        count = self._wait_for(lambda: self._socket.recv_into(buffer))
        if not count:
            raise HelperGoneError
        return count

    def write(self, data: ReadableBuffer) -> int:
        return self._wait_for(lambda: self._socket.send(data))

    def _wait_for(self, step: Callable[[], int]) -> int:
        deadline = _clock.monotonic() + self.silence_seconds
        while True:
            try:
                return step()
            except TimeoutError:
                self.look()
                if _clock.monotonic() >= deadline:
                    raise
            except ConnectionError as error:
                raise HelperGoneError from error
