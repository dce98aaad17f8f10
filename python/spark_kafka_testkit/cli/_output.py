"""What the commands share: the broker they talk to, and how they print results."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any

import click

from spark_kafka_testkit import _arguments, _clock
from spark_kafka_testkit._brokers.broker import BOOTSTRAP_ENV
from spark_kafka_testkit._brokers.kept.lease import BrokerFile
from spark_kafka_testkit._kept.lease import running

__all__ = [
    "ADDRESS",
    "NO_BROKER",
    "address_option",
    "as_json",
    "broker_address",
    "by_rule",
    "columns",
    "json_option",
    "rate",
    "say",
    "topic_type",
    "watched",
]

ADDRESS = f"{__name__}.address"
"""The key of the given address in a command's context, for commands in errors."""
NO_BROKER = 3
LINE_SECONDS = 5.0
MANY = 1000


def by_rule(rule: Callable[[str, Any], str], name: str) -> Callable[[str], str]:
    """A click type for what one of the rules of `_arguments` accepts."""

    def convert(text: str) -> str:
        try:
            return rule(name, text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    return convert


topic_type = by_rule(partial(_arguments.topic, is_named=False), "the name")

json_option = click.option("--json", "is_json", is_flag=True, help="Print JSON.")
address_option = click.option(
    "-b",
    "--bootstrap-servers",
    "address",
    type=by_rule(_arguments.addresses, "the address"),
    envvar=BOOTSTRAP_ENV,
    show_envvar=True,
    metavar="ADDRESS",
    help="Address of the broker. Default: the one that is up.",
)


def broker_address(address: str | None, may_write: bool = False) -> tuple[str, bool]:
    """The address that was given, else that of the one kept broker.

    Args:
        address: the address that was given, or None.
        may_write: whether the command may create topics, which is then noted for a kept
            broker.

    Returns:
        The address, and whether it is that of a kept broker.
    """
    leases = running(BrokerFile)
    if address is None:
        if not leases:
            click.echo(
                "No broker is up. Start one with: spark-kafka-testkit up. Or give the "
                "address of one with --bootstrap-servers.",
                err=True,
            )
            click.get_current_context().exit(NO_BROKER)
        if len(leases) > 1:
            addresses = ", ".join(lease.address for lease in leases)
            raise click.UsageError(
                f"Several brokers are up: {addresses}. Choose one with "
                "--bootstrap-servers."
            )
        address = leases[0].address
    else:
        click.get_current_context().meta[ADDRESS] = address
    kept = [lease for lease in leases if lease.address == address]
    if may_write:
        for lease in kept:
            BrokerFile(lease.key).touch()
    return address, bool(kept)


def as_json(value: Any) -> str:
    """JSON on one line. Bytes that are not text become `{"base64": "..."}`."""
    return json.dumps(value, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def say(is_json: bool, result: Any, *lines: str) -> None:
    """Print the result of a command, as JSON or as lines."""
    for line in [as_json(result)] if is_json else lines:
        click.echo(line)


def columns(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Rows as lines in columns, with numbers aligned to the right."""
    cells = [
        [f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row]
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    is_number = [
        all(isinstance(row[i], int) for row in rows) for i in range(len(widths))
    ]
    return [
        "  ".join(
            cell.rjust(width) if right and rows else cell.ljust(width)
            for cell, width, right in zip(line, widths, is_number, strict=True)
        ).rstrip()
        for line in [list(header), *cells]
    ]


def rate(count: int, seconds: float) -> str:
    """How many, and in what time: `2,000 in 0.5 s (4,000/s)`."""
    return f"{count:,} in {seconds:.1f} s{_speed(count, seconds)}"


def _speed(count: int, seconds: float) -> str:
    """How fast they come, or nothing: a few take the time of a connection."""
    per_second = count / max(seconds, 1e-9)
    return f" ({per_second:,.0f}/s)" if count >= MANY and per_second >= 1 else ""


@contextmanager
def watched(
    what: str, size: int | None = None, position: Callable[[], int] | None = None
) -> Iterator[Callable[[int], None]]:
    """Show on stderr how many there are, and how fast they come.

    It is a bar on a terminal (of `position()` out of `size`, if these are known), or
    else a line now and then. Yields a function to call with the number of new ones.
    """
    if not sys.stderr.isatty():
        yield _line_by_line(what)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    done = TextColumn("{task.fields[count]:,}{task.fields[speed]}")
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        done,
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        task = progress.add_task(what, total=size, count=0, speed="")
        started, total = _clock.monotonic(), 0

        def add(more: int) -> None:
            nonlocal total
            total += more
            speed = _speed(total, _clock.monotonic() - started)
            progress.update(task, count=total, speed=speed)
            if position is not None:
                progress.update(task, completed=position())

        yield add


def _line_by_line(what: str) -> Callable[[int], None]:
    started = said = _clock.monotonic()
    total = 0

    def add(more: int) -> None:
        nonlocal said, total
        total += more
        now = _clock.monotonic()
        if now - said >= LINE_SECONDS:
            said = now
            click.echo(f"{what}: {rate(total, now - started)}", err=True)

    return add
