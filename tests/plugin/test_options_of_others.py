"""Other plugins' options and ini names with the same names: theirs take precedence."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import PLUGIN, text_of

pytest_plugins = ["pytester"]

THEIRS = """
import pytest


def pytest_addoption(parser):
    group = parser.getgroup("kafka", "Our broker")
    group.addoption("--kafka-version", type=int, default=3)
    parser.addoption("--no-kafka-keep", action="store_true")
    parser.addini("kafka_version", "theirs", type="linelist")
"""
TEST = """
def test_the_options_are_theirs(pytestconfig):
    assert pytestconfig.getoption("--kafka-version") == 4
    assert pytestconfig.getoption("kafka_version") == 4
    assert pytestconfig.getoption("no_kafka_keep")
    assert pytestconfig.getini("kafka_version") == ["a", "b"]
    assert pytestconfig.getoption("--kafka-backend") == "embedded"
"""
INI = "[pytest]\ntestpaths = tests\nkafka_version =\n  a\n  b\n"
ARGUMENTS = ("--kafka-version=4", "--no-kafka-keep", "--kafka-backend", "embedded")
HEADER = (
    "kafka: --kafka-version, kafka_version, --kafka-keep belong to another plugin in "
    "this run. Set the kit's own with SPARK_KAFKA_TESTKIT_VERSION, "
    "SPARK_KAFKA_TESTKIT_KEEP"
)


@pytest.mark.parametrize("where", ["conftest", "plugin before", "plugin after"])
def test_an_option_of_another_plugin_stays_theirs(
    where: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both plugins read their own, and the header says how to set the kit's."""
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_VERSION", "7.6.0")
    plugins = list(PLUGIN)
    if where == "conftest":
        pytester.makepyfile(**{"tests/conftest": THEIRS})
    else:
        pytester.makepyfile(theirs=THEIRS)
        pytester.syspathinsert()
        at = 0 if where == "plugin before" else 2
        plugins[at:at] = ["-p", "theirs"]
    pytester.makepyfile(**{"tests/test_options": TEST})
    pytester.makeini(INI)
    result = pytester.runpytest_subprocess(*plugins, *ARGUMENTS)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([HEADER])
    assert "Traceback" not in text_of(result)
    listed = pytester.runpytest_subprocess(*plugins, "--help").stdout.str()
    assert listed.count("--kafka-version") == 1
    assert "Kafka (spark-kafka-testkit):" in listed


def test_a_value_that_stands_by_itself_is_no_path(pytester: pytest.Pytester) -> None:
    """pytest still loads the conftest below `testpaths`, as without such a value."""
    pytester.makepyfile(
        **{
            "tests/conftest": "def pytest_addoption(parser):\n"
            "    parser.addoption('--theirs')\n",
            "tests/test_theirs": "def test_the_value_is_read(pytestconfig):\n"
            "    assert pytestconfig.getoption('theirs') == 'x'\n",
        }
    )
    pytester.makeini("[pytest]\ntestpaths = tests\n")
    result = pytester.runpytest_subprocess(
        *PLUGIN, "--kafka-backend", "embedded", "--no-kafka-require", "--theirs", "x"
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["kafka: backend embedded, Spark 4.2.0"])
    result.stdout.no_fnmatch_line("*another plugin in this run*")


def test_the_plugin_may_come_by_a_conftest(pytester: pytest.Pytester) -> None:
    """Its options are available then too."""
    pytester.makeconftest("pytest_plugins = ['spark_kafka_testkit.pytest_plugin']")
    pytester.makepyfile("def test_nothing(): pass")
    result = pytester.runpytest_subprocess("--kafka-backend=embedded")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["kafka: backend embedded, Spark 4.2.0"])


def test_a_flag_with_a_value_is_a_usage_error(pytester: pytest.Pytester) -> None:
    """pytest reports it, as for any other flag."""
    result = pytester.runpytest_subprocess(*PLUGIN, "--kafka-keep=3")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*error: argument --kafka-keep/--no-kafka-keep: ignored explicit argument '3'"]
    )
