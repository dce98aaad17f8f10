"""How far a job in another process has come, according to its checkpoint."""

from __future__ import annotations

import json
from pathlib import Path

from spark_kafka_testkit._queries.position import Offsets, Source, offsets_of

__all__ = ["committed_sources"]


def committed_sources(checkpoint: Path) -> list[Source] | None:
    """The Kafka sources as of the last committed batch, or None if there is none.

    A committed batch has a file with its number in `commits`, and one in `offsets` with
    a line for each source.

    Args:
        checkpoint: the checkpoint location.
    """
    last = max(_batches(checkpoint / "commits"), default=None)
    if last is None:
        return None
    try:
        lines = (checkpoint / "offsets" / str(last)).read_text().splitlines()
    except FileNotFoundError:
        return None  # it was cleaned up, and a later one is committed
    found = (_offsets(line) for line in lines)
    return [
        Source("Subscribe", ", ".join(offsets), offsets) for offsets in found if offsets
    ]


def _batches(folder: Path) -> list[int]:
    try:
        return [int(file.name) for file in folder.iterdir() if file.name.isdigit()]
    except FileNotFoundError:
        return []


def _offsets(line: str) -> Offsets:
    """The offsets in a line. Those of a Kafka source are JSON."""
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return offsets_of(told)
