"""What happens to a topic while it is read."""

from __future__ import annotations

import time

import pytest

from spark_kafka_testkit import KafkaUtils, Record
from spark_kafka_testkit._model.offsets import Coverage
from spark_kafka_testkit.errors import (
    ReadTimeoutError,
    RecordsDeletedError,
    TopicChangedError,
)
from tests.contract.topics import (
    add_partitions,
    create,
    delete_records,
    hold,
    needs_kafka_python_3,
    open_transaction,
)


def test_partitions_added_during_the_read_are_reported(
    utils: KafkaUtils, topic: str
) -> None:
    """They are not in the records."""
    utils.create_topics([topic])
    with open_transaction(utils) as producer:
        hold(producer, topic)
        stream = utils.iter_records(topic)
        add_partitions(utils, topic, 3)
        utils.send_messages(topic, [Record("new", "v", partition=2)])
        producer.commit_transaction()
    assert [(r.partition, r.key) for r in stream] == [(0, "held-0")]
    assert stream.coverage == {0: Coverage(0, 1, 1, 0, 0)}
    assert stream.new_partitions == (1, 2)


def test_records_that_come_during_the_read_are_not_in_it(
    utils: KafkaUtils, topic: str
) -> None:
    """The end is that of the call, though the read passes it by much."""
    utils.create_topics([topic], 2)
    with open_transaction(utils) as producer:
        hold(producer, topic)
        stream = utils.iter_records(topic)
        utils.send_messages(topic, [Record("late", "v", partition=p) for p in (0, 1)])
        producer.commit_transaction()
    assert [(r.partition, r.key) for r in stream] == [(0, "held-0")]
    assert [(n, part.target) for n, part in stream.coverage.items()] == [(0, 1), (1, 0)]


def test_records_deleted_during_the_read_are_an_error(
    utils: KafkaUtils, topic: str
) -> None:
    """The error says which, and what came before was given."""
    create(utils, topic)
    utils.send_messages(topic, [("k", str(n)) for n in range(10)])
    with open_transaction(utils) as producer:
        hold(producer, topic, 3)
        with utils.iter_records(topic) as stream:
            assert [next(stream).offset for _ in range(10)] == list(range(10))
            delete_records(utils, topic, 12)
            with pytest.raises(RecordsDeletedError) as caught:
                next(stream)
    assert str(caught.value) == (
        f"Topic {topic!r}, partition 0: the records from offset 10 up to 12 were "
        "deleted while the topic was read. Read with allow_deleted=True, or keep the "
        "records longer (retention.ms, retention.bytes)."
    )


def test_records_deleted_during_the_read_may_be_allowed(
    utils: KafkaUtils, topic: str
) -> None:
    """The read goes on with what is left, and the coverage counts what is not."""
    create(utils, topic)
    utils.send_messages(topic, [("k", str(n)) for n in range(10)])
    with open_transaction(utils) as producer:
        hold(producer, topic, 3)
        with utils.iter_records(topic, allow_deleted=True) as stream:
            offsets = [next(stream).offset for _ in range(10)]
            delete_records(utils, topic, 12)
            producer.commit_transaction()
            offsets += [record.offset for record in stream]
    assert offsets == [*range(10), 12]
    assert stream.coverage == {0: Coverage(0, 13, 11, 12, 0, truncated=2)}


def test_a_read_ends_when_everything_is_deleted_under_it(
    utils: KafkaUtils, topic: str
) -> None:
    """Also what lies past its target may be deleted."""
    create(utils, topic)
    with open_transaction(utils) as producer:
        hold(producer, topic, 3)
        with utils.iter_records(topic, allow_deleted=True) as stream:
            utils.send_messages(topic, [("late", "v")])
            delete_records(utils, topic, 4)
            assert list(stream) == []
    assert stream.coverage == {0: Coverage(0, 3, 0, None, 0, truncated=3)}


@pytest.mark.parametrize("count", [0, 1, 50])
def test_a_topic_recreated_during_the_read_is_an_error(
    utils: KafkaUtils, topic: str, count: int
) -> None:
    """Whatever the new topic holds, nothing of it was asked for."""
    needs_kafka_python_3(utils, "the id of a topic")
    utils.create_topics([topic])
    with open_transaction(utils) as producer:
        hold(producer, topic, 3)
        with utils.iter_records(topic) as stream:
            utils.delete_topics([topic])
            utils.create_topics([topic])
            utils.send_messages(topic, [("new", str(n)) for n in range(count)])
            with pytest.raises(TopicChangedError) as caught:
                list(stream)
    # a look at the topic may fall between the two calls
    assert caught.value.change in ("deleted", "recreated")
    assert str(caught.value) == (
        f"Topic {topic!r} was {caught.value.change} while it was read. "
        "Stop what writes to it before you delete or recreate it."
    )


def test_what_came_before_an_open_transaction_is_given_at_once(
    utils: KafkaUtils, topic: str
) -> None:
    """A stream does not keep records back until the read ends; at its deadline the
    error comes where the records end.
    """
    utils.create_topics([topic])
    utils.send_messages(topic, [("before", "1")])
    with open_transaction(utils) as producer:
        hold(producer, topic)
        with utils.iter_records(topic, timeout=60) as stream:
            assert next(stream).key == "before"
        with utils.iter_records(topic, timeout=0.5) as stream:
            assert next(stream).key == "before"
            with pytest.raises(ReadTimeoutError) as caught:
                next(stream)
    (state,) = caught.value.partitions
    assert (state.position, state.target, state.stable) == (1, 2, 1)


def test_topics_that_are_gone_keep_no_client_busy(
    utils: KafkaUtils, topic: str
) -> None:
    """kafka-python's producers would ask for them without a pause."""
    for name in (f"{topic}-1", f"{topic}-2"):
        utils.create_topics([name])
        utils.send_messages(name, [("k", "v")])
        utils.producer.send(name, "k", "v").get(10)
        utils.delete_topics([name])
    utils.create_topics([topic])
    utils.send_messages(topic, [("k", "v")])
    utils.producer.send(topic, "k", "v").get(10)
    used, since = time.process_time(), time.monotonic()
    time.sleep(1)
    used, passed = time.process_time() - used, time.monotonic() - since
    assert used < passed / 5
