"""Bad input to the whole public API is told before there is a broker."""

from __future__ import annotations

import pytest

from spark_kafka_testkit import KafkaUtils
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
