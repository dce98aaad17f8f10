"""Wrong streaming jobs, each with a right twin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@contextmanager
def settings(spark: SparkSession, module: Any) -> Iterator[None]:
    """What a job of the corpus wants the session to be set to, for the block."""
    conf: dict[str, str] = getattr(module, "CONF", {})
    for name, value in conf.items():
        spark.conf.set(name, value)
    try:
        yield
    finally:
        for name in conf:
            spark.conf.unset(name)
