"""What a java says of itself, and javas that say nothing of use."""

from __future__ import annotations

from pathlib import Path

import pytest

from spark_kafka_testkit._jvm.java import HINT, Java, find_java
from spark_kafka_testkit.errors import JavaNotFoundError

ORACLE_8 = 'java version "1.8.0_392"\nJava(TM) SE Runtime Environment'
OPENJDK_25 = 'openjdk version "25" 2025-09-16\nOpenJDK Runtime Environment'
WITH_OPTIONS = f"Picked up JAVA_TOOL_OPTIONS: -Xmx1g\n{OPENJDK_25}"
MAC_STUB = "The operation couldn't be completed. Unable to locate a Java Runtime."


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty JAVA_HOME."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    return tmp_path


def answering(home: Path, answer: str, status: int = 0) -> Path:
    """A `java` that says this to whatever it is asked."""
    java = home / "bin" / "java"
    java.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{answer}\nEND\nexit {status}\n")
    java.chmod(0o755)
    return java


@pytest.mark.parametrize(
    ("version", "major"),
    [
        ("1.8.0_392", 8),
        ("11.0.2", 11),
        ("17.0.15", 17),
        ("25", 25),
        ("26-ea", 26),
        ("21.0.4+7-LTS", 21),
    ],
)
def test_the_major_number_is_found(version: str, major: int) -> None:
    """Of the old numbering, of the new, of early access."""
    assert Java(Path("java"), version).major == major


@pytest.mark.parametrize("answer", [OPENJDK_25, WITH_OPTIONS])
def test_a_java_without_a_release_file_is_asked(home: Path, answer: str) -> None:
    """What the JVM prints before its version does no harm."""
    java = answering(home, answer)
    assert find_java() == Java(java, "25")


def test_a_release_file_without_a_version_is_passed_over(home: Path) -> None:
    """Then java is asked too."""
    java = answering(home, OPENJDK_25)
    (home / "release").write_text('IMPLEMENTOR="X"\n#JAVA_VERSION="8"\n')
    assert find_java() == Java(java, "25")


def test_a_release_file_is_believed(home: Path) -> None:
    """java is not started where its version is known already."""
    java = answering(home, f"{OPENJDK_25}\nEND\ntouch {home}/asked\ncat <<'END'")
    (home / "release").write_text('JAVA_VERSION="17.0.15"\n')
    assert find_java() == Java(java, "17.0.15")
    assert not (home / "asked").exists()


def test_an_old_java_that_was_asked_is_told(home: Path) -> None:
    """As one with a release file."""
    java = answering(home, ORACLE_8)
    with pytest.raises(JavaNotFoundError) as caught:
        find_java()
    assert str(caught.value) == f"{java} is Java 1.8.0_392. {HINT}"


def test_an_answer_without_a_version_is_shown(home: Path) -> None:
    """macOS has such a java where none is installed."""
    java = answering(home, MAC_STUB, status=1)
    with pytest.raises(JavaNotFoundError) as caught:
        find_java()
    assert str(caught.value) == (
        f"{java} -version gave no version, but: {MAC_STUB!r}. {HINT}"
    )


def test_a_java_that_can_not_be_started_is_told(home: Path) -> None:
    """One built for another machine, for example."""
    java = home / "bin" / "java"
    java.write_bytes(b"\x7fELF no program")
    java.chmod(0o755)
    with pytest.raises(JavaNotFoundError) as caught:
        find_java()
    assert str(caught.value) == (
        f"{java} could not be run: [Errno 8] Exec format error: {str(java)!r}. {HINT}"
    )


def test_a_java_that_may_not_be_executed_is_told(home: Path) -> None:
    """It is there, and is no program."""
    java = answering(home, OPENJDK_25)
    java.chmod(0o644)
    with pytest.raises(JavaNotFoundError) as caught:
        find_java()
    assert str(caught.value) == (
        f"JAVA_HOME is {home}, and {java} is not there or can't be run. {HINT}"
    )


def test_java_home_comes_before_the_path(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other is not asked."""
    java = answering(home, OPENJDK_25)
    other = tmp_path / "other"
    (other / "bin").mkdir(parents=True)
    answering(other, ORACLE_8)
    monkeypatch.setenv("PATH", f"{other / 'bin'}:/usr/bin:/bin")
    assert find_java().executable == java


def test_an_empty_java_home_is_none(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The PATH decides then."""
    java = answering(home, OPENJDK_25)
    monkeypatch.setenv("JAVA_HOME", "")
    monkeypatch.setenv("PATH", f"{home / 'bin'}:/usr/bin:/bin")
    assert find_java().executable == java
