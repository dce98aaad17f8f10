"""Kafka for PySpark tests: a real broker, exact reads and writes, reliable waits.

`KafkaUtils` is what tests use, and `Record` is what it reads and sends. Everything that
a test handles can be imported from here. The other errors are in
`spark_kafka_testkit.errors`.
"""

from spark_kafka_testkit._event_time import at
from spark_kafka_testkit._invariance.job import JobRun
from spark_kafka_testkit._invariance.search import StreamReport
from spark_kafka_testkit._model.offsets import Coverage, Mark, PartitionOffsets
from spark_kafka_testkit._model.records import Record, Records
from spark_kafka_testkit._model.send_report import Written
from spark_kafka_testkit._queries.batch import Batch
from spark_kafka_testkit._reads.results import RecordStream
from spark_kafka_testkit._report.shown import QueryReport
from spark_kafka_testkit._streams.crash import Crash
from spark_kafka_testkit._streams.follow import FollowedQuery
from spark_kafka_testkit._streams.run import StreamRun
from spark_kafka_testkit._version import __version__
from spark_kafka_testkit._waits.matchers import contains
from spark_kafka_testkit.errors import KafkaTestkitError, NotInvariant, WaitError
from spark_kafka_testkit.kafka_utils import KafkaUtils

__all__ = [
    "Batch",
    "Coverage",
    "Crash",
    "FollowedQuery",
    "JobRun",
    "KafkaTestkitError",
    "KafkaUtils",
    "Mark",
    "NotInvariant",
    "PartitionOffsets",
    "QueryReport",
    "Record",
    "RecordStream",
    "Records",
    "StreamReport",
    "StreamRun",
    "WaitError",
    "Written",
    "__version__",
    "at",
    "contains",
]
