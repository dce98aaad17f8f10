"""The failure of a test as data, for tools and for people who read no traceback."""

from __future__ import annotations

import dataclasses
import math
import traceback
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from spark_kafka_testkit import _text
from spark_kafka_testkit._model.secret import MASK, Secret
from spark_kafka_testkit._queries.death import Death
from spark_kafka_testkit._text import Cause, represented
from spark_kafka_testkit.errors import KafkaTestkitError, NotInvariant

__all__ = ["Failure", "crashed", "failure"]

Failure = dict[str, Any]
"""A failure in the JSON report. docs/report.md describes its fields."""

KIT = Path(_text.__file__).parent
OF_CHECK = ("relation", "schedule", "seed", "replay")
LIBRARIES = ("site-packages", "dist-packages")
TOLD = (
    "problem",
    "advice",
    "causes",
    "query",
    "replay",
    "relation",
    "schedule",
    "seed",
)
"""Attributes of errors that are not among `facts`.

They have a field of their own, or none.
"""
CHARACTERS = 10_000
VALUE_CHARACTERS = 1000
ITEMS, DEPTH = 50, 4


def failure(
    nodeid: str,
    phase: str,
    error: BaseException,
    message: str,
    root: Path,
    remedy: Callable[[str], str],
) -> Failure:
    """The failure of a test, with everything that is known about it.

    Args:
        nodeid: the test's node id.
        phase: where it failed: `setup`, `call` or `teardown`.
        error: the exception that it failed with.
        message: the error's text as pytest shows it.
        root: the root folder of the run. Code below it is the user's own.
        remedy: a function that takes the text of a Spark exception and returns what to
            do about it, or an empty string.
    """
    told: Failure = {
        "nodeid": nodeid,
        "phase": phase,
        "error": type(error).__name__,
        "headline": _headline(error, message),
        "cause": [],
        "remedy": None,
        "place": _place(error, root),
        "message": message[:CHARACTERS],
        "facts": {},
    }
    if isinstance(error, KafkaTestkitError):
        told.update(_of_kit(error))
    elif type(error).__module__.startswith(("pyspark.errors", "pyspark.sql")):
        told.update(_of_spark(str(error), remedy))
    if isinstance(error, NotInvariant):
        told.update({name: getattr(error, name) for name in OF_CHECK})
    return told


def crashed(nodeid: str, message: str) -> Failure:
    """The failure of a test whose process ended while the test was running.

    Args:
        nodeid: the test's node id.
        message: what pytest reports about it.
    """
    return {
        "nodeid": nodeid,
        "phase": "crash",
        "error": None,
        "headline": message.strip().partition("\n")[0],
        "cause": [],
        "remedy": None,
        "place": None,
        "message": message[:CHARACTERS],
        "facts": {},
    }


def _headline(error: BaseException, message: str) -> str:
    text = str(error) if isinstance(error, KafkaTestkitError) else message
    first = next((line for line in text.splitlines() if line.strip()), "")
    return first.strip() or type(error).__name__


def _of_kit(error: KafkaTestkitError) -> Failure:
    causes: Sequence[str] = getattr(error, "causes", ())
    remedies = [cause.remedy for cause in causes if isinstance(cause, Cause)]
    advice = getattr(error, "advice", "").partition("\n")[0]
    facts = {
        name: _plain(value)
        for name, value in vars(error).items()
        if name not in TOLD and not name.startswith("_")
    }
    query = getattr(error, "query", None)
    if query is not None:
        facts["query"] = _query(query)
    return {
        "cause": [str(cause) for cause in causes],
        "remedy": " ".join(filter(None, [*remedies, advice])) or None,
        "facts": facts,
    }


def _of_spark(text: str, remedy: Callable[[str], str]) -> Failure:
    death = Death.of(text)
    facts = {"query": death.query, "batch": death.batch, "raised_in": death.place}
    return {
        "headline": death.cause,
        "cause": list(death.lines),
        "remedy": remedy(text) or None,
        "facts": {name: value for name, value in facts.items() if value},
    }


def _query(query: Any) -> dict[str, Any]:
    try:
        return {"id": str(query.id), "name": query.name}
    except Exception as error:  # noqa: BLE001  its Spark may be gone
        return {"id": None, "name": f"({type(error).__name__})"}


def _place(error: BaseException, root: Path) -> dict[str, Any] | None:
    """The last line of the traceback in the user's own code, or None.

    That is code below `root` that belongs neither to the kit nor to an installed
    library.
    """
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if KIT in file.parents or any(name in file.parts for name in LIBRARIES):
            continue
        if root in file.parents:
            return {"file": file.relative_to(root).as_posix(), "line": frame.lineno}
    return None


def _plain(value: Any, depth: int = DEPTH) -> Any:
    """The value in types that JSON has, cut where it is long."""
    if isinstance(value, Secret):
        return MASK
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, str):
        return value[:VALUE_CHARACTERS]
    if depth:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = [field.name for field in dataclasses.fields(value)]
            value = {name: getattr(value, name, None) for name in names}
        if isinstance(value, Mapping):
            items = list(value.items())[:ITEMS]
            return {_name(key): _plain(each, depth - 1) for key, each in items}
        if isinstance(value, (list, tuple, Set)):
            return [_plain(each, depth - 1) for each in list(value)[:ITEMS]]
    return represented(value)[:VALUE_CHARACTERS]


def _name(key: Any) -> str:
    return key if isinstance(key, str) else represented(key)
