"""Schedules: what is done to a job, as a value and as a line that people read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

__all__ = [
    "NAME",
    "AddPartition",
    "Batch",
    "Crash",
    "DeleteRecords",
    "Idle",
    "Place",
    "Replay",
    "Restart",
    "Schedule",
    "Send",
    "Start",
    "Step",
]

BASE_PARTITIONS: Final = 2
BASE_SHUFFLE: Final = 2
SEPARATOR = " | "
NAME = r"[\w.-]+"
FORMS = {"": "", "again": " again", "other": " as another key"}


@dataclass(frozen=True, order=True)
class Place:
    """A record of the inputs.

    Attributes:
        input: the input's name.
        index: the index of the record in that input.
        form: `""` for the record itself, `"again"` for a duplicate, or `"other"` for a
            copy with another key.
    """

    input: str
    index: int
    form: str = ""

    def __str__(self) -> str:
        return f"{self.input}[{self.index}]{FORMS[self.form]}"


@dataclass(frozen=True)
class Send:
    """Records are sent in this order, and the next step finds them in Kafka."""

    places: tuple[Place, ...]

    def __str__(self) -> str:
        return f"send {', '.join(_ranges(self.places))}"


@dataclass(frozen=True)
class Batch:
    """A batch of all that was sent, and one without data if a watermark has moved."""

    def __str__(self) -> str:
        return "batch"


@dataclass(frozen=True)
class Start:
    """The query starts for the first time, after the sends that precede this step."""

    def __str__(self) -> str:
        return "start"


@dataclass(frozen=True)
class Restart:
    """The query is stopped and started again."""

    def __str__(self) -> str:
        return "restart"


@dataclass(frozen=True)
class Replay:
    """The last batch runs again under its number, as if its commit had been lost."""

    def __str__(self) -> str:
        return "replay"


@dataclass(frozen=True)
class Crash:
    """The batch of what was sent is lost, and runs again after a restart.

    Attributes:
        point: where it is lost: `before_sink`, `in_task` or `after_sink` as in
            `crash()`, or `at_write`.
        write: for `at_write`, which write of the batch fails, counted from 1, else 0.
    """

    point: str
    write: int = 0

    def __str__(self) -> str:
        return f"crash {CRASHES[self.point]}{f' {self.write}' if self.write else ''}"


@dataclass(frozen=True)
class Idle:
    """Time passes without data.

    Attributes:
        hours: how many hours pass.
    """

    hours: int

    def __str__(self) -> str:
        return f"{self.hours} h pass"


@dataclass(frozen=True)
class AddPartition:
    """A topic gets one more partition.

    Attributes:
        input: the input that the topic belongs to.
    """

    input: str

    def __str__(self) -> str:
        return f"add a partition to {self.input}"


@dataclass(frozen=True)
class DeleteRecords:
    """The broker deletes the records of a topic, as retention does.

    The query is down meanwhile.

    Attributes:
        input: the input that the topic belongs to.
    """

    input: str

    def __str__(self) -> str:
        return f"delete the records of {self.input}"


Step = (
    Send
    | Batch
    | Start
    | Restart
    | Replay
    | Crash
    | Idle
    | AddPartition
    | DeleteRecords
)
CRASHES = {
    "before_sink": "before the sink",
    "in_task": "in a task",
    "after_sink": "after the sink",
    "at_write": "at write",
}


@dataclass(frozen=True)
class Schedule:
    """What is done to a job, from its start to its end.

    Attributes:
        steps: the steps, in order.
        partitions: the number of partitions of each source topic.
        shuffle: the number of shuffle partitions.
        is_busy: whether data comes with each trigger, so that no batch without data
            runs when a watermark has moved.
        by_start: whether the query is started for each batch, with the trigger
            `availableNow`, instead of running all the time.
    """

    steps: tuple[Step, ...]
    partitions: int = BASE_PARTITIONS
    shuffle: int = BASE_SHUFFLE
    is_busy: bool = False
    by_start: bool = False

    def __str__(self) -> str:
        """The line that `parse` reads, such as `send orders[0] | batch | restart`."""
        return SEPARATOR.join([*self._settings(), *map(str, self.steps)])

    def _settings(self) -> Iterator[str]:
        if self.partitions != BASE_PARTITIONS:
            yield f"partitions {self.partitions}"
        if self.shuffle != BASE_SHUFFLE:
            yield f"shuffle partitions {self.shuffle}"
        if self.is_busy:
            yield "busy"
        if self.by_start:
            yield "availableNow"

    @classmethod
    def of_one_batch(cls, places: Iterable[Place], **settings: Any) -> Schedule:
        """A schedule with one batch of all records, which others are compared with.

        Args:
            places: the records.
            settings: attributes of `Schedule` other than its steps.
        """
        return cls((Send(tuple(places)), Batch()), **settings)

    @classmethod
    def parse(cls, line: str) -> Schedule:
        """The schedule in a line that `str` returned.

        Raises:
            ValueError: it is not a schedule. The message names the invalid step.
        """
        schedule = cls(())
        steps: list[Step] = []
        for text in (part.strip() for part in line.split("|")):
            if found := re.fullmatch(r"partitions (\d+)", text):
                schedule = replace(schedule, partitions=int(found[1]))
            elif found := re.fullmatch(r"shuffle partitions (\d+)", text):
                schedule = replace(schedule, shuffle=int(found[1]))
            elif text == "busy":
                schedule = replace(schedule, is_busy=True)
            elif text == "availableNow":
                schedule = replace(schedule, by_start=True)
            else:
                steps.append(_step(text))
        return replace(schedule, steps=tuple(steps))

    @property
    def places(self) -> tuple[Place, ...]:
        """The records that it sends, in the order of the sends."""
        return tuple(
            place
            for step in self.steps
            if isinstance(step, Send)
            for place in step.places
        )

    @property
    def batches(self) -> int:
        """The number of its batches, including those that a crash loses."""
        return sum(isinstance(step, (Batch, Crash)) for step in self.steps)

    def has(self, *kinds: type[Any]) -> bool:
        """Whether it has a step of one of these kinds."""
        return any(isinstance(step, kinds) for step in self.steps)

    def keeping(self, keep: Callable[[Place], bool]) -> Schedule:
        """A tidy copy that sends only some of the records.

        Args:
            keep: a function that returns whether to keep a record.
        """
        steps: list[Step] = []
        for step in self.steps:
            if isinstance(step, Send):
                kept = tuple(place for place in step.places if keep(place))
                if kept:
                    steps.append(Send(kept))
            else:
                steps.append(step)
        return replace(self, steps=tuple(steps)).tidy()

    def tidy(self) -> Schedule:
        """A copy without steps that do nothing.

        Successive sends become one, and a batch of nothing is left out. If something
        would remain unprocessed, a batch is added at the end.
        """
        steps: list[Step] = []
        is_sent = False
        for step in self.steps:
            if isinstance(step, Send):
                is_sent = True
                if steps and isinstance(steps[-1], Send):
                    steps[-1] = Send(steps[-1].places + step.places)
                    continue
            elif isinstance(step, (Batch, Crash)):
                if not is_sent:
                    continue
                is_sent = False
            elif isinstance(step, Start) and [Send] != list(map(type, steps)):
                continue  # the query starts without it
            steps.append(step)
        if is_sent:
            steps.append(Batch())
        return replace(self, steps=tuple(steps))


def _ranges(places: Sequence[Place]) -> Iterator[str]:
    """The records as text, with ranges such as `orders[0:3]` for three or more."""
    start = 0
    while start < len(places):
        first, end = places[start], start + 1
        while (
            end < len(places)
            and not first.form
            and places[end] == Place(first.input, first.index + end - start)
        ):
            end += 1
        if end - start > 2:
            yield f"{first.input}[{first.index}:{first.index + end - start}]"
        else:
            yield from map(str, places[start:end])
        start = end


def _step(text: str) -> Step:
    plain: dict[str, Step] = {
        str(step): step for step in (Batch(), Start(), Restart(), Replay())
    }
    if text in plain:
        return plain[text]
    if text.startswith("send "):
        return Send(tuple(_places(text.removeprefix("send "))))
    for point, told in CRASHES.items():
        number = r" (\d+)" if point == "at_write" else "()"
        if found := re.fullmatch(f"crash {told}{number}", text):
            return Crash(point, int(found[1] or 0))
    if found := re.fullmatch(r"(\d+) h pass", text):
        return Idle(int(found[1]))
    if found := re.fullmatch(rf"add a partition to ({NAME})", text):
        return AddPartition(found[1])
    if found := re.fullmatch(rf"delete the records of ({NAME})", text):
        return DeleteRecords(found[1])
    raise ValueError(
        f"schedule has an invalid step: {text!r}. Give the line that check_stream() "
        "printed."
    )


def _places(text: str) -> Iterator[Place]:
    forms = "|".join(filter(None, FORMS.values()))
    for part in text.split(", "):
        found = re.fullmatch(rf"({NAME})\[(\d+)(?::(\d+))?\]({forms})?", part)
        if found is None:
            raise ValueError(
                f"schedule sends {part!r}, which is not a record of the inputs. Write "
                "orders[3] or orders[0:4]."
            )
        form = next(name for name, end in FORMS.items() if end == (found[4] or ""))
        first = int(found[2])
        for index in range(first, int(found[3]) if found[3] else first + 1):
            yield Place(found[1], index, form)
