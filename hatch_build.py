"""Sees to it that the sdist and the wheel carry the kit's jars; sbt builds them, from a
checkout only.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

JARS = (
    "spark-kafka-testkit_2.12.jar",
    "spark-kafka-testkit_2.13.jar",
    "spark-kafka-testkit-broker.jar",
)


class JarsHook(BuildHookInterface[Any]):
    """Builds the jars in a checkout; in an unpacked sdist they are there already."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        root = Path(self.root)
        if (root / "ci/jars").is_file():
            built = subprocess.run([sys.executable, root / "ci/jars"], check=False)
            if built.returncode:
                raise RuntimeError(
                    "The kit's jars could not be built. The reason is in the lines "
                    "above. A checkout needs a JDK of 17 or newer. The sdist and the "
                    "wheel have the jars in them."
                )
        folder = root / "python/spark_kafka_testkit/jars"
        missing = [name for name in JARS if not (folder / name).is_file()]
        if missing:
            raise FileNotFoundError(f"{folder} lacks {', '.join(missing)}")
