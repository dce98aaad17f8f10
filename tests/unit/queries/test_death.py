"""The cause of what Spark's exceptions tell at length."""

from __future__ import annotations

import pytest

from spark_kafka_testkit._queries.death import Death

CONTEXT = """
=== Streaming Query ===
Identifier: orders [id = 7239bf0-8f6c, runId = 82ac8554-8abc]
Current Committed Offsets: {}
Current Available Offsets: {KafkaV2[Subscribe[in]]: {"in":{"0":2}}}

Current State: ACTIVE
Thread State: RUNNABLE

Logical Plan:
WriteToMicroBatchDataSource MemorySink
"""
PYTHON = """\
[PYTHON_EXCEPTION] An exception was thrown from the Python worker: Traceback (most recent call last):
  File "/x/site-packages/pyspark/python/lib/pyspark.zip/pyspark/worker.py", line 36, in main
    process()
    ^^^^^^^^^
  File "/home/me/job.py", line 12, in parse
    return int(value)
           ^^^^^^^^^^
  File "/x/lib/python3.11/site-packages/library/numbers.py", line 3, in convert
    raise ValueError(value)
  File "/x/lib/python3.11/enum.py", line 7, in __call__
    return cls(value)
ValueError: no number
 SQLSTATE: 38000"""


def test_the_error_of_a_python_function_is_told_with_its_line() -> None:
    """The line is the user's own, not that of a library which it calls."""
    death = Death.of(PYTHON + CONTEXT)
    assert death.lines == [
        "ValueError: no number",
        "  in parse, job.py:12: return int(value)",
        '  query orders, in the batch that reads in up to {"in":{"0":2}}',
    ]


OF_JAVA = """\
[FOREACH_BATCH_USER_FUNCTION_ERROR] An error occurred in the user provided function in foreach batch sink. Reason: An exception was raised by the Python Proxy. Return Message: Traceback (most recent call last):
  File "/x/site-packages/pyspark/sql/utils.py", line 163, in call
    self.func(DataFrame(jdf, wrapped_session_jdf), batch_id)
  File "/home/me/job.py", line 16, in save
    df.write.parquet(path)
  File "/x/site-packages/pyspark/sql/readwriter.py", line 2093, in parquet
    self._jwrite.parquet(path)
"""


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (
            "py4j.protocol.Py4JJavaError: An error occurred while calling o380.parquet.\n: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 2.0 failed 1 times, most recent failure: Lost task 0.0 in stage 2.0 (TID 2) (vm executor driver): java.io.IOException: no space\n\tat org.apache.hadoop.fs.Some.create(Some.java:774)",
            "IOException: no space",
        ),
        (
            "pyspark.errors.exceptions.captured.SparkRuntimeException: [USER_RAISED_EXCEPTION] bad row",
            "SparkRuntimeException: [USER_RAISED_EXCEPTION] bad row",
        ),
    ],
)
def test_an_error_that_spark_raises_in_a_python_function_is_told_as_its_own(
    error: str, cause: str
) -> None:
    """And the line is the user's that called Spark."""
    death = Death.of(OF_JAVA + error + CONTEXT)
    assert death.lines[:2] == [cause, "  in save, job.py:16: df.write.parquet(path)"]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (
            "org.apache.kafka.common.errors.UnknownTopicOrPartitionException: This server does not host this topic-partition.",
            "UnknownTopicOrPartitionException: This server does not host this topic-partition.",
        ),
        (
            "[STREAM_FAILED] Query [id = 1, runId = 2] terminated with exception: Job aborted due to stage failure: Task 0 in stage 3.0 failed 1 times, most recent failure: Lost task 0.0 in stage 3.0 (TID 3) (vm executor driver): java.lang.RuntimeException: no\n\tat Some.where(",
            "RuntimeException: no",
        ),
        (  # as `exception()` of Spark Connect gives it
            "(STREAM_FAILED) [USER_RAISED_EXCEPTION] bad order SQLSTATE: P0001",
            "[USER_RAISED_EXCEPTION] bad order",
        ),
        (
            "[USER_RAISED_EXCEPTION] bad order SQLSTATE: P0001",
            "[USER_RAISED_EXCEPTION] bad order",
        ),
        (
            "An error occurred while calling o44.save.\n: java.sql.SQLException: No suitable driver\n\tat java.sql/java.sql.DriverManager",
            "SQLException: No suitable driver",
        ),
        ("x" * 400, "x" * 297 + "..."),
        ("", ""),
    ],
)
def test_the_cause_of_an_error_of_the_jvm_is_its_first_line(
    text: str, cause: str
) -> None:
    """Without what only says that something failed, and without packages' names."""
    assert Death.of(text + CONTEXT).cause == cause
    assert Death.of(f"{text}\n\nJVM stacktrace:\nmuch").cause == cause
