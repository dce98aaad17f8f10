"""A job, and what it is given for one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["Job", "JobRun"]

RUN = "run"


@dataclass(frozen=True)
class JobRun:
    """What one run of a job may use, for a job that has a parameter `run`.

    Attributes:
        spark: the session to use.
        topics: the topic of each input, by the input's name.
        topic: a sink topic with two partitions.
        path: a folder for what the job writes, empty at first.
        checkpoint: the checkpoint location.
        kafka_options: the options that Spark's Kafka source and sink need to reach the
            broker.
    """

    spark: SparkSession
    topics: Mapping[str, str]
    topic: str
    path: str
    checkpoint: str
    kafka_options: Mapping[str, str]


class Job:
    """The user's function, which makes or starts the query under test.

    Args:
        function: what the user gave as the job.
        inputs: the names of the inputs.

    Raises:
        TypeError: it is not a function, or its parameters do not match the inputs.

    Attributes:
        takes_run: whether it has a parameter `run`, which receives a `JobRun`.
    """

    def __init__(self, function: Callable[..., Any], inputs: list[str]) -> None:
        if not callable(function):
            raise TypeError(
                "job must be a function of the inputs' DataFrames, not "
                f"{type(function).__name__}"
            )
        self._function = function
        names = [
            one.name
            for one in signature(function).parameters.values()
            if (one.default is Parameter.empty or one.name in inputs)
            and one.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
        ]
        self.takes_run = RUN in names
        frames = [name for name in names if name != RUN]
        if len(frames) == 1 and len(inputs) == 1:
            self._inputs = {frames[0]: inputs[0]}
        else:
            self._inputs = {name: name for name in frames}
        if not self.takes_run and (unused := set(inputs) - set(self._inputs.values())):
            raise TypeError(
                f"job has no parameter {sorted(unused)[0]!r}, which is one of the "
                "inputs. Its records would never be read."
            )
        if unknown := [one for one in self._inputs.values() if one not in inputs]:
            raise TypeError(
                f"job has a parameter {unknown[0]!r}, but inputs has "
                f"{', '.join(map(repr, inputs))}. Its parameters must be named like "
                "the inputs, or `run`."
            )

    @property
    def name(self) -> str:
        """The name of the job in messages."""
        return str(getattr(self._function, "__name__", self._function))

    def __call__(self, run: JobRun, read: Callable[[str], DataFrame]) -> Any:
        """Call the function, and return its DataFrame or the query that it started.

        Args:
            run: what this run may use.
            read: a function that returns the DataFrame of an input.
        """
        given: dict[str, Any] = {
            name: read(source) for name, source in self._inputs.items()
        }
        if self.takes_run:
            given[RUN] = run
        return self._function(**given)
