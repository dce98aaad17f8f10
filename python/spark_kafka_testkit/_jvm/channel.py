"""The socket to the helper, beside py4j.

py4j carries short calls only; one is told a loopback port of ours, names one of the
helper's and a one-time secret, and what takes time goes between the two
(`PythonApi.scala`, `Connection.scala`). So a wait is always on a socket of ours, which
an interrupt can close, and py4j's own connection never holds an answer that nobody has
read. Strangers call from other ports, and are sent away unheard.
"""

from __future__ import annotations

import io
import json
import select
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from spark_kafka_testkit._jvm.socket_stream import SocketStream
from spark_kafka_testkit.errors import HelperError, KafkaTestkitError, from_helper

__all__ = ["Channel", "Channels", "silence_told"]

CONNECT_SECONDS = 30.0
LOOPBACK = "127.0.0.1"


class Channel:
    """A connection to a thread of the helper: Arrow streams both ways, and frames of
    JSON between them.

    Args:
        ask: asks the helper for a channel to this port of ours; gives its address.
        masked: takes the secrets out of a text of Java's.

    Attributes:
        silence_seconds: how long the helper may neither take nor send a byte.
        is_idle: an operation has gone through whole, and another may follow.
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
        except BaseException:
            self._socket.close()
            raise
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(secret.encode())
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
        """Asks for an operation. `look` is called now and then while it is waited for;
        what it raises ends the wait.
        """
        self.is_idle = False
        self._raw.silence_seconds, self._raw.look = silence_seconds, look
        self.send({"operation": operation, **details})

    def end(self) -> None:
        """Notes that the operation has gone through whole."""
        self.is_idle = True

    def send(self, content: Any) -> None:
        """Sends a frame."""
        data = json.dumps(content).encode()
        self.stream.write(struct.pack(">i", len(data)) + data)
        self.stream.flush()

    def end_of_input(self, silence_seconds: float) -> None:
        """Tells the helper that no more is sent; it may be silent for so long."""
        self._raw.silence_seconds = silence_seconds
        self.stream.flush()
        self._socket.shutdown(socket.SHUT_WR)

    def result(self) -> Any:
        """Waits for the next frame.

        Raises:
            KafkaTestkitError: the failure that the frame tells of.
            HelperError: the JVM went away.
        """
        (length,) = struct.unpack(">i", self.stream.read(4))
        frame = self._frame(self.stream.read(length))
        if "error" in frame:
            raise from_helper(**frame["error"])
        return frame["ok"]

    def _frame(self, data: bytes) -> dict[str, Any]:
        """A frame, its error without secrets: no frame that raises has them in hand."""
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
            pass  # bytes of an operation that has broken off


@contextmanager
def silence_told(channel: Channel) -> Iterator[None]:
    """Turns a time-out of the channel's socket into a HelperError."""
    try:
        yield
    except KafkaTestkitError:
        raise
    except TimeoutError as error:
        raise HelperError(
            f"The JVM helper has been silent for {channel.silence_seconds:g} s; is its "
            "JVM suspended, or out of memory?"
        ) from error


class Channels:
    """Channels that serve one operation after another: to open one takes several
    milliseconds, so idle ones are kept.

    Args:
        ask: as for a `Channel`.
        masked: takes the secrets out of a text of Java's.
    """

    def __init__(self, ask: Callable[[int], str], masked: Callable[[str], str]) -> None:
        self._ask, self._masked = ask, masked
        self._idle: deque[Channel] = deque()
        self._is_closed = False

    @contextmanager
    def lend(self) -> Iterator[Channel]:
        """A channel that no one else uses, for one operation; it is closed unless that
        goes through whole.

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
        """Closes the idle ones, and the others with their operations."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().close()
