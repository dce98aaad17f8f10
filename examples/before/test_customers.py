"""The table follows inserts, updates and deletes, also those of a time when the job was
down.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame

from customers import changes, save_to


def change(op: str, name: str, city: str) -> dict[str, Any]:
    return {"op": op, "after": {"name": name, "city": city}}


def table(database: Path) -> list[Any]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT * FROM customers ORDER BY id").fetchall()


def test_the_table_follows_the_changes(
    topics: list[str],
    read_stream: Callable[[str], DataFrame],
    send: Callable[..., None],
    tmp_path: Path,
) -> None:
    source, database = topics[0], tmp_path / "customers.db"
    writer = (
        changes(read_stream(source))
        .writeStream.foreachBatch(save_to(database))
        .option("checkpointLocation", str(tmp_path / "checkpoint"))
    )
    query = writer.start()
    try:
        send(source, ("1", change("c", "Ann", "Oslo"), None))
        send(source, ("2", change("c", "Bob", "Rome"), None))
        send(source, ("1", change("u", "Ann", "Bern"), None))
        query.processAllAvailable()
        assert table(database) == [("1", "Ann", "Bern"), ("2", "Bob", "Rome")]
    finally:
        query.stop()
    send(source, ("1", change("u", "Ann", "Riga"), None))
    send(source, ("2", {"op": "d"}, None))
    query = writer.start()
    try:
        query.processAllAvailable()
        assert table(database) == [("1", "Ann", "Riga")]
    finally:
        query.stop()
