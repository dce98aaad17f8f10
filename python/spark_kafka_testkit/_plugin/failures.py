"""The schedules under which a test's checks have failed, kept for its next run."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._text import represented
from spark_kafka_testkit.errors import NotInvariant

if TYPE_CHECKING:
    import pytest

    from spark_kafka_testkit._invariance.check import CheckOptions
    from spark_kafka_testkit._invariance.search import StreamReport

__all__ = ["Failures"]

FOLDER = "spark_kafka_testkit/schedules/"
MOST = 5
ADDRESS = re.compile(r" at 0x[0-9a-f]+")


class Failures:
    """The failed schedules of one check in a test, in pytest's cache.

    They belong to these inputs and options, and may be unfair to others.

    Args:
        test: the test.
        asked: the inputs, and the options.
    """

    def __init__(self, test: pytest.Item, *asked: Any) -> None:
        # None with -p no:cacheprovider
        self._cache = getattr(test.config, "cache", None)
        digest = hashlib.sha256(ADDRESS.sub("", represented(asked)).encode())
        self._name = f"{FOLDER}{test.nodeid}/{digest.hexdigest()[:16]}"

    def check(
        self, checked: Callable[..., StreamReport], options: CheckOptions
    ) -> StreamReport:
        """Try the schedules that have failed before, and then look for others.

        Args:
            checked: a function that runs a check with its options.
            options: the options of this check.

        Raises:
            NotInvariant: one fails. It is kept.
        """
        for schedule in self._kept():
            with suppress(ValueError):  # another version's, or of other inputs
                checked(**{**options, "schedule": schedule})
        try:
            report = checked(**options)
        except NotInvariant as error:
            self._keep([error.schedule, *self._kept()][:MOST])
            raise
        self._keep([])
        return report

    def _kept(self) -> list[str]:
        return [] if self._cache is None else list(self._cache.get(self._name, []))

    def _keep(self, schedules: list[str]) -> None:
        if self._cache is not None and schedules != self._kept():
            self._cache.set(self._name, list(dict.fromkeys(schedules)))
