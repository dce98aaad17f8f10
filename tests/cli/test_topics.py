"""`topics`, `create`, `delete`."""

from __future__ import annotations

import pytest

from tests.cli.conftest import CommandLine


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
        f"Error: Topic {topic!r} exists with 1 partition(s), and 2 were asked for. Use "
        f"another name, or delete it first: spark-kafka-testkit delete {topic}\n"
    )


def test_delete_of_a_topic_that_does_not_exist(shared: CommandLine) -> None:
    """It is an error that asks for a similar one, and nothing is deleted."""
    shared.ok("create", "payments")
    done = shared.run("delete", "payments", "paymets")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: Topic 'paymets' does not exist, and nothing was deleted. Did you mean "
        "'payments'?\n"
    )
    done = shared.run("delete", "zzz")
    assert (done.returncode, done.stderr) == (
        1,
        "Error: Topic 'zzz' does not exist, and nothing was deleted.\n",
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


@pytest.mark.parametrize(("args", "code"), [(("create",), 2), (("delete",), 2)])
def test_at_least_one_topic(
    shared: CommandLine, args: tuple[str, ...], code: int
) -> None:
    """Without a name there is nothing to do."""
    done = shared.run(*args)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.splitlines()[-1] == "Error: Missing argument 'TOPIC...'."
