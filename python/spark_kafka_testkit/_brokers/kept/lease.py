"""Brokers that outlive a run. Each is owned by a keeper, a process of ours (`_keeper`),
and found again by its state file in the cache folder.

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
import socket
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from spark_kafka_testkit import _clock
from spark_kafka_testkit._brokers import container, embedded
from spark_kafka_testkit._brokers.broker import Backend, Broker, BrokerSettings
from spark_kafka_testkit._brokers.container import image_of
from spark_kafka_testkit._brokers.docker import docker_client
from spark_kafka_testkit._brokers.start import start_any, start_own
from spark_kafka_testkit._cache import (
    CACHE_ENV,
    cache_folder,
    environment,
    lock_problem,
    make_folder,
)
from spark_kafka_testkit._jvm.jars import broker_version
from spark_kafka_testkit._kafka_python.admin import Admin
from spark_kafka_testkit._kafka_python.topics import delete_topics
from spark_kafka_testkit._model.client_config import Access
from spark_kafka_testkit.errors import BrokerStartError, BrokerStopError

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = [
    "HOURS",
    "Kind",
    "Slot",
    "State",
    "Unclear",
    "end",
    "found",
    "keep",
    "note_use",
    "running",
    "take",
]

log = logging.getLogger("spark_kafka_testkit")

Kind = Literal["container", "embedded"]
KINDS: tuple[Kind, ...] = ("container", "embedded")
HOURS = 8.0
END_SECONDS = 60.0
ANSWER_SECONDS = 2.0
HOW_TO_END = "Its keeper lives; end it with: spark-kafka-testkit down"
FORMAT = 1  # of the state file: other versions of the kit may use the same cache


@dataclass(frozen=True)
class State:
    """A kept broker.

    Attributes:
        key: tells it from others, with other settings.
        kind: `"container"` or `"embedded"`.
        address: its bootstrap servers.
        network_broker: its address in its Docker network, or None.
        description: what it is, for people.
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
    description: str
    version: str
    pid: int
    started: float
    seconds: float
    log: str | None
    container: str | None

    @classmethod
    def parse(cls, text: str, key: str) -> State:
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
        state = cls(**facts)
        if state.key != key:
            raise ValueError(f"its key is {state.key!r}"[:200])
        if not re.fullmatch(r".+:\d{1,5}", state.address):
            raise ValueError(f"its address is {state.address!r}"[:200])
        if not (0 <= state.started < LATEST and 0 <= state.seconds < 1e300):
            raise ValueError(f"its times are {state.started} and {state.seconds}")
        return state

    def text(self) -> str:
        """What is written to the state file."""
        return json.dumps({"format": FORMAT, **asdict(self)})


TYPES: dict[str, type | tuple[type, ...]] = {
    "key": str,
    "kind": str,
    "address": str,
    "network_broker": (str, type(None)),
    "description": str,
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


class Slot:
    """The place of one kept broker: that of a kind with certain settings."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._folder = cache_folder() / "kept"

    @classmethod
    def of(cls, kind: Kind, settings: BrokerSettings) -> Slot:
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
    def used(self) -> Path:
        """A file that is there while the broker may hold topics of a run."""
        return self._folder / f"{self.key}.used"

    @property
    def errors(self) -> Path:
        """What the keeper says beside its answer."""
        return self._folder / f"{self.key}.log"

    def lock(self, purpose: str = "look") -> BaseFileLock:
        """`look`: one process at a time looks, or starts a keeper; `keeper`: one lives;
        `use`: a run uses the broker.
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

    def read(self) -> State | Unclear | None:
        """What the state file holds, or None where there is none."""
        try:
            return State.parse(self.file.read_text(encoding="utf-8"), self.key)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            return Unclear(self.key, self.file, str(error))

    def state(self) -> State | Unclear | None:
        """What is kept here; call it with the lock. What a killed keeper left is
        removed.
        """
        found = self.read()
        if found is None or self.is_held("keeper"):
            return found
        if isinstance(found, Unclear):
            log.warning("%s Its keeper has gone, and it is removed.", found)
        elif found.container is not None:
            _remove_container(found.container)
        self.clear()
        return None

    def write(self, state: State) -> None:
        """Writes the state file, whole or not at all, for this user only."""
        handle, part = tempfile.mkstemp(dir=self._folder, prefix=f".{self.key}.")
        try:
            with os.fdopen(handle, "w") as file:
                file.write(state.text())
            Path(part).replace(self.file)
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
        for file in (self.file, self.used, self.errors):
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


def found() -> list[State | Unclear]:
    """All brokers that are kept now, by their start; last those whose state file can't
    be understood.
    """
    states = []
    for file in sorted((cache_folder() / "kept").glob("*.json")):
        slot = Slot(file.stem)
        with slot.lock():
            state = slot.state()
        if state is not None:
            states.append(state)
    return sorted(
        states,
        key=lambda state: LATEST if isinstance(state, Unclear) else state.started,
    )


def running() -> list[State]:
    """All brokers that are kept now and can be used, by their start; of others a
    warning tells.
    """
    states = []
    for state in found():
        if isinstance(state, Unclear):
            log.warning("%s %s", state, HOW_TO_END)
        else:
            states.append(state)
    return states


def keep(
    backend: Backend, settings: BrokerSettings, seconds: float = HOURS * 3600
) -> State:
    """The kept broker with these settings; it is started where there is none. Its time
    begins anew; `auto` takes one of either kind that runs before it starts one.

    Raises:
        BrokerStartError: none came up.
        MissingDependencyError, JarError: as `start_own`.
    """
    if backend != "auto":
        return _keep(cast(Kind, backend), settings, seconds)
    check_folder()
    for kind in KINDS:
        slot = Slot.of(kind, settings)
        if slot.file.exists():
            with slot.lock():
                if state := _living(slot):
                    return state
    return start_any(lambda kind: _keep(cast(Kind, kind), settings, seconds))


def _keep(kind: Kind, settings: BrokerSettings, seconds: float) -> State:
    slot = Slot.of(kind, settings)
    with slot.lock():
        if state := _living(slot):
            return state
        _prepare(kind, settings)
        return _start_keeper(slot, kind, settings, seconds)


def _living(slot: Slot) -> State | None:
    """What is kept here, asked for anew; one that does not answer is ended."""
    state = slot.state()
    if state is None:
        return None
    if isinstance(state, Unclear):
        raise BrokerStartError(f"{state} {HOW_TO_END}")
    host, _, port = state.address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), ANSWER_SECONDS).close()
    except OSError:
        _end(slot, state)
        return None
    slot.touch()
    return state


def _prepare(kind: Kind, settings: BrokerSettings) -> None:
    """What takes long the first time is fetched here, where its progress is seen."""
    if kind == "embedded":
        embedded.prepare()
    else:
        container.prepare(settings)


def _start_keeper(
    slot: Slot, kind: Kind, settings: BrokerSettings, seconds: float
) -> State:
    order = {
        "key": slot.key,
        "kind": kind,
        "seconds": seconds,
        "settings": asdict(
            replace(settings, reuse=False, network=network_name(settings))
        ),
    }
    with slot.errors.open("wb") as errors:
        slot.errors.chmod(0o600)
        keeper = subprocess.Popen(
            [sys.executable, "-m", "spark_kafka_testkit._brokers.kept.keeper"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            # no module of the folder where this was called is taken for another
            env={**environment(), "PYTHONSAFEPATH": "1"},
        )
    # its first process ends at once, and the pipe's other end is with the second
    answer, _ = keeper.communicate(json.dumps(order).encode())
    if not answer:
        said = slot.errors.read_text(errors="replace").strip()
        raise BrokerStartError(f"The keeper of the broker ended unexpectedly:\n{said}")
    data = json.loads(answer)
    if "error" in data:
        slot.clear()
        raise BrokerStartError(*data["error"])
    return State(**data)


def end(state: State | Unclear) -> None:
    """Ends a kept broker, and returns when it is gone.

    Raises:
        BrokerStopError: its keeper did not end.
    """
    slot = Slot(state.key)
    with slot.lock():
        _end(slot, state)


def _end(slot: Slot, state: State | Unclear) -> None:
    from filelock import Timeout

    slot.clear()
    keeper = slot.lock("keeper")
    _clock.keep_running("filelock")
    try:
        keeper.acquire(timeout=END_SECONDS)
    except Timeout as error:
        if isinstance(state, Unclear):
            raise BrokerStopError(
                f"The broker of {state.file} was told to end, and its keeper is still "
                f"there after {END_SECONDS:g} s. End the process that has "
                f"{keeper.lock_file} open."
            ) from error
        raise BrokerStopError(
            f"The broker at {state.address} was told to end, and its keeper, process "
            f"{state.pid}, is still there after {END_SECONDS:g} s. End it with: "
            f"kill -9 {state.pid}"
        ) from error
    keeper.release()


def take(backend: Backend, settings: BrokerSettings) -> Broker:
    """The kept broker for one run, without topics; where another run uses it, a broker
    of this run's own.

    Raises:
        BrokerStartError: none came up.
        MissingDependencyError, JarError: as `start_own`.
    """
    from filelock import Timeout

    state = keep(backend, settings)
    slot = Slot(state.key)
    use = slot.lock("use")
    try:
        with slot.lock():  # else it might be held for a moment by who looks at it
            use.acquire(timeout=0)
    except Timeout:
        log.info(
            "another run uses the kept broker at %s; this one starts its own",
            state.address,
        )
        return start_own(backend, replace(settings, reuse=False))
    try:
        if slot.used.exists():
            remove_topics(state.address)
        slot.used.touch(mode=0o600)
    except BaseException:
        use.release()
        raise
    return KeptBroker(slot, state, use)


class KeptBroker:
    """A kept broker in the hands of one run; `stop()` removes its topics and leaves it
    running.
    """

    def __init__(self, slot: Slot, state: State, use: BaseFileLock) -> None:
        self._slot, self._state, self._use = slot, state, use
        self.backend: str = state.kind
        self.bootstrap_servers = state.address
        self.network_broker = state.network_broker
        self._leaves_topics = False

    def describe(self) -> str:
        return f"{self._state.description}, kept"

    def log_tail(self, lines: int = 30) -> str:
        """The last lines of the broker's log; of a container Docker has it."""
        if self._state.log is None:
            return f"(see: docker logs {self._state.container})"
        try:
            text = Path(self._state.log).read_text("utf-8", "replace")
        except OSError as error:
            return f"(no log: {error})"
        return "\n".join(text.splitlines()[-lines:])

    def leave_topics(self) -> None:
        """Lets `stop()` leave the topics of the run; the next run removes them."""
        self._leaves_topics = True

    def stop(self) -> None:
        if not self._use.is_locked:
            return
        try:
            if not self._leaves_topics:
                remove_topics(self.bootstrap_servers)
                self._slot.used.unlink(missing_ok=True)
            self._slot.touch()
        finally:
            self._use.release()


def remove_topics(bootstrap_servers: str) -> None:
    """Deletes all topics but Kafka's own."""
    with Admin(Access(bootstrap_servers)) as admin:
        delete_topics(admin, [t for t in admin.topic_names() if not t.startswith("__")])


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


def note_use(state: State) -> None:
    """Notes that the broker was asked for, and may hold topics now."""
    slot = Slot(state.key)
    slot.touch()
    slot.used.touch(mode=0o600)
