"""One broker for all workers of a pytest-xdist run.

The controller owns it: it outlives every worker, and a broker lives no longer than its
owner, however that ends. It is started when the first worker asks. Workers ask over the
pipe by which the controller runs them (execnet): no other user of the machine reaches
that, no file is left by a run that is killed, and there is no count of users that a
killed one could not decrease.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from spark_kafka_testkit._brokers.broker import Broker
from spark_kafka_testkit.errors import BrokerStartError, KafkaTestkitError

__all__ = ["SharedBroker", "serve"]


def serve(node: Any, broker: Callable[[], Broker]) -> Any:
    """The controller's side: answers a worker's questions, each in a thread of its own.

    Args:
        node: the worker, as pytest-xdist has it.
        broker: starts the broker, or gives the one that was started; raises a
            KafkaTestkitError where there is none. It is called in any thread.

    Returns:
        What the worker's `SharedBroker` needs: a channel of execnet's.
    """
    questions = node.gateway.newchannel()
    is_near = bool(node.gateway.spec.popen)

    def answer(question: str, reply: Any) -> None:
        with suppress(OSError):  # a worker that was killed while it waited
            try:
                reply.send(_answer(question, broker) if is_near else TOO_FAR)
            finally:
                reply.close()

    questions.setcallback(
        lambda asked: threading.Thread(target=answer, args=asked, daemon=True).start()
    )
    return questions


def _answer(question: str, broker: Callable[[], Broker]) -> dict[str, Any]:
    try:
        started = broker()
        if question == "log":
            return {"log": started.log_tail()}
        return _Facts(
            started.backend,
            started.bootstrap_servers,
            started.describe(),
            started.network_broker,
        )._asdict()
    except KafkaTestkitError as error:
        return {"error": BrokerStartError.parts(error)}


TOO_FAR = {
    "error": (
        "this pytest-xdist worker is not on the machine of pytest's controller, and "
        "the controller's broker is for that machine alone. Give the address of a "
        "broker that runs: --kafka-bootstrap-servers.",
        "",
    )
}


class _Facts(NamedTuple):
    backend: str
    bootstrap_servers: str
    description: str
    network_broker: str | None


class SharedBroker:
    """A worker's side: the broker that the controller owns.

    Args:
        questions: what `serve` gave.

    Raises:
        BrokerStartError: the controller has none, or has gone.
    """

    def __init__(self, questions: Any) -> None:
        self._questions = questions
        facts = _Facts(**self._ask("broker"))
        self.backend = facts.backend
        self.bootstrap_servers = facts.bootstrap_servers
        self.network_broker = facts.network_broker
        self._description = facts.description

    def describe(self) -> str:
        return self._description

    def log_tail(self, lines: int = 30) -> str:
        """The last lines of the broker's log, as many as the controller gives."""
        return str(self._ask("log")["log"])

    def stop(self) -> None:
        """The controller does."""

    def _ask(self, question: str) -> dict[str, Any]:
        try:
            reply = self._questions.gateway.newchannel()
            self._questions.send((question, reply))
            answer: dict[str, Any] = reply.receive()  # an image may have to be pulled
        except (EOFError, OSError) as error:
            raise BrokerStartError(
                "pytest's controller, which owns the broker, does not answer: has it "
                "been killed?"
            ) from error
        if "error" in answer:
            raise BrokerStartError(*answer["error"])
        return answer
