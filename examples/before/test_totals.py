"""The script, as spark-submit runs it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import totals


def test_a_customers_orders_are_added(
    broker: str,
    connector: str,
    create_topics: Callable[..., list[str]],
    send: Callable[..., None],
    records: Callable[..., list[Any]],
    tmp_path: Path,
) -> None:
    create_topics("orders", "totals")
    send("orders", ("ann", {"amount": 3.5}, None), ("bob", {"amount": 1}, None))
    send("orders", ("ann", {"amount": 2}, None))
    script = [totals.__file__, "--broker", broker, "--checkpoint", str(tmp_path)]
    words = ["--conf", "spark.sql.shuffle.partitions=2", "--packages", connector]
    with subprocess.Popen(["spark-submit", *words, *script]) as job:
        try:
            found = records("totals", 2, seconds=60)
        finally:
            job.terminate()
    expected = {b"ann": b"5.5", b"bob": b"1.0"}
    assert {record.key: record.value for record in found} == expected
