"""The files and locks that lead back to something kept.

The state file is its lease: the keeper ends what it keeps when the file is removed, or
when nobody has asked for it within its time. A lock that the keeper holds shows that it
lives. Whatever a killed keeper left is swept by the next process that looks.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from spark_kafka_testkit import _clock
from spark_kafka_testkit._cache import (
    CACHE_ENV,
    cache_folder,
    lock_problem,
    make_folder,
)
from spark_kafka_testkit.errors import KafkaTestkitError

if TYPE_CHECKING:
    from filelock import BaseFileLock
    from typing_extensions import Self

__all__ = [
    "HOW_TO_END",
    "Lease",
    "LeaseFile",
    "LeaseType",
    "Unclear",
    "all_leases",
    "check_folder",
    "running",
]

log = logging.getLogger("spark_kafka_testkit")

HOW_TO_END = "Its keeper is running. End it with: spark-kafka-testkit down"
FORMAT = 2  # of the state file: other versions of the kit may share the cache
COMMAND_LENGTH = 60
LATEST = 1e11  # seconds since the epoch, within the range of datetime


@dataclass(frozen=True)
class Lease(ABC):
    """The lease of something that is kept.

    Attributes:
        noun: its name in messages.
        folder: the folder of its kind, inside the cache folder.
        key: what distinguishes it from others of its kind.
        name: a readable name.
        version: the version of the kit that started it.
        pid: the process id of its keeper.
        started: seconds since the epoch.
        seconds: how long it stays if nobody asks for it.
        log: the file with its log, or None.
    """

    noun: ClassVar[str]
    folder: ClassVar[str]

    key: str
    name: str
    version: str
    pid: int
    started: float
    seconds: float
    log: str | None

    @classmethod
    def parse(cls, text: str, key: str) -> Self:
        """The state that a file with this key holds.

        Raises:
            ValueError: it is not what `text()` writes. The text describes the problem.
        """
        try:
            facts = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"it is not valid JSON: {error}") from error
        if not isinstance(facts, dict):
            raise ValueError("it is not a JSON object")
        number = facts.pop("format", None)
        if number != FORMAT:
            raise ValueError(
                "another version of the kit wrote it: its format is "
                f"{json.dumps(number)[:20]}, not {FORMAT}"
            )
        types = _types(cls)
        if wrong := sorted(
            name
            for name in types.keys() | facts.keys()
            if name not in facts or not isinstance(facts[name], types.get(name, ()))
        ):
            raise ValueError(f"invalid fields: {', '.join(wrong)}"[:200])
        lease = cls(**facts)
        if lease.key != key:
            raise ValueError(f"its key is {lease.key!r}"[:200])
        if not (0 <= lease.started < LATEST and 0 <= lease.seconds < 1e300):
            raise ValueError(f"its times are {lease.started} and {lease.seconds}")
        lease.check()
        return lease

    @abstractmethod
    def check(self) -> None:
        """Check the attributes that its kind adds.

        Raises:
            ValueError: one of them is wrong.
        """

    @property
    @abstractmethod
    def where(self) -> str:
        """What distinguishes it from others, in words: `at 127.0.0.1:9092`."""

    @property
    def description(self) -> str:
        """What it is and where, in words."""
        return f"{self.name}, {self.where}"

    @abstractmethod
    def answers(self) -> bool:
        """Whether it can be used."""

    @abstractmethod
    def remove_remains(self) -> None:
        """Remove what a killed keeper has left of it."""

    @classmethod
    @abstractmethod
    def start_error(cls, *parts: str) -> KafkaTestkitError:
        """The error that none came up, made from `parts_of`, or from a reason."""

    @classmethod
    @abstractmethod
    def parts_of(cls, error: KafkaTestkitError) -> Sequence[str]:
        """The parts of an error in the keeper, to pass on."""

    @classmethod
    @abstractmethod
    def stop_error(cls, reason: str) -> KafkaTestkitError:
        """The error that one did not end."""

    def text(self) -> str:
        """The content of the state file."""
        return json.dumps({"format": FORMAT, **asdict(self)})


LeaseType = TypeVar("LeaseType", bound=Lease)


def _types(lease_type: type[Lease]) -> dict[str, tuple[type, ...]]:
    hints = get_type_hints(lease_type)
    return {
        field.name: tuple(_classes(hints[field.name])) for field in fields(lease_type)
    }


def _classes(hint: Any) -> list[type]:
    if get_origin(hint) in (Union, UnionType):
        return [one for part in get_args(hint) for one in _classes(part)]
    if hint is float:
        return [int, float]
    return [get_origin(hint) or hint]


@dataclass(frozen=True)
class Unclear:
    """A state file that is damaged, or comes from another version of the kit.

    Attributes:
        key: what distinguishes it from others, from the file's name.
        file: the state file.
        reason: what is wrong with it.
    """

    key: str
    file: Path
    reason: str

    def __str__(self) -> str:
        return f"The state file {self.file} can't be understood ({self.reason})."


class LeaseFile(Generic[LeaseType]):
    """The files of one kept thing.

    Args:
        kind: what is kept there.
        key: what distinguishes it from others of its kind.
    """

    def __init__(self, kind: type[LeaseType], key: str) -> None:
        self.kind, self.key = kind, key
        self.folder = cache_folder() / kind.folder

    @property
    def file(self) -> Path:
        """The state file."""
        return self.folder / f"{self.key}.json"

    @property
    def user(self) -> Path:
        """The file that names what holds the lock `use`, or was killed while it did."""
        return self.folder / f"{self.key}.user"

    @property
    def errors(self) -> Path:
        """The file for what the keeper writes besides its answer."""
        return self.folder / f"{self.key}.log"

    def files(self) -> list[Path]:
        """All files except the locks."""
        return [self.file, self.user, self.errors]

    def lock(self, purpose: str = "look") -> BaseFileLock:
        """The lock for a purpose: `look`, `keeper` or `use`.

        `look` lets one process at a time look, or start a keeper. A living keeper holds
        `keeper`, and a run that uses what is kept holds `use`.
        """
        from filelock import FileLock

        check_folder(self.kind)
        return FileLock(self.folder / f"{self.key}.{purpose}.lock", mode=0o600)

    def is_held(self, purpose: str) -> bool:
        """Whether a process holds this lock."""
        from filelock import Timeout

        lock = self.lock(purpose)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return True
        lock.release()
        return False

    def user_now(self) -> str:
        """Who uses it now, in words, or empty if nobody does."""
        if not self.is_held("use"):
            return ""
        try:
            return self.user.read_text(encoding="utf-8") or "a test run"
        except OSError:
            return "a test run"

    def seen_user(self) -> str:
        """`user_now()` for whoever only looks.

        It takes the lock, as whoever begins to use it does. Otherwise a run could find
        `use` held by a process that only looks.
        """
        with self.lock():
            return self.user_now()

    def read(self) -> LeaseType | Unclear | None:
        """The content of the state file, or None if there is no file."""
        try:
            return self.kind.parse(self.file.read_text(encoding="utf-8"), self.key)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            return Unclear(self.key, self.file, str(error))

    def current(self) -> LeaseType | Unclear | None:
        """What is kept here. Call it with the lock.

        What a killed keeper left is removed.
        """
        lease = self.read()
        if lease is None or self.is_held("keeper"):
            return lease
        if isinstance(lease, Unclear):
            log.warning("%s Its keeper is gone, so the file is removed.", lease)
        else:
            lease.remove_remains()
        self.clear()
        return None

    def write(self, lease: LeaseType) -> None:
        """Write the state file."""
        self.write_whole(self.file, lease.text())

    def note_user(self) -> None:
        """Write down, in words, that this process uses it."""
        self.write_whole(self.user, f"process {os.getpid()} ({_command()})")

    def write_whole(self, place: Path, text: str) -> None:
        """Write a file whole or not at all, for this user only."""
        handle, part = tempfile.mkstemp(dir=self.folder, prefix=f".{self.key}.")
        try:
            # a command line may contain bytes that are not text
            with os.fdopen(handle, "w", -1, "utf-8", "backslashreplace") as file:
                file.write(text)
            Path(part).replace(place)
        finally:
            Path(part).unlink(missing_ok=True)

    def touch(self) -> None:
        """Note that somebody asked for it, so that its time begins again."""
        try:
            os.utime(self.file)
        except FileNotFoundError:
            pass  # it has just been ended

    def idle_seconds(self) -> float:
        """The seconds since somebody last asked for it."""
        return _clock.now() - self.file.stat().st_mtime

    def clear(self) -> None:
        """Remove the files except the locks, which are not safe to remove."""
        for file in self.files():
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                log.warning("%s could not be removed: %s", file, error)


def _command() -> str:
    """This process's command line, shortened if it is long."""
    program = Path(sys.argv[0])
    if program.name == "__main__.py":  # python -m
        program = program.parent
    text = " ".join([program.name, *sys.argv[1:]])
    return text if len(text) <= COMMAND_LENGTH else f"{text[: COMMAND_LENGTH - 3]}..."


def check_folder(kind: type[Lease]) -> None:
    """Make the folder of state files and locks.

    Raises:
        KafkaTestkitError: nothing can be written or locked there.
    """
    folder = cache_folder() / kind.folder
    try:
        make_folder(folder, 0o700)
        problem = lock_problem(folder)
    except OSError as error:
        raise kind.start_error(
            f"No {kind.noun} can be kept in {folder}: {error}. Set {CACHE_ENV} to a "
            "writable folder."
        ) from error
    if problem is not None:
        raise kind.start_error(
            f"No {kind.noun} can be kept in {folder}, because its file system has no "
            f"locks: {problem}. Set {CACHE_ENV} to a folder on a local disk, or let "
            f"each run start its own {kind.noun} (without reuse)."
        ) from problem


def all_leases(
    place: Callable[[str], LeaseFile[LeaseType]],
) -> list[LeaseType | Unclear]:
    """All of a kind that are kept now, by their start.

    Those whose state file can't be understood come last.

    Args:
        place: returns the `LeaseFile` of a key.
    """
    leases: list[LeaseType | Unclear] = []
    for file in sorted(place("").folder.glob("*.json")):
        lease_file = place(file.stem)
        with lease_file.lock():
            lease = lease_file.current()
        if lease is not None:
            leases.append(lease)
    return sorted(
        leases,
        key=lambda lease: LATEST if isinstance(lease, Unclear) else lease.started,
    )


def running(place: Callable[[str], LeaseFile[LeaseType]]) -> list[LeaseType]:
    """Those of a kind that are kept and usable now, with a warning about the rest."""
    clear: list[LeaseType] = []
    for lease in all_leases(place):
        if isinstance(lease, Unclear):
            log.warning("%s %s", lease, HOW_TO_END)
        else:
            clear.append(lease)
    return clear
