"""Balances of accounts: bookings are added up in a database, each of them once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from pyspark.sql import DataFrame

TABLES = """
CREATE TABLE IF NOT EXISTS balances (account TEXT PRIMARY KEY, cents INTEGER);
CREATE TABLE IF NOT EXISTS batches (number INTEGER PRIMARY KEY);
"""


# --8<-- [start:job]
ADD = """
INSERT INTO balances VALUES (?, ?)
ON CONFLICT (account) DO UPDATE SET cents = cents + excluded.cents
"""


def bookings(records: DataFrame) -> DataFrame:
    """The account and the cents of each record.

    Args:
        records: Kafka's columns, with the account as key and the cents as value.
    """
    return records.selectExpr(
        "STRING(key) AS account", "BIGINT(STRING(value)) AS cents"
    )


def save_to(database: Path) -> Callable[[DataFrame, int], None]:
    """A function for `foreachBatch`. A batch that comes again is not added again."""

    def save(batch: DataFrame, number: int) -> None:
        sums = batch.groupBy("account").agg({"cents": "sum"}).collect()
        with closing(sqlite3.connect(database)) as connection:
            connection.executescript(TABLES)
            with connection:  # one transaction: the number, and what it stands for
                new = "INSERT OR IGNORE INTO batches VALUES (?)"
                if connection.execute(new, (number,)).rowcount:
                    connection.executemany(ADD, sums)

    return save


# --8<-- [end:job]
