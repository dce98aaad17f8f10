"""The plugin's settings: command line before environment, ini file and default."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from spark_kafka_testkit._arguments import LONGEST_SECONDS, are_addresses, is_encodable
from spark_kafka_testkit._brokers.broker import BACKENDS, IMAGE, TAG
from spark_kafka_testkit._brokers.choice import choose_backend

__all__ = ["SETTINGS", "Options", "add_options", "resolve"]

LEFT_OUT = "spark_kafka_testkit_left_out"
TRUE, FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class Setting(NamedTuple):
    """One setting, with its three names."""

    name: str
    help: str
    type: str = "string"
    metavar: str | None = None

    @property
    def option(self) -> str:
        return f"--kafka-{self.name.replace('_', '-')}"

    @property
    def options(self) -> set[str]:
        no = {self.option.replace("--", "--no-", 1)} if self.type == "bool" else set()
        return {self.option, *no}

    @property
    def dest(self) -> str:
        return f"spark_kafka_testkit_{self.name}"

    @property
    def variable(self) -> str:
        return f"SPARK_KAFKA_TESTKIT_{self.name.upper()}"

    @property
    def ini(self) -> str:
        return f"kafka_{self.name}"


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting(
            "backend",
            f"Where the broker comes from: {', '.join(BACKENDS)}.",
            metavar="B",
        ),
        Setting(
            "bootstrap_servers", "The address of a running broker.", metavar="HOST:PORT"
        ),
        Setting(
            "image", "The Docker image for the container backend.", metavar="IMAGE"
        ),
        Setting(
            "version",
            "The version of Confluent's image for the container backend.",
            metavar="VERSION",
        ),
        Setting(
            "broker_config",
            "A Kafka setting for the broker. Can be repeated.",
            type="linelist",
            metavar="NAME=VALUE",
        ),
        Setting(
            "require",
            "Fail tests when no broker can be started, instead of skipping them. The "
            "default in CI (where the variable CI is set).",
            type="bool",
        ),
        Setting(
            "timeout_factor",
            "Multiply all timeouts by this number, for slow machines.",
            metavar="NUMBER",
        ),
        Setting(
            "keep",
            "Keep the broker and its topics after the run, and print the address.",
            type="bool",
        ),
        Setting("strict", "Fail a test that leaves a query running.", type="bool"),
        Setting(
            "report",
            "Write a page that shows what each Kafka test and its queries did in time.",
            metavar="FILE",
        ),
        Setting("json", "Write why Kafka tests failed, as JSON.", metavar="FILE"),
    )
}


@dataclass(frozen=True)
class Options:
    """The values of the settings.

    Attributes:
        arguments: the arguments for `KafkaUtils`.
        is_external: whether the broker is one that is already running.
        broker: the broker that is asked for, for people.
        left_out: the options and ini names that belong to another plugin in this run,
            for people, or None if there are none.
    """

    arguments: Mapping[str, Any]
    is_external: bool
    broker: str
    require: bool
    require_reason: str
    keep: bool
    strict: bool
    report: str | None
    json: str | None
    left_out: str | None


def add_options(parser: pytest.Parser) -> None:
    """Add the kit's options when the command line is finally parsed.

    By then all plugins and conftests have added theirs, and a name that one of them
    uses stays theirs. If the kit added its options immediately, the run would end in
    *their* `pytest_addoption`, or in the parser.
    """
    parse, parse_known_args = parser.parse, parser.parse_known_args

    def parse_early(args: Any, namespace: Any = None) -> argparse.Namespace:
        return parse_known_args(_without_ours(args), namespace)

    def parse_for_good(args: Any, namespace: Any = None) -> argparse.Namespace:
        del parser.parse, parser.parse_known_args  # uncovers the methods of the class
        left_out = _register(parser)
        options = parse(args, namespace)
        setattr(options, LEFT_OUT, left_out)
        return options

    vars(parser).update(parse=parse_for_good, parse_known_args=parse_early)


def _without_ours(args: Iterable[str | os.PathLike[str]]) -> list[str]:
    """The arguments without the kit's options and their values.

    Otherwise these would be taken for paths of tests.
    """
    ours = argparse.ArgumentParser(
        add_help=False, allow_abbrev=False, exit_on_error=False
    )
    for setting in SETTINGS.values():
        ours.add_argument(setting.option, **_shape(setting))
    texts = [os.fspath(arg) for arg in args]
    try:
        return ours.parse_known_args(texts)[1]
    except argparse.ArgumentError:  # reported when the command line is finally parsed
        return texts


def _register(parser: pytest.Parser) -> list[str]:
    """Add options and ini names, and return those left out because others have them."""
    theirs: Any = parser  # pytest has no public way to ask
    groups = (*theirs._groups, theirs._anonymous)
    options = {
        name for group in groups for option in group.options for name in option.names()
    }
    left_out = []
    group = parser.getgroup("spark-kafka-testkit", "Kafka (spark-kafka-testkit)")
    for setting in SETTINGS.values():
        if options.isdisjoint(setting.options):
            group.addoption(setting.option, help=setting.help, **_shape(setting))
        else:
            left_out.append(setting.option)
        if setting.ini in theirs._inidict:
            left_out.append(setting.ini)
        else:
            parser.addini(
                setting.ini,
                setting.help,
                type=setting.type,  # type: ignore[arg-type]
                default=None,
            )
    return left_out


def _shape(setting: Setting) -> dict[str, Any]:
    shape: dict[str, Any] = {"dest": setting.dest, "default": None}
    if setting.type == "bool":
        return {**shape, "action": argparse.BooleanOptionalAction}
    if setting.type == "linelist":
        shape["action"] = "append"
    return {**shape, "metavar": setting.metavar}


class _Given(NamedTuple):
    value: Any
    where: str


Source = Callable[[Setting], _Given]


def resolve(config: pytest.Config) -> Options:
    """The settings of this run.

    Raises:
        pytest.UsageError: an invalid value. The message names where it was set, and
            what is valid.
    """

    theirs = config.getoption(LEFT_OUT, None)  # None: added after the command line

    def on_command_line(setting: Setting) -> _Given:
        return _Given(config.getoption(setting.dest, None), setting.option)

    def in_environment(setting: Setting) -> _Given:
        return _Given(os.environ.get(setting.variable) or None, setting.variable)

    def in_ini(setting: Setting) -> _Given:
        where = f"{setting.ini} in {config.inipath or 'the ini file'}"
        if theirs is None or setting.ini in theirs:
            return _Given(None, where)
        try:
            value = config.getini(setting.ini)
        except (TypeError, ValueError, pytest.UsageError) as error:
            valid = ", expected true or false" if setting.type == "bool" else ""
            raise pytest.UsageError(f"{where}: {error}{valid}") from error
        # not set: None, or before pytest 8.2 what is empty
        return _Given(None if value in ("", []) else value, where)

    sources = (on_command_line, in_environment, in_ini)
    backend, servers = _broker(sources)
    require, require_where = _require(sources)
    image, version = (_first(sources, name) for name in ("image", "version"))
    _check(image, IMAGE.match, "the name of an image, for example apache/kafka:4.1.0")
    _check(version, TAG.match, "a tag of Confluent's image, for example 7.4.0")
    arguments = {
        "backend": backend.value,
        "bootstrap_servers": servers.value,
        "image": image.value,
        "broker_config": dict(_broker_config(sources)),
    }
    if version.value is not None:
        arguments["kafka_version"] = version.value
    factor = _first(sources, "timeout_factor")
    _check(factor, _is_factor, "a number above 0, for example 2.5")
    if factor.value is not None:
        arguments["timeout_factor"] = float(factor.value)
    report, as_json = (_first(sources, name) for name in ("report", "json"))
    for file, example in ((report, "report.html"), (as_json, "kafka.json")):
        _check(file, _is_file_name, f"the name of a file, for example {example}")
    try:
        chosen, address = choose_backend(backend.value, servers.value)
    except ValueError as error:
        raise pytest.UsageError(
            f"{backend.where}={backend.value} and {servers.where}={servers.value} "
            f"do not go together: {error}"
        ) from error
    return Options(
        arguments=arguments,
        is_external=chosen == "external",
        broker=f"broker at {address}" if address else f"backend {chosen}",
        require=require,
        require_reason=require_where,
        keep=_flag(_first(sources, "keep")),
        strict=_flag(_first(sources, "strict")),
        report=report.value,
        json=as_json.value,
        left_out=_left_out(theirs),
    )


def _is_factor(text: str) -> bool:
    try:
        return 0 < float(text) <= LONGEST_SECONDS
    except ValueError:
        return False


def _is_file_name(text: str) -> bool:
    return text.strip() != "" and "\0" not in text and not Path(text).is_dir()


def _left_out(theirs: Sequence[str] | None) -> str | None:
    if not theirs:
        return None
    variables = [
        setting.variable
        for setting in SETTINGS.values()
        if {setting.option, setting.ini}.intersection(theirs)
    ]
    return (
        f"{', '.join(theirs)} belong to another plugin in this run. Set the kit's own "
        f"with {', '.join(variables)}"
    )


def _first(sources: tuple[Source, ...], name: str) -> _Given:
    candidates = [source(SETTINGS[name]) for source in sources]
    return next(
        (given for given in candidates if given.value is not None), candidates[0]
    )


def _broker(sources: tuple[Source, ...]) -> tuple[_Given, _Given]:
    """The backend and the address, from the first source that has one of them.

    So an address in the ini file gives way to a backend on the command line.
    """
    for index, source in enumerate(sources):
        backend, servers = (
            source(SETTINGS[name]) for name in ("backend", "bootstrap_servers")
        )
        if backend.value is None and servers.value is None:
            continue
        _check(backend, BACKENDS.__contains__, f"one of: {', '.join(BACKENDS)}")
        if backend.value == "external" and servers.value is None:
            servers = _first(sources[index:], "bootstrap_servers")
            if servers.value is None:
                names = SETTINGS["bootstrap_servers"]
                raise pytest.UsageError(
                    f"{backend.where}: 'external' needs the address of a broker, from "
                    f"{names.option}, {names.variable} or {names.ini}"
                )
        _check(servers, are_addresses, "host:port, or several separated by commas")
        return backend, servers
    return _Given("auto", "the default"), _Given(None, "")


def _broker_config(sources: tuple[Source, ...]) -> Iterator[tuple[str, str]]:
    """The settings, name by name: other sources may override what the ini file sets."""
    for source in reversed(sources):
        settings, where = source(SETTINGS["broker_config"])
        lines = settings.splitlines() if isinstance(settings, str) else settings or ()
        for line in filter(None, map(str.strip, lines)):
            name, equals, value = line.partition("=")
            if not (name.strip() and equals and is_encodable(line)):
                raise pytest.UsageError(
                    f"{where}: {line!r} is not valid, expected NAME=VALUE, for example "
                    "message.max.bytes=2000000"
                )
            yield name.strip(), value.strip()


def _require(sources: tuple[Source, ...]) -> tuple[bool, str]:
    require = _first(sources, "require")
    if require.value is not None:
        return _flag(require), require.where
    in_ci = os.environ.get("CI", "").lower() not in ("", *FALSE)
    return in_ci, "CI is set" if in_ci else ""


def _flag(given: _Given) -> bool:
    if isinstance(given.value, str):
        words = TRUE + FALSE
        _check(given, lambda text: text.lower() in words, f"one of: {', '.join(words)}")
        return given.value.lower() in TRUE
    return bool(given.value)


def _check(given: _Given, is_valid: Callable[[str], object], valid: str) -> None:
    if given.value is not None and not is_valid(given.value):
        raise pytest.UsageError(
            f"{given.where}: {given.value!r} is not valid, expected {valid}"
        )
