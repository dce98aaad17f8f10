"""The histories find faults in the reader with kafka-python."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import spark_kafka_testkit
from spark_kafka_testkit import KafkaUtils

from .faults import Edit, assert_found

PACKAGE = Path(spark_kafka_testkit.__file__).parent
FAULTS = {
    "stops at the last record": Edit(
        "offsets.py",
        "return self.position >= self.target",
        "return self._beginning >= self.target or (self._last or 0) + 1 >= self.target",
    ),
    "resets to the latest offset": Edit(
        "consumer.py", '"auto_offset_reset": "none"', '"auto_offset_reset": "latest"'
    ),
    "takes the last stable offset for the end": Edit(
        "admin.py",
        "beginning[partition], end[partition], stable[partition]",
        "beginning[partition], stable[partition], stable[partition]",
    ),
    "keeps records past the target": Edit(
        "offsets.py", "wanted = offset < self.target", "wanted = True"
    ),
    "begins one offset late": Edit(
        "topic_reader.py",
        "consumer.seek(partition, self._progress[partition].position)",
        "consumer.seek(partition, self._progress[partition].position + 1)",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_python_reader_is_found(
    fault: str, kafka: KafkaUtils, tmp_path: Path
) -> None:
    """A copy of the package with one changed line reads the histories."""
    shutil.copytree(PACKAGE, tmp_path / PACKAGE.name)
    FAULTS[fault].apply(tmp_path)
    assert_found(kafka, "kafka-python", {"PYTHONPATH": str(tmp_path)})
