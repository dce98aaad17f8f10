"""The writes of a query's batches, counted and failed in its JVM
(`WatchedWrites.scala`).
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, cast

from spark_kafka_testkit._jvm.query_clock import helper_of

if TYPE_CHECKING:
    from typing import Any

    from pyspark.sql import SparkSession
    from typing_extensions import Self

__all__ = ["NoWrites", "WatchedWrites"]


class WatchedWrites:
    """Watches the writes that a query with this checkpoint does, from its next start
    to the end of a block.

    Args:
        session: the session that it is started in.
        checkpoint: its checkpoint, a folder of this machine.
        failing: which of its writes fails, from 1 on; 0: none.

    Raises:
        SparkSetupError: the session's JVM lacks the helper.

    Attributes:
        count: how many there were, at the end of the block.
        has_failed: whether one was failed.
    """

    def __init__(self, session: SparkSession, checkpoint: Path, failing: int) -> None:
        self.count, self.has_failed = 0, False
        self._helper = helper_of(session)
        self._session, self._failing = cast("Any", session)._jsparkSession, failing
        self._query = _query_id(checkpoint)

    def __enter__(self) -> Self:
        self._helper.watch_writes(self._session, self._query, self._failing)
        return self

    def __exit__(self, *_: object) -> None:
        self.count, self.has_failed = self._helper.unwatch_writes(self._query)


class NoWrites:
    """Where writes can't be watched: there were none."""

    count, has_failed = 0, False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def _query_id(checkpoint: Path) -> str:
    """That of the query, which its checkpoint has: one that is given to it there, where
    it has not been started yet.
    """
    metadata = checkpoint / "metadata"
    if not metadata.exists():
        checkpoint.mkdir(parents=True, exist_ok=True)
        metadata.write_text(json.dumps({"id": str(uuid.uuid4())}))
    return str(json.loads(metadata.read_text())["id"])
