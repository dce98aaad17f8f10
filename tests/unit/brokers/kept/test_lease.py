"""Lease files of kept brokers that are damaged, of another version, or forged."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from spark_kafka_testkit._brokers.kept.lease import BrokerFile, BrokerLease
from spark_kafka_testkit._kept.keep import end
from spark_kafka_testkit._kept.lease import Unclear, all_leases, running
from tests.systems import read_only, run_python

LEASE = BrokerLease(
    key="embedded-0",
    kind="embedded",
    address="127.0.0.1:9092",
    network_broker=None,
    name="Kafka, embedded",
    version="1.0",
    pid=1,
    started=1.5,
    seconds=60,
    log=None,
    container=None,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the state files of a cache of the test's own."""
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", str(tmp_path))
    (tmp_path / "kept").mkdir()
    return tmp_path / "kept"


def changed(**facts: object) -> str:
    return json.dumps({**json.loads(LEASE.text()), **facts})


def test_a_lease_that_was_written_is_read() -> None:
    """The file holds all that is known of a broker."""
    assert BrokerLease.parse(LEASE.text(), "embedded-0") == LEASE


DAMAGED = {
    "": "it is not valid JSON: Expecting value: line 1 column 1 (char 0)",
    "garbage": "it is not valid JSON: Expecting value: line 1 column 1 (char 0)",
    "[]": "it is not a JSON object",
    "null": "it is not a JSON object",
    "{}": "another version of the kit wrote it: its format is null, not 2",
    changed(format=99): "another version of the kit wrote it: its format is 99, not 2",
    '{"format": 2}': "invalid fields: address, container, key, kind, log, name, network_broker, pid, seconds, started, version",
    changed(more=1): "invalid fields: more",
    changed(pid="1"): "invalid fields: pid",
    changed(key="../victim"): "its key is '../victim'",
    changed(address="nowhere"): "its address is 'nowhere'",
    changed(started=1e300): "its times are 1e+300 and 60",
    changed(seconds=float("nan")): "its times are 1.5 and nan",
}


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_state_file_is_reported_and_swept(
    folder: Path, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    """One line says so, once, and nothing outside the folder is touched."""
    victim = folder.parent / "victim.json"
    victim.touch()
    file = folder / "embedded-0.json"
    file.write_text(text)
    with caplog.at_level(logging.WARNING, "spark_kafka_testkit"):
        assert running(BrokerFile) == running(BrokerFile) == []
    assert caplog.messages == [
        f"The state file {file} can't be understood ({DAMAGED[text]}). Its keeper is "
        "gone, so the file is removed."
    ]
    assert not file.exists()
    assert victim.exists()


@pytest.mark.parametrize("data", [b"\xff", b"[" * 100_000])
def test_a_state_file_that_is_no_text_or_too_deep_is_swept(
    folder: Path, data: bytes
) -> None:
    """So is all that is not understood."""
    (folder / "embedded-0.json").write_bytes(data)
    assert running(BrokerFile) == []
    assert not list(folder.glob("*.json"))


def test_a_folder_in_the_place_of_a_state_file_is_reported(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is left where it is."""
    file = folder / "embedded-0.json"
    file.mkdir()
    with caplog.at_level(logging.WARNING, "spark_kafka_testkit"):
        assert running(BrokerFile) == []
    assert caplog.messages[0].startswith(
        f"The state file {file} can't be understood ([Errno 21] Is a directory: "
    )
    assert caplog.messages[1].startswith(f"{file} could not be removed: [Errno ")


def test_a_state_file_whose_keeper_lives_is_left(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Another version of the kit may have written it; to end its broker is the user's
    to say.
    """
    lease_file = BrokerFile("embedded-0")
    lease_file.file.write_text(changed(format=99))
    with lease_file.lock("keeper"):
        with caplog.at_level(logging.WARNING, "spark_kafka_testkit"):
            assert running(BrokerFile) == []
        (unclear,) = all_leases(BrokerFile)
    assert unclear == Unclear(
        "embedded-0", lease_file.file, DAMAGED[changed(format=99)]
    )
    assert caplog.messages == [
        f"The state file {lease_file.file} can't be understood (another version of the "
        "kit wrote it: its format is 99, not 2). Its keeper is running. End it with: "
        "spark-kafka-testkit down"
    ]
    end(lease_file, unclear)
    assert not lease_file.file.exists()


def test_no_broker_is_kept_in_a_read_only_cache(folder: Path) -> None:
    """The error comes before anything is started."""
    code = """
        from spark_kafka_testkit._brokers.broker import BrokerSettings
        from spark_kafka_testkit._brokers.kept.broker import take
        from spark_kafka_testkit._brokers.kept.lease import BrokerFile
        from spark_kafka_testkit._kept.lease import running
        from spark_kafka_testkit.errors import BrokerStartError
        assert running(BrokerFile) == []
        for backend in ("auto", "embedded"):
            try:
                take(backend, BrokerSettings())
            except BrokerStartError as error:
                print(error)
    """
    said = run_python(code, None, *read_only(folder.parent)).stdout.splitlines()
    assert len(said) == 2
    for line in said:
        assert line.startswith(
            f"No broker can be kept in {folder}: [Errno 30] Read-only file system: "
        )
        assert line.endswith(". Set SPARK_KAFKA_TESTKIT_CACHE to a writable folder.")
