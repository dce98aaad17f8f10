"""What is set up, in the hands of what outlives it: a stream, a child."""

from __future__ import annotations

import os

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit.errors import NotSetUpError
from spark_kafka_testkit.kafka_utils import cluster_of


def test_a_cluster_that_was_torn_down_says_so(kafka: KafkaUtils, topic: str) -> None:
    """Its clients are closed, and none is made anew."""
    with KafkaUtils(bootstrap_servers=kafka.broker) as utils:
        utils.create_topics([topic])
        cluster = cluster_of(utils)
        assert cluster.offsets(topic)
    with pytest.raises(NotSetUpError) as caught:
        cluster.offsets(topic)
    assert str(caught.value) == (
        "The broker has been torn down since it was set up. Call setup() again, and "
        "use the new broker."
    )


def test_a_cluster_does_not_survive_a_fork(kafka: KafkaUtils) -> None:
    """The child is told, and touches nothing of the parent's."""
    cluster = cluster_of(kafka)
    parent = os.getpid()
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            cluster.client()
        except NotSetUpError as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    assert said == (
        f"The broker was set up in process {parent} and used in its child {child}, but "
        "connections do not survive a fork. Make a KafkaUtils(bootstrap_servers=...) "
        "in the child."
    )
