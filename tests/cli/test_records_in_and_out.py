"""`produce`, `read` and `topics`: what goes in comes out."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import COMMAND, CommandLine
from tests.processes import HANG_SECONDS, wait_until


def pairs(command: CommandLine, topic: str) -> list[tuple[object, object]]:
    return [(record["key"], record["value"]) for record in command.records(topic)]


def test_each_line_of_a_text_is_sent(shared: CommandLine, topic: str) -> None:
    """A line is a value as it stands; with --key, what is before the separator is its
    key.
    """
    said = shared.ok("produce", topic, "-", stdin="plain\n\nGrüße\r\nlast".encode())
    count, rest = said.split(" in ", 1)
    assert count == "sent 4"
    first, second = rest.splitlines()
    assert re.fullmatch(rf"\d+\.\d s to {topic}", first), "no rate of so few"
    assert second == "  partition 0: 4, offsets 0 to 3"
    shared.ok("produce", topic, "-", "--key", ": ", stdin=b"k: v: w\n")
    assert pairs(shared, topic) == [
        (None, "plain"),
        (None, ""),
        (None, "Grüße"),
        (None, "last"),
        ("k", "v: w"),
    ]


def test_each_line_of_json_is_sent(
    shared: CommandLine, topic: str, tmp_path: Path
) -> None:
    """A line is a value, and a field of it the key; empty lines count for nothing."""
    file = tmp_path / "orders.jsonl"
    file.write_text('{"id": 7, "name": "a"}\n\n{"id": "x",  "name": null}\n')
    facts = shared.facts("produce", topic, str(file), "--key", "id")
    assert facts == {
        "topic": topic,
        "sent": 2,
        "partitions": {"0": {"count": 2, "first": 0, "last": 1}},
    }
    assert pairs(shared, topic) == [
        ("7", '{"id": 7, "name": "a"}'),
        ("x", '{"id": "x",  "name": null}'),
    ]


def test_each_row_of_a_csv_file_is_sent(
    shared: CommandLine, topic: str, tmp_path: Path
) -> None:
    """A row is a JSON object, with numbers where a column has nothing else, and where
    they are the same as numbers; with --text all of it is text.
    """
    file = tmp_path / "rows.csv"
    file.write_text('code,n,name\n123,1,"a, b"\n00124,2,c\n')
    shared.ok("produce", topic, str(file), "--key", "name")
    shared.ok("produce", topic, str(file), "--key", "code", "--text")
    assert pairs(shared, topic) == [
        ("a, b", '{"code": "123", "n": 1, "name": "a, b"}'),
        ("c", '{"code": "00124", "n": 2, "name": "c"}'),
        ("123", '{"code": "123", "n": "1", "name": "a, b"}'),
        ("00124", '{"code": "00124", "n": "2", "name": "c"}'),
    ]


def test_each_row_of_a_parquet_file_is_sent(
    shared: CommandLine, topic: str, tmp_path: Path
) -> None:
    """A row is a JSON object."""
    file = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"id": [1, 2], "tags": [["a"], None]}), file)
    shared.ok("produce", topic, str(file), "--key", "id")
    assert pairs(shared, topic) == [
        ("1", '{"id": 1, "tags": ["a"]}'),
        ("2", '{"id": 2, "tags": null}'),
    ]


def test_what_was_read_can_be_sent(shared: CommandLine, topic: str) -> None:
    """Key, value, timestamp, headers and partition come back, null and bytes that are
    no text among them.
    """
    records = [
        {"key": None, "value": None, "timestamp": 1000, "partition": 1},
        {"key": {"base64": "/w=="}, "value": {"base64": "gA=="}, "headers": []},
        {"key": "k", "value": {"a": 1}, "headers": [["h", "1"], ["h", ""]]},
    ]
    lines = "".join(f"{json.dumps(record)}\n" for record in records).encode()
    form = ("--format", "records", "--partitions", "2")
    shared.ok("produce", topic, "-", *form, stdin=lines)
    read = shared.ok("read", topic)
    copy = f"{topic}-copy"
    shared.ok("produce", copy, "-", *form, stdin=read.encode())
    first = [without_topic(line) for line in read.splitlines()]
    again = [without_topic(line) for line in shared.ok("read", copy).splitlines()]
    assert sorted(again, key=repr) == sorted(first, key=repr)


def without_topic(line: str) -> dict[str, object]:
    record = json.loads(line)
    del record["topic"]
    return dict(record)


def test_many_messages_take_no_more_memory(
    shared: CommandLine, topic: str, tmp_path: Path
) -> None:
    """A file is drawn as it is sent, and a topic printed as it is read."""
    code = (
        "import resource, sys; from spark_kafka_testkit.cli import cli\n"
        "try: cli(sys.argv[1:])\n"
        "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, "
        "file=sys.stderr)"
    )
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_text("x" * 200 + "\n")
    large.write_text(("x" * 200 + "\n") * 150_000)
    peaks = [shared.peak(code, "produce", topic, str(f)) for f in (small, large)]
    assert peaks[1] - peaks[0] < large.stat().st_size / 1024
    assert shared.facts("topics", topic)[0]["end"] == 150_001


@pytest.mark.parametrize(
    ("args", "stdin", "text"),
    [
        (
            ("--format", "jsonl"),
            b"1\n{",
            "Line 2 of stdin is not valid JSON: Expecting property name enclosed in "
            "double quotes: column 2.",
        ),
        (
            ("--format", "jsonl", "--key", "id"),
            b'{"id": 1}\n{"ID": 2}\n',
            "Line 2 of stdin has no field 'id'.",
        ),
        (("--key", ":"), b"a:1\nb\n", "Line 2 of stdin has no ':' after its key."),
        (
            ("--format", "records"),
            b"{}\n",
            "Line 1 of stdin is not a record: it has no field 'value'.",
        ),
        (
            ("--format", "csv", "--key", "id"),
            b"a,b\n1,2\n",
            "stdin has no column 'id'. It has a, b.",
        ),
    ],
)
def test_input_that_can_not_be_used_is_refused(
    shared: CommandLine, topic: str, args: tuple[str, ...], stdin: bytes, text: str
) -> None:
    """The line is named; not even the topic is made."""
    done = shared.run("produce", topic, "-", "--transactional", *args, stdin=stdin)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: {text}")
    assert topic not in {fact["topic"] for fact in shared.facts("topics")}


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (
            ("produce", "t", "-", "-f", "parquet"),
            "Parquet is read from a file, not from a pipe.",
        ),
        (
            ("produce", "t", "-", "-f", "records", "-k", "x"),
            "Records have their own keys. Leave out --key.",
        ),
        (("produce", "t", "-", "--text"), "--text is for CSV."),
        (
            ("read", "t", "--follow", "--to", "latest"),
            "--follow has no end. Leave out --to.",
        ),
        (
            ("read", "t", "--value-only", "--json"),
            "--value-only prints neither columns nor JSON. Give only one of them.",
        ),
        (
            ("read", "t", "--from", "yesterday"),
            "Invalid value for '--from': 'yesterday' is not a position in a topic. "
            "Write earliest, latest, a time (2026-01-31T12:00), an age (15m) or "
            "offsets (0=5,1=7)",
        ),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    shared: CommandLine, args: tuple[str, ...], text: str
) -> None:
    """The last line says so; the exit code is 2."""
    done = shared.run(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == f"Error: {text}"


@pytest.fixture(scope="module")
def numbers(shared: CommandLine) -> str:
    """A topic with the numbers 0 to 9 in one partition, one a minute from 12:00."""
    start = 1_600_000_000_000 // 60_000 * 60_000
    lines = "".join(
        json.dumps({"value": str(n), "timestamp": start + n * 60_000}) + "\n"
        for n in range(10)
    )
    shared.ok("produce", "numbers", "-", "-f", "records", stdin=lines.encode())
    return "numbers"


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ((), "0123456789"),
        (("--limit", "3"), "012"),
        (("--from", "0=7"), "789"),
        (("--from", "0=2", "--to", "0=5"), "234"),
        (("--from", "latest"), ""),
        (("--from", "2020-09-13T12:33Z"), "789"),
        (("--to", "2020-09-13T12:28:00+00:00"), "01"),
        (("--from", "15m"), ""),
    ],
)
def test_read_prints_a_part_of_a_topic(
    shared: CommandLine, numbers: str, args: tuple[str, ...], expected: str
) -> None:
    """The part lies between two points, or is the first of it."""
    values = [record["value"] for record in shared.records(numbers, *args)]
    assert values == list(expected)


def test_read_deserializes_keys_and_values(shared: CommandLine, topic: str) -> None:
    """They are those of Kafka's own serializers; bytes are shown as base64."""
    shared.ok("produce", topic, "-", "-k", ":", stdin=b"AAAA:BB\n")
    as_numbers = ("--key-deserializer", "INT", "--value-deserializer", "short")
    (record,) = shared.records(topic, *as_numbers)
    assert (record["key"], record["value"]) == (0x41414141, 0x4242)
    (record,) = shared.records(topic, "--value-deserializer", "BINARY")
    assert record["value"] == {"base64": "QkI="}
    done = shared.run("read", topic, "--key-deserializer", "LONG")
    assert done.returncode == 1
    assert done.stderr == (
        f"Error: The key of topic {topic!r}, partition 0, offset 0 does not decode as "
        "LONG: expected 8 bytes (Kafka's binary form, not text), got 4. It is b'AAAA'. "
        "Give another --key-deserializer.\n"
    )


def test_read_prints_the_records_of_a_key(shared: CommandLine, topic: str) -> None:
    """By the key as it is printed; --limit counts those alone."""
    lines = b"a:1\nb:2\na:3\naa:4\na:5\n"
    shared.ok("produce", topic, "-", "-k", ":", stdin=lines)
    shared.ok("produce", topic, "-", "-f", "records", stdin=b'{"value": "6"}\n')
    assert [r["value"] for r in shared.records(topic, "--key", "a")] == ["1", "3", "5"]
    two = shared.records(topic, "--key", "a", "--limit", "2")
    assert [record["value"] for record in two] == ["1", "3"]
    assert shared.records(topic, "--key", "") == []
    lines = b'{"key": {"base64": "/w=="}, "value": "7"}\n'
    shared.ok("produce", topic, "-", "-f", "records", stdin=lines)
    (record,) = shared.records(topic, "--key", '{"base64": "/w=="}')
    assert record["value"] == "7"
    ints = f"{topic}-ints"
    shared.ok("produce", ints, "-", "-k", ":", stdin=b"\0\0\0\7:8\n\0\0\0\1:9\n")
    (record,) = shared.records(ints, "--key-deserializer", "INT", "--key", "7")
    assert record["value"] == "8"


def test_read_prints_values_alone(shared: CommandLine, topic: str) -> None:
    """For pipes: text as it is, null as an empty line, all else as JSON."""
    records = [{"value": "a b"}, {"value": None}, {"value": {"base64": "/w=="}}]
    lines = "".join(f"{json.dumps(record)}\n" for record in records).encode()
    shared.ok("produce", topic, "-", "-f", "records", stdin=lines)
    printed = 'a b\n\n{"base64": "/w=="}\n'
    assert shared.ok("read", topic, "--value-only") == printed
    shared.ok("produce", topic, "-", stdin='{"é": 1}\n'.encode())
    args = ("read", topic, "--value-only", "--from", "0=3")
    assert shared.ok(*args) == '{"é": 1}\n'
    assert shared.ok(*args, "--value-deserializer", "JSON") == '{"é": 1}\n'
    copy = f"{topic}-copy"
    shared.ok("produce", copy, "-", stdin=shared.ok(*args).encode())
    assert [r["value"] for r in shared.records(copy)] == ['{"é": 1}']


def test_read_prints_columns_for_people(shared: CommandLine, topic: str) -> None:
    """Null is told from text, and a line end does not break the line. Only a terminal
    cuts it.
    """
    lines = (
        b'{"key": null, "value": "a\\nb", "timestamp": 0}\n'
        + (
            json.dumps({"key": "k" * 30, "value": "v" * 90, "timestamp": 1}) + "\n"
        ).encode()
    )
    shared.ok("produce", topic, "-", "-f", "records", stdin=lines)
    head = (
        "PARTITION      OFFSET  TIMESTAMP                KEY                   VALUE\n"
        "        0           0  1970-01-01T00:00:00.000  (null)                a\\nb\n"
        "        0           1  1970-01-01T00:00:00.001  "
    )
    whole = f"{head}{'k' * 30}  {'v' * 90}\n"
    assert shared.ok("read", topic, "--table") == whole
    near, far = os.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    env = {name: shared.env[name] for name in shared.env if name != "COLUMNS"}
    done = subprocess.run(
        [*COMMAND, "read", topic],
        check=False,
        env=env,
        stdout=far,
        timeout=HANG_SECONDS,
    )
    os.close(far)
    printed = b""
    with suppress(OSError):  # how Linux tells the end
        while data := os.read(near, 4096):
            printed += data
    os.close(near)
    assert done.returncode == 0
    assert printed.decode().replace("\r\n", "\n") == f"{head}{'k' * 19}…  vvvvvvvvv…\n"


def test_follow_prints_what_there_is_then_what_comes(
    shared: CommandLine, topic: str
) -> None:
    """Ctrl-C ends it with exit code 130."""
    shared.ok("produce", topic, "-", stdin=b"old\n")
    reader = shared.start("read", topic, "--follow")
    assert reader.stdout is not None
    lines: Iterator[bytes] = iter(reader.stdout.readline, b"")
    assert json.loads(next(lines))["value"] == "old"
    shared.ok("produce", topic, "-", stdin=b"new\nnewer\n")
    assert [json.loads(next(lines))["value"] for _ in range(2)] == ["new", "newer"]
    reader.send_signal(signal.SIGINT)
    out, err = reader.communicate()
    assert (reader.returncode, out, err) == (130, b"", b"")


def test_follow_ends_at_its_limit(shared: CommandLine, topic: str) -> None:
    """It ends with the last record that is wanted, though more come."""
    shared.ok("produce", topic, "-", stdin=b"old\n")
    reader = shared.start("read", topic, "--follow", "--from", "latest", "-n", "1")
    while reader.poll() is None:  # it may take long to see where the topic ends
        shared.ok("produce", topic, "-", stdin=b"new\nnewer\n")
    out, _ = reader.communicate(timeout=HANG_SECONDS)
    assert json.loads(out)["value"] in ("new", "newer")
    assert reader.returncode == 0


def test_a_closed_pipe_ends_read_without_a_word(
    shared: CommandLine, topic: str
) -> None:
    """A reader such as `head` may have seen enough; SIGPIPE ends others so."""
    shared.ok("produce", topic, "-", stdin=b"x\n" * 50_000)
    reader = shared.start("read", topic)
    assert reader.stdout is not None
    assert reader.stderr is not None
    assert reader.stdout.readline()
    reader.stdout.close()
    assert (reader.wait(60), reader.stderr.read()) == (141, b"")
    reader.stderr.close()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
@pytest.mark.parametrize("client", ["jvm", "kafka-python"])
def test_a_transaction_that_is_ended_by_a_signal_is_aborted(
    shared: CommandLine, topic: str, client: str, number: signal.Signals, code: int
) -> None:
    """Readers need not wait until the broker does so by itself."""
    shared.ok("produce", topic, "-", stdin=b"before\n")
    process = shared.start(
        "produce",
        topic,
        "-",
        "--transactional",
        SPARK_KAFKA_TESTKIT_CLIENT=client,
    )
    assert process.stdin is not None
    process.stdin.write(b"line\n" * 50_000)
    process.stdin.flush()
    wait_until(lambda: offsets(shared, topic)["end"] > 1, "nothing arrives")
    assert offsets(shared, topic)["stable"] == 1
    process.send_signal(number)
    out, _ = process.communicate()
    assert (process.returncode, out) == (code, b"")
    after = offsets(shared, topic)
    assert after["stable"] == after["end"]
    assert [record["value"] for record in shared.records(topic)] == ["before"]


def offsets(command: CommandLine, topic: str) -> dict[str, int]:
    """Where the topic's one partition stands."""
    (fact,) = command.facts("topics", topic)
    return {name: fact[name] for name in ("end", "stable")}


def test_a_broker_of_the_environment_is_asked(shared: CommandLine) -> None:
    """One that does not answer is an error."""
    done = shared.run("topics", SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS="127.0.0.1:9")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: No Kafka broker answers at 127.0.0.1:9: ")
