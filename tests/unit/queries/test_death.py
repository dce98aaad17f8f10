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
        (
            "[USER_RAISED_EXCEPTION] bad order SQLSTATE: P0001",
            "[USER_RAISED_EXCEPTION] bad order",
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
