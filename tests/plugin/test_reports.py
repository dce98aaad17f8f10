"""The reports of a run: the page, the JSON, and the summary of a step."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from spark_kafka_testkit import KafkaUtils
from tests.plugin.conftest import Inner, text_of

pytest_plugins = ["pytester"]


class Reports:
    """The reports that an inner run has written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def page(self) -> str:
        return (self._folder / "report.html").read_text()

    @property
    def tests(self) -> dict[str, Any]:
        """The facts of each test on the page, by the name shown there."""
        names = re.findall('<span class="name">(.*?)</span>', self.page)
        match = re.search('id="data">(.*?)</script>', self.page)
        assert match is not None
        facts = json.loads(match[1])
        return dict(zip(map(unescape, names), facts, strict=True))

    @property
    def outcomes(self) -> list[str]:
        return re.findall(r'<span class="outcome \w+">(\w+)</span>', self.page)

    @property
    def json(self) -> dict[str, Any]:
        return json.loads((self._folder / "reports" / "kafka.json").read_text())

    @property
    def summary(self) -> str:
        return (self._folder / "summary.md").read_text()


@pytest.fixture
def reports(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Reports:
    """The reports of inner runs, which write all three."""
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_REPORT", "report.html")
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_JSON", "reports/kafka.json")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path / "summary.md"))
    return Reports(pytester.path)


STREAMS = """
import pytest
from spark_kafka_testkit import Record


def windows(events):
    return (
        events.withWatermark("timestamp", "1 minute")
        .groupBy("key").count().selectExpr("key", "CAST(count AS STRING) AS value")
    )


def test_counts(kafka_read_stream, kafka_topics, kafka_stream):
    source, sink = kafka_topics
    df = windows(kafka_read_stream(source))
    stream = kafka_stream(df, sink, output_mode="update")
    stream.add_data(source, [("a", "1"), ("b", "2")])
    stream.process_all_available()
    stream.add_data(source, [("a", "3")])
    stream.check_answer({"a": "2", "b": "1"})


@pytest.mark.parametrize("name", ["</script><script>alert(1)</script>"])
def test_wrong(name, kafka_read_stream, kafka_topics, kafka_stream):
    source, sink = kafka_topics
    df = kafka_read_stream(source, startingOffsets="latest").select("key", "value")
    stream = kafka_stream(df, sink)
    stream.process_all_available()
    stream.stop()
    stream.add_data(source, [("a", "1")])
    stream.check_answer({"a": "2"})


def test_by_a_clock(kafka_read_stream, kafka_topic, kafka_stream):
    df = kafka_read_stream(kafka_topic).select("key")
    stream = kafka_stream(
        df, trigger={"processingTime": "1 minute"}, clock="2026-01-01T09:00+00:00"
    )
    stream.add_data(kafka_topic, [("a", "1")])
    stream.advance("2 minutes")


def test_of_the_users_own(kafka_utils, kafka_spark, kafka_topic):
    events = kafka_utils.read_stream(kafka_spark, kafka_topic)
    query = events.writeStream.format("memory").queryName("own").start()
    kafka_utils.send_messages(kafka_topic, [("a", "1")])
    query.processAllAvailable()
    query.stop()


def test_of_a_function(kafka_check_stream):
    def job(events):
        return events.withWatermark("timestamp", "0 seconds").dropDuplicates(
            ["key", "timestamp"]
        ).select("key")

    records = [Record("a", "1", timestamp=1000), Record("b", "1", timestamp=1000)]
    kafka_check_stream(
        job, {"events": records}, same_under=["batches"],
        schedule="send events[0] | batch | send events[1] | batch",
    )


def test_without_kafka():
    assert False
"""


def test_what_tests_did_in_time_is_on_the_page(inner: Inner, reports: Reports) -> None:
    """The page has batches, ends of topics and waits.

    It has them for queries that a fixture stops, for the user's own, and for one with a
    test's clock. The JSON and the summary say why tests failed.
    """
    result = inner(test_streams=STREAMS)
    result.assert_outcomes(passed=3, failed=3)
    result.stdout.fnmatch_lines(
        [
            "kafka: the report is in report.html",
            "kafka: the JSON is in reports/kafka.json",
        ]
    )
    tests = {
        re.sub(r"\W.*", "", name.partition("::")[2]): facts
        for name, facts in reports.tests.items()
    }
    assert sorted(tests) == [
        "test_by_a_clock",
        "test_counts",
        "test_of_a_function",
        "test_of_the_users_own",
        "test_wrong",
    ]
    assert sorted(reports.outcomes) == [
        "failed",
        "failed",
        "passed",
        "passed",
        "passed",
    ]
    assert reports.page.count("<script") == 3

    (query,) = tests["test_counts"]["queries"]
    assert query["does"] == "runs"
    assert sum(query["rows"]) <= 3  # each number is the difference from the one before
    ((topic, reached),) = query["reached"].items()
    assert sum(reached) == 3
    ends = tests["test_counts"]["topics"]
    assert sum(ends[topic]["end"]) == 3
    assert len(ends) == 2
    assert len(query["state"]) == len(query["ms"]) == len(query["t"])
    waits = [(wait[0], wait[3]) for wait in tests["test_counts"]["waits"]]
    assert waits == [("start", ""), ("process_all_available", ""), ("check_answer", "")]
    begun, took = zip(
        *(wait[1:3] for wait in tests["test_counts"]["waits"]), strict=True
    )
    assert list(begun) == sorted(begun)
    assert min(took) >= 0
    places = [wait[4] for wait in tests["test_counts"]["waits"]]
    assert places == ["test_streams.py:15", "test_streams.py:17", "test_streams.py:19"]

    failed = tests["test_wrong"]["waits"][-1]
    assert failed[0] == "check_answer"
    assert failed[3] == "WaitError"

    (clocked,) = tests["test_by_a_clock"]["queries"]
    assert clocked["clocked"] is True
    assert clocked["t"][0] == 1_767_258_060_000
    (own,) = tests["test_of_the_users_own"]["queries"]
    assert (own["name"], own["does"]) == ("own", "ended")
    checked = tests["test_of_a_function"]
    assert checked["queries"] == []
    assert [(wait[0], wait[3]) for wait in checked["waits"]] == [
        ("check_stream", "NotInvariant")
    ]

    told = reports.json
    assert (told["format"], told["tests"], told["failed"]) == (1, 5, 2)
    failures = {one["nodeid"].partition("[")[0]: one for one in told["failures"]}
    assert sorted(failures) == [
        "test_streams.py::test_of_a_function",
        "test_streams.py::test_wrong",
    ]
    wrong = failures["test_streams.py::test_wrong"]
    assert wrong["phase"] == "call"
    assert wrong["error"] == "WaitError"
    assert wrong["headline"] == "Wrong answer: missing 'a': '2'"
    assert wrong["place"] == {"file": "test_streams.py", "line": 30}
    assert wrong["facts"]["expected"] == {"a": "2"}
    assert wrong["facts"]["last"] == {}
    found = failures["test_streams.py::test_of_a_function"]
    assert found["error"] == "NotInvariant"
    schedule = "send events[0] | batch | send events[1] | batch"
    assert (found["relation"], found["schedule"]) == ("batches", schedule)
    assert found["seed"] is None  # the schedule was given
    assert found["replay"] == (
        f'kafka.check_stream(job, inputs=..., schedule="{schedule}")'
    )
    assert found["replay"] in found["message"]

    rows = reports.summary.splitlines()
    assert rows[:4] == [
        "### Kafka tests that failed",
        "",
        "| test | why |",
        "| --- | --- |",
    ]
    assert len(rows) == 6
    assert rows[4].startswith(
        r"| test\_streams.py::test\_wrong\[\</script\>\<script\>alert\(1\)"
        r"\</script\>\] | WaitError: Wrong answer: missing 'a': '2'<br>"
    )


PLAIN = """
import pytest
from spark_kafka_testkit import KafkaUtils


def test_reads(kafka_utils, kafka_topic):
    kafka_utils.send_messages(kafka_topic, [("k", "v")])
    kafka_utils.wait_for_records(kafka_topic, count=1)


@pytest.fixture
def late(kafka_topic):
    yield
    raise ValueError("at the end")


def test_fails_at_its_end(late):
    pass


@pytest.mark.xfail
def test_is_to_fail(kafka_utils):
    kafka_utils.read_records("nowhere")


@pytest.mark.skip
def test_is_skipped(kafka_utils):
    pass
"""
KILLS = """
import os
import signal


def test_kills_its_worker(kafka_utils, kafka_topic):
    kafka_utils.send_messages(kafka_topic, [("k", "v")])
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_workers_write_one_report(inner: Inner, reports: Reports) -> None:
    """The report includes a test that has killed its worker.

    Nothing else is known about that test. What the worker reported before is kept.
    """
    result = inner("-p", "xdist", "-n2", test_kills=KILLS, test_plain=PLAIN)
    result.assert_outcomes(passed=2, failed=1, errors=1, xfailed=1, skipped=1)
    tests = reports.tests
    assert sorted(tests) == [
        "test_kills.py::test_kills_its_worker",
        "test_plain.py::test_fails_at_its_end",
        "test_plain.py::test_is_skipped",
        "test_plain.py::test_is_to_fail",
        "test_plain.py::test_reads",
    ]
    assert reports.outcomes == ["failed", "error", "passed", "xfailed", "skipped"]
    assert tests["test_kills.py::test_kills_its_worker"] is None
    ((topic, ends),) = tests["test_plain.py::test_reads"]["topics"].items()
    assert "test_reads-gw" in topic
    assert ends["end"] == [1]
    failures = {one["nodeid"]: one for one in reports.json["failures"]}
    killed = failures["test_kills.py::test_kills_its_worker"]
    assert killed["phase"] == "crash"
    assert re.fullmatch(
        "worker 'gw[01]' crashed while running 'test_kills.py::test_kills_its_worker'",
        killed["headline"],
    )
    late = failures["test_plain.py::test_fails_at_its_end"]
    assert (late["phase"], late["error"]) == ("teardown", "ValueError")
    assert late["headline"] == "ValueError: at the end"
    assert len(failures) == 2  # an expected failure is not among them


def test_a_report_that_cannot_be_written_fails_no_test(
    inner: Inner, pytester: pytest.Pytester
) -> None:
    """The run prints why."""
    (pytester.path / "file").touch()
    result = inner(
        "--kafka-report=file/report.html", "-k", "test_reads", test_plain=PLAIN
    )
    result.assert_outcomes(passed=1)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["kafka: the report file/report.html could not be written: *Error: *"]
    )


def test_a_run_that_is_not_asked_has_no_hooks(
    pytester: pytest.Pytester, kafka: KafkaUtils
) -> None:
    """There is no listener and no plugin. Nothing is written or printed."""
    pytester.makepyfile(
        """
        from spark_kafka_testkit import _timeline

        def test_nobody_listens(request, kafka_utils):
            plugins = request.config.pluginmanager
            assert plugins.get_plugin("spark_kafka_testkit_reporting") is None
            assert _timeline._listener is None
        """
    )
    result = pytester.runpytest_subprocess(
        "-p",
        "spark_kafka_testkit",
        "-p",
        "no:cacheprovider",
        f"--kafka-bootstrap-servers={kafka.broker}",
    )
    result.assert_outcomes(passed=1)
    assert "report" not in text_of(result)
    written = {file.suffix for file in pytester.path.iterdir() if file.is_file()}
    assert written == {".py", ""}  # the test, and a file of pytester's


@pytest.mark.parametrize(
    ("option", "example"),
    [("--kafka-report", "report.html"), ("--kafka-json", "kafka.json")],
)
def test_a_folder_is_no_file(
    pytester: pytest.Pytester, option: str, example: str
) -> None:
    """The error comes before the first test."""
    folder = pytester.mkdir("folder")
    result = pytester.runpytest_subprocess(
        "-p", "spark_kafka_testkit", f"{option}={folder}"
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert (
        f"{option}: {str(folder)!r} is not valid, expected the name of a file, "
        f"for example {example}"
    ) in text_of(result)
