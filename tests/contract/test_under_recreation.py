"""A topic that is deleted, and made again, while others use it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit.errors import (
    SendError,
    TopicChangedError,
    UnknownTopicError,
)
from tests.contract.topics import needs_kafka_python_3

# Both clients bound what they have in flight to less.
MANY = 100_000
FIRST = 40_000
BEFORE = 50_000
TICK_SECONDS = 0.02
TURNS = 20
WAITING_SECONDS = 1.0  # on a slow machine the topic may be there before the send


def messages(at_first: Callable[[], object]) -> Iterator[tuple[str, str]]:
    """Many, with a call amid them."""
    for number in range(MANY):
        if number == FIRST:
            at_first()
        yield str(number), "x" * 100


@pytest.mark.parametrize("change", ["deleted", "recreated"])
def test_a_topic_changes_amid_a_send(
    kafka: KafkaUtils, utils: KafkaUtils, topic: str, change: str
) -> None:
    """What was acknowledged is gone with it, whatever the new one takes; the account is
    the cause.
    """
    needs_kafka_python_3(utils, "the id of a topic")

    def replace() -> None:
        while kafka.offsets(topic)[0].end == BEFORE:
            time.sleep(TICK_SECONDS)  # none that was sent is in the topic yet
        kafka.delete_topics([topic])
        if change == "recreated":
            kafka.create_topics([topic])

    kafka.create_topics([topic])
    utils.send_messages(topic, [("before", "v")] * BEFORE)
    with pytest.raises(TopicChangedError) as caught:
        utils.send_messages(topic, messages(replace))
    assert str(caught.value) == (
        f"Topic {topic!r} was {change} while it was sent to. Stop what writes to it "
        "before you delete or recreate it."
    )
    account = caught.value.__cause__
    assert isinstance(account, SendError)
    assert account.acked + account.failed + account.unknown == account.sent


def test_a_topic_that_a_send_waited_for_changes_amid_it(
    kafka: KafkaUtils, utils: KafkaUtils, topic: str
) -> None:
    """As one that was there before, whatever the producer has known of the name."""
    needs_kafka_python_3(utils, "the id of a topic")

    def replace() -> None:
        while not kafka.offsets(topic)[0].end:
            time.sleep(TICK_SECONDS)  # none that was sent is in the topic yet
        kafka.delete_topics([topic])
        kafka.create_topics([topic])

    kafka.create_topics([topic])
    utils.send_messages(topic, [("before", "v")])
    kafka.delete_topics([topic])
    maker = threading.Timer(WAITING_SECONDS, kafka.create_topics, ([topic],))
    maker.start()
    with pytest.raises(TopicChangedError) as caught:
        utils.send_messages(topic, messages(replace))
    maker.join()
    assert str(caught.value) == (
        f"Topic {topic!r} was recreated while it was sent to. Stop what writes to it "
        "before you delete or recreate it."
    )


@pytest.mark.parametrize("transactional", [False, True], ids=["plain", "transaction"])
def test_a_topic_that_was_made_again_since_the_last_send(
    kafka: KafkaUtils, utils: KafkaUtils, topic: str, transactional: bool
) -> None:
    """It is another one, and takes all that is sent."""
    for _ in range(TURNS):
        kafka.create_topics([topic])
        for count in (1, 2):
            utils.send_messages(topic, [("k", "v")], transactional=transactional)
            assert len(utils.read_arrow(topic)) == count
        kafka.delete_topics([topic])


def test_a_topic_comes_and_goes_while_it_is_used(
    kafka: KafkaUtils, utils: KafkaUtils, topic: str
) -> None:
    """All that is ever told is that it is not there, or not the same."""
    is_over = threading.Event()
    surprises: list[BaseException] = []

    def use(call: Callable[[], object]) -> None:
        while not is_over.is_set():
            try:
                call()
            except (UnknownTopicError, TopicChangedError):
                pass
            except BaseException as error:  # noqa: BLE001  told at the end
                surprises.append(error)
                return

    kafka.create_topics([topic], 2)
    calls: list[Callable[[], object]] = [
        lambda: utils.read_records(topic, timeout=10),
        lambda: utils.mark(topic),
        lambda: utils.offsets(topic),
        lambda: utils.wait_for_records(topic, 1, timeout=30),
        lambda: utils.send_messages(topic, [("k", "x" * 100)] * 2000),
        lambda: utils.send_messages(topic, [("k", "v")] * 50, transactional=True),
    ]
    users = [threading.Thread(target=use, args=(call,)) for call in calls]
    for user in users:
        user.start()
    for _ in range(TURNS):
        kafka.delete_topics([topic])
        kafka.create_topics([topic], 2)
        kafka.send_messages(topic, [("k", "v")])
    is_over.set()
    for user in users:
        user.join()
    assert surprises == []
