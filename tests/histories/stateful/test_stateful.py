"""Random histories of each stateful operator, against an oracle in plain Python.

The answer of each batch, the watermark, the state and the late rows must be the
oracle's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
import pyspark
import pytest
from hypothesis import Phase, example, given, settings

from spark_kafka_testkit import KafkaUtils
from tests import sessions

from .jobs import JOBS
from .model import History
from .strategies import TELLING, histories
from .world import run_history

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

COUNT = os.environ.get("STATEFUL_HISTORIES")
FEW = 2
VERSION = tuple(int(part) for part in pyspark.__version__.split(".")[:2])
STORE = "spark.sql.streaming.stateStore.providerClass"
ROCKS_DB = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"


@pytest.fixture(params=JOBS)
def operator(request: pytest.FixtureRequest, spark: SparkSession) -> Iterator[str]:
    """The name of each operator that this Spark has."""
    name: str = request.param
    if name == "transformWithState":
        if VERSION < (4, 0):
            pytest.skip("Spark 3.5 has no transformWithState")
        pytest.importorskip("google.protobuf")  # PySpark needs it for that
    is_new = int(pa.__version__.split(".")[0]) > 15
    if name == "applyInPandasWithState" and VERSION < (4, 2) and is_new:
        pytest.skip("applyInPandasWithState of Spark before 4.2 fails with new pyarrow")
    with sessions.settings(
        spark, {STORE: ROCKS_DB} if name == "transformWithState" else {}
    ):
        yield name


@pytest.mark.timeout(0)
def test_an_operator_does_what_its_oracle_says(
    operator: str, kafka: KafkaUtils, spark: SparkSession
) -> None:
    """It is checked after each step of each history."""
    job = JOBS[operator]
    count = FEW if COUNT is None else max(1, int(COUNT) * job.share // 100)

    @given(drawn=histories())
    @example(drawn=TELLING)
    @settings(
        max_examples=count,
        derandomize=COUNT is None,
        deadline=None,
        print_blob=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],  # shrinking takes minutes
    )
    def each(drawn: History) -> None:
        run_history(kafka, spark, job, drawn, reads_state=VERSION >= (4, 0))

    each()
