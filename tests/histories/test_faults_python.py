"""The histories find faults in the reader with kafka-python."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._clients.kafka_python import KafkaPythonClient
from spark_kafka_testkit._kafka_python import admin, consumer, topic_reader
from spark_kafka_testkit._model import offsets
from spark_kafka_testkit._model.client_config import ClientConfig

from .faults import assert_found, assert_sound, faulty_module

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FAULTS: dict[str, tuple[ModuleType, str, str, str]] = {
    "stops at the last record": (
        offsets,
        "Progress",
        "return self.position >= self.target",
        "return self._beginning >= self.target or (self._last or 0) + 1 >= self.target",
    ),
    "resets to the latest offset": (
        consumer,
        "make_consumer",
        '"auto_offset_reset": "none"',
        '"auto_offset_reset": "latest"',
    ),
    "takes the last stable offset for the end": (
        admin,
        "Admin",
        "beginning[partition], end[partition], stable[partition]",
        "beginning[partition], stable[partition], stable[partition]",
    ),
    "keeps records past the target": (
        offsets,
        "Progress",
        "wanted = offset < self.target",
        "wanted = True",
    ),
    "begins one offset late": (
        topic_reader,
        "TopicReader",
        "consumer.seek(partition, self._progress[partition].position)",
        "consumer.seek(partition, self._progress[partition].position + 1)",
    ),
}
"""The module, what to take from it, the line, and what to put in its place."""


@contextmanager
def client_with(
    module: ModuleType, name: str, line: str, instead: str, broker: str, folder: Path
) -> Iterator[KafkaPythonClient]:
    """A client with another line in this part of this module."""
    original = getattr(module, name)
    with (
        faulty_module(module, line, instead, folder) as made,
        pytest.MonkeyPatch.context() as patch,
    ):
        changed = getattr(made, name)
        for other in [one for one in vars(made) if one[:2] != "__" and one != name]:
            setattr(made, other, getattr(module, other, None))
        for user in sys.modules.copy().values():
            if getattr(user, name, None) is original:
                patch.setattr(user, name, changed)
        client = KafkaPythonClient(ClientConfig(broker))
        try:
            yield client
        finally:
            client.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_python_reader_is_found(
    fault: str,
    kafka: KafkaUtils,
    spark: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A client with one changed line reads the histories.

    With the line as it is, it reads right.
    """
    module, name, line, broken = FAULTS[fault]
    with client_with(module, name, line, line, kafka.broker, tmp_path) as client:
        assert_sound(kafka, spark, client)
    with client_with(module, name, line, broken, kafka.broker, tmp_path) as client:
        assert_found(kafka, spark, client, monkeypatch)
