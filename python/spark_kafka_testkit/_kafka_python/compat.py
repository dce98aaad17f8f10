"""kafka-python 2.3 and 3.x, distinguished by what they offer and not by version."""

from __future__ import annotations

import importlib
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from importlib import metadata
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _clock
from spark_kafka_testkit._imports import find_package, shadow_text
from spark_kafka_testkit.errors import BrokerUnreachableError, MissingDependencyError

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

    from spark_kafka_testkit._model.client_config import ClientConfig

__all__ = [
    "awaited",
    "is_version_3",
    "new_topics",
    "preload",
    "reaching",
    "require_kafka_python",
    "started",
    "supported",
]

LOOK_SECONDS = 0.25

SILENCES = (
    "KafkaConnectionError",
    "KafkaTimeoutError",
    "NoBrokersAvailable",
    "NodeNotReadyError",
    "RequestTimedOutError",
)


def require_kafka_python() -> None:
    """Check that kafka-python is installed, without importing it.

    `preload` imports it while a broker starts.

    Raises:
        MissingDependencyError: it is missing (with the wording of Spark's
            KAFKA_TESTING.md), another module has its name, or it can't work with
            Python's options.
    """
    package = find_package("kafka", ("admin", "consumer", "producer", "protocol"))
    if package is None:
        raise MissingDependencyError(
            "kafka-python is required for Kafka tests. "
            "Install it with: pip install kafka-python"
        )
    if package.shadow is not None:
        text = shadow_text("kafka", "kafka-python", package.shadow)
        raise MissingDependencyError(text)
    if not __debug__ and int(metadata.version("kafka-python").partition(".")[0]) >= 3:
        raise MissingDependencyError(
            "kafka-python 3 does not work here: Python runs with -O or PYTHONOPTIMIZE, "
            "which removes the asserts that it reads a broker's answers with. Run "
            "Python without them."
        )


def preload() -> None:
    """Import kafka-python in the background, because that takes a sixth of a second.

    Whoever needs it later reports a failure.
    """

    def load() -> None:
        with suppress(Exception):
            importlib.import_module("kafka")

    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    _preloading.append(thread)


_preloading: list[threading.Thread] = []


def _await_preloaded() -> None:
    """Wait for the import that `preload` has started.

    If Ctrl-C ends an import that waits for another thread's, it may keep Python's own
    lock. After that no thread can import anything.
    """
    for thread in _preloading:
        thread.join()
    _preloading.clear()


@contextmanager
def reaching(config: ClientConfig) -> Iterator[None]:
    """Turn kafka-python's several errors for a silent broker into one."""
    _await_preloaded()
    require_kafka_python()
    from kafka import errors

    error_classes = tuple(
        getattr(errors, name) for name in SILENCES if hasattr(errors, name)
    )
    try:
        yield
    except error_classes as error:
        raise BrokerUnreachableError(
            config.bootstrap_servers,
            f"{type(error).__name__}: {error}.{config.login_hint()}",
        ) from error


def supported(client_class: Any, **settings: Any) -> dict[str, Any]:
    """The settings that the class has in this version of kafka-python."""
    return {
        name: value
        for name, value in settings.items()
        if name in client_class.DEFAULT_CONFIG
    }


def is_version_3(admin: KafkaAdminClient) -> bool:
    """Whether kafka-python is 3 or newer, where NewTopic is deprecated."""
    return hasattr(admin, "wait_for_topics")


def new_topics(admin: KafkaAdminClient, shapes: Mapping[str, dict[str, Any]]) -> Any:
    """The argument of `create_topics` for shapes in the form of kafka-python 3."""
    if is_version_3(admin):
        return dict(shapes)
    from kafka.admin import NewTopic

    return [
        NewTopic(
            name,
            shape.get("num_partitions", -1),
            shape.get("replication_factor", -1),
            shape.get("assignments"),
            shape.get("configs"),
        )
        for name, shape in shapes.items()
    ]


def started(call: Callable[[], Any]) -> Future[Any]:
    """Start the call on a thread, which may have to be left behind.

    An exit hook can start no thread in Python 3.12. There the call is made at once.
    """
    outcome: Future[Any] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001  passed on to the caller
            outcome.set_exception(error)

    try:
        threading.Thread(target=run, daemon=True).start()
    except RuntimeError:
        run()
    return outcome


def awaited(
    call: Callable[[], Any], look: Callable[[], None], seconds: float = math.inf
) -> Future[Any]:
    """Wait for a call that kafka-python may never end, until it is done or time is up.

    Args:
        call: the call, which runs on a thread of its own.
        look: called now and then meanwhile. If it raises, the wait ends.
        seconds: how long to wait.
    """
    outcome = started(call)
    deadline = _clock.monotonic() + seconds
    while not wait([outcome], LOOK_SECONDS).done and _clock.monotonic() < deadline:
        look()
    return outcome
