"""The script, as spark-submit runs it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import totals
from spark_kafka_testkit import KafkaUtils


# --8<-- [start:test]
def test_a_customers_orders_are_added(kafka_utils: KafkaUtils, tmp_path: Path) -> None:
    kafka_utils.create_topics(["orders", "totals"])
    orders = [("ann", {"amount": 3.5}), ("bob", {"amount": 1}), ("ann", {"amount": 2})]
    kafka_utils.send_messages("orders", orders)
    script = [totals.__file__, "--broker", kafka_utils.broker]
    words = [*KafkaUtils.spark_submit_args(), *script, "--checkpoint", str(tmp_path)]
    with subprocess.Popen(["spark-submit", *words]) as job:
        try:
            kafka_utils.wait_until_processed(checkpoint=tmp_path, process=job)
        finally:
            job.terminate()
    expected = {"ann": "5.5", "bob": "1.0"}
    assert kafka_utils.get_all_records(None, "totals") == expected


# --8<-- [end:test]
