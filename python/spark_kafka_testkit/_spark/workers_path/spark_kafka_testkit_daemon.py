"""PySpark's daemon, with workers that start quickly and collect garbage faster.

Spark runs this module instead of `pyspark.daemon`, with the Python of its workers. Its
folder is on their path. The package `spark_kafka_testkit` need not be, and is not
imported.
"""

from __future__ import annotations

import gc
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from types import SimpleNamespace


def prefer_compiled() -> None:
    """Have PySpark imported from its folder, where it is compiled, not from an archive.

    Spark puts `pyspark.zip` first on the path, and Python compiles what it imports from
    an archive every time. The archive stays on the path if PySpark is not installed, or
    if it belongs to another PySpark.
    """
    installed = [entry for entry in sys.path if not entry.endswith(".zip")]
    pyspark = PathFinder.find_spec("pyspark", installed)
    if pyspark is None or pyspark.origin is None:
        return
    if PathFinder.find_spec("py4j", installed) is None:
        return
    archives = (Path(pyspark.origin).parent / "python/lib").resolve()
    sys.path[:] = [
        entry for entry in sys.path if Path(entry).parent.resolve() != archives
    ]


class Collector:
    """Collects garbage, and afterwards ignores the objects that imports have made.

    PySpark's daemon collects after each task. With pandas imported, that takes longer
    than the tasks of most tests.
    """

    def __init__(self) -> None:
        self._modules = 0

    def collect(self) -> None:
        gc.collect()
        if len(sys.modules) > self._modules:
            self._modules = len(sys.modules)
            gc.freeze()


if __name__ == "__main__":
    prefer_compiled()
    from pyspark import daemon

    vars(daemon)["gc"] = SimpleNamespace(**{**vars(gc), "collect": Collector().collect})
    daemon.manager()
