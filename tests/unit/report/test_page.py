"""The page of a report: one small file, for tests of any name."""

from __future__ import annotations

import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

import pytest

from spark_kafka_testkit._report import page as page_module
from spark_kafka_testkit._report.columns import columns
from spark_kafka_testkit._report.page import UPLOT, Entry, page

from .synthetic import MESSAGE, entries, facts

LIMIT = 300_000
EVIL = 'test_x[</script><script>alert("1")</script><!--&amp;\u2028\ud800]'


class Elements(HTMLParser):
    """The elements of a page, roughly as a browser sees them.

    Attributes:
        tags: the name and the attributes of each element.
        texts: each text, with the name of the element that it is in.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "input"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self._open[-1], data))

    def of(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]


def data_in(text: str) -> Any:
    """The facts in a page, as its script reads them."""
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', text)
    assert match is not None
    return json.loads(match[1])


@pytest.mark.parametrize("batches", [5, 20, 400])
def test_a_report_of_100_tests_is_below_300_kb(batches: int) -> None:
    """The size does not depend on the number of batches. Every tenth test failed."""
    text = page("Kafka tests", entries(100, batches))
    assert len(text.encode()) < LIMIT, len(text.encode())
    tests = data_in(text)
    assert len(tests) == 100
    shown = [len(query["t"]) for test in tests for query in test["queries"]]
    assert min(shown) >= min(batches, 8)


def test_a_report_of_tests_that_all_fail_is_below_300_kb_too() -> None:
    """Long messages are cut."""
    failed = [
        Entry(f"test_{number}", "failed", 1.0, MESSAGE * 50, columns(facts(50)))
        for number in range(100)
    ]
    text = page("Kafka tests", failed)
    assert len(text.encode()) < LIMIT
    assert text.count("... (cut)") == 100


def test_names_and_texts_can_be_anything() -> None:
    """They appear as text, and can't end a script."""
    told = columns(facts(3, EVIL))
    text = page(EVIL, [Entry(EVIL, "failed", 1.0, f"E {EVIL}", told)], [EVIL])
    elements = Elements(text)
    assert [tag for tag, _ in elements.tags].count("script") == 3
    assert elements.of("h1") == [EVIL]
    assert elements.of("pre") == [f"E {EVIL}"]
    assert ("span", EVIL) in elements.texts
    assert next(iter(data_in(text)[0]["topics"])) == f"{EVIL}-orders-1aec8d37"


def test_it_loads_nothing() -> None:
    """No element has an address, and the page forbids the browser to fetch any."""
    text = page("Kafka tests", entries(3, 4))
    elements = Elements(text)
    names = {name for _, attributes in elements.tags for name in attributes}
    assert names.isdisjoint({"src", "href", "srcset", "action", "data"})
    assert "url(" not in text
    assert "@import" not in text
    policies = [
        attributes["content"]
        for tag, attributes in elements.tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policies == [
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    ]


def test_tests_that_failed_come_first() -> None:
    """The others follow, sorted by outcome. The head has the number of each."""
    given = [
        Entry(f"test_{outcome}", outcome, 1.0)
        for outcome in ("passed", "skipped", "error", "xfailed", "passed", "failed")
    ]
    text = page("Kafka tests", given)
    shown = re.findall(r'<span class="outcome \w+">(\w+)</span>', text)
    assert shown == ["failed", "error", "passed", "passed", "xfailed", "skipped"]
    told = re.search('<p class="counts">(.*)</p>', text)
    assert told is not None
    assert re.sub("<.*?>", "", told[1]) == (
        "1 failed, 1 error, 2 passed, 1 xfailed, 1 skipped"
    )


def test_a_run_without_kafka_says_so() -> None:
    """An empty page would look like a fault."""
    assert Elements(page("Kafka tests", [])).of("p")[0] == "No test has used Kafka."


def test_the_plot_library_is_the_one_that_is_named() -> None:
    """The files are those of uPlot's npm package, with the licence."""
    folder = files(page_module.__package__).joinpath("uplot")
    there = {file.name for file in folder.iterdir()}
    assert there == UPLOT.keys() - {"version"}
    for name in there:
        digest = hashlib.sha256(folder.joinpath(name).read_bytes()).hexdigest()
        assert digest == UPLOT[name], name
    script = folder.joinpath("uPlot.iife.min.js").read_text("utf-8")
    assert script.startswith(
        f"/*! https://github.com/leeoniya/uPlot (v{UPLOT['version']}) */"
    )
    licence = folder.joinpath("LICENSE").read_text("utf-8")
    assert licence.startswith("The MIT License (MIT)\n")
    text = page("Kafka tests", [])
    assert text.count(licence) == text.count(script) == 1
