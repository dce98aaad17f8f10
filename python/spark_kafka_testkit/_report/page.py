"""The report as a page: one HTML file, which loads nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files

from spark_kafka_testkit._report.columns import Columns, packed, thinned
from spark_kafka_testkit._report.write import ERRORS

__all__ = ["BYTES_FOR_DATA", "UPLOT", "Entry", "page"]

UPLOT: Mapping[str, str] = {
    "version": "1.6.32",
    "uPlot.iife.min.js": (
        "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f"
    ),
    "uPlot.min.css": (
        "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04"
    ),
    "LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
}
"""The version of uPlot, which draws the plots, and the sha256 of each of its files.

The files are those of its npm package.
"""

BYTES_FOR_DATA = 220_000
"""The bytes that a report of up to `TESTS` tests may use for them.

With these the whole file stays below 300 kB. A report of more tests may use more, in
proportion.
"""
TESTS = 100
MOST_BATCHES, FEWEST_BATCHES = 400, 2
SPARE = 0.95
FOR_FAILED = 4
"""A failed test shows this many times as many batches, if there is room."""
MESSAGE_CHARACTERS = (6000, 2000, 800, 400)
"""How much of a message is shown.

It is the first number that leaves half of the room for facts, or else the last one.
"""

FAILED = ("failed", "error")
OUTCOMES = (*FAILED, "passed", "xfailed", "skipped")
"""The outcomes, in the order in which the page lists the tests."""


@dataclass(frozen=True)
class Entry:
    """A test on the page.

    Attributes:
        name: its node id.
        outcome: one of `OUTCOMES`, or another word.
        seconds: how long it took, or None if that is not known.
        message: the message of a failed test, or an empty string.
        columns: its facts, or None if nothing was recorded.
    """

    name: str
    outcome: str
    seconds: float | None
    message: str = ""
    columns: Columns | None = None


def page(title: str, entries: Sequence[Entry], about: Sequence[str] = ()) -> str:
    """The page as HTML.

    Args:
        title: the title.
        entries: the tests. If there is only one, it is shown open.
        about: lines about when the page was made, and with what.
    """
    order = {name: place for place, name in enumerate(OUTCOMES)}
    entries = sorted(entries, key=lambda entry: order.get(entry.outcome, 0))
    budget = BYTES_FOR_DATA * max(1.0, len(entries) / TESTS)
    rows = ""
    for characters in MESSAGE_CHARACTERS:
        rows = _rows(entries, characters)
        if len(rows) <= budget / 2:
            break
    data = _data(entries, budget - len(rows.encode(errors=ERRORS)))
    told = "".join(f"<p>{escape(line)}</p>" for line in about)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{escape(title)}</title>
<style>
{_file("uplot/uPlot.min.css")}
{_file("page.css")}
</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
{told}
{_overview(entries) if len(entries) > 1 else ""}
</header>
<main>
{rows or "<p>No test has used Kafka.</p>"}
</main>
<noscript><p>The plots need JavaScript.</p></noscript>
<script type="application/json" id="data">{data}</script>
<script>
/*
{_file("uplot/LICENSE")}
*/
{_file("uplot/uPlot.iife.min.js")}
</script>
<script>
{_file("page.js")}
</script>
</body>
</html>
"""


@cache
def _file(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _overview(entries: Sequence[Entry]) -> str:
    counts = Counter(entry.outcome for entry in entries)
    told = ", ".join(
        f'<span class="{outcome}">{counts[outcome]} {outcome}</span>'
        for outcome in OUTCOMES
        if counts[outcome]
    )
    return f"""<p class="counts">{told}</p>
<p><label>Show tests with <input id="filter" type="search" autocomplete="off" \
spellcheck="false"></label> in their name</p>"""


def _rows(entries: Sequence[Entry], characters: int) -> str:
    return "\n".join(
        _row(place, entry, characters, is_open=len(entries) == 1)
        for place, entry in enumerate(entries)
    )


def _row(place: int, entry: Entry, characters: int, *, is_open: bool) -> str:
    took = "" if entry.seconds is None else f"{entry.seconds:.1f} s"
    message = entry.message
    if len(message) > characters:
        message = f"{message[:characters]}\n... (cut)"
    shown = f"<pre>{escape(message)}</pre>" if message else ""
    plots = '<div class="plots"></div>'
    if entry.columns is None:
        plots = "<p>Nothing was recorded of this test.</p>"
    return (
        f'<details class="test" id="t{place}"{" open" if is_open else ""}>'
        f'<summary><span class="outcome {escape(entry.outcome)}">'
        f"{escape(entry.outcome)}</span>"
        f'<span class="name">{escape(entry.name)}</span>'
        f'<span class="took">{took}</span></summary>{shown}{plots}</details>'
    )


def _data(entries: Sequence[Entry], budget: float) -> str:
    """The data of the plots, with as many batches of each query as there is room for.

    Args:
        entries: the tests.
        budget: how many characters it may have. It has more if `FEWEST_BATCHES` of each
            query need more.
    """
    longest = max(map(_longest, entries), default=0)
    most = max(FEWEST_BATCHES, min(MOST_BATCHES, longest))
    while True:
        text = _embedded(entries, most, most * FOR_FAILED)
        if len(text) <= budget:
            return text
        if most == FEWEST_BATCHES:
            return _embedded(entries, most, most)
        less = round(most * SPARE * budget / len(text))  # roughly proportional
        most = max(FEWEST_BATCHES, min(less, most - 1))


def _longest(entry: Entry) -> int:
    """The number of items in the longest of its columns."""
    if entry.columns is None:
        return 0
    queries = (len(query["t"]) for query in entry.columns["queries"])
    topics = (len(topic["t"]) for topic in entry.columns["topics"].values())
    return max(*queries, *topics, len(entry.columns["waits"]), 0, 0)


def _embedded(entries: Sequence[Entry], most: int, of_failed: int) -> str:
    """The facts as JSON for a script element, which no name in it can end."""
    told = []
    for entry in entries:
        batches = of_failed if entry.outcome in FAILED else most
        told.append(entry.columns and packed(thinned(entry.columns, batches)))
    text = json.dumps(told, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
