"""What each Python of Spark's runs first, as its folder is on their path.

`transformWithState` starts one for each query, without a daemon. There, too, PySpark
comes from its folder and not from an archive.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path

from spark_kafka_testkit_daemon import prefer_compiled  # type: ignore[import-not-found]


def run_the_other() -> None:
    """Run the `sitecustomize` that this one hides, if there is one."""
    here = Path(__file__).parent
    others = [entry for entry in sys.path if Path(entry) != here]
    spec = PathFinder.find_spec(__name__, others)
    if spec is not None and spec.loader is not None:
        sys.modules[__name__] = module = module_from_spec(spec)
        spec.loader.exec_module(module)


prefer_compiled()
run_the_other()
