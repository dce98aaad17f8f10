"""The comparison finds faults: readers with a fault in one line fail."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pyspark
import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._queries import batch, late, store
from spark_kafka_testkit._streams import state
from tests.histories.faults import faulty_module

from .jobs import JOBS
from .strategies import TELLING
from .world import run_history

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FAULTS = {
    "late rows are counted as Spark does": (
        "windows",
        late,
        "self.rows += len(times)",
        "self.rows += count",
        "LateRowsReader",
    ),
    "late rows are late by their own time": (
        "windows",
        late,
        "unix_micros({COMPARED}) <= {limit}",
        "unix_micros({EVENT_TIME}) <= {limit}",
        "LateRowsReader",
    ),
    "the state of a join is that of its left": (
        "joined",
        store,
        '_arguments.choice("side", side, SIDES)',
        '"left"',
        "read_state",
    ),
    "the watermark is in another zone": (
        "distinct",
        batch,
        'datetime.fromisoformat(text.replace("Z", "+00:00"))',
        'datetime.fromisoformat(text.replace("Z", "+00:01"))',
        "watermark_of",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_reader_is_found(
    fault: str,
    kafka: KafkaUtils,
    spark: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The history that is written by hand finds it."""
    if pyspark.__version__ < "4":
        pytest.skip("Spark 3.5 can't read state")
    name, module, line, broken, what = FAULTS[fault]
    assert isinstance(module, ModuleType)
    with faulty_module(module, line, broken, tmp_path) as faulty:
        monkeypatch.setattr(state, what, getattr(faulty, what))
        with pytest.raises(AssertionError):
            run_history(kafka, spark, JOBS[name], TELLING, reads_state=True)
