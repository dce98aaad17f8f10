"""Every error that the kit raises, in one tree.

::

    KafkaTestkitError
    ├── NotSetUpError            (RuntimeError)    before setup(), or in a forked child
    ├── BrokerStartError         (RuntimeError)    no broker came up
    │   └── JavaNotFoundError                      no Java 17 or newer
    ├── BrokerStopError          (RuntimeError)    a kept broker did not end
    ├── BrokerUnreachableError   (RuntimeError)    a broker does not answer
    ├── BrokerEndedError         (RuntimeError)    a broker has ended unexpectedly
    ├── MissingDependencyError   (ImportError)     a Python package is not installed
    ├── JarError                 (RuntimeError)    a jar can't be found or trusted
    ├── HelperError              (RuntimeError)    the JVM helper failed
    ├── SparkSetupError          (RuntimeError)    no Spark, or none the kit can use
    ├── UnknownTopicError        (LookupError)     the topic does not exist
    ├── TopicExistsError         (ValueError)      it exists with another shape
    ├── TopicError               (RuntimeError)    it is not ready, or not gone, in time
    ├── SendError                (RuntimeError)    records were not acknowledged
    ├── ReadError                (RuntimeError)    a read that is not the whole range
    │   ├── ReadTimeoutError     (TimeoutError)    no progress until the deadline
    │   ├── RecordsDeletedError                    records were deleted under the read
    │   └── TopicChangedError                      deleted, recreated or truncated
    ├── OffsetRangeError         (ValueError)      a partition or offset out of range
    ├── SerializationError       (ValueError)      a key or value can't be encoded
    ├── DeserializationError     (ValueError)      bytes don't decode
    ├── NotInvariant             (AssertionError)  an answer depends on what it must not
    └── WaitError                (AssertionError)  what was waited for did not come

Errors carry their facts as attributes, and build their text from them.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

__all__ = [
    "BrokerEndedError",
    "BrokerStartError",
    "BrokerStopError",
    "BrokerUnreachableError",
    "DeserializationError",
    "HelperError",
    "JarError",
    "JavaNotFoundError",
    "KafkaTestkitError",
    "MissingDependencyError",
    "NotInvariant",
    "NotSetUpError",
    "OffsetRangeError",
    "PartitionState",
    "ReadError",
    "ReadTimeoutError",
    "RecordsDeletedError",
    "SendError",
    "SendFailure",
    "SerializationError",
    "SparkSetupError",
    "TopicChangedError",
    "TopicError",
    "TopicExistsError",
    "UnknownTopicError",
    "WaitError",
]

INSIDE = re.compile(r"[/\\](spark_kafka_testkit|IPython)[/\\]")
"""Files whose frames a notebook does not show."""


class KafkaTestkitError(Exception):
    """The root of all errors of the kit.

    Attributes:
        problem: what failed, and what was seen.
        advice: what to do about it, or an empty string if the problem already says so.
    """

    def __init__(self, problem: str = "", advice: str = "") -> None:
        self.problem, self.advice = problem, advice
        super().__init__(f"{problem} {advice}" if advice else problem)

    def __reduce__(self) -> tuple[Any, ...]:
        """For copies and other processes: its text is made already."""
        return _made_again, (type(self), self.args, self.__dict__)

    def _render_traceback_(self) -> list[str]:
        """The traceback for notebooks, up to the call that failed.

        IPython calls this hook.
        """
        frames = [
            frame
            for frame in traceback.extract_tb(self.__traceback__)
            if not INSIDE.search(frame.filename)
        ]
        return [*traceback.format_list(frames), f"{type(self).__name__}: {self}"]


def _made_again(
    error_type: type[KafkaTestkitError], args: tuple[Any, ...], facts: dict[str, Any]
) -> KafkaTestkitError:
    base: type = error_type
    while base.__module__ != "builtins":  # the one that knows how large it is
        base = base.__base__  # type: ignore[assignment]
    error: KafkaTestkitError = base.__new__(error_type, *args)
    error.args = args
    error.__dict__.update(facts)
    return error


class NotSetUpError(KafkaTestkitError, RuntimeError):
    """A call needs a broker, but there is none.

    It comes before `setup()`, after `teardown()`, or in a forked child.
    """


class BrokerStartError(KafkaTestkitError, RuntimeError):
    """No broker came up. The message says what was tried and why each attempt failed.

    Attributes:
        reason: why, without the log.
        log: the end of the broker's log, or an empty string.
    """

    def __init__(self, reason: str, log: str = "") -> None:
        self.reason, self.log = reason, log
        super().__init__(f"{reason}\nThe end of its log:\n{log}" if log else reason)

    @staticmethod
    def parts(error: KafkaTestkitError) -> tuple[str, str]:
        """The reason and the log of an error, which may be of another class."""
        if isinstance(error, BrokerStartError):
            return error.reason, error.log
        return str(error), ""


class JavaNotFoundError(BrokerStartError):
    """No Java for the embedded broker, or one that is too old."""

    def __init__(self, problem: str, advice: str = "") -> None:
        super().__init__(f"{problem} {advice}" if advice else problem)
        self.problem, self.advice = problem, advice


class BrokerStopError(KafkaTestkitError, RuntimeError):
    """A kept broker did not end when it was told to."""


class BrokerUnreachableError(KafkaTestkitError, RuntimeError):
    """A broker does not answer.

    Attributes:
        bootstrap_servers: the address that was tried.
        topics: the topics that the broker was asked to create or delete, and which it
            may have created or deleted.
    """

    topics: tuple[str, ...] = ()

    def __init__(self, bootstrap_servers: str, reason: str) -> None:
        self.bootstrap_servers = bootstrap_servers
        super().__init__(
            f"No Kafka broker answers at {bootstrap_servers}: {reason}",
            "Check that the broker runs, and that this address is the one it "
            "advertises to clients on this machine.",
        )


class BrokerEndedError(KafkaTestkitError, RuntimeError):
    """A broker that the kit started has ended unexpectedly, or was killed.

    Attributes:
        broker: what it was, and where.
        how: how it ended.
        log: the end of its log, or an empty string.
    """

    def __init__(self, broker: str, how: str, log: str = "") -> None:
        self.broker, self.how, self.log = broker, how, log
        super().__init__(
            f"The broker is gone ({broker}): {how}.",
            "Call setup() to get another one, without its topics."
            + (f"\nThe end of its log:\n{log}" if log else ""),
        )


class MissingDependencyError(KafkaTestkitError, ImportError):
    """A Python package that the call needs is missing, or hidden by another module."""


class JarError(KafkaTestkitError, RuntimeError):
    """A jar can't be found or fetched, or is not the one that the lock file names."""


class HelperError(KafkaTestkitError, RuntimeError):
    """The JVM helper failed for a reason without its own class, or has another version.

    Attributes:
        trace: the Java stack trace, or an empty string.
    """

    def __init__(self, problem: str, advice: str = "", *, trace: str = "") -> None:
        self.trace = trace
        super().__init__(problem, advice)


class SparkSetupError(KafkaTestkitError, RuntimeError):
    """Spark is not installed, its JVM ended early, or the kit can't use its session."""


class UnknownTopicError(KafkaTestkitError, LookupError):
    """The topic does not exist.

    Attributes:
        topic: its name.
    """

    def __init__(self, topic: str, user: str = "", hint: str = "") -> None:
        """Build the error from its facts.

        Args:
            topic: its name.
            user: who uses the topic and how, such as "The stream reads", if that is
                known.
            hint: the name that may have been meant, in the words of
                `_text.did_you_mean`.
        """
        self.topic = topic
        problem = (
            f"{user} topic {topic!r}, which does not exist."
            if user
            else f"Topic {topic!r} does not exist, and the broker did not create it."
        )
        check = f"{hint.strip()} If not," if hint else "Check the name, or"
        super().__init__(f"{problem} {check} call create_topics([{topic!r}]) first.")


class TopicExistsError(KafkaTestkitError, ValueError):
    """The topic exists with another number of partitions."""

    def __init__(self, topic: str, asked: int, found: int) -> None:
        self.topic, self.asked, self.found = topic, asked, found
        super().__init__(
            f"Topic {topic!r} exists with {found} partition(s), but {asked} were "
            "requested.",
            f"Use another name, or call delete_topics([{topic!r}]) first.",
        )


class TopicError(KafkaTestkitError, RuntimeError):
    """A topic was not created or deleted, or was not ready or gone in time.

    Attributes:
        topics: their names.
    """

    def __init__(self, topics: Sequence[str], text: str) -> None:
        self.topics = tuple(topics)
        super().__init__(text)


@dataclass(frozen=True)
class SendFailure:
    """A record that was not acknowledged.

    Attributes:
        index: the record's position among the messages of the call, from 0.
        outcome: `"failed"` if the record is not in the topic, or `"unknown"` if it may
            be (after a timeout).
        error: the client's name for the cause.
        reason: the client's text.
    """

    index: int
    outcome: str
    error: str
    reason: str


class SendError(KafkaTestkitError, RuntimeError):
    """Records were not acknowledged.

    Attributes:
        topic: the topic they were sent to.
        sent, acked, failed, unknown: the numbers of records. The last three add up to
            the first.
        failures: the first records that failed or are unknown, by index, at most 100.
        aborted: whether they were sent in a transaction, which has been aborted. No
            read_committed consumer sees any of them.
        given_up: why the remaining messages of the call were not sent, or an empty
            string if everything was sent that could be.
    """

    def __init__(
        self,
        topic: str,
        sent: int,
        acked: int,
        failed: int,
        unknown: int,
        failures: Sequence[SendFailure],
        aborted: bool = False,
        given_up: str = "",
    ) -> None:
        self.topic, self.sent, self.acked = topic, sent, acked
        self.aborted, self.given_up = aborted, given_up
        self.failed, self.unknown, self.failures = failed, unknown, tuple(failures)
        super().__init__(self.account(" (see .failures)"))

    def account(self, where_more: str = "") -> str:
        """The text of the error.

        Args:
            where_more: where to find the failures that the text has no room for.
        """
        lines = [
            f"  message {failure.index} {failure.outcome}: {failure.error}: "
            f"{failure.reason}"
            for failure in self.failures[:5]
        ]
        unacked = self.failed + self.unknown
        if unacked > len(lines):
            lines.append(f"  and {unacked - len(lines)} more{where_more}")
        if self.given_up:
            lines.append(f"The send ended after {self.sent} messages: {self.given_up}.")
        if self.aborted:
            lines.append("The transaction was aborted: none of them will be seen.")
        return (
            f"{unacked} of {self.sent} messages to topic {self.topic!r} were not "
            f"acknowledged ({self.acked} acked, {self.failed} failed, {self.unknown} "
            "unknown):\n"
        ) + "\n".join(lines)


class ReadError(KafkaTestkitError, RuntimeError):
    """A read could not return its whole range, and never returns part of it."""


@dataclass(frozen=True)
class PartitionState:
    """How far the read of a partition had come, in offsets.

    `stable` is the last stable offset. `producers` are the ids of the producers whose
    transactions are open, where the client can ask for them.
    """

    partition: int
    position: int
    target: int
    stable: int
    producers: tuple[int, ...] = ()

    def __str__(self) -> str:
        state = (
            f"partition {self.partition}: at offset {self.position} of {self.target}"
        )
        if self.stable > self.position:
            return f"{state}, last stable offset {self.stable}"
        ids = " and ".join(map(str, self.producers))
        whose = f" by producer {ids}" if ids else ""
        return f"{state}, held by a transaction open since offset {self.stable}{whose}"


class ReadTimeoutError(ReadError, TimeoutError):
    """No partition of the read moved before the deadline.

    Attributes:
        topic: the topic that was read.
        seconds: how long nothing moved.
        partitions: the partitions that were not read to their target.
    """

    def __init__(
        self, topic: str, seconds: float, partitions: Sequence[PartitionState]
    ) -> None:
        self.topic, self.seconds, self.partitions = topic, seconds, tuple(partitions)
        lines = "\n".join(f"  {state}" for state in self.partitions)
        super().__init__(
            f"Reading topic {topic!r} made no progress for {seconds:g} s. Not read to "
            "their end:\n"
            f"{lines}\n"
            "Commit or abort an open transaction. If there is none, look at the "
            "broker's log."
        )


class RecordsDeletedError(ReadError):
    """Retention or DeleteRecords removed records that the read had yet to reach.

    Attributes:
        topic, partition: where they were.
        start, end: the offsets [start, end) whose records are gone.
        when: whether that happened `"while"` or `"before"` the topic was read.
    """

    def __init__(
        self, topic: str, partition: int, start: int, end: int, when: str = "while"
    ) -> None:
        self.topic, self.partition, self.start, self.end = topic, partition, start, end
        self.when = when
        super().__init__(
            f"Topic {topic!r}, partition {partition}: the records from offset {start} "
            f"up to {end} were deleted {when} the topic was read.",
            "Read with allow_deleted=True, or keep the records longer (retention.ms, "
            "retention.bytes).",
        )


class TopicChangedError(ReadError):
    """The topic is no longer the one that the read began with."""

    def __init__(
        self, topic: str, change: str, when: str = "while it was read"
    ) -> None:
        self.topic, self.change = topic, change
        super().__init__(
            f"Topic {topic!r} was {change} {when}. Stop what writes to it "
            "before you delete or recreate it."
        )


class OffsetRangeError(KafkaTestkitError, ValueError):
    """A partition that the topic does not have, or an offset past its end.

    Attributes:
        topic, partition: the topic, and the partition that was asked for.
        offset: the offset, or None if the topic has no such partition.
    """

    def __init__(
        self, topic: str, partition: object, offset: int | None, holds: str
    ) -> None:
        self.topic, self.partition, self.offset = topic, partition, offset
        super().__init__(
            f"Topic {topic!r} has no partition {partition!r}. It has {holds}."
            if offset is None
            else f"Topic {topic!r}, partition {partition}: offset {offset} is out of "
            f"range, the partition has {holds}. Was the topic deleted and created "
            "again since?"
        )


class SerializationError(KafkaTestkitError, ValueError):
    """A key or value can't be encoded."""


class DeserializationError(KafkaTestkitError, ValueError):
    """The bytes of a record can't be decoded.

    Attributes:
        topic, partition, offset: the position of the record.
        field: `"key"` or `"value"`.
        data: the bytes.
    """

    def __init__(
        self,
        topic: str,
        partition: int,
        offset: int,
        field: str,
        deserializer: str,
        data: bytes | None,
        reason: str,
    ) -> None:
        self.topic, self.partition, self.offset, self.field, self.data = (
            topic,
            partition,
            offset,
            field,
            data,
        )
        shown = repr(data if data is None or len(data) <= 40 else data[:40] + b"...")
        super().__init__(
            f"The {field} of topic {topic!r}, partition {partition}, offset {offset} "
            f"does not decode as {deserializer}: {reason}. It is {shown}.",
            f"Give another {field}_deserializer.",
        )


class NotInvariant(KafkaTestkitError, AssertionError):  # noqa: N818  as issues have it
    """The answer of a job depends on something that it must not depend on.

    Attributes:
        relation: what it depends on, as a name of `same_under`. It is `"determinism"`
            if the same schedule led to two answers.
        schedule: the smallest schedule that shows it, in the form that
            `check_stream(schedule=...)` accepts. In batch mode and in real-time mode,
            only the call in `replay` shows it.
        seed: the seed of the random schedules, or None if a schedule was given.
        expected: the answer that was expected: for the same records in one batch, with
            `spark.read`, or from the first of two runs.
        answer: the answer under the schedule, or None if the job died.
        records: what the schedule sends, by the names used in it.
        replay: the call that shows it again, with the options that were given. `...`
            stands for inputs, and for what is long or has no name.
    """

    def __init__(
        self,
        problem: str,
        *,
        relation: str,
        schedule: str,
        seed: int | None,
        expected: Any,
        answer: Any,
        records: Mapping[str, Any],
        replay: str = "",
    ) -> None:
        self.relation, self.schedule, self.seed = relation, schedule, seed
        self.expected, self.answer, self.records = expected, answer, dict(records)
        self.replay = replay
        super().__init__(problem)


class WaitError(KafkaTestkitError, AssertionError):
    """What was waited for did not happen in time, or can no longer happen.

    Attributes:
        expected: what was waited for, if it is a value.
        last: what was seen last instead.
        checks: the number of checks, or 0 where they are not counted.
        topics: the offset up to which each topic was read, per topic and partition.
        query: the streaming query that was waited for, or None.
        causes: why, as far as facts tell: a sentence or two for each cause.
        advice: what to do. In the text it stands below the problem's first line.
    """

    def __init__(
        self,
        problem: str,
        advice: str = "",
        *,
        expected: Any = None,
        last: Any = None,
        checks: int = 0,
        topics: Mapping[str, Mapping[int, int]] | None = None,
        query: StreamingQuery | None = None,
        causes: Sequence[str] = (),
    ) -> None:
        self.expected, self.last, self.checks = expected, last, checks
        self.topics = {name: dict(offsets) for name, offsets in (topics or {}).items()}
        self.query, self.causes = query, tuple(causes)
        first, *rest = problem.split("\n")
        super().__init__("\n".join([first, advice, *rest] if advice else [problem]))
        self.problem, self.advice = problem, advice


_FROM_HELPER: dict[str, type[KafkaTestkitError]] = {
    error_class.__name__: error_class
    for error_class in (
        UnknownTopicError,
        BrokerUnreachableError,
        ReadTimeoutError,
        RecordsDeletedError,
        TopicChangedError,
    )
}


def from_helper(code: str, data: dict[str, Any], trace: str) -> KafkaTestkitError:
    """The error for a failure of the JVM helper, with the Java trace as its cause."""
    error_class = _FROM_HELPER.get(code)
    error: KafkaTestkitError
    if error_class is None:
        reason = data.get("reason", code)
        error = HelperError(f"The JVM helper failed: {reason}", trace=trace)
    elif error_class is ReadTimeoutError:
        states = [
            PartitionState(**{**state, "producers": tuple(state["producers"])})
            for state in data["partitions"]
        ]
        error = ReadTimeoutError(**{**data, "partitions": states})
    else:
        error = error_class(**data)
    error.__cause__ = HelperError(f"Raised in the JVM:\n{trace}", trace=trace)
    return error
