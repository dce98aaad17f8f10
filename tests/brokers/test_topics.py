"""Topics: created until they can be used, deleted until they are gone, ours only."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import signature
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit.errors import (
    BrokerUnreachableError,
    TopicError,
    TopicExistsError,
    UnknownTopicError,
)


def partitions(kafka: KafkaUtils, topic: str) -> int:
    (info,) = kafka.admin_client.describe_topics([topic])
    return len(info["partitions"])


@pytest.mark.parametrize("run", range(20))
def test_a_created_topic_can_be_used_at_once(
    kafka: KafkaUtils, topic: str, run: int
) -> None:
    """The next line may write to it, and read from it."""
    kafka.create_topics([topic], num_partitions=3)
    metadata = kafka.producer.send(topic, key=run, value=run, partition=run % 3).get(5)
    assert (metadata.partition, metadata.offset) == (run % 3, 0)
    assert partitions(kafka, topic) == 3


def test_many_topics_at_once(kafka: KafkaUtils, topic: str) -> None:
    """Fifty in one call, duplicates among them."""
    names = [f"{topic}-{n}" for n in range(50)]
    kafka.create_topics([*names, names[0]])
    assert set(names) <= set(kafka.admin_client.list_topics())
    kafka.delete_topics(names)
    assert not set(names) & set(kafka.admin_client.list_topics())


def test_a_topic_that_exists_is_no_error(kafka: KafkaUtils, topic: str) -> None:
    """Its records stay."""
    kafka.create_topics([topic], num_partitions=2)
    kafka.send_messages(topic, [("k", "v")])
    kafka.create_topics([topic], num_partitions=2)
    assert kafka.get_all_records(None, topic) == {"k": "v"}


def test_a_topic_that_exists_with_other_partitions_is_an_error(
    kafka: KafkaUtils, topic: str
) -> None:
    """Nothing is created then, of the others neither."""
    kafka.create_topics([topic], num_partitions=2)
    with pytest.raises(TopicExistsError) as caught:
        kafka.create_topics([f"{topic}-other", topic], num_partitions=3)
    assert str(caught.value) == (
        f"Topic {topic!r} exists with 2 partition(s), and 3 were asked for. "
        f"Use another name, or call delete_topics([{topic!r}]) first."
    )
    assert f"{topic}-other" not in kafka.admin_client.list_topics()


def test_what_the_broker_refuses_is_told(kafka: KafkaUtils, topic: str) -> None:
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
    """With another shape, and empty."""
    kafka.create_topics([topic])
    kafka.send_messages(topic, [("k", "v")])
    kafka.delete_topics([topic, "never-existed"])
    assert topic not in kafka.admin_client.list_topics()
    kafka.create_topics([topic], num_partitions=2)
    assert kafka.get_all_records(None, topic) == {}


def test_sending_to_a_missing_topic_creates_it(kafka: KafkaUtils, topic: str) -> None:
    """With one partition, on a broker of ours; after a deletion again."""
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
            f"Topics {[theirs]} were not created by this KafkaUtils, and on an "
            "external broker it deletes no others. If they are yours, use "
            "admin_client.delete_topics()."
        )
        external.delete_topics([ours])
    topics = kafka.admin_client.list_topics()
    assert theirs in topics
    assert ours not in topics
    assert left not in topics


def test_an_external_broker_that_does_not_answer_is_told() -> None:
    """setup() raises a RuntimeError with the address."""
    with pytest.raises(BrokerUnreachableError) as caught:
        KafkaUtils(bootstrap_servers="127.0.0.1:9").setup()
    text = str(caught.value)
    assert text.startswith("No Kafka broker answers at 127.0.0.1:9: ")
    assert text.endswith(
        "Check that the broker runs, and that this address is the one it advertises "
        "to clients on this machine."
    )


@pytest.mark.parametrize(
    "name", ["bad name", "a/b", "\ud800", "ü", ".", "..", "x" * 250]
)
def test_a_name_that_kafka_does_not_allow_is_refused_before_anything_is_made(
    kafka: KafkaUtils, topic: str, name: str
) -> None:
    """Of the other topics of the call none is created."""
    with pytest.raises(ValueError, match="is not a name that Kafka allows"):
        kafka.create_topics([topic, name])
    assert topic not in kafka.admin_client.list_topics()
    with pytest.raises(ValueError, match="is not a name that Kafka allows"):
        kafka.send_messages(name, [("k", "v")])


def test_the_text_about_a_bad_name(kafka: KafkaUtils) -> None:
    """It says what is allowed."""
    with pytest.raises(ValueError, match="bad name") as caught:
        kafka.create_topics(["bad name"])
    assert str(caught.value) == (
        "topic='bad name' is not a name that Kafka allows: 1 to 249 of the characters "
        "a-z, A-Z, 0-9, '.', '_' and '-', and not '.' or '..'"
    )


@pytest.fixture
def external(kafka: KafkaUtils) -> Iterator[KafkaUtils]:
    """Another KafkaUtils of the same broker, which deletes only what it created."""
    with KafkaUtils(bootstrap_servers=kafka.broker) as utils:
        yield utils


def test_what_was_created_before_a_refusal_is_known(
    kafka: KafkaUtils, external: KafkaUtils, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker refuses one of two: the other is the kit's, and goes with it."""
    good, refused = f"{topic}-good", f"{topic}-refused"
    admin = external.admin_client
    create = admin.create_topics

    def with_too_many_replicas(topics: Any, **options: Any) -> Any:
        if isinstance(topics, dict):  # kafka-python 3
            topics[refused] = {**topics[refused], "replication_factor": 3}
        else:
            for new in topics:
                new.replication_factor = 3 if new.name == refused else 1
        return create(topics, **options)

    with_too_many_replicas.__signature__ = signature(create)  # type: ignore[attr-defined]
    monkeypatch.setattr(admin, "create_topics", with_too_many_replicas)
    with pytest.raises(TopicError, match=f"Topic '{refused}' could not be created"):
        external.create_topics([good, refused])
    assert good in kafka.admin_client.list_topics()
    external.teardown()
    assert good not in kafka.admin_client.list_topics()


@pytest.mark.parametrize("error", [KeyboardInterrupt, KafkaTimeoutError])
def test_what_was_created_when_the_call_was_ended_is_known(
    kafka: KafkaUtils,
    external: KafkaUtils,
    topic: str,
    error: type[BaseException],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl-C, or a time-out, when the broker has made them, before the kit hears it."""
    admin = external.admin_client
    create = admin.create_topics

    def then_interrupted(topics: Any, **options: Any) -> Any:
        create(topics, **options)
        raise error

    then_interrupted.__signature__ = signature(create)  # type: ignore[attr-defined]
    monkeypatch.setattr(admin, "create_topics", then_interrupted)
    with pytest.raises(error):
        external.create_topics([topic])
    external.delete_topics([topic])
    with pytest.raises(UnknownTopicError):
        kafka.offsets(topic)
    kafka.create_topics([topic], num_partitions=2)  # else it would be there with one


def test_a_topic_of_others_does_not_become_the_kits_by_a_refusal(
    kafka: KafkaUtils, external: KafkaUtils, topic: str
) -> None:
    """It stays when the kit goes."""
    kafka.create_topics([topic], num_partitions=2)
    with pytest.raises(TopicExistsError):
        external.create_topics([topic])
    external.create_topics([topic], num_partitions=2)
    external.teardown()
    assert topic in kafka.admin_client.list_topics()
