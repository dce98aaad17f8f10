"""`up`, `down` and `status`: a broker that stays, is found, and leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import statistics
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine
from tests.processes import children, is_alive, pids, text_of, wait_until
from tests.systems import refusing

NOTHING = (
    "No broker and no Spark is up. Start a broker with: spark-kafka-testkit up. Start "
    "both with: spark-kafka-testkit up --spark\n"
)
UP = ("up", "--backend", "embedded")
RUN = """
from spark_kafka_testkit import KafkaUtils
with KafkaUtils(backend="embedded", reuse=True) as kafka:
    print(kafka.broker, sorted(kafka.admin_client.list_topics()), flush=True)
    kafka.send_messages("t", [("k", "v")])
    assert kafka.get_all_records(None, "t") == {"k": "v"}
    input_from_the_test
"""


def test_up_finds_the_broker_that_is_up(command: CommandLine) -> None:
    """The first call starts a broker and says how to use it, the second finds it."""
    first = command.ok(*UP)
    (state,) = command.facts("status")
    address = state["bootstrap_servers"]
    assert first == (
        f"Kafka 4.4.0, embedded, at {address} (started)\n"
        "Test runs use it with SPARK_KAFKA_TESTKIT_REUSE=1, or "
        "KafkaUtils(reuse=True).\n"
        "Other programs use it with: export "
        f"SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS={address}\n"
        "It ends 8 h after its last use, or with: spark-kafka-testkit down\n"
    )
    second = command.facts(*UP)
    assert (second["bootstrap_servers"], second["pid"], second["found"]) == (
        address,
        state["pid"],
        True,
    )
    assert command.ok("down") == f"ended: Kafka 4.4.0, embedded, at {address}\n"
    assert_nothing_is_left(command, state["pid"])


def test_ups_at_the_same_time_start_one_broker(command: CommandLine) -> None:
    """Whoever comes first starts it, and the others wait for it and find it."""
    processes = [command.start(*UP, "--json") for _ in range(4)]
    facts = [json.loads(process.communicate()[0]) for process in processes]
    assert len({fact["pid"] for fact in facts}) == 1
    assert sorted(fact["found"] for fact in facts) == [False, True, True, True]
    assert len(command.facts("status")) == 1


def test_other_settings_start_another_broker(command: CommandLine) -> None:
    """Each has its own; a command that needs one asks which."""
    plain = command.facts(*UP)
    other = command.facts(*UP, "--config", "num.partitions=3")
    assert plain["bootstrap_servers"] != other["bootstrap_servers"]
    done = command.run("topics")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        f"Error: Several brokers are up: {plain['bootstrap_servers']}, "
        f"{other['bootstrap_servers']}. Choose one with --bootstrap-servers."
    )
    address = plain["bootstrap_servers"]
    assert command.ok("topics", "-b", address) == "There are no topics.\n"
    assert len(command.facts("down")) == 2


def test_down_ends_the_broker_at_an_address(command: CommandLine) -> None:
    """The others stay; where none is there, those that are up are named."""
    first = command.facts(*UP)["bootstrap_servers"]
    second = command.facts(*UP, "--config", "num.partitions=3")["bootstrap_servers"]
    assert command.ok("down", first) == f"ended: Kafka 4.4.0, embedded, at {first}\n"
    assert [at["bootstrap_servers"] for at in command.facts("status")] == [second]
    done = command.run("down", first)
    told = f"Error: No broker started by `up` is at {first}."
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{told} Up are: {second}.\n"
    holder = command.python(RUN.replace("input_from_the_test", "input()"))
    assert holder.stdout is not None
    third = holder.stdout.readline().split()[0]
    done = command.run("down", third)
    assert done.stderr.splitlines()[-1] == (
        f"End it with: spark-kafka-testkit down {third} --force"
    )
    command.ok("down", third, "--force")
    holder.communicate("\n")
    command.ok("down", second)
    assert command.run("down", first).stderr == f"{told} None is up.\n"


def test_without_a_broker_each_command_says_so(command: CommandLine) -> None:
    """`status` has an exit code for it, `down` has nothing to do, and what needs a
    broker says how to get one.
    """
    done = command.run("status")
    assert (done.returncode, done.stdout) == (3, NOTHING)
    assert command.ok("down") == "No broker and no Spark was up.\n"
    for args in (
        ("topics",),
        ("create", "t"),
        ("delete", "t"),
        ("read", "t"),
        ("produce", "t", "-"),
    ):
        done = command.run(*args)
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr == (
            "No broker is up. Start one with: spark-kafka-testkit up. Or give the "
            "address of one with --bootstrap-servers.\n"
        )


def test_a_state_file_that_is_not_understood_is_reported(command: CommandLine) -> None:
    """The broker is in the way until `down` ends it."""
    state = command.facts(*UP)
    (file,) = command.kept.glob("*.json")
    file.write_text("")
    told = (
        f"The state file {file} can't be understood (it is not valid JSON: Expecting "
        "value: line 1 column 1 (char 0))."
    )
    how = "Its keeper is running. End it with: spark-kafka-testkit down"
    done = command.run("status")
    assert (done.returncode, done.stdout) == (3, NOTHING)
    assert done.stderr == f"{told} {how}\n"
    done = command.run("topics")
    assert done.returncode == 3
    assert done.stderr.startswith(f"{told} {how}\nNo broker is up.")
    done = command.run(*UP)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{told} {how}\nError: {told} {how}\n"
    run = command.python(
        "from spark_kafka_testkit import KafkaUtils\n"
        "try: KafkaUtils(backend='embedded', reuse=True).setup()\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    assert run.communicate()[0] == f"BrokerStartError {told} {how}\n"
    assert command.ok("down") == f"ended: {told}\n"
    assert_nothing_is_left(command, state["pid"])


def test_a_relative_cache_is_the_same_for_all(
    command: CommandLine, tmp_path: Path
) -> None:
    """The keeper finds it where the run that started it does, which may have gone to
    another folder meanwhile.
    """
    code = (
        "import os; from spark_kafka_testkit import KafkaUtils\n"
        "with KafkaUtils(backend='embedded', reuse=True) as one: print(one.broker)\n"
        "os.chdir('/')\n"
        "with KafkaUtils(backend='embedded', reuse=True) as two: print(two.broker)"
    )
    run = command.python(code, tmp_path, SPARK_KAFKA_TESTKIT_CACHE="cache")
    first, second = run.communicate()[0].splitlines()
    assert first == second
    assert [at["bootstrap_servers"] for at in command.facts("status")] == [first]


def test_no_broker_stays_where_files_can_not_be_locked(
    command: CommandLine, tmp_path: Path
) -> None:
    """A home on Lustre is such a place. The error has the remedy, and nothing is
    started.
    """
    library = refusing("flock", "ENOSYS", tmp_path)["LD_PRELOAD"]
    done = command.run(*UP, LD_PRELOAD=library)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Error: No broker can be kept in {command.kept}, because its file system has "
        "no locks: [Errno 38] Function not implemented. Set SPARK_KAFKA_TESTKIT_CACHE "
        "to a folder on a local disk, or let each run start its own broker (without "
        "reuse).\n"
    )
    done = command.run("status", LD_PRELOAD=library)
    assert (done.returncode, done.stdout) == (3, NOTHING)
    assert list(command.kept.iterdir()) == list(command.temp.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("trace", ["cache/kept/*.log", "temp/*/broker.log"])
def test_an_up_that_is_ended_while_it_starts_leaves_nothing(
    command: CommandLine, trace: str, number: signal.Signals
) -> None:
    """Nobody waits for the broker any more, and it does not come up all the same."""
    process = command.start(*UP)
    wait_until(lambda: any(command.temp.parent.glob(trace)), "it does not start")
    process.send_signal(number)
    said = process.communicate()
    assert said == (b"", b"")
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    wait_until(lambda: not keepers(command), "its keeper is there")
    assert list(command.temp.iterdir()) == []
    assert command.run("status").returncode == 3


def keepers(command: CommandLine) -> list[int]:
    """The processes that keep the brokers of these commands, or start to."""
    cache = f"SPARK_KAFKA_TESTKIT_CACHE={command.env['SPARK_KAFKA_TESTKIT_CACHE']}"
    return [
        pid
        for pid in pids()
        if "kept.keeper" in text_of(pid, "cmdline") and cache in text_of(pid, "environ")
    ]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_keeper_that_is_killed_leaves_nothing(
    command: CommandLine, number: signal.Signals
) -> None:
    """Its broker ends, its files go, and the next `up` starts anew."""
    state = command.facts(*UP)
    os.kill(state["pid"], number)
    wait_until(lambda: not list(command.temp.iterdir()), "the broker has outlived it")
    assert command.run("status").returncode == 3
    assert_nothing_is_left(command, state["pid"])
    again = command.facts(*UP)
    assert again["found"] is False


def test_a_broker_that_dies_is_not_up(command: CommandLine) -> None:
    """The keeper sees it, and ends too."""
    state = command.facts(*UP)
    (broker,) = children(state["pid"])
    os.kill(broker, signal.SIGKILL)
    wait_until(lambda: not is_alive(state["pid"]), "the keeper has outlived its broker")
    assert_nothing_is_left(command, state["pid"])


def test_a_broker_that_nobody_has_used_for_its_time_ends(command: CommandLine) -> None:
    """No broker stays for ever."""
    state = command.facts(*UP, "--for", "1s")
    assert state["seconds"] == 1
    wait_until(lambda: not is_alive(state["pid"]), "it is still there")
    assert_nothing_is_left(command, state["pid"])


def test_a_kept_broker_is_private(command: CommandLine) -> None:
    """Only this user may look into what is kept of it, and it has no terminal."""
    state = command.facts(*UP)
    assert command.kept.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in command.kept.iterdir()} == {0o600}
    assert os.getsid(state["pid"]) != os.getsid(0)


def test_a_test_run_takes_it_and_removes_what_it_made(command: CommandLine) -> None:
    """By KafkaUtils(reuse=True), or by the environment alone; what others made there
    stays: the command line, and a program that uses the broker by its address.
    """
    address = command.facts(*UP)["bootstrap_servers"]
    command.ok("produce", "mine", "-", stdin=b"a\n")
    run = command.python(RUN.replace("input_from_the_test", ""))
    assert run.communicate()[0] == f"{address} ['mine']\n"
    holder = command.python(RUN.replace("input_from_the_test", "input()"))
    assert holder.stdout is not None
    assert holder.stdout.readline() == f"{address} ['mine']\n"
    command.ok("produce", "theirs", "-", "-b", address, stdin=b"a\n")
    holder.communicate("\n")
    assert [fact["topic"] for fact in command.facts("topics")] == ["mine", "theirs"]
    by_environment = RUN.replace(", reuse=True", "").replace("input_from_the_test", "")
    run = command.python(by_environment, SPARK_KAFKA_TESTKIT_REUSE="1")
    assert run.communicate()[0] == f"{address} ['mine', 'theirs']\n"


def test_a_run_of_pytest_takes_the_kept_broker(
    command: CommandLine, tmp_path: Path
) -> None:
    """The variable alone makes it the plugin's broker."""
    state = command.facts(*UP)
    (tmp_path / "test_kept.py").write_text(
        "def test_the_kept_broker_is_taken(kafka_utils):\n"
        f"    assert kafka_utils.broker == {state['bootstrap_servers']!r}\n"
    )
    code = "import pytest, sys; sys.exit(pytest.main(['-q', 'test_kept.py']))"
    run = command.python(code, tmp_path, SPARK_KAFKA_TESTKIT_REUSE="1")
    said, _ = run.communicate()
    assert run.returncode == 0, said
    assert command.facts("status")[0]["pid"] == state["pid"]


@pytest.mark.parametrize("how", ["by reuse", "by its address"])
def test_a_run_of_pytest_leaves_what_the_command_line_made(
    command: CommandLine, tmp_path: Path, how: str
) -> None:
    """Also where the run has written to it; what the run has made goes with it."""
    address = command.facts(*UP)["bootstrap_servers"]
    command.ok("produce", "mine", "-", stdin=b"produced\n")
    command.ok("create", "empty")
    (tmp_path / "test_kept.py").write_text(
        "def test_it(kafka_utils, kafka_topic):\n"
        "    for topic in ('mine', 'empty', 'own', kafka_topic):\n"
        "        kafka_utils.send_messages(topic, [(None, 'sent')])\n"
    )
    code = "import pytest, sys; sys.exit(pytest.main(['-q', 'test_kept.py']))"
    variable = {
        "by reuse": {"SPARK_KAFKA_TESTKIT_REUSE": "1"},
        "by its address": {"SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS": address},
    }[how]
    if how == "by its address":  # there the kit makes no topic by a send
        command.ok("create", "own")
    run = command.python(code, tmp_path, **variable)
    said, _ = run.communicate()
    assert run.returncode == 0, said
    left = {fact["topic"]: fact["end"] for fact in command.facts("topics")}
    own = {} if how == "by reuse" else {"own": 1}
    assert left == {"mine": 2, "empty": 1, **own}
    values = [record["value"] for record in command.records("mine")]
    assert values == ["produced", "sent"]


def test_a_test_run_that_finds_no_broker_starts_one(command: CommandLine) -> None:
    """It leaves the broker for the next run."""
    run = command.python(RUN.replace("input_from_the_test", ""))
    address = run.communicate()[0].split()[0]
    (state,) = command.facts("status")
    assert state["bootstrap_servers"] == address


def test_what_a_killed_run_left_is_removed_by_the_next(command: CommandLine) -> None:
    """The next run finds no topic of it."""
    command.ok(*UP)
    run = command.python(
        RUN.replace("input_from_the_test", "import os; os.kill(os.getpid(), 9)")
    )
    run.communicate()
    assert run.returncode == -signal.SIGKILL
    assert [fact["topic"] for fact in command.facts("topics")] == ["t"]
    run = command.python(RUN.replace("input_from_the_test", ""))
    assert run.communicate()[0].endswith(" []\n")


def test_a_kept_broker_serves_one_run_at_a_time(command: CommandLine) -> None:
    """A second run at the same time gets a broker of its own, which goes with it."""
    state = command.facts(*UP)
    address = state["bootstrap_servers"]
    holder = command.python(RUN.replace("input_from_the_test", "input()"))
    assert holder.stdout is not None
    assert holder.stdout.readline().startswith(address)
    (told,) = command.facts("status")
    assert told["in_use"] is True
    assert told["up_for_seconds"] >= 0
    assert 0 < told["ends_in_seconds"] <= told["seconds"]
    second = command.python(RUN.replace("input_from_the_test", ""))
    assert not second.communicate()[0].startswith(address)
    holder.communicate("\n")
    assert [at["bootstrap_servers"] for at in command.facts("status")] == [address]


def test_a_broker_in_use_is_ended_by_force_alone(command: CommandLine) -> None:
    """`down` says which process uses it, and so does `status`."""
    address = command.facts(*UP)["bootstrap_servers"]
    holder = command.python(RUN.replace("input_from_the_test", "input()"))
    assert holder.stdout is not None
    holder.stdout.readline()
    done = command.run("down")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Error: Kafka 4.4.0, embedded, at {address} is in use by process "
        f"{holder.pid} (-c).\nEnd it with: spark-kafka-testkit down --force\n"
    )
    assert f"by process {holder.pid} (-c)" in command.ok("status")
    assert command.ok("down", "--force") == (
        f"ended: Kafka 4.4.0, embedded, at {address}\n"
    )
    holder.communicate("\n")


def test_a_run_is_set_up_sooner_with_a_kept_broker(
    command: CommandLine, record_property: Callable[[str, object], None]
) -> None:
    """Runs with a broker that is up and runs without take turns."""
    code = (
        "import time; from spark_kafka_testkit import KafkaUtils\n"
        "kafka = KafkaUtils(backend='embedded', reuse={reuse})\n"
        "start = time.perf_counter(); kafka.setup()\n"
        "print(time.perf_counter() - start); kafka.teardown()"
    )
    command.ok(*UP)
    times: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(3):
        for reuse, seconds in times.items():
            run = command.python(code.format(reuse=reuse))
            seconds.append(float(run.communicate()[0]))
    with_it, without = map(statistics.median, times.values())
    record_property("set-up in s, with and without", f"{with_it:.3f}, {without:.3f}")
    assert with_it < without / 2


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (
            ("--for", "soon"),
            "Invalid value for '--for': 'soon' is not a duration. Write 90s, 30m, 8h "
            "or 2d",
        ),
        (
            ("--config", "three"),
            "Invalid value for '--config': 'three' is not of the form NAME=VALUE",
        ),
    ],
)
def test_an_option_that_is_not_understood_is_refused(
    command: CommandLine, args: tuple[str, ...], text: str
) -> None:
    """The last line says what is expected; the exit code is 2."""
    done = command.run("up", *args)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == f"Error: {text}"


def test_a_start_that_fails_says_why(command: CommandLine) -> None:
    """The reason is in the words of the kit's errors, and nothing is left."""
    done = command.run(*UP, JAVA_HOME="/nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        "Error: JAVA_HOME is /nowhere, but /nowhere/bin/java does not exist or can't "
        "be run. The embedded broker needs Java 17 or newer."
    )
    done = command.run(*UP, "--config", "node.id=oops")
    assert done.returncode == 1
    assert done.stderr.splitlines()[:2] == [
        "Error: The embedded broker did not start: org.apache.kafka.common.config."
        "ConfigException: Invalid value oops for configuration broker.id: "
        "Not a number of type INT",
        "The end of its log:",
    ]
    assert_nothing_is_left(command)


def test_a_variable_that_is_not_understood_is_refused(command: CommandLine) -> None:
    """It takes 1 or 0."""
    run = command.python(
        "from spark_kafka_testkit import KafkaUtils\n"
        "try: KafkaUtils()\nexcept ValueError as error: print(error)",
        SPARK_KAFKA_TESTKIT_REUSE="yes",
    )
    assert run.communicate()[0] == (
        "SPARK_KAFKA_TESTKIT_REUSE must be 1 or 0, got 'yes'\n"
    )


def assert_nothing_is_left(command: CommandLine, pid: int | None = None) -> None:
    """No keeper, no work folder, no file but the empty locks."""
    if pid is not None:
        wait_until(lambda: not is_alive(pid), "the keeper is still there")
    assert list(command.temp.iterdir()) == []
    left = [f.name for f in command.kept.iterdir() if not f.name.endswith(".lock")]
    assert left == []
