"""The socket to the helper, next to py4j.

py4j carries short calls only. A call passes a loopback port of this process, and
returns a port of the helper with a one-time secret. Everything that takes time goes
over a connection between the two (`PythonApi.scala`, `Connection.scala`). That way each
wait is on our own socket, which an interrupt can close, and py4j's connection never
holds an answer that nobody has read. Connections from other ports are closed unread.
"""

from __future__ import annotations

import io
import json
import select
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, cast

from spark_kafka_testkit._jvm.socket_stream import SocketStream
from spark_kafka_testkit.errors import HelperError, KafkaTestkitError, from_helper

__all__ = ["Channel", "Channels", "silence_told"]

CONNECT_SECONDS = 30.0
LOOPBACK = "127.0.0.1"


class Channel:
    """A connection to a thread of the helper.

    It carries Arrow streams both ways, with frames of JSON between them.

    Args:
        ask: asks the helper for a channel to this port of our process, and returns its
            address.
        masked: removes the secrets from a text of Java's.

    Raises:
        HelperError: the helper took no connection in time.

    Attributes:
        silence_seconds: how long the helper may neither accept nor send a byte.
        is_idle: whether an operation is complete, so that another may follow.
    """

    def __init__(
        self, ask: Callable[[int], str], masked: Callable[[str], str] = str
    ) -> None:
        self._masked = masked
        self.is_idle = True
        self._socket = socket.socket()
        self._socket.settimeout(CONNECT_SECONDS)
        try:
            self._socket.bind((LOOPBACK, 0))
            port, secret = ask(self._socket.getsockname()[1]).split()
            self._socket.connect((LOOPBACK, int(port)))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(secret.encode())
        except TimeoutError as error:
            self._socket.close()
            raise HelperError(
                "The JVM helper has not accepted a connection within "
                f"{CONNECT_SECONDS:g} s. Is its JVM suspended, or out of memory?"
            ) from error
        except BaseException:
            self._socket.close()
            raise
        self._raw = SocketStream(self._socket, CONNECT_SECONDS)
        self.stream = cast(BinaryIO, io.BufferedRWPair(self._raw, self._raw, 1 << 16))

    @property
    def silence_seconds(self) -> float:
        return self._raw.silence_seconds

    @property
    def is_answered(self) -> bool:
        """Whether the helper has sent something that nobody has read."""
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN)
        return bool(waiting.poll(0))

    def begin(
        self,
        operation: str,
        silence_seconds: float,
        look: Callable[[], None] = lambda: None,
        **details: Any,
    ) -> None:
        """Start an operation.

        `look` is called now and then during the wait. If it raises, the wait ends.
        """
        self.is_idle = False
        self._raw.silence_seconds, self._raw.look = silence_seconds, look
        self.send({"operation": operation, **details})

    def end(self) -> None:
        """Note that the operation is complete."""
        self.is_idle = True

    def send(self, content: Any) -> None:
        """Send a frame."""
        data = json.dumps(content).encode()
        self.stream.write(struct.pack(">i", len(data)) + data)
        self.stream.flush()

    def end_of_input(self, silence_seconds: float) -> None:
        """Tell the helper that the input is complete, and how long it may be silent."""
        self._raw.silence_seconds = silence_seconds
        self.stream.flush()
        self._socket.shutdown(socket.SHUT_WR)

    def result(self) -> Any:
        """Wait for the next frame.

        Raises:
            KafkaTestkitError: the failure that the frame reports.
            HelperError: the JVM went away.
        """
        (length,) = struct.unpack(">i", self.stream.read(4))
        frame = self._frame(self.stream.read(length))
        if "error" in frame:
            raise from_helper(**frame["error"])
        return frame["ok"]

    def _frame(self, data: bytes) -> dict[str, Any]:
        """Parse a frame and remove the secrets from its error.

        No frame of a traceback then holds them.
        """
        frame: dict[str, Any] = json.loads(data)
        if "error" in frame:
            error = frame["error"]
            error["trace"] = self._masked(error["trace"])
            if "reason" in error["data"]:
                error["data"]["reason"] = self._masked(error["data"]["reason"])
        return frame

    def close(self) -> None:
        self._socket.close()
        try:
            self.stream.close()
        except OSError:
            pass  # bytes of an operation that was cut off


@contextmanager
def silence_told(channel: Channel) -> Iterator[None]:
    """Turn a timeout of the channel's socket into a HelperError."""
    try:
        yield
    except KafkaTestkitError:
        raise
    except TimeoutError as error:
        raise HelperError(
            f"The JVM helper has been silent for {channel.silence_seconds:g} s. Is its "
            "JVM suspended, or out of memory?"
        ) from error


class Channels:
    """Channels that serve one operation after another.

    Opening one takes several milliseconds, so idle ones are kept.

    Args:
        ask: as for a `Channel`.
        masked: removes the secrets from a text of Java's.
    """

    def __init__(self, ask: Callable[[int], str], masked: Callable[[str], str]) -> None:
        self._ask, self._masked = ask, masked
        self._idle: deque[Channel] = deque()
        self._is_closed = False

    @contextmanager
    def lend(self) -> Iterator[Channel]:
        """Lend a channel to one operation, and close it unless that completes.

        Raises:
            HelperError: the helper was silent for longer than the operation allows.
        """
        try:
            lent = self._idle.pop()
        except IndexError:
            lent = Channel(self._ask, self._masked)
        try:
            with silence_told(lent):
                yield lent
        finally:
            if lent.is_idle:
                self._idle.append(lent)
            else:
                lent.close()
            if self._is_closed:
                self.close()

    def close(self) -> None:
        """Close the idle channels, and the others when their operations end."""
        self._is_closed = True
        with suppress(IndexError):  # no more, or another thread has closed the last
            while True:
                self._idle.pop().close()
