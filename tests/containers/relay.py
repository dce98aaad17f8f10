"""What stands between a client and the real Docker daemon."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from pathlib import Path

SOCKET = "/var/run/docker.sock"


class Relay:
    """A Docker address that hands on what it is given to the real socket, and goes away
    on request.

    Args:
        path: of its socket; or None for a port on loopback.
        tls: it lets nobody in without a certificate.
        delay: seconds that it rests before it hands on an answer.
        refusals: what the first containers that are to be started fail of: the words of
            another engine.
    """

    def __init__(
        self,
        path: Path | None = None,
        tls: ssl.SSLContext | None = None,
        delay: float = 0,
        refusals: list[str] | None = None,
    ) -> None:
        self._tls, self._delay = tls, delay
        self._refusals = list(refusals or ())
        self.connections = 0
        if path is None:
            self._server = socket.create_server(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"
        else:
            self._server = socket.socket(socket.AF_UNIX)
            self._server.bind(str(path))
            self._server.listen()
            self.address = f"unix://{path}"
        self._open: list[socket.socket] = [self._server]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            if self._tls is not None:
                try:
                    near = self._tls.wrap_socket(near, server_side=True)
                except OSError:
                    continue  # it has no certificate
            self.connections += 1
            far = socket.socket(socket.AF_UNIX)
            far.connect(SOCKET)
            self._open += [near, far]
            threading.Thread(target=self._ask, args=(near, far), daemon=True).start()
            threading.Thread(target=self._answer, args=(far, near), daemon=True).start()

    def _ask(self, near: socket.socket, far: socket.socket) -> None:
        try:
            while data := near.recv(1 << 16):
                first = data.partition(b"\r\n")[0]
                is_start = first.startswith(b"POST ") and b"/start " in first
                if is_start and self._refusals:
                    near.sendall(_failed(self._refusals.pop(0)))
                else:
                    far.sendall(data)
            far.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the relay has been stopped

    def _answer(self, far: socket.socket, near: socket.socket) -> None:
        try:
            while data := far.recv(1 << 16):
                time.sleep(self._delay)
                near.sendall(data)
            near.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the relay has been stopped

    def stop(self) -> None:
        for one in self._open:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended before
            one.close()


def _failed(message: str) -> bytes:
    """As a daemon answers that could not do it."""
    body = json.dumps({"message": message}).encode()
    head = (
        "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
