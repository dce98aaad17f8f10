"""The workers of a local session take less time than PySpark's own."""

from __future__ import annotations

import gc
import importlib
from typing import TYPE_CHECKING

import pyspark
from pyspark.sql import functions as sf

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def seen_by_worker(_: int) -> str:
    """What a worker has: where PySpark is from, and how many objects are left alone."""
    return f"{importlib.import_module('pyspark').__file__} {gc.get_freeze_count()}"


def test_workers_take_the_pyspark_that_is_compiled(spark: SparkSession) -> None:
    """Not the one in an archive, which each worker would compile anew. And once they
    have run a task, they don't look for garbage in what was imported.
    """
    look = sf.udf(seen_by_worker, "string")
    places, frozen = set(), 0
    for _ in range(100):  # a task may get another worker while the first one tidies up
        place, count = spark.range(1).select(look("id")).collect()[0][0].split()
        places.add(place)
        if frozen := int(count):
            break
    assert places == {pyspark.__file__}
    assert frozen > 10_000
