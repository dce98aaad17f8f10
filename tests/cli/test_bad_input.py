"""Bad input to the command line: a line on stderr and an exit code, and no more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest

from spark_kafka_testkit.cli._output import rate, watched
from tests.cli.conftest import COMMAND, CommandLine
from tests.processes import HANG_SECONDS

Line = tuple[tuple[str, ...], str]

NO_NAME = (
    "%s is not a valid topic name: Kafka allows 1 to 249 of the characters "
    "a-z, A-Z, 0-9, '.', '_' and '-', but not '.' or '..'."
)
NAMES = [
    ("", "the name must not be empty"),
    ("\udcff", "the name must be text that UTF-8 can encode, got '\\udcff'"),
    *((name, NO_NAME % repr(name)) for name in (".", "..", "a b", "é", "a/b", "t\n")),
    ("x" * 250, NO_NAME % f"'{'x' * 56}..."),
]
ADDRESSES = [
    *(
        (
            address,
            "the address must be host:port, or several separated by commas, got "
            f"{address!r}",
        )
        for address in ("host", "host:x", ":1", "h:0", "h:65536", "a b:1", "h:1,")
    ),
    ("\udcff", "the address must be text that UTF-8 can encode, got '\\udcff'"),
]
NO_TIME = "%s is not a duration. Write 90s, 30m, 8h or 2d"
TIMES = [
    *(
        (time, NO_TIME % repr(time))
        for time in ("999999999999", "inf", "nan", "-1s", "8 h", "1w", "0s", "٣s", "")
    ),
    ("999999999999d", "'999999999999d' is too long. Write 36500d at most"),
    ("9" * 400 + "d", f"'{'9' * 56}... is too long. Write 36500d at most"),
]
NO_POINT = (
    "%s is not a position in a topic. Write earliest, latest, a time "
    "(2026-01-31T12:00), an age (15m) or offsets (0=5,1=7)"
)
POINTS = [
    *(
        (point, NO_POINT % repr(point))
        for point in ("", "now", "5", "0=", "=5", "0=x", "0=1.5", "0=1=2", "2026-13-01")
    ),
    ("999999999999d", "'999999999999d' is too long. Write 36500d at most"),
]


def usage() -> list[Line]:
    """Commands that are not understood, each with the last line that is said."""
    address = "'-b' / '--bootstrap-servers' (env var: 'SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS')"
    lines: list[Line] = []
    for name, text in NAMES:
        told = f"Invalid value for 'TOPIC': {text}"
        lines += [
            (args, told)
            for args in (("produce", "--", name, "-"), ("read", "--", name))
        ]
        told = f"Invalid value for 'TOPIC...': {text}"
        lines += [((command, "--", name), told) for command in ("create", "delete")]
        told = f"Invalid value for '[TOPIC]...': {text}"
        lines.append((("topics", "--", "t", name), told))
    for value, text in ADDRESSES:
        told = f"Invalid value for {address}: {text}"
        lines += [
            ((*command, "-b", value), told)
            for command in (("topics",), ("read", "t"), ("produce", "t", "-"))
        ]
        lines.append((("down", value), f"Invalid value for '[ADDRESS]': {text}"))
    for value, text in TIMES:
        lines.append((("up", "--for", value), f"Invalid value for '--for': {text}"))
    for value, text in POINTS:
        for option in ("--from", "--to"):
            told = f"Invalid value for '{option}': {text}"
            lines.append((("read", "t", option, value), told))
    for value in ("=1", "a", ""):
        told = f"Invalid value for '--config': {value!r} is not of the form NAME=VALUE"
        lines.append((("up", "--config", value), told))
    for value, text in (
        ("", "the key must not be empty"),
        ("\udcff", "the key must be text that UTF-8 can encode, got '\\udcff'"),
    ):
        told = f"Invalid value for '-k' / '--key': {text}"
        lines.append((("produce", "t", "-", "--key", value), told))
    for command, option, names, most in (
        (("read", "t"), "--limit", "'-n' / '--limit'", sys.maxsize),
        (("produce", "t", "-"), "--partitions", "'-p' / '--partitions'", 2**31 - 1),
        (("create", "t"), "--partitions", "'-p' / '--partitions'", 2**31 - 1),
    ):
        told = f"Invalid value for {names}: "
        lines += [
            (
                (*command, option, value),
                f"{told}{value} is not in the range 1<=x<={most}.",
            )
            for value in ("0", "-1", str(most + 1))
        ]
        lines += [
            (
                (*command, option, value),
                f"{told}{value!r} is not a valid integer range.",
            )
            for value in ("x", "1.5", "", "\udcff")
        ]
    return lines


USAGE = usage()


@pytest.mark.parametrize(
    ("args", "text"), USAGE, ids=[f"{n} {args[0]}" for n, (args, _) in enumerate(USAGE)]
)
def test_a_command_that_is_not_understood(
    run: Any, args: tuple[str, ...], text: str
) -> None:
    """The option is named, with what it must be; the exit code is 2."""
    code, lines = run(*args)
    assert (code, lines[0][:7], lines[-1]) == (2, "Usage: ", f"Error: {text}")


SETTINGS = [
    (("--image", ""), "image must not be empty"),
    (
        ("--image", "two words"),
        "image must be the name of an image, for example apache/kafka:4.1.0, got "
        "'two words'",
    ),
    (("--kafka-version", ""), "kafka_version must not be empty"),
    (
        ("--kafka-version", "7 4"),
        "kafka_version must be a tag of Confluent's image, for example 7.4.0, got "
        "'7 4'",
    ),
    (("--config", "a=\udcff"), "'a' must be text that UTF-8 can encode"),
    (("--config", "\udcff=a"), "'\\udcff' must be text that UTF-8 can encode"),
]


@pytest.mark.parametrize(("args", "text"), SETTINGS)
def test_settings_of_a_broker(run: Any, args: tuple[str, ...], text: str) -> None:
    """They are refused before one is started; the option is named."""
    code, lines = run("up", *args)
    told = f"Error: Invalid value for '{args[0]}': {text}"
    assert (code, lines[-1]) == (2, told)


def test_a_rate_is_told_of_many() -> None:
    """A few take the time of a connection, and of a rate below one there is nothing to
    tell.
    """
    assert rate(2, 5.3) == "2 in 5.3 s"
    assert rate(2000, 0.5) == "2,000 in 0.5 s (4,000/s)"
    assert rate(1000, 5000) == "1,000 in 5000.0 s"


def test_a_bar_begins_without_a_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of none there is nothing to tell either."""
    monkeypatch.setenv("TERM", "xterm")
    near, far = os.openpty()
    with os.fdopen(far, "w") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        with watched("Sending to t", 10) as add:
            add(0)
    shown = ""
    with suppress(OSError):  # how Linux tells the end
        while piece := os.read(near, 10_000):
            shown += piece.decode()
    os.close(near)
    assert "Sending to t" in shown
    assert "/s" not in shown


def record(**fields: Any) -> bytes:
    """A line of `--format records`."""
    return json.dumps({"value": "v", **fields}).encode()


PLACE = "of line 1 of stdin must"
NO_HEADERS = "The headers of line 1 of stdin must be (name, value) pairs, got %s."
DEEP = b"[" * 100_000
RECORDS = [
    (b"{", "Line 1 of stdin is not valid JSON: Expecting property name enclosed in double quotes: column 2."),
    (b"\xff", "Line 1 of stdin is not valid JSON: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte."),
    (DEEP, "Line 1 of stdin is nested too deep."),
    (b'{"value": ' + DEEP, "Line 1 of stdin is nested too deep."),
    (b"5", "Line 1 of stdin is not a record: it has no field 'value'."),
    (b"null", "Line 1 of stdin is not a record: it has no field 'value'."),
    (b'["value"]', "Line 1 of stdin is not a record: it has no field 'value'."),
    (b"{}", "Line 1 of stdin is not a record: it has no field 'value'."),
    (record(partition="0"), f"The partition {PLACE} be an int, not str."),
    (record(partition=True), f"The partition {PLACE} be an int, not bool."),
    (record(partition=0.5), f"The partition {PLACE} be an int, not float."),
    (record(partition=[0]), f"The partition {PLACE} be an int, not list."),
    (record(partition=-1), f"The partition {PLACE} not be negative, got -1."),
    (record(partition=1 << 31), f"The partition {PLACE} be at most 2,147,483,647, got 2147483648."),
    (record(timestamp="now"), f"The timestamp {PLACE} be an int, not str."),
    (record(timestamp=float("nan")), f"The timestamp {PLACE} be an int, not float."),
    (record(timestamp={}), f"The timestamp {PLACE} be an int, not dict."),
    (record(timestamp=-5), "The timestamp of line 1 of stdin is a time before 1970: -5."),
    (record(timestamp=1 << 63), f"The timestamp {PLACE} be at most {(1 << 63) - 1:,}, got {1 << 63}."),
    (record(headers=5), NO_HEADERS % "5"),
    (record(headers="ab"), NO_HEADERS % "'ab'"),
    (record(headers=["ab"]), NO_HEADERS % "['ab']"),
    (record(headers=[["a"]]), NO_HEADERS % "[['a']]"),
    (record(headers=[["a", "b", "c"]]), NO_HEADERS % "[['a', 'b', 'c']]"),
    (record(headers=[[5, "b"]]), NO_HEADERS % "[[5, 'b']]"),
    (record(headers=[{"key": "a", "value": "b"}]), NO_HEADERS % "[{'key': 'a', 'value': 'b'}]"),
    (record(headers=[["\ud800", "b"]]), "The headers of line 1 of stdin: '\\ud800' can't be encoded as UTF-8: 'utf-8' codec can't encode character '\\ud800' in position 0: surrogates not allowed."),
    (record(value={"base64": 5}), "Line 1 of stdin is not a record: argument should be a bytes-like object or ASCII string, not 'int'."),
    (record(key={"base64": "é"}), "Line 1 of stdin is not a record: string argument should contain only ASCII characters."),
    (record(value="\ud800"), "The value of message 0: '\\ud800' can't be encoded as UTF-8: 'utf-8' codec can't encode character '\\ud800' in position 0: surrogates not allowed"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "text"), RECORDS, ids=[str(n) for n in range(len(RECORDS))]
)
def test_a_record_that_is_none(run: Any, line: bytes, text: str) -> None:
    """The line is named, before the broker is asked for."""
    args = ("produce", "t", "-", "--format", "records", "-b", "127.0.0.1:1")
    assert run(*args, stdin=line + b"\n") == (1, [f"Error: {text}"])


def test_other_formats_that_are_nested_too_deep(run: Any) -> None:
    """The key may be, too."""
    args = ("produce", "t", "-", "--format", "jsonl", "-b", "127.0.0.1:1")
    told = (1, ["Error: Line 2 of stdin is nested too deep."])
    assert run(*args, stdin=b"{}\n" + DEEP) == told


@pytest.mark.parametrize("point", ["30000d", "1969-12-31T00:00+00:00"])
def test_a_time_before_kafka_has_any(run: Any, point: str) -> None:
    """An age that leads there, and a date."""
    code, lines = run("read", "t", "--from", point, "-b", "127.0.0.1:1")
    told = f"Error: Invalid value for '--from': {point!r} is a time before 1970: 19"
    assert (code, lines[-1][: len(told)]) == (2, told)


@pytest.fixture(scope="module")
def there(shared: CommandLine) -> CommandLine:
    """Commands with a broker that has a topic."""
    shared.ok("produce", "there", "-", stdin=b"v\n")
    return shared


def shell(command: CommandLine, line: str) -> subprocess.CompletedProcess[str]:
    """A shell's command line, in which `$it` is ours."""
    return subprocess.run(
        ["bash", "-c", line],  # noqa: S607  wherever it is
        check=False,
        env={**command.env, "it": " ".join(COMMAND)},
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
    )


FULL = "Error: stdout can't be written: No space left on device.\n"
CLOSED = "Error: stdout is closed.\n"
COMMANDS = ["topics", "read there", "read there --table", "status --json", "--help"]


@pytest.mark.parametrize("what", COMMANDS)
@pytest.mark.parametrize(
    ("where", "text"),
    [
        (">&-", CLOSED),
        (">/dev/full", FULL),
        (">/dev/full 2>&-", ""),
        (">/dev/full 2>/dev/full", ""),
        (">&- 2>&-", ""),
        (">&- 2>&- <&-", ""),
    ],
)
def test_an_output_that_takes_nothing(
    there: CommandLine, what: str, where: str, text: str
) -> None:
    """One line where there is somewhere to say it, and the exit code in any case."""
    done = shell(there, f"$it {what} {where}")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", text)


@pytest.mark.parametrize("what", COMMANDS)
def test_an_output_that_nobody_reads(there: CommandLine, what: str) -> None:
    """The exit code is that of a command which SIGPIPE has ended; nothing is said."""
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.Popen(
        [*COMMAND, *what.split()],
        env=there.env,
        stdout=writing,
        stderr=subprocess.PIPE,
    )
    os.close(writing)
    _, said = process.communicate(timeout=HANG_SECONDS)
    assert (process.returncode, said) == (141, b"")


@pytest.mark.parametrize("where", ["2>&-", "2>/dev/full"])
def test_errors_that_nobody_hears(there: CommandLine, where: str) -> None:
    """What is done is done the same, and the exit code tells the same."""
    done = shell(there, f"$it read there {where}")
    assert (done.returncode, json.loads(done.stdout)["value"]) == (0, "v")
    for what, code in (("read missing", 1), ("read 'a b'", 2), ("topics -x", 2)):
        done = shell(there, f"$it {what} {where}")
        assert (done.returncode, done.stdout) == (code, "")


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("<&-", "stdin is closed."),
        (
            "</dev/full",
            "Line 1 of stdin is longer than a message can be: 104,857,600 bytes.",
        ),
        ("0>/dev/null", "[Errno 9] Bad file descriptor"),
    ],
)
def test_an_input_that_gives_nothing(
    there: CommandLine, topic: str, where: str, text: str
) -> None:
    """A closed one, one whose line never ends, and an output; no topic is made."""
    done = shell(there, f"$it produce {topic} - {where}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1:] == [f"Error: {text}"]
    assert topic not in {fact["topic"] for fact in there.facts("topics")}


def test_a_line_further_on_says_what_was_sent(there: CommandLine, topic: str) -> None:
    """Beside which line it is, and that is all that is sent."""
    there.ok("produce", topic, "-", stdin=b"")
    lines = b'{"id": 1}\n' * 20_000 + b"{}\n"
    args = ("produce", topic, "-", "--format", "jsonl", "--key", "id")
    done = there.run(*args, stdin=lines)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Error: Line 20001 of stdin has no field 'id'. Topic {topic!r}: 16,384 "
        "messages were sent before that, and are in the topic.\n"
    )
    assert there.facts("topics", topic)[0]["end"] == 16_384


def test_a_record_of_the_far_future(there: CommandLine, topic: str) -> None:
    """A table has its timestamp as it is."""
    last = (1 << 63) - 1
    line = record(timestamp=last)
    there.ok("produce", topic, "-", "--format", "records", stdin=line + b"\n")
    _, row = there.ok("read", topic, "--table").splitlines()
    assert row.split() == ["0", "0", str(last), "(null)", "v"]
    assert there.records(topic)[0]["timestamp"] == last


def test_half_of_a_surrogate_pair_is_printed_as_json_has_it(
    there: CommandLine, topic: str
) -> None:
    """UTF-8 has no bytes for it."""
    there.ok("produce", topic, "-", stdin=b'"\\ud800"\n')
    assert there.records(topic, "--value-deserializer", "JSON")[0]["value"] == "\ud800"


def test_there_are_many_rows() -> None:
    """Beside those of the public API."""
    assert len(USAGE) + len(SETTINGS) + len(RECORDS) >= 130
