"""Where the classes of the running Spark are."""

from __future__ import annotations

import pytest

from spark_kafka_testkit._spark.running import kafka_package


def test_databricks_by_connect_names_its_runtime(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No JVM can be asked there where Kafka's classes are."""
    monkeypatch.setattr(
        "spark_kafka_testkit._jvm.spark_jvm.active_session", lambda: None
    )
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION", raising=False)
    assert kafka_package() == ""
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "16.4")
    assert kafka_package() == "kafkashaded."
