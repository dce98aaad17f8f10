"""What Spark's guide promises for each stateful operator, in plain Python.

The guide does not say what happens at a time that equals the watermark. These oracles
do what Spark does: what ends at that time is over, and a row at that time is late.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from .model import MINUTE, SKIPPED, Row

Answer: TypeAlias = list[tuple[str, str]]
State: TypeAlias = dict[str, list[tuple[Any, ...]]]
"""Rows by the side of a join or the variable of a processor, otherwise by `""`."""

WIDTH = 10 * MINUTE
GAP = 5 * MINUTE
RANGE = 10 * MINUTE
TIME_OUT = 10 * MINUTE


class Oracle(ABC):
    """An operator, which takes the rows of a step and returns its answer.

    Attributes:
        delay: the delay of the watermark, in milliseconds.
        watermark: the watermark after the last step, in milliseconds.
        newest: the latest time of each stream since the query began, including late
            rows. The slowest stream decides the watermark.
        dropped, accepted, filtered: the numbers of rows so far.
    """

    streams: tuple[str, ...] = ("",)

    def __init__(self, delay: int) -> None:
        self.delay = delay * MINUTE
        self.watermark = 0
        self.newest: dict[str, int] = {}
        self.dropped = self.accepted = self.filtered = 0

    def step(self, rows: Sequence[Row]) -> Answer:
        """Run a batch with rows, and the one without data that closes what is over."""
        reached = [row for row in rows if row.key != SKIPPED]
        self.filtered += len(rows) - len(reached)
        answer = self.take(reached)
        for row in reached:
            stream = self.stream(row)
            self.newest[stream] = max(self.newest.get(stream, 0), row.time)
        slowest = min(self.newest.get(stream, 0) for stream in self.streams)
        self.watermark = max(self.watermark, slowest - self.delay)
        return answer + (self.close() if rows else [])

    def stream(self, row: Row) -> str:
        """The stream that a row belongs to."""
        return ""

    def restart(self) -> None:
        """Start the query again from its checkpoint.

        Spark keeps the watermark there, but not how far each stream was. The guide does
        not say so.
        """
        self.newest = {}

    def in_time(self, rows: Iterable[Row]) -> list[Row]:
        """The rows that are not late by their own time. The others are counted."""
        kept = []
        for row in rows:
            if row.time <= self.watermark:
                self.dropped += 1
            else:
                self.accepted += 1
                kept.append(row)
        return kept

    @abstractmethod
    def take(self, rows: Sequence[Row]) -> Answer:
        """Take the rows of a batch, with the watermark of the batches before."""

    @abstractmethod
    def close(self) -> Answer:
        """Close what is over, after the watermark has moved."""

    @abstractmethod
    def state(self) -> State:
        """The rows that are held."""


class Windows(Oracle):
    """A count per window and key.

    A window includes its start and not its end. A row is late for each of its windows
    that is over.
    """

    slide = WIDTH
    updates = False

    def __init__(self, delay: int) -> None:
        super().__init__(delay)
        self.counts: Counter[tuple[str, int]] = Counter()

    def take(self, rows: Sequence[Row]) -> Answer:
        touched = set()
        for row in rows:
            start = row.time // self.slide * self.slide
            while start + WIDTH > row.time:
                if start + WIDTH <= self.watermark:
                    self.dropped += 1
                else:
                    self.accepted += 1
                    self.counts[row.key, start] += 1
                    touched.add((row.key, start))
                start -= self.slide
        return self.lines(touched) if self.updates else []

    def close(self) -> Answer:
        over = {one for one in self.counts if one[1] + WIDTH <= self.watermark}
        lines = [] if self.updates else self.lines(over)
        for one in over:
            del self.counts[one]
        return lines

    def lines(self, groups: set[tuple[str, int]]) -> Answer:
        return [(key, f"{start} {self.counts[key, start]}") for key, start in groups]

    def state(self) -> State:
        return {"": [(key, start, n) for (key, start), n in self.counts.items()]}


class UpdatedWindows(Windows):
    """In update mode, a window is part of the answer each time it has changed."""

    updates = True


class SlidingWindows(Windows):
    """Each row is in two windows."""

    slide = WIDTH // 2


@dataclass
class Session:
    """A session of a key, from its first row to the gap after its last one."""

    key: str
    start: int
    end: int
    count: int = 1

    def touches(self, other: Session) -> bool:
        """Whether the two are one session.

        They are if one begins exactly where the other ends.
        """
        is_near = self.start <= other.end and other.start <= self.end
        return is_near and self.key == other.key


class Sessions(Oracle):
    """Sessions of rows with the same key, and at most the gap between them.

    A row is late if the session that it would be alone is over, even if it fits
    another.
    """

    def __init__(self, delay: int) -> None:
        super().__init__(delay)
        self.sessions: list[Session] = []

    def take(self, rows: Sequence[Row]) -> Answer:
        for row in rows:
            own = Session(row.key, row.time, row.time + GAP)
            if own.end <= self.watermark:
                self.dropped += 1
                continue
            self.accepted += 1
            for one in list(filter(own.touches, self.sessions)):
                self.sessions.remove(one)
                own.start = min(own.start, one.start)
                own.end = max(own.end, one.end)
                own.count += one.count
            self.sessions.append(own)
        return []

    def close(self) -> Answer:
        over = [one for one in self.sessions if one.end <= self.watermark]
        self.sessions = [one for one in self.sessions if one.end > self.watermark]
        return [(one.key, f"{one.start} {one.end} {one.count}") for one in over]

    def state(self) -> State:
        return {"": [(s.key, s.start, s.end, s.count) for s in self.sessions]}


class Distinct(Oracle):
    """Each pair of key and time once, until the watermark has passed it."""

    def __init__(self, delay: int) -> None:
        super().__init__(delay)
        self.seen: set[tuple[str, int]] = set()

    def take(self, rows: Sequence[Row]) -> Answer:
        new = {(row.key, row.time) for row in self.in_time(rows)} - self.seen
        self.seen |= new
        return [(key, str(time)) for key, time in new]

    def close(self) -> Answer:
        self.seen = {one for one in self.seen if one[1] > self.watermark}
        return []

    def state(self) -> State:
        return {"": list(self.seen)}


class DistinctWithinWatermark(Oracle):
    """The first row of a key.

    The next one comes only after the watermark has reached the first one's time plus
    the delay.
    """

    def __init__(self, delay: int) -> None:
        super().__init__(delay)
        self.until: dict[str, int] = {}

    def take(self, rows: Sequence[Row]) -> Answer:
        first = []
        for row in self.in_time(rows):
            if row.key not in self.until:
                self.until[row.key] = row.time + self.delay
                first.append((row.key, str(row.time)))
        return first

    def close(self) -> Answer:
        held = self.until.items()
        self.until = {key: until for key, until in held if until > self.watermark}
        return []

    def state(self) -> State:
        return {"": list(self.until.items())}


class Joined(Oracle):
    """Each left row with the right rows at its time, or up to the range later.

    A row is held as long as another may match it. Spark also holds it for a row with
    the time of the watermark, which it would drop.

    The two streams read one topic, and each reads what the other leaves out.
    """

    streams = ("l", "r")

    def __init__(self, delay: int) -> None:
        super().__init__(delay)
        self.left: list[Row] = []
        self.right: list[Row] = []

    def step(self, rows: Sequence[Row]) -> Answer:
        self.filtered += len(rows)  # one of the two sides filters each row
        self.filtered += sum(row.key == SKIPPED for row in rows)
        return super().step([row for row in rows if row.key != SKIPPED])

    def stream(self, row: Row) -> str:
        return row.key[0]

    def take(self, rows: Sequence[Row]) -> Answer:
        kept = self.in_time(rows)
        left = [row for row in kept if row.key[0] == "l"]
        right = [row for row in kept if row.key[0] == "r"]
        pairs = [(a, b) for a in left for b in self.right + right]
        pairs += [(a, b) for a in self.left for b in right]
        self.left += left
        self.right += right
        return [
            (a.key[1:], f"{a.time} {b.time}")
            for a, b in pairs
            if a.key[1:] == b.key[1:] and a.time <= b.time <= a.time + RANGE
        ]

    def close(self) -> Answer:
        self.left = [row for row in self.left if row.time + RANGE >= self.watermark]
        self.right = [row for row in self.right if row.time >= self.watermark]
        return []

    def state(self) -> State:
        return {
            "left": [(row.key[1:], row.time) for row in self.left],
            "right": [(row.key[1:], row.time) for row in self.right],
        }


class Visits(Oracle):
    """The number of rows of a key, which `count_visits` keeps in its own state.

    It is the answer once the watermark has passed the last row's time plus the timeout.
    """

    def __init__(self, delay: int) -> None:
        super().__init__(delay)
        self.visits: dict[str, tuple[int, int]] = {}

    def take(self, rows: Sequence[Row]) -> Answer:
        for row in self.in_time(rows):
            count, last = self.visits.get(row.key, (0, 0))
            self.visits[row.key] = count + 1, max(last, row.time)
        return []

    def close(self) -> Answer:
        over = {
            key: count
            for key, (count, last) in self.visits.items()
            if last + TIME_OUT < self.watermark
        }
        for key in over:
            del self.visits[key]
        return [(key, str(count)) for key, count in over.items()]

    def state(self) -> State:
        return {"": [(key, *visits) for key, visits in self.visits.items()]}


class Processed(Oracle):
    """The times of a key, which `Processor` keeps.

    Each batch with rows of the key sets a timer after the newest of them. Each timer
    returns how many times there are, and the last one removes them.
    """

    def __init__(self, delay: int) -> None:
        super().__init__(delay)
        self.times: dict[str, list[int]] = {}
        self.timers: set[tuple[str, int]] = set()

    def take(self, rows: Sequence[Row]) -> Answer:
        newest: dict[str, int] = {}
        for row in self.in_time(rows):
            self.times.setdefault(row.key, []).append(row.time)
            newest[row.key] = max(newest.get(row.key, 0), row.time)
        self.timers |= {(key, time + TIME_OUT) for key, time in newest.items()}
        return []

    def close(self) -> Answer:
        answer = []
        for key, due in sorted(self.timers):
            if due <= self.watermark:
                answer.append((key, f"{due} {len(self.times[key])}"))
                self.timers.remove((key, due))
                if key not in {other for other, _ in self.timers}:
                    del self.times[key]
        return answer

    def state(self) -> State:
        hours = Counter(
            (key, time // (60 * MINUTE))
            for key, times in self.times.items()
            for time in times
        )
        return {
            "count": [(key, len(times)) for key, times in self.times.items()],
            "times": [(key, it) for key, times in self.times.items() for it in times],
            "hours": [(key, hour, n) for (key, hour), n in hours.items()],
            "timers": list(self.timers),
        }
