"""A batch that runs twice is added once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from balances import bookings, save_to
from spark_kafka_testkit.pytest_plugin import StreamReader, StreamRunner


def balances(database: Path) -> list[Any]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT * FROM balances").fetchall()


# --8<-- [start:test]
def test_a_crash_books_nothing_twice(
    kafka_topic: str,
    kafka_read_stream: StreamReader,
    kafka_stream: StreamRunner,
    tmp_path: Path,
) -> None:
    database = tmp_path / "bank.db"
    stream = kafka_stream(
        bookings(kafka_read_stream(kafka_topic)),
        foreach_batch=save_to(database),
        answer=partial(balances, database),
    )
    stream.add_data(kafka_topic, [("ann", 500), ("bob", 100), ("ann", -200)])
    stream.check_answer([("ann", 300), ("bob", 100)])
    with stream.crash("after_sink"):
        stream.add_data(kafka_topic, [("ann", 50)])
    stream.start()
    stream.check_answer([("ann", 350), ("bob", 100)])
    stream.replay_last_batch()
    stream.check_answer([("ann", 350), ("bob", 100)])


# --8<-- [end:test]
