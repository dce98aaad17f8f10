"""Bad input to the whole public API is told before there is a broker."""

from __future__ import annotations

import re

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._arguments import are_addresses
from tests.bad_input import Row, rows

ROWS = list(rows())
NO_BACKEND = ("BACKEND", "BOOTSTRAP_SERVERS", "REUSE")


def test_there_are_many_rows() -> None:
    """Each with a name of its own."""
    assert len({row.name for row in ROWS}) == len(ROWS) >= 400


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_it_is_refused(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a TypeError or ValueError that names the argument, and says what it is."""
    for name in NO_BACKEND:
        monkeypatch.delenv(f"SPARK_KAFKA_TESTKIT_{name}", raising=False)
    with pytest.raises(row.kind) as caught:
        row.call(KafkaUtils())
    assert str(caught.value) == row.text


def test_a_name_that_its_prefix_makes_too_long() -> None:
    """The whole of it counts."""
    kafka = KafkaUtils(topic_prefix="p")
    assert len(kafka.topic("x" * 238)) == 249
    with pytest.raises(ValueError, match="is not a valid topic name") as caught:
        kafka.topic("x" * 239)
    assert re.fullmatch(
        r"name with topic_prefix='p-[0-9a-f]{8}-x{45}\.\.\. is not a valid topic name: "
        r"Kafka allows 1 to 249 of the characters a-z, A-Z, 0-9, '\.', '_' and '-', "
        r"but not '\.' or '\.\.'\.",
        str(caught.value),
    )


def test_an_address_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named."""
    monkeypatch.delenv("SPARK_KAFKA_TESTKIT_BACKEND", raising=False)
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS", "host")
    with pytest.raises(ValueError, match="must be host:port") as caught:
        KafkaUtils()
    assert str(caught.value) == (
        "SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS must be host:port, or several separated "
        "by commas, got 'host'"
    )


@pytest.mark.parametrize(
    "address",
    [
        *("h:1", "127.0.0.1:65535", "[::1]:9092", "[fe80::1%eth0]:1", "a.b-c_d:9092"),
        *("a:1,b:2", "a:1, b:2", "PLAINTEXT://h:1"),
    ],
)
def test_addresses_that_kafkas_clients_take(address: str) -> None:
    """Those of both families, and several."""
    assert are_addresses(address)
