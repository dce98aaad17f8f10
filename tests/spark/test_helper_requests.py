"""Requests that the helper can't serve: each is answered by an error that says what was
asked for, also while Python is still sending.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._clients.jvm import JvmClient
from spark_kafka_testkit._jvm.channel import Channel
from spark_kafka_testkit._jvm.helper import Helper
from spark_kafka_testkit._jvm.spark_jvm import SparkJvm
from spark_kafka_testkit._model.client_config import ClientConfig
from spark_kafka_testkit.errors import HelperError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SCHEMA = pa.schema([("key", pa.binary()), ("value", pa.binary())])


@pytest.fixture
def helper(spark: SparkSession) -> Helper:
    """The helper in the JVM of the run's session."""
    jvm = SparkJvm.of(spark)
    assert jvm is not None
    its_helper, reason = jvm.find_helper()
    assert its_helper is not None, reason
    return its_helper


def large() -> pa.RecordBatchReader:
    """More than the buffers of a socket hold."""
    batch = pa.record_batch([[b"k"] * 64, [bytes(1 << 20)] * 64], schema=SCHEMA)
    return pa.RecordBatchReader.from_batches(SCHEMA, [batch] * 2)


def only(text: str) -> str:
    return f"^{re.escape(text)}$"


def refused(stranger: socket.socket, guess: bytes) -> bool:
    """Whether the helper sends someone away who says this."""
    try:
        stranger.sendall(guess)
        stranger.shutdown(socket.SHUT_WR)
        return stranger.recv(1) == b""
    except OSError:
        return True  # it was sent away before it could speak


def test_the_channel_refuses_whoever_lacks_the_secret(
    helper: Helper, kafka: KafkaUtils, topic: str
) -> None:
    """Strangers on the loopback port are sent away, with the secret too; the owner is
    still served. Who has the owner's port lacks the secret.
    """
    kafka.create_topics([topic])
    handle = helper.open(ClientConfig(kafka.broker).for_java())

    def past_strangers(own_port: int) -> str:
        address = helper.serve(handle, own_port)
        port, secret = address.split()
        for guess in (b"", secret.encode()):
            with socket.create_connection(("127.0.0.1", int(port))) as stranger:
                assert refused(stranger, guess)
        return address

    ours = Channel(past_strangers)
    try:
        ours.begin("read", 30, topic=topic, times=[])
        assert ours.result()["partitions"] == {"0": [0, 0, 0]}
    finally:
        ours.close()
    for guess in (b"x" * 64, b"", b"x"):
        with socket.socket() as stranger:
            stranger.bind(("127.0.0.1", 0))
            port, _ = helper.serve(handle, stranger.getsockname()[1]).split()
            stranger.connect(("127.0.0.1", int(port)))
            assert refused(stranger, guess)
    helper.close(handle)


def test_an_unknown_operation_is_named(
    helper: Helper, kafka: KafkaUtils, topic: str
) -> None:
    """The error has those that the helper knows; nothing follows on that channel."""
    handle = helper.open(ClientConfig(kafka.broker).for_java())
    channel = Channel(partial(helper.serve, handle))
    try:
        channel.begin("shuffle", 30, topic=topic)
        with pytest.raises(
            HelperError,
            match=only(
                "The JVM helper failed: it was asked to 'shuffle', but can only send, "
                "read and follow."
            ),
        ) as caught:
            channel.result()
        assert "sparkkafka.testkit.Operations" in caught.value.trace
    finally:
        channel.close()
        helper.close(handle)


def test_a_handle_that_was_never_opened_is_named(helper: Helper, topic: str) -> None:
    """A read gets the error: Python waits for where the topic stands."""
    channel = Channel(partial(helper.serve, 1234567))
    try:
        channel.begin("read", 30, topic=topic, times=[])
        with pytest.raises(
            HelperError,
            match=only(
                "The JVM helper failed: it was asked to serve cluster 1234567, which "
                "has been closed or was never opened."
            ),
        ):
            channel.result()
    finally:
        channel.close()


def test_a_send_to_a_closed_handle_is_refused(
    helper: Helper, kafka: KafkaUtils, topic: str
) -> None:
    """Python is sending while the helper refuses, and sees why all the same."""
    client = JvmClient(helper, ClientConfig(kafka.broker))
    handle = client._handle
    assert handle is not None
    helper.close(handle)
    with pytest.raises(
        HelperError,
        match=only(
            f"The JVM helper failed: it was asked to serve cluster {handle}, which has "
            "been closed or was never opened."
        ),
    ):
        client.send(topic, large())


def test_a_send_that_can_not_begin_tells_why(
    helper: Helper, kafka: KafkaUtils, topic: str
) -> None:
    """The Java client refuses its settings while Python is sending."""
    kafka.create_topics([topic])
    client = JvmClient(helper, ClientConfig(kafka.broker, {"compression.type": "odd"}))
    try:
        with pytest.raises(HelperError, match="Invalid value odd for configuration"):
            client.send(topic, large())
    finally:
        client.close()


UNCAUGHT = """
import os, sys
from pyspark.sql import SparkSession
from spark_kafka_testkit import KafkaUtils

builder = SparkSession.builder.master("local[2]").config("spark.log.level", "OFF")
spark = builder.config(map=KafkaUtils.spark_conf()).getOrCreate()
kafka = KafkaUtils(bootstrap_servers=sys.argv[1])
kafka.setup()
assert kafka.client == "jvm"
kafka.offsets(sys.argv[2])
os.kill(spark.sparkContext._gateway.proc.pid, 9)
raise RuntimeError("the user's own")
"""


def test_nothing_stands_below_the_users_own_error(
    kafka: KafkaUtils, topic: str
) -> None:
    """Also where Spark's JVM is gone when the process tears down what is set up."""
    kafka.create_topics([topic])
    done = subprocess.run(
        [sys.executable, "-c", UNCAUGHT, kafka.broker, topic],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.splitlines()[-1] == "RuntimeError: the user's own", done.stderr
