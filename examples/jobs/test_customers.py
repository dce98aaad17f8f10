"""The table follows inserts, updates and deletes, also those of a time when the job was
down.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from customers import changes, save_to
from spark_kafka_testkit.pytest_plugin import StreamReader, StreamRunner


def change(op: str, name: str, city: str) -> dict[str, Any]:
    return {"op": op, "after": {"name": name, "city": city}}


def table(database: Path) -> list[Any]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT * FROM customers ORDER BY id").fetchall()


# --8<-- [start:test]
def test_the_table_follows_the_changes(
    kafka_topic: str,
    kafka_read_stream: StreamReader,
    kafka_stream: StreamRunner,
    tmp_path: Path,
) -> None:
    database = tmp_path / "customers.db"
    save = save_to(database)
    stream = kafka_stream(changes(kafka_read_stream(kafka_topic)), foreach_batch=save)
    created = [("1", change("c", "Ann", "Oslo")), ("2", change("c", "Bob", "Rome"))]
    stream.add_data(kafka_topic, [*created, ("1", change("u", "Ann", "Bern"))])
    stream.process_all_available()
    assert table(database) == [("1", "Ann", "Bern"), ("2", "Bob", "Rome")]

    stream.stop()
    changed = [("1", change("u", "Ann", "Riga")), ("2", {"op": "d"})]
    stream.add_data(kafka_topic, changed)
    stream.start()
    stream.process_all_available()
    assert table(database) == [("1", "Ann", "Riga")]


# --8<-- [end:test]
