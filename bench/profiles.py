"""Where the time goes.

Timers at the seams of the Python side are combined with the processor time of each
process and thread. None of this is in the kit: the timers are put around its functions
only for the profiled run.
"""

from __future__ import annotations

import functools
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

if TYPE_CHECKING:
    from bench.world import World

__all__ = ["Seam", "cpu_of", "of_calls", "of_run", "seams"]

PROFILED_CALLS = 50
SHOWN_THREADS = 6
Seam = tuple[Any, str]
"""An object or a class, and the name of its method."""


def _kit_seams() -> dict[str, Seam]:
    """The functions in which the kit's Python leaves Python."""
    import pyarrow as pa
    from kafka import KafkaAdminClient
    from py4j.java_gateway import GatewayClient

    from spark_kafka_testkit._arrow.decoder import Decoder
    from spark_kafka_testkit._jvm.channel import Channel

    return {
        "py4j calls": (GatewayClient, "send_command"),
        "connecting the channel": (Channel, "__init__"),
        "writing batches to the socket": (
            pa.ipc.RecordBatchStreamWriter,
            "write_batch",
        ),
        "waiting for the helper's answers": (Channel, "result"),
        "decoding keys and values": (Decoder, "column"),
        "admin: create": (KafkaAdminClient, "create_topics"),
        "admin: describe": (KafkaAdminClient, "describe_topics"),
        "admin: offsets": (KafkaAdminClient, "list_partition_offsets"),
    }


@contextmanager
def seams(places: Mapping[str, Seam]) -> Iterator[dict[str, tuple[int, float]]]:
    """Put timers around functions, and collect calls and seconds by label."""
    spent: dict[str, tuple[int, float]] = {}

    def timed(label: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)  # the kit looks at signatures
        def call(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                calls, seconds = spent.get(label, (0, 0.0))
                spent[label] = calls + 1, seconds + time.perf_counter() - start

        return call

    with ExitStack() as patches:
        for label, (owner, name) in places.items():
            function = timed(label, getattr(owner, name))
            patches.enter_context(mock.patch.object(owner, name, function))
        yield spent


@contextmanager
def cpu_of(processes: Mapping[str, int]) -> Iterator[dict[str, Counter[str]]]:
    """The processor seconds that each process spent, by the names of its threads.

    The seconds of threads that have ended are under one name.
    """
    spent: dict[str, Counter[str]] = {}
    before = {name: _threads(pid) for name, pid in processes.items()}
    totals = {name: _ticks(Path(f"/proc/{pid}")) for name, pid in processes.items()}
    yield spent
    tick = os.sysconf("SC_CLK_TCK")
    for name, pid in processes.items():
        found: Counter[str] = Counter()
        for thread, (label, ticks) in _threads(pid).items():
            found[label] += ticks - before[name].get(thread, (label, 0))[1]
        total = _ticks(Path(f"/proc/{pid}")) - totals[name]
        found["threads that have ended"] = total - sum(found.values())
        spent[name] = Counter({label: n / tick for label, n in found.items() if n > 0})


def of_run(world: World, run: Callable[[], float]) -> list[str]:
    """Make one more run with timers.

    The lines say what the time of the call was spent on, and who used the processors
    meanwhile.
    """
    with cpu_of(world.processes) as cpu, seams(_kit_seams()) as spent:
        total = run()
    return [*_wall(spent, total, 1), *_cpu(cpu, 1)]


def of_calls(
    world: World, call: Callable[[], object], calls: int = PROFILED_CALLS
) -> list[str]:
    """Do the same as `of_run` for short calls, with figures per call."""
    with cpu_of(world.processes) as cpu, seams(_kit_seams()) as spent:
        start = time.perf_counter()
        for _ in range(calls):
            call()
        total = time.perf_counter() - start
    return [*_wall(spent, total, calls), *_cpu(cpu, calls)]


def _wall(
    spent: Mapping[str, tuple[int, float]], total: float, calls: int
) -> list[str]:
    lines = [
        f"{seconds / calls * 1000:.2f} ms {label} ({count / calls:g} calls)"
        for label, (count, seconds) in spent.items()
    ]
    rest = total - sum(seconds for _, seconds in spent.values())
    return [
        f"{total / calls * 1000:.2f} ms in all, of them:",
        *lines,
        f"{rest / calls * 1000:.2f} ms the rest, in Python",
    ]


def _cpu(cpu: Mapping[str, Counter[str]], calls: int) -> list[str]:
    lines = []
    for name, threads in cpu.items():
        most = ", ".join(
            f"{label} {seconds / calls * 1000:.2f}"
            for label, seconds in threads.most_common(SHOWN_THREADS)
        )
        total = sum(threads.values()) / calls * 1000
        lines.append(f"{total:.2f} ms of processor time in {name}: {most}")
    return lines


def _threads(pid: int) -> dict[int, tuple[str, int]]:
    found = {}
    for folder in Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (folder / "comm").read_text().strip()
            found[int(folder.name)] = name, _ticks(folder)
        except OSError:
            continue  # it has ended
    return found


def _ticks(folder: Path) -> int:
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
