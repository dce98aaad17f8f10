"""Waits for what a query has processed, and how far it is behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._queries.batch import watermark_of
from spark_kafka_testkit._queries.patterns import matching_topics
from spark_kafka_testkit._queries.planned import (
    named_topics,
    planned_sources_of_query,
    sink_topic,
)
from spark_kafka_testkit._queries.position import Ends, Place, Position
from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit._waits.clock import Pauses
from spark_kafka_testkit.errors import KafkaTestkitError, WaitError

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

    from spark_kafka_testkit._cluster import Cluster

__all__ = [
    "check_topics",
    "ends_of",
    "lag",
    "wait_for_end",
    "wait_for_query_alive",
    "wait_for_watermark",
    "wait_until_processed",
]


# A query's status message once its start offsets are pinned (MicroBatchExecution,
# ContinuousExecution). A long batch, and a query without batches, have no progress yet.
# Any other message proves nothing. The tasks of a real-time query would show it as
# well, but Spark's status tracker may show them ten seconds late.
PINNED = (
    "Writing offsets to log",
    "Processing new data",
    "No new data but cleaning up state",
    "Waiting for data to arrive",
    "Waiting for next trigger",
    "Running",
    "Committing epoch",
)


def wait_for_end(query: StreamingQuery, timeout: float) -> None:
    """Wait for the end of a query that ends on its own.

    Raises:
        StreamingQueryException: it died.
        WaitError: it had not ended in time.
    """
    state, pauses = QueryState(query), Pauses(timeout)
    while state.is_active:
        if pauses.is_over:
            raise WaitError(
                f"Query {state.name} had not ended its step within {timeout:g} s.\n"
                f"{state.describe()}",
                query=query,
            )
        pauses.rest()
    state.raise_if_dead()


def wait_for_query_alive(
    query: StreamingQuery,
    timeout: float = 60,
    interval: float = 1.0,
    *,
    cluster: Cluster | None = None,
) -> None:
    """See `KafkaUtils.wait_for_query_alive`.

    Args:
        cluster: where its topics may be. Without it, they are not checked.
    """
    timeout = _arguments.seconds("timeout", timeout)
    interval = _arguments.seconds("interval", interval)
    state = QueryState(query)
    if cluster is not None:
        check_topics(cluster, state)
    pauses = Pauses(timeout)
    while not _is_alive_or_done(state):
        if pauses.is_over:
            raise WaitError(
                f"Query {state.name} was not alive within {timeout:g} s.\n"
                f"{state.describe()}",
                "Give it more time (timeout=...), or look for the reason in Spark's "
                "log.",
                query=query,
            )
        pauses.rest(interval)


def check_topics(cluster: Cluster, state: QueryState) -> None:
    """Check that a query writes to an existing topic, and while it starts, its sources.

    Spark looks for them for a minute, and then may not name them.

    Raises:
        UnknownTopicError: a topic does not exist.
    """
    if cluster.broker.is_visited or not state.is_active:
        return  # a broker that may create topics automatically
    servers = cluster.broker.bootstrap_servers
    if state.progress is None:
        sources = planned_sources_of_query(state.query)
        names = named_topics(sources, servers)
        cluster.require_topics(names, f"Query {state.name} reads")
    sink = sink_topic(state.query, servers)
    if sink is not None:
        cluster.require_topics([sink], f"Query {state.name} writes to")


def _is_alive_or_done(state: QueryState) -> bool:
    # Before the exception: a query that dies in between has set it.
    is_active = state.is_active
    state.raise_if_dead()
    return (
        not is_active
        or state.progress is not None
        or state.message.startswith(PINNED)
        or state.is_clocked  # it pins them before it waits for the clock
    )


def wait_until_processed(
    cluster: Cluster,
    queries: Sequence[StreamingQuery],
    topic: str | None = None,
    timeout: float = 60,
) -> None:
    """See `KafkaUtils.wait_until_processed`.

    Queries may feed one another in any order, so each is waited for as often as there
    are queries. After that, what was there at first has gone through all of them.
    """
    pauses = Pauses(timeout)
    for _ in queries:
        for query in queries:
            _wait_for_one(cluster, query, topic, pauses, timeout)


def _wait_for_one(
    cluster: Cluster,
    query: StreamingQuery,
    topic: str | None,
    pauses: Pauses,
    timeout: float,
) -> None:
    state = QueryState(query)
    _check_has_batches(state)
    check_topics(cluster, state)
    of_topic = None if topic is None else {topic: cluster.offsets(topic)}
    ends: Ends = {}
    position = Position()
    is_clocked = state.is_clocked  # then waiting is pointless
    while True:
        has_ended = not state.is_active  # before the progress, so that this is its last
        cluster.check_usable()
        state.raise_if_dead()
        if position.take(state.progress):
            ends = ends or ends_of(cluster, state, position, of_topic)
            if not position.is_behind(ends):
                return
        elif not has_ended:
            # with Spark Connect the status shows it, after a while
            _check_has_batches(state)
        if has_ended or is_clocked or pauses.is_over:
            within = None if has_ended else timeout
            told = _why_not_processed(cluster, state, position, ends, within)
            raise WaitError(*told, query=query)
        pauses.rest()


def wait_for_watermark(query: StreamingQuery, timeout: float) -> None:
    """Wait for the batch without data that moves the watermark, if one is due.

    The watermark of the batch before decides what is late. If the next data were in
    that batch, rows behind the new watermark would not be late.

    Args:
        query: a query that looks for data all the time, and not at an interval.
        timeout: the time limit in seconds.

    Raises:
        StreamingQueryException: the query's own exception.
        WaitError: the batch had not ended in time.
    """
    state, pauses = QueryState(query), Pauses(timeout)
    processed = state.progress
    if processed is None or watermark_of(processed) is None:
        return
    # one that never rests has had it after a batch: timers, a source other than Kafka
    while (
        state.is_active
        and not state.is_resting
        and state.progress["batchId"] == processed["batchId"]
    ):
        if pauses.is_over:
            raise WaitError(
                f"Query {state.name} has processed its topics, but had not come to "
                f"rest within {timeout:g} s.\n"
                "The batch after it, without data where only the watermark moves, has "
                "not ended. Give it more time (timeout=...), or look for what holds "
                f"it.\n{state.describe()}",
                query=query,
            )
        pauses.rest()
    state.raise_if_dead()


def _check_has_batches(state: QueryState) -> None:
    mode = state.mode
    if mode != "micro-batch":
        raise ValueError(
            f"Query {state.name} runs in {mode} mode, and its progress does not show "
            "what it has processed. Wait for its sink topic instead: "
            "wait_for_records(sink_topic, count=..., since=mark)."
        )


def lag(cluster: Cluster, query: StreamingQuery) -> dict[str, dict[int, int]]:
    """See `KafkaUtils.lag`."""
    state = QueryState(query)
    if state.mode == "continuous":
        raise ValueError(
            f"Query {state.name} runs in continuous mode, for which Spark reports no "
            "progress, so the kit can't tell how far behind it is."
        )
    state.raise_if_dead()
    position = Position()
    if not position.take(state.progress):
        raise WaitError(
            f"Query {state.name} has made no progress yet, so the kit can't tell how "
            "far behind it is. Call wait_for_query_alive(query) first.",
            query=query,
        )
    behind: dict[str, dict[int, int]] = {}
    for place in position.places(ends_of(cluster, state, position)):
        of_topic = behind.setdefault(place.topic, {})
        of_topic[place.partition] = max(place.behind, of_topic.get(place.partition, 0))
    return behind


def ends_of(
    cluster: Cluster,
    state: QueryState,
    position: Position,
    of_topic: Ends | None = None,
) -> Ends:
    """The offsets of the query's topics, or of the given one if the query reads it.

    Raises:
        ValueError: there is nothing to look at.
    """
    if not position.sources:
        raise ValueError(f"Query {state.name} reads no Kafka topic.")
    topics = _topics_of(cluster, state, position, of_topic)
    ends = of_topic or {topic: cluster.offsets(topic) for topic in topics}
    if not position.places(ends):
        raise ValueError(_reads_nothing(state, position, topics, of_topic))
    return ends


def _topics_of(
    cluster: Cluster,
    state: QueryState,
    position: Position,
    of_topic: Ends | None,
) -> list[str]:
    """The topics of the query: those it has reported, and those its patterns find."""
    if not position.patterns:
        return sorted(position.topics())
    is_internal = cluster.internal_or_not()
    others = [name for name, internal in is_internal.items() if not internal]
    for pattern in position.patterns:
        matches, reason = matching_topics(state.query, pattern, others)
        if matches is not None:
            position.note_matches(pattern, matches)
        elif of_topic is not None:
            position.note_matches(pattern, of_topic)  # the wait shows whether it is one
        else:
            raise ValueError(
                f"Query {state.name} reads the topics of its pattern {pattern!r}, "
                f"which the kit can't resolve: {reason}. Name the topic: "
                "wait_until_processed(query, topic)."
            )
    named = {
        name
        for source in position.sources
        if not source.pattern
        for name in source.topics()
    }
    return sorted(named | position.topics() & is_internal.keys())


def _reads_nothing(
    state: QueryState,
    position: Position,
    topics: list[str],
    of_topic: Ends | None,
) -> str:
    if of_topic is not None:
        reads = ", ".join(map(repr, topics)) or "no Kafka topic"
        (topic,) = of_topic
        return f"Query {state.name} does not read topic {topic!r}. It reads {reads}."
    sources = ", ".join(dict.fromkeys(map(str, position.sources)))
    return (
        f"Query {state.name} reads nothing that exists: its source is {sources}. "
        "Create the topic before you wait for it. A pattern is a Java regular "
        "expression that matches anywhere in a name, and finds no internal topics."
    )


def _why_not_processed(
    cluster: Cluster,
    state: QueryState,
    position: Position,
    ends: Ends,
    timeout: float | None,
) -> tuple[str, str]:
    """What has happened, and what to do."""
    behind = [place for place in position.places(ends) if place.behind]
    open_since = [(place, _open_since(cluster, place)) for place in behind]
    held = [
        place
        for place, offset in open_since
        if offset is not None and place.position >= offset
    ]
    lines = [f"  {place}{_held(offset)}" for place, offset in open_since]
    if timeout is None:
        happened = "has ended without having processed its topics up to their end."
        advice = (
            "A query that stops on its own (availableNow, once) reads up to the end "
            "that its topics had when it started. Send before that."
        )
    elif state.is_clocked:
        done = "processed its topics" if position.is_known else "run since its start"
        happened = f"has not {done}, and does nothing on its own."
        advice = (
            "It runs on the test's clock. Call advance() or next_batch() of its run "
            "first."
        )
    else:
        happened = f"has not processed its topics up to their end within {timeout:g} s."
        if held:
            advice = (
                f"A transaction is open in topic {held[0].topic!r}, partition "
                f"{held[0].partition}. Commit or abort it."
            )
        elif position.is_known:
            advice = (
                "Give it more time (timeout=...), or look for what holds it: a "
                "trigger's interval, minOffsetsPerTrigger."
            )
        else:
            advice = (
                "It has not finished a batch yet. Give it more time (timeout=...). If "
                "it runs in real-time mode, which Spark Connect does not show, use "
                "wait_for_records on its sink topic."
            )
    lines = [f"Query {state.name} {happened}", *lines, state.describe()]
    return "\n".join(lines), advice


def _open_since(cluster: Cluster, place: Place) -> int | None:
    """The offset where a transaction begins that is still open, if there is one."""
    try:
        now = cluster.offsets(place.topic)[place.partition]
    except (KafkaTestkitError, KeyError):
        return None  # the rest of the message is more useful than why this is missing
    return now.stable if now.stable < place.offsets.end else None


def _held(since: int | None) -> str:
    return "" if since is None else f" (a transaction is open since {since})"
