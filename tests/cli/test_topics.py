"""`topics`, `create`, `delete`; and what a command that fails leaves of them."""

from __future__ import annotations

import os
import signal

import pytest

from tests.cli.conftest import CommandLine, without_progress
from tests.processes import children, wait_until


def test_topics_lists_sizes(command: CommandLine) -> None:
    """Of topics that are named it shows where each partition stands."""
    command.ok("up", "--backend", "embedded")
    assert command.ok("topics") == "There are no topics.\n"
    command.ok("produce", "b", "-", "-p", "2", stdin=b"1\n2\n3\n")
    command.ok("produce", "a", "-", stdin=b"1\n")
    assert command.ok("topics") == (
        "TOPIC  PARTITIONS  OFFSETS\n"
        "a               1        1\n"
        "b               2        3\n"
    )
    assert command.ok("topics", "a") == (
        "TOPIC  PARTITION  BEGINNING  END  STABLE\n"
        "a              0          0    1       1\n"
    )
    assert command.facts("topics", "a") == [
        {"topic": "a", "partition": 0, "beginning": 0, "end": 1, "stable": 1}
    ]


def test_create_and_delete(shared: CommandLine, topic: str) -> None:
    """They say what was done; one that is there stays as it is."""
    a, b = f"{topic}-a", f"{topic}-b"
    assert shared.ok("create", a) == f"created: {a}\n"
    assert shared.facts("create", a, b) == [
        {"topic": a, "partitions": 1, "created": False},
        {"topic": b, "partitions": 1, "created": True},
    ]
    assert shared.ok("create", b) == f"was there already: {b}\n"
    assert shared.ok("delete", a, b, a) == f"deleted: {a}\ndeleted: {b}\n"
    assert not {a, b} & names(shared)
    shared.ok("create", a, "-p", "3")
    assert len(shared.facts("topics", a)) == 3
    assert shared.facts("delete", a) == [a]


def names(command: CommandLine) -> set[str]:
    """The topics there are."""
    return {fact["topic"] for fact in command.facts("topics")}


def test_create_with_another_number_of_partitions(
    shared: CommandLine, topic: str
) -> None:
    """It is refused, and so it is by `produce`; the command that helps is named."""
    shared.ok("create", topic)
    done = shared.run("create", topic, "--partitions", "2")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Error: Topic {topic!r} exists with 1 partition(s), but 2 were requested. Use "
        f"another name, or delete it first: spark-kafka-testkit delete {topic}\n"
    )


def test_delete_of_a_topic_that_does_not_exist(shared: CommandLine) -> None:
    """It is an error that asks for a similar one, and nothing is deleted."""
    shared.ok("create", "payments")
    done = shared.run("delete", "payments", "paymets")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: Topic 'paymets' does not exist, so nothing was deleted. Did you mean "
        "'payments'?\n"
    )
    done = shared.run("delete", "zzz")
    assert (done.returncode, done.stderr) == (
        1,
        "Error: Topic 'zzz' does not exist, so nothing was deleted.\n",
    )
    assert "payments" in names(shared)


def test_a_topic_that_does_not_exist(shared: CommandLine) -> None:
    """A similar one is asked for, else the command that creates it; none is created."""
    shared.ok("create", "invoices")
    (state,) = shared.facts("status")
    address = state["bootstrap_servers"]
    for args in (("topics",), ("read",)):
        done = shared.run(*args, "invoice")
        told = "Error: Topic 'invoice' does not exist. Did you mean 'invoices'?\n"
        assert (done.returncode, done.stdout, done.stderr) == (1, "", told)
        done = shared.run(*args, "zzz")
        create = "Create it with: spark-kafka-testkit create zzz"
        told = f"Error: Topic 'zzz' does not exist. {create}"
        assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{told}\n")
        done = shared.run(*args, "zzz", "-b", address)
        assert (done.returncode, done.stderr) == (1, f"{told} -b {address}\n")
    assert not {"invoice", "zzz"} & names(shared)


LARGE = b"x" * 3_000_000 + b"\n"  # the broker takes 1 MB


def test_a_produce_that_fails_leaves_no_topic(shared: CommandLine, topic: str) -> None:
    """None that it has made, and that nothing is in."""
    done = shared.run("produce", topic, "-", stdin=LARGE)
    assert (done.returncode, done.stdout) == (1, "")
    told = f"Error: 1 of 1 messages to topic {topic!r} were not acknowledged"
    assert done.stderr.startswith(told)
    assert "stays" not in done.stderr
    lines = b"v\n" * 20_000 + LARGE
    done = shared.run("produce", topic, "-", "--transactional", stdin=lines)
    assert done.returncode == 1
    assert "The transaction was aborted: none of them will be seen." in done.stderr
    assert topic not in names(shared)


def test_a_produce_that_fails_says_what_it_leaves(
    shared: CommandLine, topic: str
) -> None:
    """A topic that it has made stays where something is in it; others stay anyway."""
    lines = b"k:v\n" * 20_000 + b"v\n"
    done = shared.run("produce", topic, "-", "--key", ":", stdin=lines)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Error: Line 20001 of stdin has no ':' after its key. Topic {topic!r}: 16,384 "
        f"messages were sent before that, and are in the topic. Topic {topic!r} was "
        "created, and stays.\n"
    )
    assert shared.facts("topics", topic)[0]["end"] == 16_384
    some = f"{topic}-some"
    done = shared.run("produce", some, "-", stdin=b"v\n" * 200 + LARGE)
    assert done.returncode == 1
    last = f"Topic {some!r} was created, and stays."
    assert done.stderr.splitlines()[-1] == last
    there = f"{topic}-there"
    shared.ok("create", there)
    done = shared.run("produce", there, "-", stdin=LARGE)
    assert done.returncode == 1
    assert "stays" not in done.stderr
    assert there in names(shared)


def test_a_produce_that_is_interrupted_leaves_no_topic(
    shared: CommandLine, topic: str
) -> None:
    """It has sent nothing yet."""
    process = shared.start("produce", topic, "-", "--transactional")
    assert process.stdin is not None
    process.stdin.write(b"v\n" * 50_000)
    process.stdin.flush()
    wait_until(lambda: topic in names(shared), "it makes no topic")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out, without_progress(err)) == (130, b"", b"")
    assert topic not in names(shared)


def test_a_broker_that_dies_under_a_produce(command: CommandLine) -> None:
    """Nothing can be tidied then, and nothing is said of it."""
    state = command.facts("up", "--backend", "embedded")
    process = command.start("produce", "t", "-")
    assert process.stdin is not None
    process.stdin.write(b"v\n" * 50_000)
    process.stdin.flush()
    wait_until(
        lambda: any(fact["end"] for fact in command.facts("topics")), "nothing arrives"
    )
    for pid in children(state["pid"]):
        os.kill(pid, signal.SIGKILL)
    out, err = process.communicate()
    assert (process.returncode, out) == (1, b"")
    told = without_progress(err).splitlines()
    assert told[0].startswith(b"Error: ")
    assert b"stays" not in err


@pytest.mark.parametrize(("args", "code"), [(("create",), 2), (("delete",), 2)])
def test_at_least_one_topic(
    shared: CommandLine, args: tuple[str, ...], code: int
) -> None:
    """Without a name there is nothing to do."""
    done = shared.run(*args)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.splitlines()[-1] == "Error: Missing argument 'TOPIC...'."
