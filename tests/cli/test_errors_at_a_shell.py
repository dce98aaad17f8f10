"""What errors say at a shell: their advice is in commands and options."""

from __future__ import annotations

import click
import pytest

from spark_kafka_testkit import errors
from spark_kafka_testkit.cli import cli
from spark_kafka_testkit.cli._errors import told, unknown_topic
from spark_kafka_testkit.cli._output import ADDRESS
from spark_kafka_testkit.errors import SendFailure

FAILURES = [SendFailure(n, "failed", "E", f"no {n}") for n in range(7)]
ERRORS = [
    (
        errors.UnknownTopicError("t"),
        "Topic 't' does not exist. Create it with: spark-kafka-testkit create t",
    ),
    (
        errors.TopicExistsError("t", 2, 1),
        "Topic 't' exists with 1 partition(s), but 2 were requested. Use another name, "
        "or delete it first: spark-kafka-testkit delete t",
    ),
    (
        errors.RecordsDeletedError("t", 0, 3, 9, "before"),
        "Topic 't', partition 0: the records from offset 3 up to 9 were deleted before "
        "the topic was read. Read what is left with --from earliest, or keep the "
        "records longer (retention.ms, retention.bytes).",
    ),
    (
        errors.DeserializationError("t", 0, 5, "value", "LONG", b"a", "8 bytes"),
        "The value of topic 't', partition 0, offset 5 does not decode as LONG: 8 "
        "bytes. It is b'a'. Give another --value-deserializer.",
    ),
    (
        errors.BrokerEndedError("Kafka, embedded", "it was killed", "the log"),
        "The broker is gone (Kafka, embedded): it was killed. Run the command again.\n"
        "The end of its log:\nthe log",
    ),
    (
        errors.SendError("t", 9, 2, 7, 0, FAILURES),
        "7 of 9 messages to topic 't' were not acknowledged (2 acked, 7 failed, 0 "
        "unknown):\n"
        + "".join(f"  message {n} failed: E: no {n}\n" for n in range(5))
        + "  and 2 more",
    ),
    (errors.TopicError(["t"], "as it stands"), "as it stands"),
]


@pytest.mark.parametrize(("error", "text"), ERRORS)
def test_an_error_at_a_shell(error: Exception, text: str) -> None:
    """The problem is told as in Python."""
    with click.Context(cli):
        assert told(error) == text


def test_commands_in_errors_name_the_address_that_was_given() -> None:
    """The broker that is up needs none."""
    with click.Context(cli) as context:
        context.meta[ADDRESS] = "127.0.0.1:9092"
        assert unknown_topic("t").endswith(
            "Create it with: spark-kafka-testkit create t -b 127.0.0.1:9092"
        )
        assert unknown_topic("orders", ["ordres"]) == (
            "Topic 'orders' does not exist. Did you mean 'ordres'?"
        )
