"""The reports that a run was asked for: the page, the JSON, and a step's summary."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from spark_kafka_testkit import _clock, _timeline
from spark_kafka_testkit._jvm.installed_spark import installed_spark
from spark_kafka_testkit._plugin.marker import WISHES
from spark_kafka_testkit._plugin.run import Run
from spark_kafka_testkit._plugin.spark_error import remedy
from spark_kafka_testkit._report.columns import Columns, columns
from spark_kafka_testkit._report.failure import Failure, crashed, failure
from spark_kafka_testkit._report.page import FAILED, Entry, page
from spark_kafka_testkit._report.recording import Recording
from spark_kafka_testkit._report.summary import markdown
from spark_kafka_testkit._report.write import write
from spark_kafka_testkit._version import __version__
from spark_kafka_testkit.errors import KafkaTestkitError, SparkSetupError

__all__ = ["register"]

SUMMARY_ENV = "GITHUB_STEP_SUMMARY"
FACTS, FAILURE = "_spark_kafka_testkit_facts", "_spark_kafka_testkit_failure"
"""Attributes that the plugin adds to pytest's reports.

pytest-xdist sends them from a worker to the controller with each report. So they
survive a worker that dies later.
"""
FORMAT = 1


def register(config: pytest.Config, run: Run) -> None:
    """Register the hooks if the run was asked for a report. Other runs have none."""
    options, summary = run.options, os.environ.get(SUMMARY_ENV)
    if options.report or options.json or summary:
        reporting = Reporting(config, run, summary)
        config.pluginmanager.register(reporting, "spark_kafka_testkit_reporting")


@dataclass
class Result:
    """The result of a test, from pytest's reports about its phases."""

    outcome: str = "passed"
    seconds: float = 0.0
    failures: list[Failure] = field(default_factory=list)
    facts: Columns | None = None
    is_of_kafka: bool = False

    def take(self, report: pytest.TestReport) -> None:
        """Add the report of a phase."""
        self.seconds += report.duration
        if report.failed:
            is_error = report.when in ("setup", "teardown")
            if self.outcome != "failed":
                self.outcome = "error" if is_error else "failed"
        elif report.skipped:
            self.outcome = "xfailed" if hasattr(report, "wasxfail") else "skipped"
        if (told := getattr(report, FACTS, None)) is not None:
            self.facts, self.is_of_kafka = json.loads(told), True
        if (told := getattr(report, FAILURE, None)) is not None:
            self.failures.append(json.loads(told))
            self.is_of_kafka = True
        elif report.failed and report.when not in ("setup", "call", "teardown"):
            # pytest-xdist's own report about a worker that has ended. It does not say
            # whether the test uses Kafka.
            self.failures.append(crashed(report.nodeid, str(report.longrepr)))
            self.is_of_kafka = True


class Reporting:
    """The hooks that record tests, and write the reports at the end of the run.

    With pytest-xdist, the workers record and the controller writes.

    Args:
        config: pytest's configuration of the run.
        run: the state of the run.
        summary: the file for the summary of the CI step, or None.
    """

    def __init__(self, config: pytest.Config, run: Run, summary: str | None) -> None:
        self._config, self._run, self._summary = config, run, summary
        self._is_worker = hasattr(config, "workerinput")
        self._results: dict[str, Result] = {}
        self._recording: Recording | None = None
        self._outer: _timeline.Listener | None = None  # of an outer run
        self._said: list[str] = []

    # Where tests run

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        if self._run.options.report:
            self._recording = Recording()
            self._outer = _timeline.listen(self._recording)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Read the queries when the test has ended, but its fixtures have not.

        Then add the test's facts and its failure to pytest's report.
        """
        recording = self._recording
        has_run = call.when == "call" or call.excinfo is not None
        if recording is not None and has_run and call.when != "teardown":
            recording.read()
        report = yield
        # tests that use the kit's fixtures have the marker, and so may others
        is_of_kafka = WISHES in item.stash or item.get_closest_marker("kafka")
        if report.failed and call.excinfo is not None:
            error = call.excinfo.value
            if is_of_kafka or isinstance(error, KafkaTestkitError):
                with suppress(Exception):  # the report must not fail
                    setattr(report, FAILURE, json.dumps(self._failure(report, error)))
        if recording is not None and call.when == "teardown":
            _timeline.listen(self._outer)
            self._recording = None
            if is_of_kafka or not recording.is_empty:
                with suppress(Exception):  # as above
                    setattr(report, FACTS, json.dumps(columns(recording.facts())))
        return report

    def pytest_unconfigure(self) -> None:
        if self._recording is not None:  # pytest has ended during a test
            _timeline.listen(self._outer)

    def _failure(self, report: pytest.TestReport, error: BaseException) -> Failure:
        crash: Any = getattr(report.longrepr, "reprcrash", None)
        message = str(report.longrepr if crash is None else crash.message)
        return failure(
            report.nodeid,
            str(report.when),
            error,
            message,
            self._config.rootpath,
            lambda text: remedy(text, self._run.topics),
        )

    # Where the run ends

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._is_worker:
            return
        if report.when == "setup":  # a test that runs again starts anew
            self._results[report.nodeid] = Result()
        self._results.setdefault(report.nodeid, Result()).take(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Write the reports, before the run ends the broker, whose name is in them."""
        if self._is_worker:
            return
        results = {
            name: result for name, result in self._results.items() if result.is_of_kafka
        }
        failures = [one for result in results.values() for one in result.failures]
        options = self._run.options
        if options.report:
            self._write("report", options.report, lambda: self._page(results))
        if options.json:
            self._write("JSON", options.json, lambda: self._json(results, failures))
        if self._summary and failures:
            self._append_summary(failures)

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        for line in self._said:
            terminalreporter.write_line(f"kafka: {line}")

    def _write(self, what: str, name: str, text: Callable[[], str]) -> None:
        """Write a report, and note where it is or why that failed.

        A report that can't be written fails no test.
        """
        file = self._config.invocation_params.dir / Path(name).expanduser()
        try:
            write(file, text())
        except Exception as error:  # noqa: BLE001  the tests' outcome is what matters
            self._said.append(_unwritten(f"{what} {name}", error))
        else:
            self._said.append(f"the {what} is in {name}")

    def _append_summary(self, failures: Sequence[Failure]) -> None:
        try:
            with Path(str(self._summary)).open("a", encoding="utf-8") as file:
                file.write(markdown(failures))
        except Exception as error:  # noqa: BLE001  as above
            self._said.append(_unwritten(f"summary of {SUMMARY_ENV}", error))

    def _page(self, results: dict[str, Result]) -> str:
        entries = [
            Entry(
                name,
                result.outcome,
                result.seconds,
                "\n\n".join(one["message"] for one in result.failures),
                result.facts,
            )
            for name, result in results.items()
        ]
        made = datetime.fromtimestamp(_clock.now(), timezone.utc)
        about = f"{made:%Y-%m-%d %H:%M:%S} UTC, {', '.join(self._versions())}"
        return page("Kafka tests", entries, [about])

    def _json(self, results: dict[str, Result], failures: Sequence[Failure]) -> str:
        outcomes = [result.outcome for result in results.values()]
        made = datetime.fromtimestamp(_clock.now(), timezone.utc)
        told = {
            "format": FORMAT,
            "made": f"{made:%Y-%m-%dT%H:%M:%SZ}",
            "versions": self._versions(),
            "tests": len(outcomes),
            "failed": sum(outcome in FAILED for outcome in outcomes),
            "failures": failures,
        }
        return json.dumps(told, indent=2) + "\n"

    def _versions(self) -> list[str]:
        used = [self._run.used(), *self._run.by_workers]
        brokers = sorted({one.broker for one in used if one.broker is not None})
        try:
            spark = f"Spark {installed_spark().spark}"
        except SparkSetupError:
            spark = "no Spark"
        return [*brokers, spark, f"spark-kafka-testkit {__version__}"]


def _unwritten(what: str, error: Exception) -> str:
    return f"the {what} could not be written: {type(error).__name__}: {error}"
