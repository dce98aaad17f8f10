"""The report of a query, as a notebook shows it."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

from spark_kafka_testkit import KafkaUtils, QueryReport

from .conftest import Queries


def facts_in(page: str) -> Any:
    """The facts of the page's only entry."""
    match = re.search('id="data">(.*?)</script>', page)
    assert match is not None
    (facts,) = json.loads(match[1])
    return facts


def test_a_report_has_what_queries_have_done(
    kafka: KafkaUtils, queries: Queries, topic: str, tmp_path: Path
) -> None:
    """It shows batches and the topic's end, as a page and as a frame with that page.

    One query has ended, and the other is running.
    """
    kafka.create_topics([topic], num_partitions=2)
    kafka.send_messages(topic, [(str(number), "v") for number in range(20)])
    first = queries.to_memory(queries.source(topic), f"first_{tmp_path.name}")
    second = queries.to_memory(queries.source(topic), f"second_{tmp_path.name}")
    kafka.wait_until_processed(first, second)
    first.stop()
    kafka.send_messages(topic, [("a", "v")] * 5)
    kafka.wait_until_processed(second)
    report = kafka.report(first, second)
    assert isinstance(report, QueryReport)
    assert re.fullmatch(
        f"<QueryReport: query {first.name} ended, \\d+ batch(es)?, 20 rows, "
        f"query {second.name} runs, \\d+ batch(es)?, 25 rows>",
        repr(report),
    )
    page = report.save(tmp_path / "reports" / "query.html").read_text()
    facts = facts_in(page)
    # each number is the difference from the one before
    assert sum(facts["topics"][topic]["end"]) == 25
    reached = [sum(query["reached"][topic]) for query in facts["queries"]]
    assert reached == [20, 25]
    assert '<details class="test" id="t0" open>' in page
    shown = report._repr_html_()
    frame = re.fullmatch(r'<iframe srcdoc="(.*?)" [^<]*></iframe>', shown, re.DOTALL)
    assert frame is not None
    assert unescape(frame[1]) == page
