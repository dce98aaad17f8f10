"""What is no order is in the dead-letter topic, with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from dead_letters import start


def test_each_record_goes_where_it_belongs(
    broker: str,
    spark: SparkSession,
    create_topics: Callable[..., list[str]],
    send: Callable[..., None],
    records: Callable[..., list[Any]],
    tmp_path: Path,
) -> None:
    create_topics("orders", "orders-checked", "orders-dead")
    query = start(spark, {"kafka.bootstrap.servers": broker}, str(tmp_path))
    try:
        order = {"id": "7", "amount": 2.5}
        send(
            "orders",
            ("a", order, None),
            ("b", "{", None),
            ("c", {"id": "8"}, None),
            ("d", None, None),
        )
        query.processAllAvailable()
        (checked,) = records("orders-checked", 1)
        assert (checked.key, json.loads(checked.value)) == (b"a", order)
        dead = records("orders-dead", 3)
        assert {
            record.key: (record.value, record.headers[0][1]) for record in dead
        } == {
            b"b": (b"{", b"no JSON of an order"),
            b"c": (b'{"id": "8"}', b"a field is missing"),
            b"d": (None, b"no value"),
        }
    finally:
        query.stop()
