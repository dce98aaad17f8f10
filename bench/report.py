"""Write the measurements for people and programs.

There is a table on the terminal, JSON, Markdown, and a page with plots.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from html import escape
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.harness import Measured, RowResult, show_seconds
from bench.world import Options

__all__ = ["read", "show", "write"]

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto }
table { border-collapse: collapse }
td, th { padding: 0.2rem 0.8rem 0.2rem 0; text-align: left }
td.number { text-align: right }
pre { background: #f5f5f5; padding: 0.7rem; overflow-x: auto; font-size: 13px }
.met { color: #1a7f37 }
.missed { color: #b42318 }
svg { max-width: 100%; height: auto }
"""
KIT_COLOR, OTHER_COLOR = "#1f6feb", "#9aa4af"


def show(console: Console, row: RowResult) -> None:
    """Print a row as a table on the terminal."""
    table = Table(
        "",
        "median",
        "min to max",
        "first call",
        "x kit",
        title=row.title,
        title_justify="left",
        box=None,
    )
    for column in table.columns:
        column.no_wrap = True
    for one in row.measured:
        table.add_row(
            _name(one),
            show_seconds(one.median),
            f"{show_seconds(min(one.runs))} to {show_seconds(max(one.runs))}",
            show_seconds(one.first),
            _ratio(row, one),
        )
    console.print(table)
    for target in row.targets:
        verdict = "[green]met[/]" if target.met else "[red]missed[/]"
        console.print(f"  {target.target}: {target.found}, {verdict}")
    for line in (*row.notes, *row.profile):
        console.print(f"  {line}", style="dim", highlight=False, markup=False)


def write(
    folder: Path, about: Mapping[str, Any], options: Options, rows: Sequence[RowResult]
) -> None:
    """Write results.json, results.md and results.html, replacing older ones."""
    folder.mkdir(parents=True, exist_ok=True)
    head = {"date": date.today().isoformat(), **about, "options": vars(options)}  # noqa: DTZ011
    data = {**head, "rows": [row.to_data() for row in rows]}
    (folder / "results.json").write_text(json.dumps(data, indent=1) + "\n")
    (folder / "results.md").write_text(_markdown(head, rows))
    (folder / "results.html").write_text(_page(head, rows))


def read(folder: Path) -> list[RowResult]:
    """The rows that a run has written to the folder, or none without a run."""
    file = folder / "results.json"
    rows = json.loads(file.read_text())["rows"] if file.is_file() else []
    return [RowResult.from_data(row) for row in rows]


def _name(one: Measured) -> str:
    return one.name if one.share == 1 else f"{one.name} ({one.share:.3g} of it, scaled)"


def _head(head: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {one}" for name, one in head["versions"].items())
    return (
        f"{head['date']}; {head['cores']} cores ({head['processor']}), "
        f"{head['memory_gib']} GiB; {versions}; {head['options']['runs']} rounds."
    )


def _markdown(head: Mapping[str, Any], rows: Sequence[RowResult]) -> str:
    lines = [
        _head(head),
        "",
        "| what | who | median | first call | x kit | target |",
        "| --- | --- | ---: | ---: | ---: | --- |",
    ]
    for row in rows:
        targets = "; ".join(
            f"{one.target}: {one.found}, {'met' if one.met else '**missed**'}"
            for one in row.targets
        )
        for number, one in enumerate(row.measured):
            first = number == 0
            lines.append(
                f"| {row.title if first else ''} | {_name(one)} "
                f"| {show_seconds(one.median)} | {show_seconds(one.first)} "
                f"| {_ratio(row, one)} | {targets if first else ''} |"
            )
    return "\n".join(lines) + "\n"


def _page(head: Mapping[str, Any], rows: Sequence[RowResult]) -> str:
    return "\n".join(
        [
            "<!doctype html><meta charset=utf-8><title>What a test waits for</title>",
            f"<style>{STYLE}</style>",
            f"<h1>What a test waits for</h1><p>{escape(_head(head))}</p>",
            "<p>A dot is a run, a bar the median; shorter is better.</p>",
            *(part for row in rows for part in _row_html(row)),
        ]
    )


def _row_html(row: RowResult) -> Iterator[str]:
    yield f"<h2 id={row.name}>{escape(row.title)}</h2>"
    yield _plot(row)
    for target in row.targets:
        verdict = "met" if target.met else "missed"
        line = escape(f"{target.target}: {target.found}, {verdict}")
        yield f"<div class={verdict}>{line}</div>"
    yield "<table><tr><th></th><th>median</th><th>first call</th><th>x kit</th></tr>"
    for one in row.measured:
        numbers = show_seconds(one.median), show_seconds(one.first), _ratio(row, one)
        cells = "".join(f"<td class=number>{number}</td>" for number in numbers)
        yield f"<tr><td>{escape(_name(one))}</td>{cells}</tr>"
    yield "</table>"
    yield f"<p>{escape('; '.join(row.notes))}</p>"
    if row.profile:
        lines = escape("\n".join(row.profile))
        yield "<details><summary>where the time goes</summary>"
        yield f"<pre>{lines}</pre></details>"


def _ratio(row: RowResult, one: Measured) -> str:
    return f"{row.ratio(one):.2f}"


def _plot(row: RowResult) -> str:
    """The runs of each contestant as SVG.

    The axis is logarithmic if they lie far apart.
    """
    from matplotlib.figure import Figure

    measured = list(reversed(row.measured))
    figure = Figure(figsize=(9, 0.6 + 0.34 * len(measured)))
    axes = figure.add_subplot()
    for place, one in enumerate(measured):
        color = KIT_COLOR if one is row.kit else OTHER_COLOR
        axes.barh(place, one.median, height=0.6, color=color, alpha=0.55)
        axes.plot(one.runs, [place] * len(one.runs), "o", color=color, markersize=3.5)
    axes.set_yticks(range(len(measured)), [_name(one) for one in measured])
    medians = [one.median for one in measured]
    if max(medians) > 20 * min(medians):
        axes.set_xscale("log")
    axes.set_xlabel("seconds")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    text = StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]
