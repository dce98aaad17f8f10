"""Wrong jobs as companies have them, each with a right twin.

Each job is checked with the schedule that `python -m bench.invariance wrong` found. The
search itself takes seconds for each job. It runs there, and in test_check_stream.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

import pytest

from spark_kafka_testkit import KafkaUtils, NotInvariant
from tests.sessions import settings

from . import corpus

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

BATCH_MODE, DETERMINISM, SEARCH = "batch_mode", "determinism", "search"
SHOWN_BY = {
    "alarm_for_each_call": (
        "send failures[3], failures[4], failures[9] | batch | send failures[11] | batch"
    ),
    "arrival_order": "send parcels[1] | batch | send orders[2] | batch",
    "cached_table": "send orders[2] | batch | send customers[0] | batch",
    "chained_aggregations": "send sales[0] | batch | send sales[2] | batch",
    "current_timestamp": BATCH_MODE,
    "data_loss": (
        "send orders[0] | batch | send orders[4] | delete the records of orders | batch"
    ),
    "day_overwritten_by_each_batch": "send orders[1] | batch | send orders[2] | batch",
    "drop_duplicates_in_batch": "send payments[0] | batch | send payments[2] | batch",
    "first_touch_by_drop_duplicates": (
        "send mails[0] | batch | send ads[2], sales[1] | batch"
    ),
    "foreach_batch_append": "send orders[0] | batch | replay",
    "kafka_sink_as_list": "send orders[0] | batch | replay",
    "latest_in_batch": "send readings[2] | batch | send readings[3] | batch",
    "latest_offsets": "send orders[0] | restart | batch",
    "limit": SEARCH,  # it is chance which partition's rows it takes
    "moving_key": (
        "send readings[1], readings[4] | batch | "
        "add a partition to readings | send readings[7] | batch"
    ),
    "newest_by_offset_of_two_topics": "send app[4] | batch | send web[1] | batch",
    "nondeterministic_join": DETERMINISM,
    "one_sided_watermark": BATCH_MODE,
    "own_offsets": "send orders[0] | batch | send orders[1] | batch",
    "partition_column": "partitions 4 | send orders[5] | batch",
    "processing_time_timer": "send clicks[0] | batch | send clicks[2] | batch",
    "processing_time_ttl": "send payments[0] | batch | send payments[2] | batch",
    "python_global": "send orders[0] | batch | send orders[2] | batch",
    "repeats_outlive_the_watermark": (
        "send payments[2], payments[6] | batch | send payments[7] | batch"
    ),
    "row_number": "send orders[1] | batch | send orders[2] | batch",
    "scd1_merge": "send changes[0] | batch | send changes[2] | batch",
    "session_path_as_collected": (
        "send views[0], views[2] | batch | send views[3] | batch"
    ),
    "total_in_a_side_file": "send sales[0] | batch | replay",
    "trip_ended_by_time_out_alone": (
        "send calls[3], calls[5] | batch | send calls[6] | batch"
    ),
    "two_sinks": "send payments[0] | crash at write 2",
    "unpersisted_uuid": DETERMINISM,
    "zero_watermark": "send visits[0] | batch | send visits[1] | batch",
}


def how(shown_by: str) -> dict[str, Any]:
    """The options with which a fault shows."""
    if shown_by in (BATCH_MODE, DETERMINISM):
        return {"same_under": [shown_by]}
    if shown_by == SEARCH:
        return {"same_under": ["batches", "arrival"], "trials": 12}
    return {"schedule": shown_by}


def test_the_corpus_is_whole() -> None:
    names = {module.name for module in pkgutil.iter_modules(corpus.__path__)}
    assert names == set(SHOWN_BY)
    assert len(names) == 24 + 8


@pytest.mark.parametrize("name", SHOWN_BY)
def test_the_wrong_job_is_found_and_its_twin_passes(
    name: str, kafka: KafkaUtils, spark: SparkSession
) -> None:
    module: Any = importlib.import_module(f"{corpus.__name__}.{name}")
    with settings(spark, getattr(module, "CONF", {})):
        options = getattr(module, "OPTIONS", {})
        with pytest.raises(NotInvariant):
            kafka.check_stream(
                module.wrong,
                module.INPUTS,
                spark=spark,
                **{**options, **how(SHOWN_BY[name])},
            )
        options = getattr(module, "RIGHT_OPTIONS", options)
        kafka.check_stream(
            module.right,
            module.INPUTS,
            spark=spark,
            **{**options, **how(SHOWN_BY[name])},
        )
