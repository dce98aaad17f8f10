"""Brokers that outlive a run.

Each is owned by a keeper, a process of ours, and found again by its state file in the
cache folder.

The state file is the broker's lease: the keeper ends the broker when the file is
removed, and when nobody has asked for the broker for its time. A lock that the keeper
holds says that it lives; what a killed one left is swept by whoever looks next.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from spark_kafka_testkit import _clock
from spark_kafka_testkit._brokers.broker import BrokerSettings
from spark_kafka_testkit._brokers.container import image_of
from spark_kafka_testkit._brokers.docker import docker_client
from spark_kafka_testkit._cache import (
    CACHE_ENV,
    cache_folder,
    lock_problem,
    make_folder,
)
from spark_kafka_testkit._jvm.jars import broker_version
from spark_kafka_testkit.errors import BrokerStartError

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = [
    "HOW_TO_END",
    "Kind",
    "Lease",
    "LeaseFile",
    "Unclear",
    "all_leases",
    "check_folder",
    "network_name",
    "running",
]

log = logging.getLogger("spark_kafka_testkit")

Kind = Literal["container", "embedded"]
HOW_TO_END = "Its keeper lives; end it with: spark-kafka-testkit down"
FORMAT = 2  # of the state file: other versions of the kit may use the same cache


@dataclass(frozen=True)
class Lease:
    """A kept broker.

    Attributes:
        key: tells it from others, with other settings.
        kind: `"container"` or `"embedded"`.
        address: its bootstrap servers.
        network_broker: its address in its Docker network, or None.
        name: what it is, for people.
        version: of the kit that started it.
        pid: of its keeper.
        started: seconds since the epoch.
        seconds: how long it stays when nobody asks for it.
        log: the file with its log, of an embedded one.
        container: the container's id.
    """

    key: str
    kind: Kind
    address: str
    network_broker: str | None
    name: str
    version: str
    pid: int
    started: float
    seconds: float
    log: str | None
    container: str | None

    @classmethod
    def parse(cls, text: str, key: str) -> Lease:
        """The state that a file with this key holds.

        Raises:
            ValueError: it is not what `text()` writes; the text says what it is.
        """
        try:
            facts = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"it is no JSON: {error}") from error
        if not isinstance(facts, dict):
            raise ValueError("it is no JSON object")
        number = facts.pop("format", None)
        if number != FORMAT:
            raise ValueError(
                "another version of the kit wrote it: its format is "
                f"{json.dumps(number)[:20]}, not {FORMAT}"
            )
        if wrong := sorted(
            name
            for name in TYPES.keys() | facts.keys()
            if name not in facts or not isinstance(facts[name], TYPES.get(name, ()))
        ):
            raise ValueError(f"wrong in it: {', '.join(wrong)}"[:200])
        lease = cls(**facts)
        if lease.key != key:
            raise ValueError(f"its key is {lease.key!r}"[:200])
        if not re.fullmatch(r".+:\d{1,5}", lease.address):
            raise ValueError(f"its address is {lease.address!r}"[:200])
        if not (0 <= lease.started < LATEST and 0 <= lease.seconds < 1e300):
            raise ValueError(f"its times are {lease.started} and {lease.seconds}")
        return lease

    @property
    def description(self) -> str:
        """What it is, and where, for people."""
        return f"{self.name}, at {self.address}"

    def text(self) -> str:
        """What is written to the state file."""
        return json.dumps({"format": FORMAT, **asdict(self)})


TYPES: dict[str, type | tuple[type, ...]] = {
    "key": str,
    "kind": str,
    "address": str,
    "network_broker": (str, type(None)),
    "name": str,
    "version": str,
    "pid": int,
    "started": (int, float),
    "seconds": (int, float),
    "log": (str, type(None)),
    "container": (str, type(None)),
}
LATEST = 1e11  # seconds since the epoch, which datetime still knows


@dataclass(frozen=True)
class Unclear:
    """A state file that can't be understood: of another version of the kit, or damaged.

    Attributes:
        key: tells it from others, by the file's name.
        file: the state file.
        reason: what is the matter with it.
    """

    key: str
    file: Path
    reason: str

    def __str__(self) -> str:
        return f"The state file {self.file} can't be understood ({self.reason})."


class LeaseFile:
    """The place of one kept broker: that of a kind with certain settings."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._folder = cache_folder() / "kept"

    @classmethod
    def of(cls, kind: Kind, settings: BrokerSettings) -> LeaseFile:
        """The place of a broker of this kind with these settings."""
        facts: dict[str, object] = {
            "broker_config": dict(settings.broker_config),
            "format": FORMAT,
        }
        if kind == "embedded":
            facts["version"] = broker_version()
        else:
            facts.update(
                image=image_of(settings),
                environment=dict(settings.environment),
                network=network_name(settings),
                alias=settings.network_alias,
            )
        text = json.dumps(facts, sort_keys=True)
        return cls(f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:12]}")

    @property
    def file(self) -> Path:
        """The state file."""
        return self._folder / f"{self.key}.json"

    @property
    def topics(self) -> Path:
        """The names of the topics that the run which uses the broker has created, or
        one that was killed.
        """
        return self._folder / f"{self.key}.topics"

    @property
    def user(self) -> Path:
        """What uses the broker, while the lock `use` is held."""
        return self._folder / f"{self.key}.user"

    @property
    def errors(self) -> Path:
        """What the keeper says beside its answer."""
        return self._folder / f"{self.key}.log"

    def lock(self, purpose: str = "look") -> BaseFileLock:
        """The lock for a purpose: `look`, `keeper` or `use`.

        `look` lets one process at a time look, or start a keeper. A keeper that lives
        holds `keeper`; a run that uses the broker holds `use`.
        """
        from filelock import FileLock

        check_folder()
        return FileLock(self._folder / f"{self.key}.{purpose}.lock", mode=0o600)

    def is_held(self, purpose: str) -> bool:
        """Whether some process holds this lock."""
        from filelock import Timeout

        lock = self.lock(purpose)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        lock.release()
        return False

    def user_now(self) -> str:
        """What uses the broker now, for people; empty where nothing does."""
        if not self.is_held("use"):
            return ""
        try:
            return self.user.read_text(encoding="utf-8") or "a test run"
        except OSError:
            return "a test run"

    def read(self) -> Lease | Unclear | None:
        """What the state file holds, or None where there is none."""
        try:
            return Lease.parse(self.file.read_text(encoding="utf-8"), self.key)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            return Unclear(self.key, self.file, str(error))

    def current(self) -> Lease | Unclear | None:
        """What is kept here; call it with the lock.

        What a killed keeper left is removed.
        """
        lease = self.read()
        if lease is None or self.is_held("keeper"):
            return lease
        if isinstance(lease, Unclear):
            log.warning("%s Its keeper has gone, and it is removed.", lease)
        elif lease.container is not None:
            _remove_container(lease.container)
        self.clear()
        return None

    def write(self, lease: Lease) -> None:
        """Writes the state file."""
        self._write_whole(self.file, lease.text())

    def note_topics(self, names: Iterable[str]) -> None:
        """Writes the names of the topics that the run has created, and are there."""
        self._write_whole(self.topics, "\n".join(sorted(names)))

    def noted_topics(self) -> list[str]:
        """The names that were written last."""
        try:
            return self.topics.read_text(encoding="utf-8").split()
        except FileNotFoundError:
            return []

    def note_user(self, user: str) -> None:
        """Writes what uses the broker, for people."""
        self._write_whole(self.user, user)

    def _write_whole(self, place: Path, text: str) -> None:
        """Writes a file whole or not at all, for this user only."""
        handle, part = tempfile.mkstemp(dir=self._folder, prefix=f".{self.key}.")
        try:
            # a command line may have bytes that are no text
            with os.fdopen(handle, "w", -1, "utf-8", "backslashreplace") as file:
                file.write(text)
            Path(part).replace(place)
        finally:
            Path(part).unlink(missing_ok=True)

    def touch(self) -> None:
        """Notes that someone asked for the broker: its time begins anew."""
        try:
            os.utime(self.file)
        except FileNotFoundError:
            pass  # it has just been ended

    def idle_seconds(self) -> float:
        """Since when nobody has asked for the broker."""
        return _clock.now() - self.file.stat().st_mtime

    def clear(self) -> None:
        """Removes the files, but the locks: to remove those is not safe."""
        for file in (self.file, self.topics, self.user, self.errors):
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                log.warning("%s could not be removed: %s", file, error)


def check_folder() -> None:
    """Makes the folder of state files and locks.

    Raises:
        BrokerStartError: nothing can be written or locked there.
    """
    folder = cache_folder() / "kept"
    try:
        make_folder(folder, 0o700)
        problem = lock_problem(folder)
    except OSError as error:
        raise BrokerStartError(
            f"No broker can be kept in {folder}: {error}. Set {CACHE_ENV} to a folder "
            "of yours."
        ) from error
    if problem is not None:
        raise BrokerStartError(
            f"No broker can be kept in {folder}, as its file system has no locks: "
            f"{problem}. Set {CACHE_ENV} to a folder on a local disk, or let each run "
            "start its own broker (without reuse)."
        ) from problem


def network_name(settings: BrokerSettings) -> str | None:
    """The name of the Docker network, however it was given."""
    if not settings.network:
        return None
    return str(getattr(settings.network, "name", settings.network))


def all_leases() -> list[Lease | Unclear]:
    """All brokers that are kept now, by their start; last those whose state file can't
    be understood.
    """
    leases = []
    for file in sorted((cache_folder() / "kept").glob("*.json")):
        lease_file = LeaseFile(file.stem)
        with lease_file.lock():
            lease = lease_file.current()
        if lease is not None:
            leases.append(lease)
    return sorted(
        leases,
        key=lambda lease: LATEST if isinstance(lease, Unclear) else lease.started,
    )


def running() -> list[Lease]:
    """The brokers that are kept now and can be used; of others a warning tells."""
    leases = []
    for lease in all_leases():
        if isinstance(lease, Unclear):
            log.warning("%s %s", lease, HOW_TO_END)
        else:
            leases.append(lease)
    return leases


def _remove_container(container: str) -> None:
    """That of a keeper which was killed, where no reaper has removed it."""
    from docker.errors import NotFound

    try:
        with docker_client() as client:
            client.containers.get(container).remove(force=True, v=True)
    except NotFound:
        pass
    except Exception as error:  # noqa: BLE001  the daemon may have gone, or its settings
        log.warning("the container %s could not be removed: %s", container, error)
