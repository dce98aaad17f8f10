"""`python -m bench`: see `--help`."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from rich.console import Console

from bench import (
    batches,
    broker,
    cold,
    first_test,
    growth,
    produce,
    read,
    report,
    suite,
    topics,
    waiting,
)
from bench.harness import measure
from bench.world import Options, World

FAMILIES = (
    broker,
    topics,
    produce,
    read,
    waiting,
    batches,
    suite,
    first_test,
    cold,
    growth,
)

console = Console(width=None if sys.stdout.isatty() else 120)


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # close what was started
    defaults = Options()
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--rows", metavar="NAME,...", help="these rows only (see --list)"
    )
    parser.add_argument("--list", action="store_true", help="name the rows")
    parser.add_argument("--records", type=int, default=defaults.records)
    parser.add_argument("--record-bytes", type=int, default=defaults.record_bytes)
    parser.add_argument("--runs", type=int, default=defaults.runs)
    parser.add_argument("--calls", type=int, default=defaults.calls)
    parser.add_argument(
        "--out", type=Path, default=Path("target/bench"), metavar="FOLDER"
    )
    parser.add_argument(
        "--add",
        action="store_true",
        help="keep the rows that an earlier run has left in the folder",
    )
    arguments = parser.parse_args()
    options = Options(
        arguments.records, arguments.record_bytes, arguments.runs, arguments.calls
    )
    world = World(options)
    rows = {
        name: row for family in FAMILIES for name, row in family.rows(world).items()
    }
    if arguments.list:
        console.print("\n".join(rows))
        return 0
    wanted = arguments.rows.split(",") if arguments.rows else list(rows)
    if unknown := set(wanted) - rows.keys():
        parser.error(f"no such row: {', '.join(unknown)}; there are {', '.join(rows)}")
    earlier = report.read(arguments.out) if arguments.add else []
    results = [row for row in earlier if row.name not in wanted]
    try:
        about = world.describe()
        for name in wanted:
            with console.status(name) as status:
                row = rows[name]()
                try:
                    result = measure(row, options.runs, status.update)
                finally:
                    row.close()
            results.append(result)
            report.write(arguments.out, about, options, results)
            report.show(console, result)
    finally:
        world.close()
    console.print(f"written to {arguments.out}")
    return 0


sys.exit(main())
