"""Waits tied to a query's own offsets, and how far it is behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spark_kafka_testkit import _clock
from spark_kafka_testkit._times import check_times, sleep
from spark_kafka_testkit.errors import KafkaTestkitError, WaitError
from spark_kafka_testkit.streaming._position import Ends, Place, Position
from spark_kafka_testkit.streaming._query import (
    check_query,
    describe,
    message_of,
    mode_of,
    name_of,
    raise_if_dead,
)

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

    from spark_kafka_testkit.kafka_utils import KafkaUtils

__all__ = ["lag", "wait_for_query_alive", "wait_until_processed"]

TICK_SECONDS = 0.05

# A query's status message once its start offsets are pinned (MicroBatchExecution,
# ContinuousExecution); a long batch, and a query without batches, have no progress yet.
# Any other message proves nothing. The tasks of a real-time query would tell as well,
# but Spark's status tracker may show them ten seconds late.
PINNED = (
    "Writing offsets to log",
    "Processing new data",
    "No new data but cleaning up state",
    "Waiting for data to arrive",
    "Waiting for next trigger",
    "Running",
    "Committing epoch",
)


def wait_for_query_alive(
    query: StreamingQuery, timeout: float = 60, interval: float = 1.0
) -> None:
    """Waits until the query is active and its start offsets are pinned: what is sent
    after that, it sees, in every trigger mode.

    A query that has already ended without an error (`availableNow`, `once`) is no
    failure.

    Args:
        query: the query.
        timeout: seconds.
        interval: the longest time between two looks at the query, in seconds.

    Raises:
        StreamingQueryException: the query's own, as soon as it has died.
        WaitError: (an AssertionError) it was not alive in time; the text has its
            status.
        TypeError, ValueError: an argument that can't be used.
    """
    check_query(query)
    check_times(timeout=timeout, interval=interval)
    deadline = _clock.monotonic() + timeout
    while not _is_alive_or_done(query):
        if _clock.monotonic() >= deadline:
            raise WaitError(
                f"Query {name_of(query)} was not alive within {timeout:g} s.\n"
                f"{describe(query)}\n"
                "Give it more time (timeout=...), or look for the reason in Spark's "
                "log."
            )
        sleep(min(interval, TICK_SECONDS), deadline)


def _is_alive_or_done(query: StreamingQuery) -> bool:
    # Before the exception: a query that dies in between has set it.
    is_active = query.isActive
    raise_if_dead(query)
    return (
        not is_active
        or query.lastProgress is not None
        or message_of(query).startswith(PINNED)
    )


def wait_until_processed(
    kafka: KafkaUtils,
    query: StreamingQuery,
    topic: str | None = None,
    timeout: float = 60,
) -> None:
    """Waits until the query has committed a batch that covers all that its source
    topics hold at the call: its sink has the result then, and its checkpoint says so.

    Told by the offsets in the query's progress, partition by partition, for each of its
    Kafka sources. The end of a topic is its high watermark: an open transaction holds
    up a read_committed query, and this wait with it.

    What was processed need not have been emitted: a window in append mode comes out
    once the watermark has passed it.

    Args:
        kafka: the cluster.
        query: a query in micro-batches: any trigger but real-time and continuous, any
            sink.
        topic: look at this source topic alone.
        timeout: seconds.

    Raises:
        StreamingQueryException: the query's own, as soon as it has died.
        WaitError: (an AssertionError) it did not come that far in time, or it ended
            before; the text says per partition where it is.
        ValueError: a query in real-time or continuous mode, which has no such progress
            (use `wait_for_records` on its sink topic), or one that does not read the
            topic.
        TypeError: an argument that can't be used.
    """
    check_query(query)
    check_times(timeout=timeout)
    _check_has_batches(query)
    deadline = _clock.monotonic() + timeout
    ends: Ends = {} if topic is None else {topic: kafka.offsets(topic)}
    position = Position()
    while True:
        has_ended = not query.isActive  # before the progress, which is its last then
        raise_if_dead(query)
        if position.take(query):
            ends = ends or _ends_of(kafka, query, position)
            places = position.places(ends)
            if not places and topic is not None:
                raise ValueError(_reads_others(kafka, query, position, topic))
            if not any(place.behind for place in places):
                return
        elif not has_ended:
            _check_has_batches(
                query
            )  # by Spark Connect its status tells, after a while
        if has_ended or _clock.monotonic() >= deadline:
            within = None if has_ended else timeout
            raise WaitError(_why_not_processed(kafka, query, position, ends, within))
        sleep(TICK_SECONDS, deadline)


def _check_has_batches(query: StreamingQuery) -> None:
    mode = mode_of(query)
    if mode != "micro-batch":
        raise ValueError(
            f"Query {name_of(query)} runs in {mode} mode, and its progress does not "
            "tell what it has processed. Wait for its sink topic instead: "
            "wait_for_records(sink_topic, count=..., since=mark)."
        )


def lag(kafka: KafkaUtils, query: StreamingQuery) -> dict[str, dict[int, int]]:
    """How far the query is behind: per source topic and partition, the offsets between
    what its last batch read up to and the topic's end.

    Offsets, not records: transaction markers count. Of several sources that read a
    partition, the one furthest behind counts. In real-time mode the last batch is the
    last that has ended.

    Raises:
        StreamingQueryException: the query's own, where it has died.
        WaitError: (an AssertionError) it has made no progress yet.
        ValueError: a query in continuous mode, which reports no progress, or one that
            reads no topic.
        TypeError: an argument that can't be used.
    """
    check_query(query)
    if mode_of(query) == "continuous":
        raise ValueError(
            f"Query {name_of(query)} runs in continuous mode, and Spark reports no "
            "progress of it: how far it is behind is not known."
        )
    raise_if_dead(query)
    position = Position()
    if not position.take(query):
        raise WaitError(
            f"Query {name_of(query)} has made no progress yet: how far it is behind is "
            "not known. Call wait_for_query_alive(query) first."
        )
    behind: dict[str, dict[int, int]] = {}
    for place in position.places(_ends_of(kafka, query, position)):
        of_topic = behind.setdefault(place.topic, {})
        of_topic[place.partition] = max(place.behind, of_topic.get(place.partition, 0))
    return behind


def _topics_of(kafka: KafkaUtils, position: Position) -> list[str]:
    existing: list[str] = []
    if any(source.kind == "SubscribePattern" for source in position.sources):
        existing = kafka.admin_client.list_topics()
    found = (topic for source in position.sources for topic in source.topics(existing))
    return sorted(set(found))


def _ends_of(kafka: KafkaUtils, query: StreamingQuery, position: Position) -> Ends:
    if not position.sources:
        raise ValueError(f"Query {name_of(query)} reads no Kafka topic.")
    return {topic: kafka.offsets(topic) for topic in _topics_of(kafka, position)}


def _reads_others(
    kafka: KafkaUtils, query: StreamingQuery, position: Position, topic: str
) -> str:
    topics = ", ".join(map(repr, _topics_of(kafka, position))) or "no Kafka topic"
    return f"Query {name_of(query)} does not read topic {topic!r}; it reads {topics}."


def _why_not_processed(
    kafka: KafkaUtils,
    query: StreamingQuery,
    position: Position,
    ends: Ends,
    timeout: float | None,
) -> str:
    behind = [place for place in position.places(ends) if place.behind]
    lines = [f"  {place}{_held_by(kafka, place)}" for place in behind]
    if timeout is None:
        happened = "has ended without having processed its topics up to their end."
        advice = (
            "A query that stops by itself (availableNow, once) reads up to the end "
            "that its topics had when it started: send before that."
        )
    else:
        happened = f"has not processed its topics up to their end within {timeout:g} s."
        advice = (
            "Give it more time (timeout=...), or look for what holds it: an open "
            "transaction, a trigger's interval, minOffsetsPerTrigger."
            if position.is_known
            else "It has not finished a batch yet. Give it more time (timeout=...); if "
            "it runs in real-time mode, which does not show by Spark Connect, use "
            "wait_for_records on its sink topic."
        )
    return "\n".join(
        [f"Query {name_of(query)} {happened}", *lines, describe(query), advice]
    )


def _held_by(kafka: KafkaUtils, place: Place) -> str:
    try:
        now = kafka.offsets(place.topic)[place.partition]
    except (KafkaTestkitError, KeyError):
        return ""  # the rest of the message is of more use than why this is missing
    if now.stable >= place.offsets.end:
        return ""
    return f" (a transaction is open since {now.stable})"
