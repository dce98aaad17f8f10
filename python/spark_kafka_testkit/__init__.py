"""Kafka for PySpark tests: a real broker, exact reads and writes, waits that do not
flake.

`KafkaUtils` is what tests use, `Record` what it reads and sends; the errors are in
`spark_kafka_testkit.errors`.
"""

from spark_kafka_testkit._model.offsets import Mark
from spark_kafka_testkit._model.records import Record, Records
from spark_kafka_testkit._version import __version__
from spark_kafka_testkit.errors import KafkaTestkitError
from spark_kafka_testkit.kafka_utils import KafkaUtils

__all__ = [
    "KafkaTestkitError",
    "KafkaUtils",
    "Mark",
    "Record",
    "Records",
    "__version__",
]
