"""Topics: created until they can be used, deleted until they are gone, ours only."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError, NotLeaderForPartitionError

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._kafka_python.admin import Admin
from spark_kafka_testkit._kafka_python.topics import create_topics
from spark_kafka_testkit._model.client_config import ClientConfig
from spark_kafka_testkit.errors import (
    BrokerUnreachableError,
    TopicError,
    TopicExistsError,
)
from tests.processes import HANG_SECONDS


def partitions(kafka: KafkaUtils, topic: str) -> int:
    (info,) = kafka.admin_client.describe_topics([topic])
    return len(info["partitions"])


@pytest.mark.parametrize("run", range(20))
def test_a_created_topic_can_be_used_at_once(
    kafka: KafkaUtils, topic: str, run: int
) -> None:
    """The next line may write to it, and read from it."""
    kafka.create_topics([topic], num_partitions=3)
    metadata = kafka.producer.send(topic, key=run, value=run, partition=run % 3).get(
        HANG_SECONDS
    )
    assert (metadata.partition, metadata.offset) == (run % 3, 0)
    assert partitions(kafka, topic) == 3


def test_fifty_topics_are_created_and_deleted_by_one_call(
    kafka: KafkaUtils, topic: str
) -> None:
    """Names that stand twice are no error."""
    names = [f"{topic}-{n}" for n in range(50)]
    kafka.create_topics([*names, names[0]])
    assert set(names) <= set(kafka.admin_client.list_topics())
    kafka.delete_topics(names)
    assert not set(names) & set(kafka.admin_client.list_topics())


def test_many_partitions_have_more_time(kafka: KafkaUtils, topic: str) -> None:
    """A broker makes files for each of them, which a slow disk takes long for. There is
    none here, so the first answers say what the broker says meanwhile.
    """

    looks = itertools.count(1)

    class SlowDisk(Admin):
        def end_offsets(self, partitions: Iterable[Any]) -> dict[Any, int]:
            if next(looks) <= 3:
                raise NotLeaderForPartitionError
            return super().end_offsets(partitions)

    with SlowDisk(ClientConfig(kafka.broker)) as admin:
        create_topics(admin, [topic], 100, 1, ready_seconds=0.0)
        assert next(looks) == 5
        looks = itertools.count(1)
        with pytest.raises(TopicError) as caught:
            create_topics(admin, [topic], 100, 1, ready_seconds=-20.0)
    assert str(caught.value) == (
        "Topics were not ready 0 s after they were created (offsets: "
        "NotLeaderForPartitionError: [Error 6] NotLeaderForPartitionError). Look at "
        "the broker's log."
    )


def test_creating_a_topic_that_exists_is_no_error(
    kafka: KafkaUtils, topic: str
) -> None:
    """Its records stay."""
    kafka.create_topics([topic], num_partitions=2)
    kafka.send_messages(topic, [("k", "v")])
    kafka.create_topics([topic], num_partitions=2)
    assert kafka.get_all_records(None, topic) == {"k": "v"}


def test_creating_a_topic_that_exists_with_other_partitions_is_an_error(
    kafka: KafkaUtils, topic: str
) -> None:
    """None of the others of the call is created then."""
    kafka.create_topics([topic], num_partitions=2)
    with pytest.raises(TopicExistsError) as caught:
        kafka.create_topics([f"{topic}-other", topic], num_partitions=3)
    assert str(caught.value) == (
        f"Topic {topic!r} exists with 2 partition(s), but 3 were requested. Use "
        f"another name, or call delete_topics([{topic!r}]) first."
    )
    assert f"{topic}-other" not in kafka.admin_client.list_topics()


def test_what_the_broker_refuses_is_reported(kafka: KafkaUtils, topic: str) -> None:
    """One node can't hold two replicas."""
    with pytest.raises(TopicError) as caught:
        kafka.create_topics([topic], replication_factor=2)
    assert str(caught.value).startswith(
        f"Topic {topic!r} could not be created: "
        "[Error 38] InvalidReplicationFactorError:"
    )


def test_a_deleted_topic_is_gone_and_can_be_made_anew(
    kafka: KafkaUtils, topic: str
) -> None:
    """The new one may have another shape, and is empty."""
    kafka.create_topics([topic])
    kafka.send_messages(topic, [("k", "v")])
    kafka.delete_topics([topic, "never-existed"])
    assert topic not in kafka.admin_client.list_topics()
    kafka.create_topics([topic], num_partitions=2)
    assert kafka.get_all_records(None, topic) == {}


def test_sending_to_a_missing_topic_creates_it(kafka: KafkaUtils, topic: str) -> None:
    """It has one partition, on a broker of the kit's own, and is created again after a
    deletion.
    """
    for _ in range(2):
        kafka.send_messages(topic, [("k", "v")])
        assert partitions(kafka, topic) == 1
        assert kafka.get_all_records(None, topic) == {"k": "v"}
        kafka.delete_topics([topic])


def test_an_external_broker_keeps_what_others_made(
    kafka: KafkaUtils, topic: str
) -> None:
    """The kit deletes what it created, at teardown too, and nothing else."""
    theirs, ours, left = f"{topic}-theirs", f"{topic}-ours", f"{topic}-left"
    kafka.create_topics([theirs])
    with KafkaUtils(bootstrap_servers=kafka.broker) as external:
        external.create_topics([theirs, ours, left])
        with pytest.raises(ValueError, match="were not created by this") as caught:
            external.delete_topics([theirs])
        assert str(caught.value) == (
            f"Topics {[theirs]} were not created by this KafkaUtils, which deletes "
            "only its own topics on an external broker. If they are yours, use "
            "admin_client.delete_topics()."
        )
        external.delete_topics([ours])
    topics = kafka.admin_client.list_topics()
    assert theirs in topics
    assert ours not in topics
    assert left not in topics


@pytest.mark.parametrize(
    "name", ["bad name", "a/b", "é", ".", "..", "x" * 250, "line\n"]
)
def test_a_name_that_kafka_does_not_allow_is_refused(
    kafka: KafkaUtils, topic: str, name: str
) -> None:
    """Nothing is sent to the broker, so none of the others is created."""
    with pytest.raises(ValueError, match="is not a valid topic name") as caught:
        kafka.create_topics([topic, name])
    shown = repr(name) if len(name) < 58 else f"{name!r}"[:57] + "..."
    assert str(caught.value) == (
        f"topic_names[1]={shown} is not a valid topic name: Kafka allows 1 to 249 of "
        "the characters a-z, A-Z, 0-9, '.', '_' and '-', but not '.' or '..'."
    )
    assert topic not in kafka.admin_client.list_topics()


@pytest.fixture
def external(kafka: KafkaUtils) -> Iterator[KafkaUtils]:
    """The same broker as someone who may delete only what he made."""
    with KafkaUtils(bootstrap_servers=kafka.broker) as utils:
        yield utils


def test_what_was_created_beside_a_refused_topic_is_known(
    kafka: KafkaUtils, external: KafkaUtils, topic: str
) -> None:
    """The broker refuses names that differ in '.' and '_' alone, once it has one. All
    others of the call are there then, can be deleted, and go at teardown.
    """
    first, clash, left = f"{topic}-1", f"{topic}.x", f"{topic}-2"
    kafka.create_topics([f"{topic}_x"])
    with pytest.raises(TopicError) as caught:
        external.create_topics([first, clash, left])
    (line,) = str(caught.value).splitlines()
    assert line.startswith(
        f"Topic {clash!r} could not be created: [Error 17] InvalidTopicError:"
    )
    assert {first, left} <= set(kafka.admin_client.list_topics())
    external.delete_topics([first])
    external.teardown()
    assert not {first, left} & set(kafka.admin_client.list_topics())
    assert f"{topic}_x" in kafka.admin_client.list_topics()


def losing_the_answer(call: Callable[..., Any], error: type[BaseException]) -> Any:
    """The admin call, which does its work and ends in the error all the same."""

    @wraps(call)
    def calling(*arguments: Any, **named: Any) -> Any:
        call(*arguments, **named)
        raise error

    return calling


def interrupt_deletion(
    utils: KafkaUtils, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deletes the topic by a call that Ctrl-C ends when it has done its work."""
    admin = utils.admin_client
    calling = losing_the_answer(admin.delete_topics, KeyboardInterrupt)
    with monkeypatch.context() as patch:
        patch.setattr(admin, "delete_topics", calling)
        with pytest.raises(KeyboardInterrupt):
            utils.delete_topics([topic])


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyboardInterrupt, KeyboardInterrupt),
        (KafkaTimeoutError, BrokerUnreachableError),
    ],
    ids=["Ctrl-C", "time-out"],
)
def test_topics_of_an_interrupted_call_are_known(
    kafka: KafkaUtils,
    external: KafkaUtils,
    topic: str,
    monkeypatch: pytest.MonkeyPatch,
    error: type[BaseException],
    told: type[BaseException],
) -> None:
    """The broker has made them though nobody has seen its answer; teardown deletes
    them.
    """
    admin = external.admin_client
    monkeypatch.setattr(
        admin, "create_topics", losing_the_answer(admin.create_topics, error)
    )
    with pytest.raises(told):
        external.create_topics([topic])
    kafka.assert_eventually(lambda: topic in kafka.admin_client.list_topics(), True)
    external.teardown()
    assert topic not in kafka.admin_client.list_topics()


def test_topics_of_an_interrupted_deletion_are_forgotten_once_gone(
    kafka: KafkaUtils, external: KafkaUtils, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call may be made again; what someone else creates by the name later is not
    deleted at teardown.
    """
    external.create_topics([topic])
    interrupt_deletion(external, topic, monkeypatch)
    kafka.assert_eventually(lambda: topic in kafka.admin_client.list_topics(), False)
    external.delete_topics([topic])
    kafka.create_topics([topic])
    external.teardown()
    assert topic in kafka.admin_client.list_topics()


def test_a_topic_that_someone_deletes_is_created_anew_after_a_failed_deletion(
    kafka: KafkaUtils, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """send_messages looks again, whatever became of the call."""
    kafka.create_topics([topic])
    interrupt_deletion(kafka, topic, monkeypatch)
    kafka.assert_eventually(lambda: topic in kafka.admin_client.list_topics(), False)
    kafka.send_messages(topic, [("k", "v")])
    assert kafka.get_all_records(None, topic) == {"k": "v"}


def test_an_external_broker_that_does_not_answer_is_reported() -> None:
    """setup() raises a RuntimeError with the address."""
    with pytest.raises(BrokerUnreachableError) as caught:
        KafkaUtils(bootstrap_servers="127.0.0.1:9").setup()
    text = str(caught.value)
    assert text.startswith("No Kafka broker answers at 127.0.0.1:9: ")
    assert text.endswith(
        "Check that the broker runs, and that this address is the one it advertises "
        "to clients on this machine."
    )
