"""The clock of a query in its own JVM (`TestClock.scala`), which a test sets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from spark_kafka_testkit._jvm.channel import Channel, silence_told
from spark_kafka_testkit._jvm.spark_jvm import SparkJvm, java_class
from spark_kafka_testkit.errors import SparkSetupError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from spark_kafka_testkit._jvm.helper import Helper

__all__ = ["QueryClock", "Rest", "has_clock", "helper_of", "interval_of"]

GRACE_SECONDS = 30.0  # extra time for the JVM to answer


@dataclass(frozen=True)
class Rest:
    """How far a query has come by its clock. Times are milliseconds since the epoch.

    Attributes:
        time: the time of the clock.
        next: when its next trigger is due, or None while one runs.
        is_at_rest: whether it waits at the clock and has done what was due.
        has_ended: whether it has died or was stopped.
        batches: the progress of each batch that it has run meanwhile.
    """

    time: int
    next: int | None
    is_at_rest: bool
    has_ended: bool
    batches: list[Any]


class QueryClock:
    """A clock for the next query that starts with a checkpoint.

    Args:
        helper: the helper in the session's JVM.
        session: the session of the query's DataFrame.
        checkpoint: distinguishes the query from others.
        time: the first time of the clock, in milliseconds since the epoch.
        interval: the interval of the query's trigger, in milliseconds.
    """

    def __init__(
        self,
        helper: Helper,
        session: SparkSession,
        checkpoint: str,
        time: int,
        interval: int,
    ) -> None:
        self._helper = helper
        queries = cast("Any", session)._jsparkSession.streams()
        self._handle = helper.open_clock(queries, checkpoint, time, interval)

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Start the query inside this block. No other query gets the clock."""
        try:
            yield
        finally:
            self._helper.clock_started(self._handle)

    def go_on(
        self, to: int, timeout: float, look: Callable[[], None] = lambda: None
    ) -> Rest:
        """Let time go on, and wait until the query has done what is due.

        Args:
            to: the time to go on to, in milliseconds since the epoch. It does not go
                back.
            timeout: seconds. A trigger that has not begun by then does not begin.
            look: called now and then. If it raises, the wait ends.

        Raises:
            HelperError: the query does not have such a clock, or the JVM went away.
        """
        opened = Channel(lambda port: self._helper.pass_time(self._handle, port))
        try:
            with silence_told(opened):
                millis = round(timeout * 1000)
                opened.begin(
                    "pass", timeout + GRACE_SECONDS, look, to=to, millis=millis
                )
                answer = opened.result()
                batches = [json.loads(told) for told in answer.pop("batches")]
                return Rest(**answer, batches=batches)
        finally:
            opened.close()

    def close(self) -> None:
        """Forget the clock. If the query is alive, it waits forever."""
        self._helper.close_clock(self._handle)


def has_clock(session: SparkSession) -> bool:
    """Whether the queries of a session can use a clock."""
    try:
        helper_of(session)
    except SparkSetupError:
        return False
    return True


def helper_of(session: SparkSession) -> Helper:
    """The helper in the session's own JVM.

    Raises:
        SparkSetupError: there is none.
    """
    jvm = SparkJvm.of(session)
    if jvm is None:
        raise SparkSetupError(
            "clock= needs a query in this process's JVM, but the session uses Spark "
            "Connect.",
            "Use a classic session, for example that of KafkaUtils.spark_session().",
        )
    helper, reason = jvm.find_helper()
    if helper is None:
        raise SparkSetupError(
            f"clock= needs the kit's helper in Spark's JVM, but {reason}.",
            "Make the session with the settings of KafkaUtils.spark_conf(), or call "
            "KafkaUtils.attach(spark) first.",
        )
    return helper


def interval_of(session: SparkSession, trigger: str) -> int:
    """The milliseconds of a trigger's text, for example `1 minute`, read by Spark."""
    view = cast("Any", session).sparkContext._jvm
    triggers = java_class(view, "org.apache.spark.sql.streaming.Trigger")
    return int(triggers.ProcessingTime(trigger).intervalMs())
