"""DataFrames of topics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _arguments
from spark_kafka_testkit.errors import SparkSetupError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["read_batch", "read_stream", "session_or_active"]

SELECTIONS = ("subscribe", "subscribepattern", "assign")


def read_stream(
    spark: SparkSession | None,
    topics: str | Sequence[str] | None,
    options: Mapping[str, Any],
) -> DataFrame:
    """The stream described in `KafkaUtils.read_stream`."""
    return _load(session_or_active(spark).readStream, _settings(topics, options))


def read_batch(
    spark: SparkSession | None,
    topics: str | Sequence[str] | None,
    options: Mapping[str, Any],
) -> DataFrame:
    """The DataFrame described in `KafkaUtils.read_batch`."""
    return _load(session_or_active(spark).read, _settings(topics, options))


def _settings(
    topics: str | Sequence[str] | None, options: Mapping[str, Any]
) -> dict[str, str]:
    settings = _arguments.settings("options", options)
    is_selected = any(name.lower() in SELECTIONS for name in settings)
    if is_selected != (topics is None):
        raise ValueError(
            "Give the topics, or None and the option 'subscribePattern' or 'assign', "
            f"not {'both' if is_selected else 'neither'}."
        )
    if topics is not None:
        names = [topics] if isinstance(topics, str) else topics
        settings["subscribe"] = ",".join(_arguments.topics("topics", names))
    if not any(name.lower().startswith("starting") for name in settings):
        settings["startingOffsets"] = "earliest"
    return settings


def session_or_active(spark: SparkSession | None) -> SparkSession:
    """The session that was given, or else the active one.

    Raises:
        SparkSetupError: there is none.
    """
    if spark is not None:
        return _arguments.session("spark", spark)  # type: ignore[no-any-return]
    from pyspark.sql import SparkSession as Session

    active = Session.getActiveSession()
    if active is None:
        raise SparkSetupError(
            "There is no active Spark session in this thread.",
            "Give one, or make one with KafkaUtils.spark_session().",
        )
    return active


def _load(reader: Any, settings: Mapping[str, str]) -> DataFrame:
    """Load it, and name the real problem if the session lacks the connector."""
    from pyspark.errors import AnalysisException

    try:
        loaded: DataFrame = reader.format("kafka").options(**settings).load()
    except AnalysisException as error:
        if "find data source: kafka" not in str(error):
            raise
        raise SparkSetupError(
            "The session has no Kafka connector.",
            "Call KafkaUtils.attach(spark), or make the session with "
            "KafkaUtils.spark_conf().",
        ) from error
    return loaded
