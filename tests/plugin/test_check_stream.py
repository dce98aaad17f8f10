"""The fixture kafka_check_stream: what has failed is kept, and tried first."""

from __future__ import annotations

from tests.plugin.conftest import Inner

pytest_plugins = ["pytester"]

CHECK = """
import pytest


def numbered(orders, run):
    def write(df, number):
        df.selectExpr(f"{number} AS number").write.mode("overwrite").json(
            f"{run.path}/{number}"
        )

    query = orders.writeStream.foreachBatch(write)
    return query.option("checkpointLocation", run.checkpoint).start()


def numbers(run):
    rows = run.spark.read.schema("number INT").json(f"{run.path}/*")
    return sorted(row.number for row in rows.collect())


@pytest.mark.kafka(trials=3, seed=1)
def test_numbered(kafka_check_stream):
    orders = [(f"k{number}", "v") for number in range(2)]
    kafka_check_stream(
        numbered, {"orders": orders}, answer=numbers, same_under=["batches"]
    )
"""


def test_a_schedule_that_has_failed_is_tried_first(inner: Inner) -> None:
    cached = ("-p", "cacheprovider")
    first = inner(*cached, test_check=CHECK)
    first.assert_outcomes(failed=1)
    first.stdout.fnmatch_lines(
        [
            "*The answer of numbered depends on where batches end.*",
            "*Found with seed=1.*",
        ]
    )
    first.stdout.no_fnmatch_line("topic 'check-*")  # they are the kit's, and gone
    again = inner(*cached, test_check=CHECK)
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["*depends on where batches end.*"])
    again.stdout.no_fnmatch_line("*Found by seed*")
    mended = CHECK.replace('f"{number} AS number"', '"0 AS number"')
    inner(*cached, test_check=mended).assert_outcomes(passed=1)
