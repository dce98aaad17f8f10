"""The kit's own limit over calls into kafka-python."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._brokers.embedded import EmbeddedBroker
from spark_kafka_testkit._kafka_python.admin import Admin
from spark_kafka_testkit._model.client_config import ClientConfig
from tests.processes import wait_until

SECONDS = 5.0


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    """A broker that may be paused."""
    broker = EmbeddedBroker()
    yield broker
    broker.stop()


def is_stopped(pid: int) -> bool:
    """Whether all its threads are, which takes a while on a busy machine."""
    stats = Path(f"/proc/{pid}/task").glob("*/stat")
    return all(stat.read_text().rpartition(")")[2].split()[0] == "T" for stat in stats)


def test_a_call_that_does_not_return_is_given_up(broker: EmbeddedBroker) -> None:
    """Before kafka-python's own half a minute; the next call is by a new client."""
    from kafka.errors import KafkaTimeoutError

    with Admin(ClientConfig(broker.bootstrap_servers), answer_seconds=SECONDS) as admin:
        assert admin.topic_names() == []
        os.kill(broker.pid, signal.SIGSTOP)
        wait_until(lambda: is_stopped(broker.pid), "the broker does not stop")
        try:
            with pytest.raises(KafkaTimeoutError) as caught:
                admin.topic_names()
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        assert str(caught.value) == (
            "KafkaTimeoutError: kafka-python's list_topics did not return within 5 s"
        )
        assert admin.topic_names() == []


def test_a_name_that_stops_kafka_python_stops_nobody_else(kafka: KafkaUtils) -> None:
    """Half of a surrogate pair, which the kit's users can't get so far: version 3 waits
    for ever then, and version 2 raises.
    """
    from kafka.errors import KafkaTimeoutError

    with Admin(ClientConfig(kafka.broker), answer_seconds=SECONDS) as admin:
        with pytest.raises((KafkaTimeoutError, UnicodeEncodeError)):
            admin.describe(["\ud800"])
        assert isinstance(admin.topic_names(), list)
