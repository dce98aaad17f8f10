"""The plugin's settings, by each of their names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from spark_kafka_testkit._plugin.options import SETTINGS, Options
from spark_kafka_testkit.pytest_plugin import RUN
from tests.plugin.conftest import PLUGIN, ROOT

pytest_plugins = ["pytester"]

VALUES: dict[str, tuple[str, str, str, Any]] = {
    "backend": ("embedded", "container", "auto", None),
    "bootstrap_servers": ("a:1", "b:2", "c:3", None),
    "image": ("apache/kafka:4.1.0", "apache/kafka:4.0.0", "k:1", None),
    "version": ("7.5.0", "7.6.0", "7.7.0", None),
}


class Runs:
    """Configures inner runs with given settings."""

    def __init__(self, pytester: pytest.Pytester, patch: pytest.MonkeyPatch) -> None:
        self._pytester, self._patch = pytester, patch

    def options(self, *arguments: str, ini: str = "", **environment: str) -> Options:
        self._pytester.makeini(f"[pytest]\n{ini}\n")
        for name, value in environment.items():
            self._patch.setenv(name, value)
        config = self._pytester.parseconfigure(*PLUGIN, *arguments)
        return config.stash[RUN].options

    def refused(self, *arguments: str, ini: str = "", **environment: str) -> str:
        with pytest.raises(pytest.UsageError) as refusal:
            self.options(*arguments, ini=ini, **environment)
        return str(refusal.value).replace(str(self._pytester.path), "")


@pytest.fixture
def runs(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Runs:
    return Runs(pytester, monkeypatch)


def argument(options: Options, name: str) -> Any:
    return options.arguments.get({"version": "kafka_version"}.get(name, name))


@pytest.mark.parametrize("name", VALUES)
def test_the_command_line_is_over_the_environment_over_the_ini_file(
    name: str, runs: Runs
) -> None:
    """The first of them that has the setting wins, else the default applies."""
    option, variable, ini, default = VALUES[name]
    setting = SETTINGS[name]
    assert argument(runs.options(), name) in (default, "auto")
    line = f"{setting.ini} = {ini}"
    assert argument(runs.options(ini=line), name) == ini
    environment = {setting.variable: variable}
    assert argument(runs.options(ini=line, **environment), name) == variable
    chosen = runs.options(f"{setting.option}={option}", ini=line, **environment)
    assert argument(chosen, name) == option


@pytest.mark.parametrize("name", ["require", "keep", "strict"])
def test_a_flag_is_set_and_unset_in_each_place(name: str, runs: Runs) -> None:
    """Each place can set it or unset it, and overrides those after it."""
    setting = SETTINGS[name]
    no = setting.option.replace("--", "--no-")
    assert not getattr(runs.options(), name)
    assert getattr(runs.options(ini=f"{setting.ini} = true"), name)
    assert getattr(runs.options(setting.option), name)
    assert not getattr(runs.options(no, ini=f"{setting.ini} = true"), name)
    off = {setting.variable: "off"}
    assert not getattr(runs.options(ini=f"{setting.ini} = true", **off), name)
    assert getattr(runs.options(setting.option, **off), name)
    on = {setting.variable: "Yes"}
    assert getattr(runs.options(**on), name)


def test_time_outs_are_multiplied_by_a_factor(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The factor becomes an argument of KafkaUtils."""
    monkeypatch.delenv("SPARK_KAFKA_TESTKIT_TIMEOUT_FACTOR")
    assert "timeout_factor" not in runs.options().arguments
    variable = {"SPARK_KAFKA_TESTKIT_TIMEOUT_FACTOR": "3"}
    chosen = runs.options(ini="kafka_timeout_factor = 2", **variable)
    assert chosen.arguments["timeout_factor"] == 3
    chosen = runs.options("--kafka-timeout-factor=0.5", **variable)
    assert chosen.arguments["timeout_factor"] == 0.5


def test_broker_settings_add_up_name_by_name(runs: Runs) -> None:
    """If several places have the same setting, the first of them wins."""
    options = runs.options(
        "--kafka-broker-config=a=1",
        "--kafka-broker-config=b=1=1",
        ini="kafka_broker_config =\n  a=3\n  c=3\n  d=3",
        SPARK_KAFKA_TESTKIT_BROKER_CONFIG="a=2\nc=2",
    )
    wanted = {"a": "1", "b": "1=1", "c": "2", "d": "3"}
    assert options.arguments["broker_config"] == wanted


def test_an_address_below_gives_way_to_a_backend_above(runs: Runs) -> None:
    """Backend and address are one choice, made by the first place that has either."""
    address = {"SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS": "b:2"}
    embedded = runs.options("--kafka-backend=embedded", **address)
    assert (embedded.is_external, embedded.broker) == (False, "backend embedded")
    over_ini = runs.options(ini="kafka_backend = embedded", **address)
    assert (over_ini.is_external, over_ini.broker) == (True, "broker at b:2")
    external = runs.options("--kafka-backend=external", **address)
    assert (external.is_external, external.broker) == (True, "broker at b:2")


@pytest.mark.parametrize(
    ("ci", "required"), [("true", True), ("1", True), ("false", False), ("", False)]
)
def test_a_broker_is_required_in_ci(ci: str, required: bool, runs: Runs) -> None:
    """CI services set the variable CI. The command line overrides it."""
    assert runs.options(CI=ci).require is required
    assert not runs.options("--no-kafka-require", CI=ci).require


BACKENDS = "one of: auto, container, embedded, external"
FLAGS = "one of: 1, true, yes, on, 0, false, no, off"


def test_values_that_are_not_valid_are_refused(runs: Runs) -> None:
    """The message says where the value was set, and what is valid."""
    refused = runs.refused
    assert refused("--kafka-backend=dokcer") == (
        f"--kafka-backend: 'dokcer' is not valid, expected {BACKENDS}"
    )
    assert refused(ini="kafka_backend = dokcer") == (
        f"kafka_backend in /tox.ini: 'dokcer' is not valid, expected {BACKENDS}"
    )
    for factor in ("0", "inf", "twice"):
        assert refused(f"--kafka-timeout-factor={factor}") == (
            f"--kafka-timeout-factor: '{factor}' is not valid, expected a number above "
            "0, for example 2.5"
        )
    assert refused("--kafka-bootstrap-servers=localhost") == (
        "--kafka-bootstrap-servers: 'localhost' is not valid, expected host:port, or "
        "several separated by commas"
    )
    assert refused("--kafka-backend=external") == (
        "--kafka-backend: 'external' needs the address of a broker, from "
        "--kafka-bootstrap-servers, SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS or "
        "kafka_bootstrap_servers"
    )
    assert refused("--kafka-backend=embedded", "--kafka-bootstrap-servers=a:1") == (
        "--kafka-backend=embedded and --kafka-bootstrap-servers=a:1 do not go "
        "together: backend='embedded' starts its own broker. Leave out "
        "bootstrap_servers='a:1'."
    )
    assert refused("--kafka-image=two words") == (
        "--kafka-image: 'two words' is not valid, expected the name of an image, for "
        "example apache/kafka:4.1.0"
    )
    assert refused("--kafka-version=7.4.0 or so") == (
        "--kafka-version: '7.4.0 or so' is not valid, expected a tag of Confluent's "
        "image, for example 7.4.0"
    )
    assert refused("--kafka-broker-config=message.max.bytes") == (
        "--kafka-broker-config: 'message.max.bytes' is not valid, expected NAME=VALUE, "
        "for example message.max.bytes=2000000"
    )
    assert refused(ini="kafka_strict = maybe") == (
        "kafka_strict in /tox.ini: invalid truth value 'maybe', expected true or false"
    )
    assert refused(SPARK_KAFKA_TESTKIT_BACKEND="dokcer") == (
        f"SPARK_KAFKA_TESTKIT_BACKEND: 'dokcer' is not valid, expected {BACKENDS}"
    )
    assert refused("--kafka-backend=auto", SPARK_KAFKA_TESTKIT_KEEP="maybe") == (
        f"SPARK_KAFKA_TESTKIT_KEEP: 'maybe' is not valid, expected {FLAGS}"
    )


def test_a_refused_value_ends_the_run_without_a_traceback(
    pytester: pytest.Pytester,
) -> None:
    """It is a usage error, like pytest's own."""
    result = pytester.runpytest(*PLUGIN, "--kafka-backend=dokcer")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert result.stderr.str().strip() == (
        f"ERROR: --kafka-backend: 'dokcer' is not valid, expected {BACKENDS}"
    )


def test_the_header_says_what_is_asked_for(pytester: pytest.Pytester) -> None:
    """It names the broker and Spark. Nothing is started for it."""
    result = pytester.runpytest(*PLUGIN, "--kafka-bootstrap-servers=a:1")
    result.stdout.fnmatch_lines(["kafka: broker at a:1, Spark 4.2.0"])
    result = pytester.runpytest(*PLUGIN)
    result.stdout.fnmatch_lines(["kafka: backend auto, Spark 4.2.0"])


def test_the_header_says_that_spark_or_the_helper_is_missing(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In that case, records go through kafka-python."""
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / "spark-core_9.99-8.0.0.jar").touch()
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    result = pytester.runpytest(*PLUGIN)
    result.stdout.fnmatch_lines(
        [
            "kafka: backend auto, Spark 8.0.0 (no helper for Scala 9.99: records "
            "through kafka-python)"
        ]
    )


def test_the_marker_is_registered(pytester: pytest.Pytester) -> None:
    """--strict-markers accepts it, and --markers describes it."""
    pytester.makepyfile("import pytest\n@pytest.mark.kafka\ndef test_marked(): pass\n")
    pytester.runpytest(*PLUGIN, "--strict-markers").assert_outcomes(passed=1)
    listed = pytester.runpytest(*PLUGIN, "--markers").stdout.str()
    signature = "partitions=1, topics=('source', 'sink'), trials=50, seed=None"
    assert f"@pytest.mark.kafka({signature}): " in listed


def test_every_setting_is_documented() -> None:
    """The page has all three names of each setting."""
    page = (ROOT / "docs/pytest.md").read_text()
    for setting in SETTINGS.values():
        for name in (setting.option, setting.variable, setting.ini):
            assert re.search(rf"`{name}\b", page), name
