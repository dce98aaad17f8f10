"""What became of the records of a send."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from spark_kafka_testkit.errors import (
    BrokerEndedError,
    SendError,
    SendFailure,
    TopicChangedError,
)

__all__ = ["NO_ANSWER", "SendReport", "Written", "add_note", "why_given_up"]

NO_ANSWER = "the broker did not acknowledge those before it in time"


@dataclass(frozen=True)
class Written:
    """What a send wrote to one partition.

    It has the number of records, and the first and last of their offsets.
    """

    count: int
    first: int
    last: int


@dataclass(frozen=True)
class SendReport:
    """What became of the records of one send: acked + failed + unknown = sent.

    Attributes:
        failure: the error that ended the iteration over the messages early, or None.
        given_up: as in `SendError`.
        change: `"deleted"`, `"recreated"` or `"truncated"` if that happened to the
            topic during the send, else None.
    """

    sent: int
    acked: int
    failed: int
    unknown: int
    failures: tuple[SendFailure, ...]
    written: dict[int, Written]
    aborted: bool = False
    failure: Exception | None = None
    given_up: str = ""
    change: str | None = None

    @property
    def is_complete(self) -> bool:
        """Whether every record was acknowledged, and none was taken back."""
        is_whole = not (self.failure or self.aborted or self.given_up or self.change)
        return self.acked == self.sent and is_whole

    def raise_unless_complete(self, topic: str) -> None:
        """Raise an error unless every record was acknowledged.

        Raises:
            SendError: with the report.
            TopicChangedError: if the topic changed, with the SendError as its cause.
            Exception: the failure of the messages, with a note of what was sent before.
        """
        if self.failure is not None:
            sent = f"{self.acked:,} messages were sent before that"
            if self.change:
                sent += f". Then the topic was {self.change}."
            else:
                sent += ", and are in the topic."
            if lost := self.failed + self.unknown:
                sent += f" {lost:,} more were not acknowledged."
            if self.aborted:
                sent = "The transaction was aborted: none of them will be seen."
            add_note(self.failure, f"Topic {topic!r}: {sent}")
            raise self.failure
        if self.is_complete:
            return
        error = SendError(
            topic,
            self.sent,
            self.acked,
            self.failed,
            self.unknown,
            self.failures,
            self.aborted,
            self.given_up,
        )
        if self.change:
            raise TopicChangedError(
                topic, self.change, "while it was sent to"
            ) from error
        raise error


def why_given_up(check_usable: Callable[[], None]) -> str:
    """Why the broker does not answer.

    Args:
        check_usable: a function that raises an error if the broker is known to be gone.
    """
    try:
        check_usable()
    except BrokerEndedError as error:
        return f"the broker is gone: {error.how}"
    return NO_ANSWER


def add_note(error: BaseException, text: str) -> None:
    """Add a note to an error, as `add_note` does from Python 3.11 on."""
    vars(error).setdefault("__notes__", []).append(text)
