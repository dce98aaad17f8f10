"""`.json` files: an array is its items."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CommandLine

NOWHERE = ("-b", "127.0.0.1:1")
PRETTY = json.dumps([{"id": 1, "name": "a  b"}, {"id": "x", "tags": []}], indent=2)


def test_each_item_of_an_array_is_sent(
    shared: CommandLine, topic: str, tmp_path: Path
) -> None:
    """On one line, else as it stands; a field of it is the key."""
    file = tmp_path / "orders.json"
    file.write_text(PRETTY)
    assert shared.facts("produce", topic, str(file), "--key", "id")["sent"] == 2
    numbers = b"[1.50, 1e400,\r\n null]"
    shared.ok("produce", topic, "-", "--format", "json", stdin=numbers)
    assert [(r["key"], r["value"]) for r in shared.records(topic)] == [
        ("1", '{"id": 1,"name": "a  b"}'),
        ("x", '{"id": "x","tags": []}'),
        (None, "1.50"),
        (None, "1e400"),
        (None, "null"),
    ]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", []),
        ("[]", []),
        ('{"a": 1}\n\n{"a":  2}\n', ['{"a": 1}', '{"a":  2}']),
        ("[1, 2]\n[3]\n", ["[1, 2]", "[3]"]),
        ('{\n  "a": 1\n}\n', ['{"a": 1}']),
        ("[[1],\n[2]]\n", ["[1]", "[2]"]),
        ("[1, 2]\n", ["1", "2"]),
    ],
)
def test_what_is_no_array_is_values_one_after_another(
    shared: CommandLine, topic: str, tmp_path: Path, text: str, values: list[str]
) -> None:
    """Such as JSON lines, whose lines may be arrays."""
    file = tmp_path / "some.json"
    file.write_text(text)
    shared.ok("produce", topic, str(file))
    assert [record["value"] for record in shared.records(topic)] == values


FAULTS = [
    ("[1,", "2 is not valid JSON: Expecting value: line 1 column 4, [end]."),
    ("[1\n", "1 has neither ',' nor ']' after it: line 2 column 1, [end]."),
    ('[1,\n{"a" 5}]', "2 is not valid JSON: Expecting ':' delimiter: line 2 column 6."),
    ("[1,]", "2 is not valid JSON: Expecting value: line 1 column 4."),
    ("[1 2]", "1 has neither ',' nor ']' after it: line 1 column 4."),
    ('["a', "1 is not valid JSON: Unterminated string starting at: line 1 column 2."),
    ("[1]\n\nx", "2 is not valid JSON: Expecting value: line 3 column 1."),
    ("[1, " + "[" * 100_000, "2 (line 1) is nested too deep."),
]


@pytest.mark.parametrize(("text", "told"), FAULTS)
def test_an_array_that_is_none(run: Any, text: str, told: str) -> None:
    """The place is named, before the broker is asked for."""
    args = ("produce", "t", "-", "--format", "json", *NOWHERE)
    told = f"{told[0]} of stdin {told[2:]}".replace("[end]", "where the file ends")
    assert run(*args, stdin=text.encode()) == (1, [f"Error: Item {told}"])


def test_more_behind_an_array(run: Any) -> None:
    """It is no part of any item."""
    args = ("produce", "t", "-", "--format", "json", *NOWHERE)
    told = "The array of stdin has more after its end: line 1 column 5."
    assert run(*args, stdin=b"[1] 2") == (1, [f"Error: {told}"])


def test_an_array_that_is_not_utf_8(run: Any) -> None:
    """It is named as a whole, with the line from where on."""
    args = ("produce", "t", "-", "--format", "json", *NOWHERE)
    assert run(*args, stdin=b"[1, \xff]") == (
        1,
        [
            "Error: stdin is not UTF-8, from line 1 on: 'utf-8' codec can't decode "
            "byte 0xff in position 4: invalid start byte."
        ],
    )


def test_an_item_without_the_key(run: Any) -> None:
    """The item and its line are named."""
    args = ("produce", "t", "-", "--format", "json", "--key", "id", *NOWHERE)
    told = (1, ["Error: Item 2 of stdin (line 3) has no field 'id'."])
    assert run(*args, stdin=b'[\n{"id": 1},\n{"ID": 2}]') == told


def test_an_array_that_breaks_off_late(shared: CommandLine, topic: str) -> None:
    """What was sent before is told; in a transaction it is not seen."""
    shared.ok("produce", topic, "-")
    text = b"[" + b"1, " * 20_000
    args = ("produce", topic, "-", "--format", "json")
    told = (
        "Error: Item 20001 of stdin is not valid JSON: Expecting value: line 1 column "
        f"60002, where the file ends. Topic {topic!r}: "
    )
    done = shared.run(*args, "--transactional", stdin=text)
    assert (done.returncode, done.stdout) == (1, "")
    none = "The transaction was aborted: none of them will be seen.\n"
    assert done.stderr == f"{told}{none}"
    assert shared.records(topic) == []
    done = shared.run(*args, stdin=text)
    assert (done.returncode, done.stdout) == (1, "")
    sent = "16,384 messages were sent before that, and are in the topic.\n"
    assert done.stderr == f"{told}{sent}"


def test_a_file_that_is_drawn_in_pieces(shared: CommandLine, topic: str) -> None:
    """Items that are larger than what is read at a time come whole."""
    items = ["x" * 300_000, "é" * 70_000, 12345678]
    text = json.dumps(items, ensure_ascii=False).encode()
    shared.ok("produce", topic, "-", "--format", "json", stdin=text)
    assert [json.loads(r["value"]) for r in shared.records(topic)] == items
