"""One broker for all workers of a pytest-xdist run.

The controller owns it: it outlives every worker, and a broker lives no longer than its
owner, however that ends. It is started when the first worker asks. The workers reach
the controller on a loopback port by a one-time secret; that needs no file, so none is
left by a run that is killed, and no count of users that a killed one could not
decrease.
"""

from __future__ import annotations

import hmac
import json
import secrets
import socket
import socketserver
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from spark_kafka_testkit._brokers.broker import Broker, Look
from spark_kafka_testkit.errors import BrokerStartError, KafkaTestkitError

__all__ = ["BrokerServer", "SharedBroker"]

CONNECT_SECONDS = 10.0
REQUEST_BYTES = 1024


class BrokerServer:
    """The controller's side.

    Args:
        start: starts the broker, or gives the one that runs; raises a
            KafkaTestkitError where there is none. It is called in any thread.
        started: gives the one that was started last, whether it runs or not.

    Attributes:
        address: what a `SharedBroker` needs.
    """

    def __init__(
        self, start: Callable[[], Broker], started: Callable[[], Broker]
    ) -> None:
        self._start, self._started = start, started
        self._secret = secrets.token_hex(16)
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            timeout = CONNECT_SECONDS

            def handle(self) -> None:
                answer = outer._answer(self.rfile.readline(REQUEST_BYTES))
                if answer is not None:
                    self.wfile.write(json.dumps(answer).encode())

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.address = f"{self._server.server_address[1]} {self._secret}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, line: bytes) -> dict[str, Any] | None:
        secret, _, request = line.decode(errors="replace").strip().partition(" ")
        if not hmac.compare_digest(secret.encode(), self._secret.encode()):
            return None
        try:
            if request == "log":
                return {"log": self._started().log_tail()}
            if request == "ended":
                return {"ended": self._started().ended}
            broker = self._start()
            return _Facts(
                broker.backend,
                broker.bootstrap_servers,
                broker.describe(),
                broker.network_broker,
            )._asdict()
        except KafkaTestkitError as error:
            return {"error": BrokerStartError.parts(error)}


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A worker that was killed while it waited is no news."""


class _Facts(NamedTuple):
    backend: str
    bootstrap_servers: str
    description: str
    network_broker: str | None


class SharedBroker:
    """A worker's side: the broker that the controller owns.

    Raises:
        BrokerStartError: the controller has none, or can't be reached.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        facts = _Facts(**self._ask("broker"))
        self.backend = facts.backend
        self.bootstrap_servers = facts.bootstrap_servers
        self.network_broker = facts.network_broker
        self._description = facts.description
        self._look = Look(lambda: str(self._ask("ended")["ended"]))

    @property
    def ended(self) -> str:
        """How it has ended: the controller is asked."""
        return self._look.ended()

    def describe(self) -> str:
        return self._description

    def log_tail(self, lines: int = 30) -> str:
        """The last lines of the broker's log, as many as the controller gives."""
        return str(self._ask("log")["log"])

    def stop(self) -> None:
        """The controller does."""

    def _ask(self, request: str) -> dict[str, Any]:
        port, secret = self._address.split()
        try:
            with socket.create_connection(
                ("127.0.0.1", int(port)), CONNECT_SECONDS
            ) as connection:
                connection.settimeout(None)  # an image may have to be pulled
                connection.sendall(f"{secret} {request}\n".encode())
                with connection.makefile("rb") as file:
                    answer: dict[str, Any] = json.loads(file.read())
        except (OSError, ValueError) as error:
            raise BrokerStartError(
                "pytest's controller, which owns the broker, does not answer "
                f"({error}). For workers on other machines give the address of a "
                "broker that runs: --kafka-bootstrap-servers."
            ) from error
        if "error" in answer:
            raise BrokerStartError(*answer["error"])
        return answer
