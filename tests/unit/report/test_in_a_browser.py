"""The page in a browser, if there is one."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from spark_kafka_testkit._report.columns import columns
from spark_kafka_testkit._report.page import Entry, page

from .synthetic import facts

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")

FLAGS = (
    "--headless=new",
    "--no-sandbox",  # it won't start as root with a sandbox
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--virtual-time-budget=5000",
    "--dump-dom",
)
EVIL = "<img src=x onerror=\"document.title = 'owned'\">"
WATCH = """<script>
addEventListener("error", (event) => { document.title = `failed: ${event.message}`; });
</script>"""


def seen_by_a_browser(text: str, folder: Path) -> str:
    """The HTML of the page after its scripts have run."""
    file = folder / "page.html"
    file.write_text(text.replace("<style>", f"{WATCH}<style>", 1))
    done = subprocess.run(
        [str(CHROMIUM), *FLAGS, f"--user-data-dir={folder / 'profile'}", file.as_uri()],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_its_scripts_draw_a_test(tmp_path: Path) -> None:
    """Every plot is there, with its lines and tables. Names are shown as text."""
    given = facts(20, f"t{EVIL}")
    orders, payments = given.queries
    given = replace(given, queries=[orders, replace(payments, is_clocked=True)])
    text = page("Kafka tests", [Entry(EVIL, "failed", 1.0, EVIL, columns(given))])
    seen = seen_by_a_browser(text, tmp_path)
    assert re.findall("<title>(.*?)</title>", seen) == ["Kafka tests"]
    assert "<img" not in seen.partition("<body>")[2].partition('id="data"')[0]
    assert [unescape(title) for title in re.findall("<h3>(.*?)</h3>", seen)] == [
        "Offsets (records), all partitions together",
        "Rows per second",
        "Duration of a batch, ms",
        "State, rows",
        "State, bytes",
        "Watermark, UTC",
        "Offsets (records), all partitions together",
        "Rows of a batch",
        "Watermark, UTC",
    ]
    assert seen.count("<canvas") == 9
    label = f"end of t{EVIL}-orders-1aec8d37"
    assert label in map(unescape, re.findall('<div class="u-label">(.*?)</div>', seen))
    values = re.findall('<td class="u-value">(.*?)</td>', seen)
    assert set(values) == {""}  # until the mouse is over a plot
    titles = re.findall(r"<summary>((?:Waits|Batches).*?)</summary>", seen)
    assert titles == ["Waits (3)", "Batches of orders (20)", "Batches of payments (20)"]
    rows = re.findall("<tr>(<td.*?)</tr>", seen)
    first = [
        re.findall("<td[^>]*>(.*?)</td>", row) for row in (rows[0], rows[3], rows[-1])
    ]
    assert first == [
        ["start", "test_join.py:31", "0.25 s", "0.875 s", "done"],
        [
            "0",
            "1 s",
            "30",
            "0",
            "250",
            "120",
            "0",
            "4,000",
            "0",
            "\u2013",
        ],
        ["19", "2026-11-30 00:53:34.547", "38", "703", "1", "2026-01-01 00:19:00"],
    ]
