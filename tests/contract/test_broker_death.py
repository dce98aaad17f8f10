"""A broker that dies, or falls silent, amid a send: an account of every message."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pyarrow as pa
import pytest
from kafka import TopicPartition

from spark_kafka_testkit import KafkaUtils, Record
from spark_kafka_testkit._brokers.embedded import EmbeddedBroker
from spark_kafka_testkit._kafka_python.admin import Admin
from spark_kafka_testkit._kafka_python.bulk_producer import BulkProducer, OwnedProducer
from spark_kafka_testkit._kafka_python.topics import create_topics
from spark_kafka_testkit._model.client_config import ClientConfig
from spark_kafka_testkit.errors import BrokerUnreachableError, SendError
from spark_kafka_testkit.kafka_utils import cluster_of
from tests.contract.conftest import through
from tests.mortal_broker import SETTINGS, MortalBroker, start_again
from tests.processes import wait_until

CLIENTS = ["jvm", "kafka-python"]
# Both clients bound what they have in flight to less.
MANY = 200_000
FIRST = 40_000  # the first of its batches is on its way when the third is drawn
FEW = 100
MANY_PAUSES = 1200  # five times what a delivery takes
NO_ANSWER = "the broker did not acknowledge those before it in time"


def messages(
    bootstrap_servers: str, topic: str, then: Callable[[], object]
) -> Iterator[tuple[str, str]]:
    """So many that no client holds them all; when some have arrived it calls `then`."""
    for number in range(FIRST):
        yield str(number), "x" * 100
    await_first(bootstrap_servers, topic)
    then()
    for number in range(FIRST, MANY):
        yield str(number), "x" * 100


def await_first(bootstrap_servers: str, topic: str) -> None:
    """Waits until a record has arrived in the topic's first partition."""
    with Admin(ClientConfig(bootstrap_servers)) as admin:
        partition = TopicPartition(topic, 0)
        wait_until(
            lambda: admin.end_offsets([partition])[partition] > 0, "nothing arrives"
        )


def lines_of(error: SendError) -> list[str]:
    """The lines of its text, but those of single messages."""
    return [line for line in str(error).splitlines() if not line.startswith(" ")]


def check_account(error: SendError, topic: str, given_up: str) -> None:
    """Every message that was sent is told, and the rest were not sent."""
    assert error.acked + error.failed + error.unknown == error.sent
    assert error.unknown > 0
    assert error.sent < MANY
    assert error.given_up == given_up
    first, *last = lines_of(error)
    assert first == (
        f"{error.failed + error.unknown} of {error.sent} messages to topic {topic!r} "
        f"were not acknowledged ({error.acked} acked, {error.failed} failed, "
        f"{error.unknown} unknown):"
    )
    assert last == [f"The send ended after {error.sent} messages: {given_up}."] + (
        ["The transaction was aborted: none of them will be seen."]
        if error.aborted
        else []
    )


def check_count(error: SendError, count: int) -> None:
    """What a reader finds agrees with the account."""
    if error.aborted:
        assert count == 0
    else:
        assert error.acked <= count <= error.acked + error.unknown


@pytest.mark.parametrize("transactional", [False, True], ids=["plain", "transaction"])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_broker_of_ours_is_killed_amid_a_send(
    client: str, transactional: bool, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its death is known at once, and no delivery is waited for."""
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CLIENT", client)
    with KafkaUtils(backend="embedded", broker_config=SETTINGS) as utils:
        utils.create_topics([topic])
        broker = cluster_of(utils).broker
        assert isinstance(broker, EmbeddedBroker)
        with pytest.raises(SendError) as caught:
            utils.send_messages(
                topic,
                messages(
                    broker.bootstrap_servers,
                    topic,
                    lambda: os.kill(broker.pid, signal.SIGKILL),
                ),
                transactional=transactional,
            )
        how = f"its process (pid {broker.pid}) ended with exit code -9"
        check_account(caught.value, topic, f"the broker is gone: {how}")
        assert caught.value.aborted == transactional
        again = start_again(broker)
        try:
            with KafkaUtils(bootstrap_servers=broker.bootstrap_servers) as reader:
                count = len(reader.read_arrow(topic, upto="stable"))
        finally:
            again.stop()
    check_count(caught.value, count)


@pytest.fixture
def broker() -> Iterator[MortalBroker]:
    """One that the kit only visits."""
    broker = MortalBroker()
    yield broker
    broker.stop()


def test_rows_that_come_slowly_do_not_prolong_a_send(
    broker: MortalBroker, topic: str
) -> None:
    """kafka-python: the first that is not acknowledged counts, wherever it stands."""
    config = ClientConfig(broker.bootstrap_servers)
    rows = [pa.record_batch({"key": [b"k"], "value": [b"v"]})]

    def slowly() -> Iterator[pa.RecordBatch]:
        yield from rows
        (_, _, first) = sending._futures[0]
        wait_until(first.succeeded, "nothing is acknowledged")
        broker.kill()
        for _ in range(MANY_PAUSES):
            time.sleep(0.05)
            yield from rows

    with Admin(config) as admin:
        create_topics(admin, [topic], 1, 1)
        producer = OwnedProducer(config, transactional=False)
        sending = BulkProducer(producer, topic, lambda: None)
        sending.find_topic()
        report = sending.run(slowly())
        producer.close()
    assert report.given_up == NO_ANSWER
    assert report.acked >= 1
    assert report.acked + report.failed + report.unknown == report.sent
    assert report.sent <= MANY_PAUSES


@pytest.mark.parametrize("transactional", [False, True], ids=["plain", "transaction"])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_broker_of_others_is_killed_amid_a_send(
    client: str,
    transactional: bool,
    broker: MortalBroker,
    topic: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The time of one delivery bounds the send. When the broker is back, the next calls
    work, and no transaction that was left open holds them up.
    """
    with through(client, broker.bootstrap_servers, monkeypatch) as utils:
        utils.create_topics([topic])
        with pytest.raises(SendError) as caught:
            utils.send_messages(
                topic,
                messages(utils.broker, topic, broker.kill),
                transactional=transactional,
            )
        check_account(caught.value, topic, NO_ANSWER)
        assert caught.value.aborted == transactional
        broker.start_again()
        check_count(caught.value, len(utils.read_arrow(topic)))
        utils.send_messages(topic, [("next", "v")], transactional=transactional)
        assert utils.read_records(topic)[-1].key == "next"


@pytest.mark.parametrize("client", CLIENTS)
def test_a_broker_dies_before_a_partition_is_in_the_transaction(
    client: str, broker: MortalBroker, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A producer that waits for that lets no record of the others run out of time."""

    def records() -> Iterator[Record]:
        for number in range(FIRST):
            yield Record(str(number), "v" * 100, partition=0)
        await_first(broker.bootstrap_servers, topic)
        broker.kill()
        for number in range(FEW):
            yield Record(str(number), "v", partition=1)

    with through(client, broker.bootstrap_servers, monkeypatch) as utils:
        utils.create_topics([topic], num_partitions=2)
        with pytest.raises(SendError) as caught:
            utils.send_messages(topic, records(), transactional=True)
        error = caught.value
        assert error.acked + error.failed + error.unknown == error.sent
        assert 0 < error.unknown <= error.sent <= FIRST + FEW
        assert error.aborted
        broker.start_again()
        check_count(error, len(utils.read_arrow(topic)))


@pytest.mark.parametrize("client", CLIENTS)
def test_a_broker_that_falls_silent_amid_a_send(
    client: str, broker: MortalBroker, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes connections, and answers nothing; then it goes on."""
    with through(client, broker.bootstrap_servers, monkeypatch) as utils:
        utils.create_topics([topic])
        with pytest.raises(SendError) as caught:
            utils.send_messages(topic, messages(utils.broker, topic, broker.suspend))
        check_account(caught.value, topic, NO_ANSWER)
        broker.resume()
        utils.send_messages(topic, [("next", "v")])
        check_count(caught.value, len(utils.read_arrow(topic)) - 1)


@pytest.mark.parametrize("client", CLIENTS)
def test_topics_of_a_broker_that_is_gone(
    client: str, broker: MortalBroker, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that is done with them says so."""
    with through(client, broker.bootstrap_servers, monkeypatch) as utils:
        utils.create_topics([topic])
        broker.kill()
        for call in (
            lambda: utils.create_topics(["other"]),
            lambda: utils.delete_topics([topic]),
        ):
            with pytest.raises(BrokerUnreachableError) as caught:
                call()
            assert caught.value.topics == ()  # it was asked for none: nobody answered
            assert re.fullmatch(
                f"No Kafka broker answers at {broker.bootstrap_servers}: "
                r"(\w+): (\1: )?.*\. A broker that requires a login or TLS needs a "
                r"client_config\. Check that the broker runs, and that this "
                "address is the one it advertises to clients on this machine.",
                str(caught.value),
            )
        broker.start_again()
        utils.create_topics(["other"])
        utils.delete_topics([topic, "other"])


def test_a_broker_that_dies_while_it_creates_topics(broker: MortalBroker) -> None:
    """What it may have made is known to the error, and to who deletes it later."""
    names = [f"topic-{number}" for number in range(300)]
    with KafkaUtils(bootstrap_servers=broker.bootstrap_servers) as utils:
        utils.create_topics(["before"])

        def kill_amid() -> None:
            with Admin(ClientConfig(broker.bootstrap_servers)) as admin:
                wait_until(lambda: len(admin.topic_names()) > 1, "none is created")
            broker.kill()

        killer = threading.Thread(target=kill_amid)
        killer.start()
        with pytest.raises(BrokerUnreachableError) as caught:
            utils.create_topics(names)
        killer.join()
        broker.start_again()
        with Admin(ClientConfig(broker.bootstrap_servers)) as admin:
            made = {name for name in admin.topic_names() if name != "before"}
        assert made
        assert made <= set(caught.value.topics) <= set(names)
    with Admin(ClientConfig(broker.bootstrap_servers)) as admin:
        assert admin.topic_names() == []
