"""The Java options of the kit's own sessions, for those that tests make without its
settings.

Their JVMs would compile for a longer life, which takes most of a short run's time.
"""

from __future__ import annotations

from spark_kafka_testkit._spark.conf import CODE_ROOM, QUICK_COLLECTOR, QUICK_COMPILER

__all__ = ["QUICK_JAVA"]

QUICK_JAVA = f"{QUICK_COLLECTOR} {QUICK_COMPILER} {CODE_ROOM}"
