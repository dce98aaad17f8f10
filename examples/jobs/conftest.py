"""What the tests of all jobs share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def kafka_spark_conf() -> dict[str, str]:
    """Spark's Python workers find the jobs, which no package is installed of."""
    return {"spark.executorEnv.PYTHONPATH": str(Path(__file__).parent)}
