"""`doctor`: what is wrong is caused for real."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from spark_kafka_testkit._cache import cache_folder
from tests.cli.conftest import COMMAND, CommandLine
from tests.processes import is_alive, wait_until
from tests.systems import small

NOWHERE = {"JAVA_HOME": "/nowhere", "DOCKER_HOST": "unix:///nowhere"}
MAVEN = "SPARK_KAFKA_TESTKIT_MAVEN_URL"


def told(command: CommandLine, subject: str, code: int, **env: str) -> list[str]:
    """What is said of a subject, and what to do."""
    done = command.run("doctor", stdin=b"", **env)
    assert (done.returncode, done.stderr) == (code, "")
    lines = iter(done.stdout.splitlines())
    said: list[str] = []
    is_it = False
    for line in lines:
        if not line.startswith(" "):
            is_it = line[9:].startswith(f"{subject}: ")
        if is_it:
            said.append(line)
    return said


def test_it_says_what_it_sees(command: CommandLine) -> None:
    """There is a line for each thing, and the same as JSON."""
    findings = command.facts("doctor")
    assert {"Java", "kafka-python", "Spark"} <= {f["subject"] for f in findings}
    assert all({"subject", "state", "seen", "advice"} == set(f) for f in findings)
    lines = command.ok("doctor").splitlines()
    for finding in findings:
        seen = finding["seen"].partition(", where ")[0]  # what is free changes
        assert any(f"{finding['subject']}: {seen}" in line for line in lines)


def test_it_finds_what_is_wrong(command: CommandLine, tmp_path: Path) -> None:
    """The exit code is 1, and what to do stands under it."""
    info = tmp_path / "kafka_python_ng-2.2.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: kafka-python-ng\nVersion: 2.2.3\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = command.run("doctor", PYTHONPATH=path)
    assert (done.returncode, done.stderr) == (1, "")
    assert (
        "error    kafka-python: kafka-python-ng 2.2.3 is installed, an archived "
        "project with the same package name `kafka`\n"
        f"{'':9}Run: pip uninstall -y kafka-python-ng kafka-python && pip install "
        "kafka-python\n"
    ) in done.stdout


def test_without_java_and_docker(command: CommandLine) -> None:
    """There is no broker to be had, and no Spark."""
    java = told(command, "Java", 1, **NOWHERE)
    assert java[0] == (
        "error    Java: JAVA_HOME is /nowhere, but /nowhere/bin/java does not exist or "
        "can't be run: a Spark session can't start"
    )
    assert java[1].startswith(f"{'':9}The embedded broker needs Java 17 or newer.")
    assert told(command, "broker", 1, **NOWHERE) == [
        "error    broker: none can be started here: neither an embedded one nor a "
        "container",
        f"{'':9}Fix what is listed above, or set SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS "
        "to the address of a broker.",
    ]


def test_without_the_backend_that_is_asked_for(command: CommandLine) -> None:
    """Java is no help where a container is wanted."""
    asked = "SPARK_KAFKA_TESTKIT_BACKEND"
    docker = NOWHERE["DOCKER_HOST"]
    lines = told(command, "broker", 1, DOCKER_HOST=docker, **{asked: "container"})
    assert lines[0] == (
        "error    broker: none can be started here: no container, as "
        "SPARK_KAFKA_TESTKIT_BACKEND asks for"
    )
    assert told(command, "broker", 0, DOCKER_HOST=docker, **{asked: "embedded"}) == []


def test_the_broker_of_the_environment(shared: CommandLine) -> None:
    """It is asked, and no other is needed."""
    (state,) = shared.facts("status")
    address = state["bootstrap_servers"]
    name = "SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS"
    there = {**NOWHERE, name: address}
    assert told(shared, "broker", 1, **there) == [  # for the lack of Java
        f"ok       broker: it answers at {address}"
    ]
    lines = told(shared, "broker", 1, **{name: "127.0.0.1:1"})
    seen = "error    broker: No Kafka broker answers at 127.0.0.1:1: "
    assert lines[0].startswith(seen)


def test_jars_that_can_not_be_had(command: CommandLine, tmp_path: Path) -> None:
    """Neither from the cache nor from where they are fetched; nothing is written."""
    cache = tmp_path / "empty"
    where = {"SPARK_KAFKA_TESTKIT_CACHE": str(cache), MAVEN: "http://127.0.0.1:1/m"}
    for subject in ("connector", "embedded broker"):
        seen, advice = told(command, subject, 1, **where)
        assert seen.startswith(f"error    {subject}: ")
        assert ", not in the cache, and can't be fetched: http://127.0.0.1:1/m/" in seen
        assert advice == (
            f"{'':9}Set {MAVEN} to a Maven repository that this machine reaches, or "
            f"copy the folder {cache} from a machine where the kit has run."
        )
    seen, advice = told(command, "Maven repository", 1, **where)
    assert seen.startswith("warning  Maven repository: http://127.0.0.1:1/m/org/")
    assert advice == (
        f"{'':9}Correct or unset {MAVEN}. Until then the kit can't fetch what the "
        "cache lacks."
    )
    assert not cache.exists()


@pytest.fixture
def mirror() -> Iterator[str]:
    """A Maven repository with the jars that are in this machine's cache."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    folder = str(cache_folder() / "maven")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_jars_that_can_be_fetched(
    command: CommandLine, tmp_path: Path, mirror: str
) -> None:
    """They are not fetched yet; that they can be is asked of the mirror."""
    cache = tmp_path / "empty"
    where = {"SPARK_KAFKA_TESTKIT_CACHE": str(cache), MAVEN: mirror}
    (seen,) = told(command, "embedded broker", 0, **where)
    assert seen == (
        "ok       embedded broker: Kafka 4.4.0, fetched when it is first needed"
    )
    assert told(command, "Maven repository", 0, **where) == [
        f"ok       Maven repository: the one in {MAVEN} answers"
    ]
    assert not cache.exists()


def test_a_cache_that_can_not_be_written(command: CommandLine) -> None:
    """What is fetched has no place then."""
    where = {"SPARK_KAFKA_TESTKIT_CACHE": "/dev/null/cache"}
    advice = (
        f"{'':9}Set SPARK_KAFKA_TESTKIT_CACHE to a writable folder with enough room."
    )
    assert told(command, "cache", 1, **where) == [
        "warning  cache: /dev/null/cache can't be written: nothing is fetched, kept or "
        "recorded",
        advice,
    ]
    assert told(command, "embedded broker", 1, **where) == [
        "error    embedded broker: Kafka 4.4.0, not in the cache, and can't be "
        "fetched: /dev/null/cache can't be written",
        advice,
    ]


@pytest.mark.parametrize(
    ("size", "state", "judged"),
    [
        ("3M", "error", ": too little for a broker"),
        ("30M", "warning", ", which is little"),
    ],
)
def test_a_temporary_folder_that_is_nearly_full(
    command: CommandLine, tmp_path: Path, size: str, state: str, judged: str
) -> None:
    """How much there is is told."""
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(
        [*small(folder, size), *COMMAND, "doctor"],
        env={**command.env, "TMPDIR": str(folder)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == (1 if state == "error" else 0)
    free = {"3M": "3.1", "30M": "31.5"}[size]
    assert (
        f"{state:<7}  temporary folder: {folder}, where {free} MB are free{judged}\n"
        f"{'':9}Set TMPDIR to a folder with more room. Brokers keep their data there.\n"
    ) in done.stdout


def test_a_kept_broker(command: CommandLine) -> None:
    """That it is there, that its state file is damaged, that its keeper has died."""
    state = command.facts("up", "--backend", "embedded")
    what = f"kept broker: Kafka 4.4.0, embedded, at {state['bootstrap_servers']}"
    assert told(command, "kept broker", 0) == [f"ok       {what}, free"]
    (file,) = command.kept.glob("*.json")
    text = file.read_text()
    file.write_text("{}")
    assert told(command, "kept broker", 0) == [
        f"warning  kept broker: The state file {file} can't be understood (another "
        "version of the kit wrote it: its format is null, not 2)",
        f"{'':9}Its keeper is running. End it with: spark-kafka-testkit down",
    ]
    file.write_text(text)
    os.kill(state["pid"], signal.SIGKILL)
    wait_until(lambda: not is_alive(state["pid"]), "the keeper is there")
    assert told(command, "kept broker", 0) == [
        f"warning  {what}, but its keeper has died",
        f"{'':9}The next run, `up` or `status` removes what it left.",
    ]
    command.run("status")
    assert told(command, "kept broker", 0) == []


def test_a_host_name_that_does_not_resolve(command: CommandLine) -> None:
    """Spark looks its own name up before it reads any setting."""
    renamed = ("unshare", "--uts", "--map-root-user", "sh", "-c")
    script = 'hostname nobody.invalid && exec "$@"'
    done = subprocess.run(
        [*renamed, script, "_", *COMMAND, "doctor"],
        env=command.env,
        check=False,
        capture_output=True,
        text=True,
    )
    if "ok " not in done.stdout:
        pytest.skip(f"no host name of our own: {done.stderr}")
    assert done.returncode == 0
    assert (
        "warning  host name: nobody.invalid, which does not resolve to an address of "
        "this machine\n"
        f"{'':9}The kit's own sessions start anyway. For others, add it to /etc/hosts, "
        "or set SPARK_LOCAL_IP=127.0.0.1.\n"
    ) in done.stdout
    assert told(command, "host name", 0, SPARK_LOCAL_IP="127.0.0.1") == []
