"""Whatever comes first, the last status is the same."""

from __future__ import annotations

import pytest

from spark_kafka_testkit.pytest_plugin import StreamChecker
from statuses import statuses


def report(order: str, status: str, since: str) -> tuple[str, dict[str, str]]:
    return order, {"status": status, "since": since}


# --8<-- [start:test]
@pytest.mark.kafka(trials=10, seed=1)
def test_the_last_status_does_not_depend_on_luck(
    kafka_check_stream: StreamChecker,
) -> None:
    shop = [report("7", "placed", "09:00"), report("7", "paid", "09:05")]
    warehouse = [report("7", "packed", "09:30"), report("7", "sent", "10:15")]
    reports = {"shop": [*shop, report("8", "placed", "09:01")], "warehouse": warehouse}
    checked = kafka_check_stream(statuses, reports, output_mode="update")
    assert {"arrival", "batches", "crashes", "restarts"} <= set(checked.same_under)


# --8<-- [end:test]
