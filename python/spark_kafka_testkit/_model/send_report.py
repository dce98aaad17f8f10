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
    """The account of one send: acked + failed + unknown = sent."""

    sent: int
    acked: int
    failed: int
    unknown: int
    failures: tuple[SendFailure, ...]
    written: dict[int, Written]
    aborted: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether every record was acknowledged, and not taken back."""
        return self.acked == self.sent and not self.aborted

    def raise_unless_complete(self, topic: str) -> None:
        """Raises a SendError where a record was not acknowledged."""
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
