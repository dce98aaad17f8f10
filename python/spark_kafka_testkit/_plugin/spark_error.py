"""A Spark exception in the report of a failing test, with the cause first."""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._plugin.traceback import is_of_spark
from spark_kafka_testkit._queries.death import Death
from spark_kafka_testkit._text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pytest

__all__ = ["remedy", "shorten"]

SECTION = "Spark's exception"
OF_JAVA = "Py4JJavaError"
"""py4j's class for those that PySpark has no class for."""
FAILING = "E   "
NO_TOPIC = re.compile(r"Topic (?P<topic>[\w.-]+) not present in metadata")
NO_PARTITION = re.compile(
    r"Partition (?P<partition>\d+) of topic (?P<topic>[\w.-]+) with partition count "
    r"(?P<count>\d+) is not present"
)
NO_MODULE = re.compile(
    r"^ModuleNotFoundError: No module named '(?P<name>[\w.]+)'", re.M
)
NO_CONNECTOR = re.compile(r"[Ff]ind (the )?data source: kafka\b")
NO_WATERMARK = re.compile(
    r"[Aa]ppend(\.|\b).*streaming aggregations .*without watermark", re.DOTALL
)
ATTACH = (
    "The session has no Kafka connector. Make it with KafkaUtils.spark_conf(), or call "
    "KafkaUtils.attach(spark)."
)


def shorten(
    report: pytest.TestReport, error: BaseException, topics: Callable[[], Sequence[str]]
) -> None:
    """Reduce an exception of PySpark's, or one of Java's, to its cause and place.

    The whole text goes to a separate section.

    Args:
        report: the report of the test that failed with it.
        error: the exception.
        topics: a function that returns the topics of the broker, as far as known.
    """
    if not (is_of_spark(error) or type(error).__name__ == OF_JAVA):
        return
    traceback = getattr(report.longrepr, "reprtraceback", None)
    entries = getattr(traceback, "reprentries", None)
    lines: list[str] | None = getattr(entries[-1], "lines", None) if entries else None
    if not lines:
        return
    places = [n for n, line in enumerate(lines) if line.startswith(FAILING[0])]
    if not places:
        return
    whole = str(error)
    told = Death.of(whole).lines
    if advice := remedy(whole, topics):
        told.insert(1, advice)
    name = type(error).__name__
    first = f"{name}: {told[0]}"
    indent = re.match(r"E *", lines[places[0]])
    margin = indent[0] if indent else FAILING
    more = f"(the full text is in the section {SECTION!r})"
    lines[places[0] : places[-1] + 1] = [
        margin + line for line in (first, *told[1:], more)
    ]
    crash: Any = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        crash.message = first
    report.sections.append((SECTION, whole))


def remedy(text: str, topics: Callable[[], Sequence[str]]) -> str:
    """What to do, if the kit knows, otherwise an empty string."""
    if NO_CONNECTOR.search(text):
        return ATTACH
    if NO_WATERMARK.search(text):
        return (
            'Give output_mode="update" or "complete", or withWatermark() before '
            "groupBy()."
        )
    if (match := NO_MODULE.search(text)) and _is_found_here(match["name"]):
        return (
            f"Spark's Python workers lack {match['name']!r}, which this Python has: "
            "make the session with KafkaUtils.spark_conf(), and before that set "
            f"PYSPARK_PYTHON={sys.executable}."
        )
    if match := NO_PARTITION.search(text):
        count = int(match["count"])
        has = "1 partition" if count == 1 else f"{count} partitions"
        return (
            f"A row has the column 'partition' with {match['partition']}, which "
            f"Kafka's sink obeys, but topic {match['topic']!r} has {has}. Select only "
            "key and value."
        )
    if match := NO_TOPIC.search(text):
        names = topics()
        if not names or match["topic"] in names:
            return ""  # the broker is gone, or was
        hint = did_you_mean(match["topic"], names) or " Create it first."
        return f"Topic {match['topic']!r} does not exist.{hint}"
    if "UnknownTopicOrPartitionException" in text and (names := topics()):
        has = ", ".join(map(repr, names))
        return f"The query reads a topic that does not exist. The broker has {has}."
    return ""


def _is_found_here(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # a parent is not a package, or a stub
        return False
