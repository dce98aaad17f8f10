"""A teardown while other threads are in the middle of calls."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kafka.errors import KafkaConnectionError

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._kafka_python.admin import Admin
from spark_kafka_testkit.errors import NotSetUpError
from spark_kafka_testkit.kafka_utils import cluster_of

from .topics import hold, open_transaction

OWN_LIMIT = 600.0
"""How long each call would wait by itself, in seconds."""


@pytest.mark.parametrize("client", ["jvm", "kafka-python"])
def test_calls_that_wait_end_with_one_error(
    kafka: KafkaUtils, topic: str, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wait, a read behind an open transaction, sends of endless generators: none goes
    on until its own time is up, and each says what has happened.
    """
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CLIENT", client)
    kafka.create_topics([topic])
    under_way: dict[str, threading.Event] = {}

    def endless(name: str) -> Iterator[tuple[str, str]]:
        for number in itertools.count():
            if number == 40_000:  # some batches are on their way
                under_way[name].set()
            yield str(number), "v" * 10

    with (
        open_transaction(kafka) as producer,
        KafkaUtils(bootstrap_servers=kafka.broker) as own,
    ):
        hold(producer, topic)

        def seen(record: object) -> bool:
            under_way["wait"].set()
            return False

        def read() -> None:
            under_way["read"].set()
            own.read_records(topic, timeout=OWN_LIMIT)

        calls: dict[str, Callable[[], object]] = {
            "wait": lambda: own.wait_for_records(
                f"{topic}-plain", 10**9, predicate=seen, timeout=OWN_LIMIT
            ),
            "read": read,
            "send": lambda: own.send_messages(f"{topic}-plain", endless("send")),
            "transaction": lambda: own.send_messages(
                f"{topic}-other", endless("transaction"), transactional=True
            ),
        }
        kafka.create_topics([f"{topic}-plain", f"{topic}-other"])
        own.client  # noqa: B018  chosen before the threads begin
        errors: dict[str, BaseException] = {}

        def run(name: str) -> None:
            try:
                calls[name]()
            except Exception as error:  # noqa: BLE001  the test looks at it
                errors[name] = error

        threads = []
        for name in calls:
            under_way[name] = threading.Event()
            threads.append(threading.Thread(target=run, args=(name,), daemon=True))
        for thread in threads:
            thread.start()
        for event in under_way.values():
            assert event.wait(120)
        assert errors == {}
        own.teardown()
        for thread in threads:
            thread.join(120)
        assert not any(thread.is_alive() for thread in threads)
    assert {name: type(error) for name, error in errors.items()} == dict.fromkeys(
        calls, NotSetUpError
    )
    assert {str(error) for error in errors.values()} == {
        "The broker has been torn down since it was set up. Call setup() again, and "
        "use the new broker."
    }


class ClosedUnderACall(Admin):
    """As where `teardown()` comes while kafka-python waits for an answer: its call ends
    as if the broker had gone.
    """

    def _answer(self, *call: Any) -> Any:
        if self._is_closed:
            return super()._answer(*call)
        self.close()
        raise KafkaConnectionError("closed")


def io_threads() -> int:
    return sum(thread.name.startswith("kafka-io") for thread in threading.enumerate())


def test_a_closed_admin_client_is_not_made_again(kafka: KafkaUtils) -> None:
    """A broker that seems to have gone is asked once more, but not after the end."""
    before = io_threads()
    admin = ClosedUnderACall(cluster_of(kafka).config)
    for _ in range(2):
        with pytest.raises(NotSetUpError, match=r"^The admin client is closed\.$"):
            admin.topic_names()
    assert io_threads() == before
