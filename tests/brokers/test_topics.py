"""Topics: created until they can be used, deleted until they are gone, ours only."""

from __future__ import annotations

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit.errors import (
    BrokerUnreachableError,
    TopicError,
    TopicExistsError,
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
