"""The account of a send."""

from __future__ import annotations

from dataclasses import dataclass

from spark_kafka_testkit.errors import SendError, SendFailure

__all__ = ["SendReport", "Written"]


@dataclass(frozen=True)
class Written:
    """What a send wrote to one partition: how many records, and the first and last of
    their offsets.
    """

    count: int
    first: int
    last: int


@dataclass(frozen=True)
class SendReport:
    """The account of one send: acked + failed + unknown = sent.

    Attributes:
        failure: what ended the drawing of messages before their end, or None.
    """

    sent: int
    acked: int
    failed: int
    unknown: int
    failures: tuple[SendFailure, ...]
    written: dict[int, Written]
    aborted: bool = False
    failure: Exception | None = None

    @property
    def is_complete(self) -> bool:
        """Whether every record was acknowledged, and not taken back."""
        is_whole = self.acked == self.sent and self.failure is None
        return is_whole and not self.aborted

    def raise_unless_complete(self, topic: str) -> None:
        """Raises a SendError where a record was not acknowledged; and the failure of
        the messages, with a note of what was sent before.
        """
        if self.failure is not None:
            sent = f"{self.acked:,} messages were sent before, and are in the topic."
            if self.aborted:
                sent = "The transaction was aborted: none of them will be seen."
            _add_note(self.failure, f"Topic {topic!r}: {sent}")
            raise self.failure
        if not self.is_complete:
            raise SendError(
                topic,
                self.sent,
                self.acked,
                self.failed,
                self.unknown,
                self.failures,
                self.aborted,
            )


def _add_note(error: Exception, text: str) -> None:
    """As `add_note` of Python 3.11."""
    vars(error).setdefault("__notes__", []).append(text)
